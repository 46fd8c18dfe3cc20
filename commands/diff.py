"""Declared against live, field by field. Pure.

A reference whose value isn't known here matches anything in its place, and that is said. A secret is never shown: of
live values everything is hidden that an export would hide.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from commands.export.conceal import PROCESSOR, Concealer, Keys, hidden
from provider.job.hold import Hold, hold_of
from provider.job.ownership import OWNER_TAG_KEY, is_ours, owner_tag, stack_mark, without_mark
from provider.job.references import Reference, references_in, with_known
from provider.job.spec import DEFAULTS, MANAGED_FIELDS, JobSpec, canonical
from provider.text import one_line, printable

LONGEST_SHOWN: Final = 100
ABSENT: Final = "(none)"
Lookup = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of one job, with both values as they may be shown."""

    path: str
    declared: str
    live: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One job that isn't as it should be. `kind`: missing, drifted, foreign or stray."""

    kind: str
    name: str
    words: str = ""
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Ours:
    """Whose jobs are meant, and when: the owner tag, the stack mark (None where no program is), an aware time."""

    tag: str
    mark: str | None
    now: datetime


@dataclass(slots=True)
class Comparison:
    """All findings, and the jobs that are held and so not compared; `unknown`: config key -> how many jobs could be
    compared only around its value."""

    findings: list[Finding] = field(default_factory=list)
    held: dict[str, Hold] = field(default_factory=dict)
    same: int = 0
    unknown: dict[str, int] = field(default_factory=dict)


def compare(specs: Iterable[JobSpec], live: Mapping[str, Mapping[str, Any]], ours: Ours, lookup: Lookup) -> Comparison:
    """`live`: the jobs of the cluster by name; `lookup`: the value of a config key, None if it isn't known."""
    result = Comparison()
    declared = set()
    for spec in specs:
        declared.add(spec.name)
        job = live.get(spec.name)
        inputs = spec.inputs()
        inputs["metadata"] = {OWNER_TAG_KEY: ours.tag, **inputs.get("metadata", {})}
        if job is None:
            result.findings.append(Finding("missing", spec.name, "declared, but not in Dkron"))
            continue
        hold = hold_of(job, ours.now) if is_ours(job, ours.tag, ours.mark) else None
        if hold is not None:
            result.held[spec.name] = hold
            continue
        for key in {key for _, reference in references_in(inputs) for key in reference.keys if not lookup(key)}:
            result.unknown[key] = result.unknown.get(key, 0) + 1
        differences = tuple(_differences(spec.name, inputs, job, lookup))
        if not is_ours(job, ours.tag, ours.mark):
            result.findings.append(Finding("foreign", spec.name, _whose(job, ours.tag), differences))
        elif differences:
            result.findings.append(Finding("drifted", spec.name, "", differences))
        else:
            result.same += 1
    for name in sorted(live.keys() - declared):
        if is_ours(live[name], ours.tag, ours.mark):
            result.findings.append(Finding("stray", name, "carries our owner tag, but is not declared"))
    return result


def _whose(job: Mapping[str, Any], ours: str) -> str:
    tag = one_line(owner_tag(job) or "")
    if tag == ours:
        return f'belongs to the stack "{one_line(stack_mark(job) or "")}"'
    return f'carries the owner tag "{tag}"' if tag else "carries no owner tag"


def _differences(name: str, inputs: Mapping[str, Any], job: Mapping[str, Any], lookup: Lookup) -> Iterable[Difference]:
    # Known values take their canonical form, too; in maps, where a secret may be, they are compared in their place.
    known = {k: v if isinstance(v, Mapping) else with_known(k, v, lookup) for k, v in inputs.items()}
    wanted, found = canonical(known), canonical(without_mark(job))
    hide = Concealer(Keys(), name)
    for field_name in MANAGED_FIELDS:
        default = DEFAULTS[field_name]
        yield from _differ(
            (field_name,),
            wanted.get(field_name, default),
            found.get(field_name, default),
            lambda path, value: shown(path, value, hide, str(found.get("executor", ""))),
            lookup,
        )


def _differ(
    path: tuple[str, ...], wanted: Any, found: Any, show: Callable[[tuple[str, ...], Any], str], lookup: Lookup
) -> Iterable[Difference]:
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for key in [*wanted, *(key for key in found if key not in wanted)]:
            yield from _differ((*path, str(key)), wanted.get(key), found.get(key), show, lookup)
    elif not _matches(wanted, found, lookup):
        yield Difference(one_line(".".join(path)), show(path, wanted), show(path, found))


_UNKNOWN: Final = "@@a-value-that-is-not-known-here@@"


def _matches(wanted: Any, found: Any, lookup: Lookup) -> bool:
    if not isinstance(wanted, Reference):
        return bool(wanted == found)
    if isinstance(found, int):
        # A field that is no text: its value isn't known, or doesn't fit.
        return not all(map(lookup, wanted.keys))
    if not isinstance(found, str):
        return False
    text = re.escape(wanted.resolve(lambda key: lookup(key) or _UNKNOWN))
    return re.fullmatch(text.replace(re.escape(_UNKNOWN), ".+"), found, re.DOTALL) is not None


def shown(path: tuple[str, ...], value: Any, hide: Concealer, executor: str) -> str:
    """A value for a person, on one line, secrets hidden."""
    if value is None:
        return ABSENT
    if isinstance(value, Reference):
        text = hidden(value)
    elif isinstance(value, str) and len(path) > 1 and path[-1] != OWNER_TAG_KEY and path[0] != "tags":
        text = hidden(hide.option(path[-1], value, _kind(path[0], executor)))
    elif isinstance(value, Mapping):
        text = "{" + ", ".join(f"{k}: {shown((*path, str(k)), v, hide, executor)}" for k, v in value.items()) + "}"
    else:
        text = hidden(hide.text(str(value), path[-1], names=False)) if value != "" else '""'
    text = printable(text).replace("\n", " ")
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"


def _kind(field_name: str, executor: str) -> str:
    """Whose options stand in a field."""
    return {"executor_config": executor, "processors": PROCESSOR}.get(field_name, "")


SIGNS: Final = {"missing": "+", "drifted": "~", "foreign": "!", "stray": "-"}


def lines(comparison: Comparison) -> list[str]:
    """The comparison as text; the last line counts."""
    result = []
    for found in comparison.findings:
        result.append(
            f"{SIGNS[found.kind]} {one_line(found.name)}  {found.kind}{f': {found.words}' if found.words else ''}"
        )
        for difference in found.differences:
            if difference.declared == difference.live:
                result.append(f"    {difference.path}: the secret in it differs: {difference.live}")
            else:
                result.append(f"    {difference.path}: declared {difference.declared}, live {difference.live}")
    result += [f"= {one_line(name)}  {hold.words}" for name, hold in comparison.held.items()]
    counts = {kind: sum(f.kind == kind for f in comparison.findings) for kind in SIGNS}
    told = [f"{count} {kind}" for kind, count in counts.items() if count]
    told += [f"{len(comparison.held)} held"] if comparison.held else []
    result.append(", ".join([f"{comparison.same} in sync", *told]))
    return result
