"""Would the program take these declarations? Every problem, without Pulumi and without Dkron. Pure.

What a reference stands for isn't known here. Where the text around it can be judged (a header, a URL) a stand-in takes
its place; elsewhere the value counts as not known yet.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from provider.advice import CODES, Advice
from provider.job.advise import advise
from provider.job.ownership import OWNER_TAG_KEY
from provider.job.references import ConfigValue, Reference
from provider.job.spec import UNKNOWN, JobSpec
from provider.job.validation import check_job, parent_cycle
from provider.text import nearest, one_line

_PLACED: Final = re.compile(r"(?P<file>[^\s:]+\.py)(:(?P<line>\d+))?: (?P<text>.*)", re.DOTALL)
STAND_IN: Final = "x"
STAND_IN_ADDRESS: Final = "http://x"


class ByStack:
    """Lines about several stacks, each told once, with the stacks that it holds for unless it holds for all."""

    def __init__(self, stacks: Collection[str]) -> None:
        self._all = len(stacks)
        self._stacks: dict[str, list[str]] = {}

    def add(self, stack: str, lines: Iterable[str]) -> None:
        for line in dict.fromkeys(lines):
            self._stacks.setdefault(line, []).append(stack)

    def lines(self) -> list[str]:
        return [line + self._suffix(stacks) for line, stacks in self._stacks.items()]

    def _suffix(self, stacks: list[str]) -> str:
        if len(stacks) == self._all:
            return ""
        return f" (stack {stacks[0]})" if len(stacks) == 1 else f" (stacks {', '.join(stacks)})"


def with_stand_ins(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """A declaration's inputs with its references replaced, for `check_job`."""
    return {name: _stand_in(name, value) for name, value in inputs.items()}


def _stand_in(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _stand_in(key, item) for key, item in value.items()}
    if not isinstance(value, Reference):
        return value
    if name == "headers":
        return value.resolve(lambda _key: STAND_IN)
    if name == "url":
        # A reference at the beginning of an address is the address of a server.
        first, *rest = value.parts
        head = STAND_IN_ADDRESS if isinstance(first, ConfigValue) else first
        return head + Reference(tuple(rest)).resolve(lambda _key: STAND_IN)
    return UNKNOWN


def problems(specs: Iterable[JobSpec], owner_tag: str) -> list[str]:
    """What would be refused, one line each: `place: job "name": field: reason`."""
    specs = list(specs)
    parents = {spec.name: spec.parent_job if isinstance(spec.parent_job, str) else "" for spec in specs}
    found = []
    told: set[frozenset[str]] = set()
    for spec in specs:
        inputs = with_stand_ins(spec.inputs())
        metadata = inputs.get("metadata")
        inputs["metadata"] = (
            {OWNER_TAG_KEY: owner_tag, **(metadata or {})} if isinstance(metadata or {}, Mapping) else metadata
        )
        where = f'{spec.declared_at}: job "{spec.name}"'
        found += [f"{where}: {f'{field}: ' if field else ''}{reason}" for field, reason in check_job(inputs)]
        cycle = parent_cycle(spec.name, parents)
        if cycle and len(cycle) > 2 and frozenset(cycle) not in told:
            told.add(frozenset(cycle))
            found.append(f"{where}: parent_job: closes a cycle ({' -> '.join(cycle)}); Dkron could delete none of them")
    return found


def warnings(specs: Iterable[JobSpec], owner_tag: str) -> list[str]:
    """What is likely to be a mistake and isn't accepted, one line each."""
    specs = list(specs)
    names = {spec.name for spec in specs}
    found = []
    for spec in specs:
        where = f'{spec.declared_at}: job "{spec.name}"'
        advice = [*advise(with_stand_ins(spec.inputs())), *_among_others(spec, names, owner_tag)]
        found += [f"{where}: {one.line}" for one in advice if one.code not in spec.accept]
    return found


def _among_others(spec: JobSpec, names: Collection[str], owner_tag: str) -> Iterator[Advice]:
    """What only the whole of the declarations shows."""
    if isinstance(spec.parent_job, str) and spec.parent_job and spec.parent_job not in names:
        text = f'its parent "{spec.parent_job}" is not declared, so it must be in Dkron already'
        yield Advice("undeclared-parent", text)
    tag = spec.metadata.get(OWNER_TAG_KEY) if isinstance(spec.metadata, Mapping) else None
    if tag is not None and tag != owner_tag:
        yield Advice("owner-tag", f'metadata.managed_by is the program\'s to set ("{owner_tag}" here): leave it out')
    for code in [spec.accept] if isinstance(spec.accept, str) else spec.accept:
        if code not in CODES:
            near = nearest(str(code), CODES)
            meant = f"; did you mean {near}?" if near else ""
            yield Advice("unknown-accept", f'accept names no warning: "{one_line(str(code))}"{meant}')


def annotation(level: str, line: str) -> str:
    """A problem ("error") or a warning as a command of GitHub's workflows, which shows it at its file and line."""
    match = _PLACED.fullmatch(line)
    if match is None:
        return f"::{level}::{_escaped(line)}"
    place = f"file={_escaped(match['file']).replace(',', '%2C')}"
    place += f",line={match['line']}" if match["line"] else ""
    return f"::{level} {place}::{_escaped(match['text'])}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
