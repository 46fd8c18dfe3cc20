"""Which of the jobs that were found can be written down at all, and without what Dkron ignores in them. Pure.

A job of the wrong kind (a number for a name, a list for tags, NaN) is told and left out: no declaration could hold it.
"""

from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from typing import Any, Final

from provider.job.executors import HTTP_OPTIONS, SHELL_OPTIONS
from provider.job.kinds import kind_problems
from provider.job.plugins import PROCESSORS, WINDOWS_SHELL
from provider.job.spec import DEFAULTS, canonical, unknown_fields
from provider.text import one_line

_OPTIONS: Final = {"http": HTTP_OPTIONS, "shell": SHELL_OPTIONS, WINDOWS_SHELL: SHELL_OPTIONS}
# What Dkron keeps itself.
Job = Mapping[str, Any]


def sound(found: Iterable[Any]) -> tuple[list[Job], list[str]]:
    """The jobs that can be declared or at least shown, the first of each name; and a line for each other."""
    jobs: dict[str, Job] = {}
    told = []
    for number, job in enumerate(found, start=1):
        name = job.get("name") if isinstance(job, Mapping) else None
        if not isinstance(job, Mapping):
            told.append(f"left out: number {number} of the list is no job")
        elif not isinstance(name, str) or not name:
            told.append(f"left out: job number {number} of the list has no name")
        elif reason := _wrong_kind(job):
            told.append(f'left out: job "{one_line(name)}": {one_line(reason)}')
        elif name in jobs:
            told.append(f'left out: job "{one_line(name)}" is there twice; the first was taken')
        else:
            jobs[name] = job
    return list(jobs.values()), told


def _wrong_kind(job: Job) -> str:
    """Why no declaration could hold it, "" if one can."""
    try:
        fields = {**DEFAULTS, **canonical(job)}
        for path, reason in kind_problems(fields):
            return f"{path} {reason}"
        for path in _no_numbers({name: job[name] for name in DEFAULTS if name in job}):
            return f"{path} is no number that JSON knows"
    except RecursionError:
        return "is nested too deeply"
    retries = fields["retries"]
    return "" if type(retries) is int else f"retries must be a whole number, not a {type(retries).__name__}"


def _no_numbers(value: Any, path: str = "") -> Iterator[str]:
    """Where NaN and infinity stand, which Python's JSON reads."""
    if isinstance(value, float) and not isfinite(value):
        yield path
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _no_numbers(item, f"{path}.{key}" if path else str(key))


def without_ignored(job: Job) -> tuple[dict[str, Any], dict[str, str]]:
    """The canonical job without what Dkron ignores in it, and that by its path, such as executor_config.project."""
    fields, ignored = canonical(job), dict[str, str]()
    for key, value in unknown_fields(job).items():
        if value not in ("", False, [], {}):
            ignored[key] = str(value) if isinstance(value, str | int | float) else f"a {type(value).__name__}"
    config = dict(fields.pop("executor_config", {}))
    options = _OPTIONS.get(fields.get("executor", ""))
    for option in [*config] if options else []:
        if option not in (options or ()) or (option, config[option]) == ("cwd", ""):
            ignored[f"executor_config.{option}"] = config.pop(option)
    if config:
        fields["executor_config"] = config
    processors = {name: dict(options) for name, options in fields.get("processors", {}).items()}
    for name, options_ in processors.items():
        if name in PROCESSORS and "type" in options_:
            ignored[f"processors.{name}.type"] = options_.pop("type")
    if processors:
        fields["processors"] = processors
    return fields, ignored
