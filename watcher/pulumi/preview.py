"""Reads `pulumi preview --json`: one object with a step for each resource (recorded: preview-drift.json). Pure."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from provider.job.ownership import DIGEST_KEY
from provider.job.spec import canonical
from provider.job.unkept import Prints, prints
from watcher.pulumi.changes import (
    CREATE,
    DELETE,
    HIDDEN,
    OPERATIONS,
    REPLACE,
    SAME,
    SIGNS,
    UPDATE,
    ChangeSet,
    Drift,
    Failure,
    JobChange,
)
from watcher.pulumi.fields import field_changes
from watcher.pulumi.output import REFRESH, distinct, failure_of, is_error, is_job, resource_name


def _inputs(state: Any) -> Mapping[str, Any]:
    inputs = state.get("inputs") if isinstance(state, Mapping) else None
    return inputs if isinstance(inputs, Mapping) else {}


def _job_name(step: Mapping[str, Any], urn: str) -> str:
    """The job's own name; a resource may be called otherwise."""
    for key in ("oldState", "newState"):
        name = _inputs(step.get(key)).get("name")
        if isinstance(name, str) and name:
            return name
    return resource_name(urn)


def parse_preview(text: str, spared: Mapping[str, str] | None = None) -> tuple[ChangeSet, tuple[Failure, ...]]:
    """The change set, and why the preview failed if it did. Raises ValueError if `text` is no preview.

    `spared`: URN -> job of the protected resources that were left out of it.
    """
    document = json.loads(text)
    if not isinstance(document, dict) or not isinstance(document.get("steps"), list):
        raise ValueError("not the JSON of a preview")  # noqa: TRY004 - whatever is wrong with the text, it is no preview
    jobs: dict[str, dict[str, Mapping[str, Any]]] = {}
    protected = dict(spared or {})
    other, others_same = 0, len(protected)  # what is left out counts as unchanged
    for step in document["steps"]:
        urn, op = str(step.get("urn", "")), str(step.get("op", ""))
        if is_job(urn):
            jobs.setdefault(urn, {})[op] = step
            if op in (DELETE, REPLACE) and (step.get("oldState") or {}).get("protect"):
                protected[urn] = _job_name(step, urn)
        elif op in OPERATIONS and "pulumi:providers:" not in urn and "pulumi:pulumi:Stack" not in urn:
            other += 1
        others_same += not is_job(urn) and op == SAME
    # An unchanged job has no step but its refresh, and so has one that is gone and declared no longer.
    summary = document.get("changeSummary")
    if isinstance(summary, Mapping) and int(summary.get(SAME) or 0) > others_same:
        for steps in jobs.values():
            if steps.keys() == {REFRESH}:
                steps[SAME] = steps[REFRESH]
    diagnostics = document.get("diagnostics")
    failures = [failure_of(d) for d in diagnostics if is_error(d)] if isinstance(diagnostics, list) else []
    return replace(_change_set(jobs, other), protected=protected), distinct(failures)


def _change_set(jobs: Mapping[str, Mapping[str, Mapping[str, Any]]], other: int) -> ChangeSet:
    found: dict[str, list[str]] = {op: [] for op in (*OPERATIONS, SAME)}
    drift: list[Drift] = []
    renamed: list[str] = []
    revised: list[str] = []
    restored: list[str] = []
    urns: dict[str, str] = {}
    wanted: dict[str, Prints] = {}
    ignored: dict[str, tuple[str, ...]] = {}
    details: list[JobChange] = []
    for urn, ops in jobs.items():
        op = _net_operation(ops)
        if op is None:
            continue
        name = _job_name(ops.get(op) or next(iter(ops.values())), urn)
        found[op].append(name)
        new = _new_inputs(ops)
        if op in (CREATE, UPDATE, REPLACE):
            wanted[str(new.get("name", name))] = prints(new)
        if op == REPLACE:
            renamed.append(str(new.get("name", name)))
        if op == UPDATE and _is_revised(ops):
            revised.append(name)
        if op in (SAME, CREATE, UPDATE):
            urns[name] = urn
            ignored[name] = _ignored(ops)
        seen = _drift(name, op, ops)
        if seen is not None:
            drift.append(seen)
        if op == CREATE and seen is not None and not _is_revised(ops):
            restored.append(name)
        if op in SIGNS:
            details.append(_detail(op, name, ops, seen))
    creates, updates, deletes, replaces, sames = (tuple(sorted(found[op])) for op in (*OPERATIONS, SAME))
    return ChangeSet(
        creates,
        updates,
        deletes,
        replaces,
        sames,
        tuple(sorted(renamed)),
        tuple(sorted(revised)),
        drift=tuple(sorted(drift, key=lambda d: d.job)),
        other=other,
        restored=tuple(sorted(restored)),
        urns=urns,
        wanted=wanted,
        ignored={name: paths for name, paths in ignored.items() if paths},
        details=tuple(sorted(details, key=lambda change: (list(SIGNS).index(change.operation), change.job))),
    )


def _new_inputs(ops: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """The inputs that a resource gets, empty if no step says them."""
    found = (_inputs(step.get("newState")) for op, step in ops.items() if op != REFRESH)
    return next((inputs for inputs in found if isinstance(inputs.get("name"), str) and inputs["name"]), {})


def _ignored(ops: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """The fields whose changes the program ignores."""
    states = [step.get("newState") or {} for step in ops.values()]
    return tuple(sorted({str(path) for state in states for path in state.get("ignoreChanges") or ()}))


def _is_revised(ops: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether an update, or a job put back, is anything else than what the last run had left."""
    step = ops.get(UPDATE) or ops[CREATE]
    recorded = ops.get(REFRESH, step).get("oldState")
    return canonical(_inputs(recorded)) != canonical(_inputs(step.get("newState")))


def _detail(op: str, name: str, ops: Mapping[str, Mapping[str, Any]], drift: Drift | None) -> JobChange:
    """One job's change; a job that is put back as it was has no fields."""
    words = drift.words if drift is not None else ""
    if op == CREATE and drift is not None and not _is_revised(ops):
        return JobChange(op, name, (), words)
    step = ops.get(op) or next(iter(ops.values()))
    news = [_inputs(s.get("newState")) for o, s in ops.items() if o != REFRESH]
    live = {} if op == CREATE else _inputs(step.get("oldState"))
    wanted = {} if op == DELETE else next((new for new in news if new), {})
    recorded = _inputs(ops[REFRESH].get("oldState")) if REFRESH in ops else live
    return JobChange(op, name, field_changes(recorded, live, wanted), words)


def _net_operation(ops: Mapping[str, Any]) -> str | None:
    """What happens to one resource all in all: a replacement comes as up to three steps."""
    if any(op in ops for op in (REPLACE, "create-replacement", "delete-replaced", "discard-replaced")):
        return REPLACE
    return next((op for op in (CREATE, UPDATE, DELETE, SAME) if op in ops), None)


def _drift(name: str, op: str, ops: Mapping[str, Any]) -> Drift | None:
    """Recorded against live. The refresh step holds what the last run left, the update step what lives in Dkron."""
    refresh = ops.get(REFRESH)
    if refresh is None:
        return None
    if op == CREATE:
        return Drift(name, "gone")
    if op != UPDATE:
        return None
    found = _inputs(ops[UPDATE].get("oldState"))
    if DIGEST_KEY in found:
        return Drift(name, "changed", ("metadata",))  # a foreign job: of its other fields the state holds a digest
    recorded, live = canonical(_inputs(refresh.get("oldState"))), canonical(found)
    wanted = canonical(_inputs(ops[UPDATE].get("newState")))
    seen = Drift.between(name, recorded, live)
    if not seen.fields and live == wanted:
        seen = replace(seen, fields=(HIDDEN,))  # what differs is shown as [secret] on both sides
    return seen if seen.fields else None
