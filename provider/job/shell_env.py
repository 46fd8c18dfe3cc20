"""The variables of a shell job, judged as the executor reads them: one text, cut at each comma.

Never quotes a variable's value: it may hold a secret. Pure.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from .config import Finding

LONGEST_ARGUMENT: Final = 128 * 1024  # bytes; Linux starts no program with an argument or a variable of that length


def env_problems(env: str | Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with `env`: Dkron's text, or the variables that `shell()` could not put into one."""
    if isinstance(env, Mapping):
        yield from _variables(env)
        return
    last = ""
    for item in env.split(","):
        name, equals, value = item.partition("=")
        if not item:
            continue
        if not equals:
            where = f"the value of {last} is" if last else "its beginning is"
            yield "env", f"{where} cut at a comma, where Dkron begins another variable: a value can hold no comma"
            return
        yield from _variable(name, value)
        last = name


def _variables(env: Mapping[str, Any]) -> Iterator[Finding]:
    for name, value in env.items():
        text = value if isinstance(value, str) else ""
        if "," in name:
            yield "env", f'"{name}" holds a comma, at which Dkron would cut it'
        elif "," in text:
            yield "env", f"the value of {name} holds a comma, at which Dkron would cut it: put it into a file, or shell"
        else:
            yield from _variable(str(name), text)


def _variable(name: str, value: str) -> Iterator[Finding]:
    if not name:
        yield "env", "holds a variable without a name"
    elif any(character.isspace() or character == "=" for character in name):
        yield "env", f'"{name}" is no name for a variable: it holds a blank or ='
    elif "\0" in name + value:
        yield "env", "holds a NUL character, so every run would fail"
    elif len(f"{name}={value}".encode("utf-8", "replace")) >= LONGEST_ARGUMENT:
        yield "env", f"{name} is 128 KiB or more, with which no program can be started"
