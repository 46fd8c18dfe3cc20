"""The command line: the commands and flags of the real CLI that are supported; any other is an error.

Says on the first line that it is a stand-in: on standard output where people read it, on standard error where programs
do. Errors end as `error: ...` and an exit code, never as a traceback.
"""

import argparse
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from . import commands
from .console import Bail, CliError, note, say
from .operate import operate
from .state import VERSION

BANNER = "sandbox: a stand-in for the Pulumi CLI and engine, for development and tests only"
FLAG: dict[str, Any] = {"action": "store_true"}
NAME: dict[str, Any] = {"nargs": "?"}
LIST: dict[str, Any] = {"action": "append", "default": []}
Arguments = dict[str, dict[str, Any]]  # name, or flags separated by a space -> what argparse is told


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise CliError(f"{message}. Everything else that the real Pulumi CLI can do is refused")


YES = {"--yes -y": FLAG}
JSON = {"--json -j": FLAG}
SHOW = {"--show-secrets": FLAG}
REFRESH = {"nargs": "?", "const": "true", "choices": ("true", "false")}
RUN: Arguments = {
    **YES,
    **JSON,
    **dict.fromkeys(("--skip-preview -f", "--continue-on-error", "--run-program"), FLAG),
    **dict.fromkeys(("--expect-no-changes", "--diff"), FLAG),
    "--refresh -r": REFRESH,
    "--message -m": {"default": ""},
    **dict.fromkeys(("--target -t", "--replace", "--target-replace"), LIST),
}
COMMANDS: dict[str, tuple[Callable[[argparse.Namespace], int | None], Arguments]] = {
    "preview": (operate, RUN),
    "up": (operate, RUN),
    "destroy": (operate, RUN),
    "refresh": (operate, RUN),
    "cancel": (commands.cancel, YES),
    "stack init": (commands.stack_init, {"name": NAME, "--no-select": FLAG}),
    "stack select": (commands.stack_select, {"name": NAME, "--create -c": FLAG}),
    "stack ls": (commands.stack_ls, JSON),
    "stack export": (commands.stack_export, SHOW),
    "stack import": (commands.stack_import, {"--file": {}}),
    "stack output": (commands.stack_output, JSON),
    "stack rm": (commands.stack_rm, {"name": NAME, "--preserve-config": FLAG} | YES),
    "state delete": (commands.state_delete, {"urn": {}} | YES),
    "config": (commands.config_show, JSON | SHOW),
    "config set": (commands.config_set, {"key": {}, "value": NAME, "--secret": FLAG, "--plaintext": FLAG}),
    "config get": (commands.config_get, {"key": {}}),
    "config rm": (commands.config_rm, {"key": {}}),
}


def _parser(command: str, arguments: Arguments) -> _Parser:
    parser = _Parser(prog=f"pulumi {command}", description=BANNER, allow_abbrev=False)
    common: Arguments = {"--stack -s": {}, "--non-interactive": FLAG, "--color": {}}
    for names, told in (common | arguments).items():
        parser.add_argument(*names.split(), **told)
    return parser


def main(arguments: Sequence[str]) -> int:
    """Runs one command; returns the exit code."""
    try:
        return _run(list(arguments))
    except CliError as error:
        note(f"error: {error.message}")
        return error.code
    except OSError as error:
        note(f"error: An IO error occurred: {error}")
        return 1
    except (Bail, KeyboardInterrupt):
        note("error: canceled")
        return 1


def _run(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("version", "--version"):
        say(f"{VERSION}+sandbox ({BANNER})")
        return 0
    words = 2 if " ".join(arguments[:2]) in COMMANDS else 1
    command = " ".join(arguments[:words])
    if command not in COMMANDS:
        named = " ".join(word for word in arguments[:2] if not word.startswith("-"))
        raise CliError(f'unknown command "{named}" for "pulumi"; the sandbox has {", ".join(COMMANDS)}')
    action, wanted = COMMANDS[command]
    options = _parser(command, wanted).parse_args(arguments[words:])
    options.command = command
    for_programs = getattr(options, "json", False) or action is not operate
    (note if for_programs else say)(f"[{BANNER}]")
    return action(options) or 0
