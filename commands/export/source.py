"""Imported jobs as the text of a module in this project's style. Pure; a formatter may go over it afterwards."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from commands.export.selection import Call, Imported
from provider.job.references import ConfigValue, Reference
from provider.text import one_line

LONGEST_LINE: Final = 120
LONGEST_VALUE: Final = 60  # of a map that is written on one line
_RULES: Final = (("S108", ("/tmp", "/var/tmp", "/dev/shm")), ("S104", ("0.0.0.0",)))  # noqa: S104, S108 - looked for in texts
_NAMES: Final = ("JobSpec", "http", "plugin", "secret", "setting", "shell")
_LEFT_OUT: Final = (
    "# These could not be declared as they are. Move one to JOBS when what is said above it is settled.\nLEFT_OUT = ["
)


def module(jobs: Iterable[Imported]) -> str:
    """The whole module: JOBS, and LEFT_OUT for those that something stands against."""
    jobs = list(jobs)
    taken = [_spec(job) for job in jobs if not job.against]
    left = [_spec(job) for job in jobs if job.against]
    body = ["JOBS = [", *taken, "]"] if taken else ["JOBS: list[JobSpec] = []"]
    if left:
        body += ["", _LEFT_OUT, *left, "]"]
    text = "\n".join(body) + "\n"
    head = [
        '"""Jobs that lived in Dkron before they were declared, as `python -m jobs export` found them."""',
        *_silenced(text),
        "",
        _imports(text),
        "",
    ]
    return "\n".join(head) + "\n" + text


def _silenced(text: str) -> list[str]:
    """The line that tells the linter what can't be helped in texts that others wrote."""
    codes = [code for code, needles in _RULES if any(needle in text for needle in needles)]
    if any(len(line) > LONGEST_LINE for line in text.splitlines()):
        codes.insert(0, "E501")
    return ["", f"# ruff: noqa: {', '.join(codes)} - texts as they were found"] if codes else []


def _imports(text: str) -> str:
    names = [name for name in _NAMES if f"{name}(" in text or name == "JobSpec"]
    return f"from provider import {', '.join(names)}"


def _spec(job: Imported) -> str:
    comments = [f"    # {one_line(reason)}" for reason in job.against]
    if job.ignored:
        ignored = ", ".join(f'{path} "{value}"' for path, value in job.ignored.items())
        comments.append(f"    # left out, for Dkron ignores it: {one_line(ignored)}")
    return "\n".join([*comments, f"    {_call('JobSpec', job.fields, 1)},"])


def _call(name: str, arguments: Mapping[str, Any], depth: int, first: str = "") -> str:
    """One argument a line; `first` is the argument whose name is not written."""
    pad = "    " * (depth + 1)
    if list(arguments) == [first] and len(short := _value(arguments[first], depth)) <= LONGEST_VALUE:
        return f"{name}({short})"
    lines = [f"{pad}{'' if k == first else f'{k}='}{_value(v, depth + 1)}," for k, v in arguments.items()]
    return "\n".join([f"{name}(", *lines, "    " * depth + ")"])


def _value(value: Any, depth: int) -> str:
    if isinstance(value, Call):
        first = {"http": "url", "shell": "command", "plugin": "name"}[value.builder]
        arguments = dict(value.arguments)
        if value.builder == "plugin" and "config" in arguments:
            pad = "    " * (depth + 1)
            inner = f"{pad}{literal(arguments['name'])},\n{pad}{_value(arguments['config'], depth + 1)},"
            return f"plugin(\n{inner}\n{'    ' * depth})"
        return _call(value.builder, arguments, depth, first)
    if isinstance(value, Reference):
        return " + ".join(_part(part) for part in value.parts)
    if isinstance(value, Mapping):
        items = [f"{literal(k)}: {_value(v, depth + 1)}" for k, v in value.items()]
        return _bracketed("{", items, "}", depth)
    if isinstance(value, list):
        return _bracketed("[", [_value(item, depth + 1) for item in value], "]", depth)
    return literal(value) if isinstance(value, str) else repr(value)


def _bracketed(opening: str, items: list[str], closing: str, depth: int) -> str:
    line = ", ".join(items)
    if len(line) <= LONGEST_VALUE and "\n" not in line:
        return f"{opening}{line}{closing}"
    pad = "    " * (depth + 1)
    return "\n".join([opening, *(f"{pad}{item}," for item in items), "    " * depth + closing])


def _part(part: str | ConfigValue) -> str:
    if isinstance(part, str):
        return literal(part)
    call = f"{'secret' if part.secret else 'setting'}({literal(part.key)})"
    return f"{call}.in_json()" if part.in_json else call


def literal(text: str) -> str:
    """The text as Python writes it, in double quotes where that needs no more escapes."""
    written = repr(text)
    return f'"{written[1:-1]}"' if written[0] == "'" and '"' not in written else written
