"""What `pulumi` said, as values: the change set of a preview, and what an up did to which job. Pure; touches nothing.

Shapes: `preview --json` prints one object, `up --json` one event a line (recorded: preview-drift.json). Values of
properties stay inside: only names of jobs and of fields leave this module, and messages, which the caller redacts.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from provider.errors import code_in
from provider.job.spec import MANAGED_FIELDS, canonical
from provider.job.unkept import Prints, prints

JOB_TYPE = "dkron:Job"
SAME, CREATE, UPDATE, DELETE, REPLACE, REFRESH = "same", "create", "update", "delete", "replace", "refresh"
HIDDEN = "secret"  # the field of a drift that the preview doesn't show
OPERATIONS = (CREATE, UPDATE, DELETE, REPLACE)


@dataclass(frozen=True, slots=True)
class Drift:
    """A job that isn't in Dkron as the last run left it. `kind`: gone or changed; `fields`: which, if changed."""

    job: str
    kind: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """What an up would do, by job name. `other`: changes of resources that are no jobs.

    `replaces` are the names that the replaced resources had, `renamed` those that they get. `revised`: the updates that
    come from the program or the config; the others only repair. `wanted`: the prints of what is written. `protected`:
    URN -> job of the protected resources that the program no longer declares, or not by that name; they stay.
    """

    creates: tuple[str, ...] = ()
    updates: tuple[str, ...] = ()
    deletes: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    sames: tuple[str, ...] = ()
    renamed: tuple[str, ...] = ()
    revised: tuple[str, ...] = ()
    drift: tuple[Drift, ...] = ()
    other: int = 0
    wanted: Mapping[str, Prints] = field(default_factory=dict)
    protected: Mapping[str, str] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        return not (self.creates or self.updates or self.deletes or self.replaces or self.other)

    @property
    def declared(self) -> frozenset[str]:
        return frozenset((*self.creates, *self.updates, *self.renamed, *self.sames))

    @property
    def doomed(self) -> frozenset[str]:
        """The jobs that go: a deleted or replaced resource whose job another one declares only forgets it."""
        return frozenset((*self.deletes, *self.replaces)) - self.declared

    @property
    def known(self) -> frozenset[str]:
        """Every job that the program or the state has."""
        return self.declared | {*self.deletes, *self.replaces, *self.protected.values()}

    @property
    def writes(self) -> frozenset[str]:
        """The jobs that may be written, be they new, adopted or changed."""
        return frozenset((*self.creates, *self.updates, *self.renamed))

    @property
    def existing(self) -> int:
        """How many jobs the state knows."""
        gone = sum(1 for d in self.drift if d.kind == "gone")
        return len(self.updates) + len(self.replaces) + len(self.sames) + len(self.deletes) + gone

    @property
    def gone(self) -> frozenset[str]:
        return frozenset(d.job for d in self.drift if d.kind == "gone")

    def with_new_secrets(self) -> "ChangeSet":
        """As it reads when a key of the config has changed: what differs out of sight is then no drift."""
        hidden = {d.job for d in self.drift if d.fields == (HIDDEN,)}
        drift = tuple(d for d in self.drift if d.job not in hidden)
        return replace(self, drift=drift, revised=tuple(sorted({*self.revised, *hidden})))


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job (or "", the whole run) failed, in one line for a person; `code`: what our provider says it is."""

    job: str
    reason: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """What an up did, by job name."""

    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    unchanged: int = 0
    failures: tuple[Failure, ...] = ()
    complete: bool = False

    @property
    def changes(self) -> dict[str, int]:
        counts = {CREATE: self.created, UPDATE: self.updated, DELETE: self.deleted, REPLACE: self.replaced}
        return {op: len(jobs) for op, jobs in counts.items() if jobs}


def protected_words(job: str, urn: str) -> str:
    """What is told of a protected resource that the program would delete or rename."""
    return (
        f'job "{job}" is protected, and the program no longer declares it so: it stays as it is, and all else goes on; '
        f"let it go with `pulumi state unprotect '{urn}'`, or declare it again"
    )


def is_job(urn: str) -> bool:
    """Whether a URN names a Dkron job."""
    parts = urn.split("::")
    return len(parts) >= 4 and parts[2].split("$")[-1].endswith(JOB_TYPE)


def resource_name(urn: str) -> str:
    """The name of a resource, as its URN has it."""
    return "::".join(urn.split("::")[3:])


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
    failures = [_failure(d) for d in diagnostics if _is_error(d)] if isinstance(diagnostics, list) else []
    return replace(_change_set(jobs, other), protected=protected), distinct(failures)


def _change_set(jobs: Mapping[str, Mapping[str, Mapping[str, Any]]], other: int) -> ChangeSet:
    found: dict[str, list[str]] = {op: [] for op in (*OPERATIONS, SAME)}
    drift: list[Drift] = []
    renamed: list[str] = []
    revised: list[str] = []
    wanted: dict[str, Prints] = {}
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
        seen = _drift(name, op, ops)
        if seen is not None:
            drift.append(seen)
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
        wanted=wanted,
    )


def _new_inputs(ops: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """The inputs that a resource gets, empty if no step says them."""
    found = (_inputs(step.get("newState")) for op, step in ops.items() if op != REFRESH)
    return next((inputs for inputs in found if isinstance(inputs.get("name"), str) and inputs["name"]), {})


def _is_revised(ops: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether an update writes anything else than what the last run had left."""
    recorded = ops.get(REFRESH, ops[UPDATE]).get("oldState")
    return canonical(_inputs(recorded)) != canonical(_inputs(ops[UPDATE].get("newState")))


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
    recorded = canonical(_inputs(refresh.get("oldState")))
    live = canonical(_inputs(ops[UPDATE].get("oldState")))
    wanted = canonical(_inputs(ops[UPDATE].get("newState")))
    fields = tuple(f for f in MANAGED_FIELDS if recorded.get(f) != live.get(f))
    if not fields and live == wanted:
        fields = (HIDDEN,)  # what differs is shown as [secret] on both sides
    return Drift(name, "changed", fields) if fields else None


def parse_up(lines: str) -> Applied:
    """What an up did. A line that is no event (a notice, a cut line) is passed over; `complete` tells if it ended."""
    done: dict[str, str] = {}
    failed: dict[str, str] = {}
    failures: list[Failure] = []
    complete = False
    for event in _events(lines):
        if "summaryEvent" in event:
            complete = True
        diagnostic = event.get("diagnosticEvent")
        if isinstance(diagnostic, Mapping) and _is_error(diagnostic):
            failures.append(_failure(diagnostic))
        for kind, target in (("resOutputsEvent", done), ("resOpFailedEvent", failed)):
            metadata = (event.get(kind) or {}).get("metadata") or {}
            urn, op = str(metadata.get("urn", "")), str(metadata.get("op", ""))
            if is_job(urn) and op != REFRESH:
                target[urn] = _strongest(target.get(urn), op)
    by_op: dict[str, list[str]] = {op: [] for op in (*OPERATIONS, SAME)}
    for urn, op in done.items():
        if urn not in failed and op in by_op:
            by_op[op].append(resource_name(urn))
    created, updated, deleted, replaced = (tuple(sorted(by_op[op])) for op in OPERATIONS)
    return Applied(created, updated, deleted, replaced, len(by_op[SAME]), distinct(failures), complete)


def _strongest(before: str | None, op: str) -> str:
    if op in ("create-replacement", "delete-replaced", REPLACE) or before == REPLACE:
        return REPLACE
    return op


def _events(lines: str) -> Iterator[Mapping[str, Any]]:
    for line in lines.splitlines():
        if not line.startswith("{") or '"severity":"debug"' in line:
            continue
        try:
            event = json.loads(line)
        except ValueError:
            continue
        yield event


def _is_error(diagnostic: Any) -> bool:
    return isinstance(diagnostic, Mapping) and diagnostic.get("severity") == "error"


def _failure(diagnostic: Mapping[str, Any]) -> Failure:
    urn = str(diagnostic.get("urn") or "")
    job = resource_name(urn) if is_job(urn) else ""
    message = str(diagnostic.get("message", ""))
    return Failure(job, _every_reason(message), code_in(message) or "")


def _every_reason(message: str) -> str:
    """All that a message says in one line: a program that misses several settings names each on a line of its own."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    told_by_python = "Traceback" in message or any(line.startswith("File ") for line in lines)
    return reason(message) if told_by_python else "; ".join(map(reason, lines))


def distinct(failures: list[Failure]) -> tuple[Failure, ...]:
    """Each once; and a job's own reason makes "update failed" superfluous."""
    unique = list(dict.fromkeys(f for f in failures if f.reason))
    telling = [f for f in unique if f.reason not in ("update failed", "preview failed")]
    return tuple(telling or unique)


def reason(message: str) -> str:
    """The line of a message that says why: the last line of a traceback, with the place of a syntax error."""
    lines = [line.rstrip() for line in message.splitlines() if line.strip()]
    if not lines:
        return ""
    text = lines[-1].strip()
    text = text.removesuffix(f"[dkron-jobs:{code_in(text)}]").rstrip()
    if len(lines) > 1 and ("Traceback" in message or text.startswith(("SyntaxError", "IndentationError"))):
        places = [line.strip() for line in lines if line.strip().startswith("File ")]
        text = f"{text} ({places[-1]})" if places else text
    for prefix in ("error: ", "Preview failed: ", "Exception: "):
        text = text.removeprefix(prefix)
    return text
