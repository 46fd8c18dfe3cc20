"""The config of Dkron's shell executor, judged as the executor reads it. Dkron itself checks next to nothing at POST.

Without `shell` the command is split into words (`shell_words`), and nothing is expanded; with it, the command is
/bin/sh's business. Never quotes a command or a variable's value: either may hold a secret. Pure.
"""

import re
from collections.abc import Iterator
from typing import Final

from ..advice import Advice
from ..schedule.moments import duration
from ..schedule.text import Refused
from .config import TRUE, Config, Finding, base64_problem, boolean_problem, known, unknown_options
from .executors import SHELL_OPTIONS
from .shell_env import LONGEST_ARGUMENT, env_problems
from .shell_words import DOUBLE, PLAIN, SUBSTITUTION, Split, Word, split
from .spec import UNKNOWN

_MEMORY = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(|B|BYTES|KB?|MB?|GB?|TB?)", re.ASCII)
_MEMORY_UNITS: Final = {"": 1, "B": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_VARIABLE = re.compile(r"\$([A-Za-z_{0-9?@*#$!-])")
_NAMED_VARIABLE = re.compile(r"\$([A-Za-z_]|\{)")
_GLOB = re.compile(r"(?<!\$)[*?]|\[[^\0]+\]")
_TILDE = re.compile(r"~([/A-Za-z]|$)")
# What only a shell can do: there is no such program.
_BUILTINS: Final = frozenset(
    {
        ".",
        ":",
        "alias",
        "bg",
        "break",
        "case",
        "cd",
        "continue",
        "eval",
        "exec",
        "exit",
        "export",
        "fg",
        "for",
        "function",
        "hash",
        "if",
        "local",
        "read",
        "readonly",
        "return",
        "set",
        "shift",
        "source",
        "trap",
        "type",
        "ulimit",
        "umask",
        "unalias",
        "unset",
        "until",
        "wait",
        "while",
        "{",
        "!",
    }
)
# Programs that have a use of their own for a dollar sign in what they are given in double quotes.
_INTERPRETERS: Final = frozenset(
    {
        "sh",
        "bash",
        "dash",
        "ash",
        "ksh",
        "zsh",
        "ssh",
        "awk",
        "gawk",
        "mawk",
        "sed",
        "perl",
        "php",
        "python",
        "python3",
        "ruby",
        "node",
        "jq",
        "psql",
        "grep",
        "egrep",
        "envsubst",
        "powershell",
        "pwsh",
        "tclsh",
        "make",
    }
)


def problems(config: Config) -> Iterator[Finding]:
    """What is refused, as (option, reason)."""
    yield from unknown_options(config, SHELL_OPTIONS, "shell")
    if not config.get("command"):
        yield "command", "is missing: a shell job needs one"
    elif (command := known(config, "command")) and config.get("shell") != UNKNOWN:
        yield from _command(command, _by_shell(config))
    if env := known(config, "env"):
        yield from env_problems(env)
    if timeout := known(config, "timeout"):
        try:
            if duration(timeout) < 0:
                yield "timeout", f'"{timeout}" is negative: Dkron would kill the command at once'
        except Refused:
            yield "timeout", f'"{timeout}" is no duration such as "30s" or "1h30m"'
    if (limit := known(config, "mem_limit")) and (reason := _memory(limit)):
        yield "mem_limit", reason
    yield from boolean_problem(config, "shell")
    yield from base64_problem(config, "payload")


def advice(config: Config) -> Iterator[Advice]:
    """What is likely to be a mistake."""
    command = known(config, "command")
    if command and config.get("shell") != UNKNOWN and not _by_shell(config):
        found = split(command)
        if found.words and not found.cut and not found.problem:
            yield from _program_advice(found.words)
            yield from _words_advice(found)
    env = known(config, "env") or ""
    for item in env.split(",") if isinstance(env, str) else ():
        name, _, value = item.partition("=")
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            yield Advice("shell-env-quotes", f"env: the quotes around the value of {name} are a part of it")


def _by_shell(config: Config) -> bool:
    return config.get("shell") in TRUE


def _command(command: str, by_shell: bool) -> Iterator[Finding]:
    if "\0" in command:
        yield "command", "holds a NUL character, so every run would fail"
        return
    if by_shell:
        arguments = [command]
    else:
        found = split(command)
        arguments = [word.text for word in found.words]
        reason = _unfit(found)
        if reason:
            yield "command", reason
            return
    if any(len(argument.encode("utf-8", "replace")) >= LONGEST_ARGUMENT for argument in arguments):
        what = "is" if by_shell else "has an argument of"
        yield "command", f"{what} 128 KiB or more, with which no program can be started: put it into a file"


def _unfit(found: Split) -> str:
    """Why the words are not what was written, "" if they are."""
    if found.problem:
        return f"{found.problem}, so every run would fail: put it in quotes, or give shell=True"
    if found.cut:
        return f'Dkron runs only what stands before "{found.cut}" and drops the rest without a word: give shell=True'
    if not found.words or not found.words[0].text:
        return "names no program, so every run would fail"
    return ""


def _program_advice(words: list[Word]) -> Iterator[Advice]:
    program = words[0].text
    if _ASSIGNMENT.match(program):
        yield Advice(
            "shell-assignment",
            f"Dkron takes the assignment to {program.partition('=')[0]} for the program's name, so every run fails: "
            "give env={...}, or shell=True",
        )
    elif len(words) == 1 and any(blank in program for blank in " \t\n"):
        yield Advice(
            "shell-one-word",
            "the whole command stands in quotes, so Dkron takes all of it for the program's name: leave them out",
        )
    elif program in _BUILTINS:
        yield Advice("shell-builtin", f"{program} is a shell's own command and no program: give shell=True")


def _words_advice(found: Split) -> Iterator[Advice]:
    """What a shell would have done with the words, and Dkron doesn't: each kind once."""
    plain = [word.shown(PLAIN) for word in found.words]
    if _substitutes(found.words):
        yield Advice(
            "shell-substitution", "$(...) and backticks are passed on as text, nothing runs them: give shell=True"
        )
    elif _expands(found.words):
        yield Advice("shell-variable", "$ and what follows it is passed on as text, not as a value: give shell=True")
    if any(_GLOB.search(text) for text in plain[1:] if "://" not in text):
        yield Advice("shell-glob", "*, ? and [...] are passed on as text, not as file names: quote them, or shell=True")
    if any(_TILDE.match(text) for text in plain):
        yield Advice("shell-tilde", "~ is passed on as text, not as a home directory: write the path, or shell=True")
    if any(text.startswith("#") for text in plain[1:]):
        yield Advice("shell-comment", "# and what follows it is passed on, it is no comment: leave it out, or quote it")
    if found.lost_backslash:
        yield Advice("shell-backslash", "Dkron drops a backslash: put what holds it in single quotes")
    if found.line_break:
        yield Advice("shell-line-break", "a line break is no more than a blank, all is one command: give shell=True")


def _substitutes(words: list[Word]) -> bool:
    if any(SUBSTITUTION in word.marks for word in words):
        return True
    quoted = _for_the_command(words)
    return any("$(" in text or "`" in text for text in quoted)


def _expands(words: list[Word]) -> bool:
    if any(_VARIABLE.search(word.shown(PLAIN)) for word in words):
        return True
    return any(_NAMED_VARIABLE.search(text) for text in _for_the_command(words))


def _for_the_command(words: list[Word]) -> list[str]:
    """What stands in double quotes, up to the first program that has a use of its own for it."""
    texts = []
    for word in words:
        texts.append(word.shown(DOUBLE))
        if word.text.rpartition("/")[2] in _INTERPRETERS:
            break
    return texts


def _memory(text: str) -> str | None:
    """Why Dkron refuses a memory limit, None if it takes it (recorded: e46)."""
    match = _MEMORY.fullmatch(text.removeprefix("+") if text[1:].isdecimal() else text.strip().upper())
    if match is None:
        return f'"{text}" is no size such as "512MB" (units B, KB, MB, GB, TB)'
    amount = float(match[1]) * _MEMORY_UNITS[match[2][:1]]
    if amount < 1 or amount >= 2**63:
        return f'"{text}" is less than one byte or more than can be counted'
    return None
