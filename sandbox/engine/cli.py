"""The command line: the commands and flags of the real CLI that are supported; any other is an error.

Says on the first line that it is a stand-in: on standard output where people read it, on standard error where programs
do. Errors end as `error: ...` and an exit code, never as a traceback.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from . import commands
from .console import note, say
from .errors import Bail, CliError
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


def _truth(text: str) -> bool:
    if text.lower() not in ("1", "t", "true", "0", "f", "false"):
        raise CliError("unable to determine value for --refresh")
    return text.lower() in ("1", "t", "true")


def _run_arguments() -> Arguments:
    flags = ("--yes -y", "--skip-preview -f", "--continue-on-error", "--run-program", "--expect-no-changes")
    shown = ("--json -j", "--diff", "--suppress-outputs", "--suppress-progress")
    return dict.fromkeys((*flags, *shown), FLAG) | {
        "--refresh -r": {"nargs": "?", "const": True, "type": _truth},
        "--parallel -p": {"type": int, "default": 4 * (os.cpu_count() or 2)},
        "--message -m": {"default": ""},
        "--target -t": LIST,
        "--replace": LIST,
        "--target-replace": LIST,
    }


JSON = {"--json -j": FLAG}
SHOW = {"--show-secrets": FLAG}
COMMANDS: dict[str, tuple[Callable[[argparse.Namespace], int | None], Arguments]] = {
    "preview": (operate, _run_arguments()),
    "up": (operate, _run_arguments()),
    "destroy": (operate, _run_arguments()),
    "refresh": (operate, _run_arguments()),
    "cancel": (commands.cancel, {"name": NAME, "--yes -y": FLAG}),
    "stack": (commands.stack_show, {"--show-name": FLAG}),
    "stack init": (commands.stack_init, {"name": NAME, "--no-select": FLAG}),
    "stack select": (commands.stack_select, {"name": NAME, "--create -c": FLAG}),
    "stack ls": (commands.stack_ls, JSON),
    "stack export": (commands.stack_export, {"--file": {}} | SHOW),
    "stack import": (commands.stack_import, {"--file": {}}),
    "stack output": (commands.stack_output, {"name": NAME} | JSON | SHOW),
    "stack history": (commands.stack_history, JSON),
    "stack rm": (commands.stack_rm, {"name": NAME, "--yes -y": FLAG, "--force -f": FLAG, "--preserve-config": FLAG}),
    "state delete": (commands.state_delete, {"urn": {}, "--yes -y": FLAG, "--force": FLAG}),
    "state repair": (commands.state_repair, {"--yes -y": FLAG}),
    "config": (commands.config_show, JSON | SHOW),
    "config set": (commands.config_set, {"key": {}, "value": NAME, "--secret": FLAG, "--plaintext": FLAG}),
    "config get": (commands.config_get, {"key": {}} | JSON),
    "config rm": (commands.config_rm, {"key": {}}),
}


def _parser(command: str, arguments: Arguments) -> _Parser:
    parser = _Parser(prog=f"pulumi {command}", description=BANNER, allow_abbrev=False)
    common: Arguments = {"--stack -s": {}, "--cwd -C": {}, "--non-interactive": FLAG, "--color": {}}
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
    except (Bail, KeyboardInterrupt):
        note("error: canceled")
        return 1


def _run(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("version", "--version"):
        say(f"{VERSION}+sandbox ({BANNER})")
        return 0
    if arguments[0] in ("--help", "-h", "help"):
        say(f"{BANNER}\nCommands: {', '.join(COMMANDS)}")
        return 0
    before: list[str] = []
    while arguments[0] in ("-C", "--cwd", "-s", "--stack") and len(arguments) > 2:
        before, arguments = before + arguments[:2], arguments[2:]
    words = 2 if " ".join(arguments[:2]) in COMMANDS else 1
    command = " ".join(arguments[:words])
    if command not in COMMANDS:
        raise CliError(f'unknown command "{command}" for "pulumi"; the sandbox has {", ".join(COMMANDS)}')
    action, wanted = COMMANDS[command]
    options = _parser(command, wanted).parse_args(before + arguments[words:])
    options.command = command
    for_programs = getattr(options, "json", False) or action is not operate
    (note if for_programs else say)(f"[{BANNER}]")
    if options.cwd:
        try:
            os.chdir(options.cwd)
        except OSError as error:
            raise CliError(f"could not change to the directory {options.cwd}: {error.strerror}") from None
    return action(options) or 0


def entry() -> NoReturn:
    sys.exit(main(sys.argv[1:]))
