"""What a house asks of its declarations, beyond what Dkron needs: rules that are off until somebody sets them. Pure.

A rule that is broken is an error or a warning, as the house says. A warning has a code by which a job accepts it; an
error has none, so that nobody passes it by.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast, get_args

from ..advice import Advice, Code
from ..text import did_you_mean, one_line
from .spec import JobSpec
from .tags import ALL_NODES

PLACE: Final = "pyproject.toml, [tool.dkron-jobs.rules]"
Level = Literal["error", "warning"]
LEVELS: Final = get_args(Level)
# Rule -> the kind of what it needs besides its level, None for nothing.
RULES: Final[Mapping[str, type | None]] = {
    "tags": None,
    "owner": None,
    "timeout": None,
    "expect-code": None,
    "no-shell": None,
    "shortest-period": int,
    "name": str,
}
_SHELLS: Final = ("shell", "shell.exe")


@dataclass(frozen=True, slots=True)
class HouseRules:
    """`levels`: rule -> level, for those that are on. `period_s`: seconds; `name`: what a whole name must match."""

    levels: Mapping[str, Level] = field(default_factory=dict)
    period_s: int = 0
    name: re.Pattern[str] = re.compile("")


def parse_rules(table: object) -> HouseRules:
    """The rules that a table of pyproject.toml sets. Raises ValueError, a line for each that can't be read."""
    if not isinstance(table, Mapping):
        raise ValueError(f'{PLACE}: must be a table such as owner = "warning"')  # noqa: TRY004 - one kind for all
    levels: dict[str, Level] = {}
    extras: dict[str, Any] = {}
    problems = []
    for rule, value in table.items():
        try:
            levels[rule], extras[rule] = _rule(rule, value)
        except ValueError as error:
            problems.append(f"{PLACE}: {one_line(rule)}: {error}")
    if problems:
        raise ValueError("\n".join(problems))
    return HouseRules(levels, extras.get("shortest-period", 0), extras.get("name", re.compile("")))


def _rule(rule: str, value: object) -> tuple[Level, Any]:
    """Level and what a rule needs besides. Raises ValueError."""
    if rule not in RULES:
        raise ValueError(f"there is no such rule{did_you_mean(rule, RULES)}")
    kind = RULES[rule]
    if kind is None:
        if value not in LEVELS:
            raise ValueError(f'must be "error" or "warning", not {one_line(repr(value))}')
        return ("error" if value == "error" else "warning"), None
    form = '{ error = "[a-z]+-[a-z-]+" }' if kind is str else "{ error = 300 }, in seconds"
    if not isinstance(value, Mapping) or len(value) != 1 or next(iter(value)) not in LEVELS:
        raise ValueError(f"must look like {form}, or with warning")
    ((level, extra),) = value.items()
    if type(extra) is not kind or (isinstance(extra, int) and extra < 1):
        raise ValueError(f"must look like {form}")
    if isinstance(extra, str):
        try:
            return level, re.compile(extra)
        except re.error as error:
            raise ValueError(f"is no regular expression: {one_line(str(error))}") from None
    return level, extra


def judge(specs: Iterable[JobSpec], rules: HouseRules) -> tuple[list[str], list[str]]:
    """(errors, warnings) of jobs whose tags and values are those of their stack, one line each with the place."""
    found: dict[Level, list[str]] = {"error": [], "warning": []}
    for spec in specs if rules.levels else ():
        for rule, reason in _broken(spec, rules):
            level, code = rules.levels[rule], cast(Code, f"rule-{rule}")
            if level == "warning" and code in ([spec.accept] if isinstance(spec.accept, str) else spec.accept):
                continue
            where, text = f'{spec.declared_at}: job "{spec.name}"', f"house rule {rule}: {reason}"
            found[level].append(f"{where}: {Advice(code, text).line if level == 'warning' else text}")
    return found["error"], found["warning"]


def _broken(spec: JobSpec, rules: HouseRules) -> Iterator[tuple[str, str]]:
    """The rules that a job breaks, each with the reason. What isn't known yet, or can't be read, breaks none."""
    inputs = spec.inputs()
    executor, given = inputs.get("executor"), inputs.get("executor_config")
    config = given if isinstance(given, Mapping) else {}
    reasons = {
        "tags": not spec.tags and spec.tags is not ALL_NODES and "declares no tags; ALL_NODES says every node",
        "owner": not inputs.get("owner") and "has no owner",
        "timeout": executor in ("http", *_SHELLS) and config.get("timeout") in (None, "", "0") and "has no timeout",
        "expect-code": executor == "http" and not config.get("expectCode") and "has no expect_code",
        "no-shell": executor in _SHELLS and "runs a shell command",
        "shortest-period": _too_often(spec, rules.period_s),
        "name": isinstance(spec.name, str)
        and not rules.name.fullmatch(spec.name)
        and f"the name must match {one_line(rules.name.pattern)}",
    }
    for rule in rules.levels:
        if reason := reasons[rule]:
            yield rule, reason


def _too_often(spec: JobSpec, least_s: int) -> str:
    """Why runs are too close together, "" if they aren't; a child's schedule never fires."""
    if not isinstance(spec.schedule, str) or not spec.schedule or spec.parent_job or not least_s:
        return ""
    # Imported here, because it takes long, and the program is to begin soon.
    from ..schedule import ScheduleError, parse
    from ..schedule.advice import pace

    try:
        seconds = pace(parse(spec.schedule, spec.name).rule)
    except ScheduleError:
        return ""
    return f"runs every {seconds} s, and {least_s} s is the least" if seconds and seconds < least_s else ""
