"""The command line: the commands and flags of the real CLI that are supported; any other is an error.

Says on the first line of its output that it is a stand-in: on standard output where people read it, on standard
error where programs do. Errors end as `error: ...` and an exit code, never as a traceback.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from . import commands, config_commands
from .errors import Bail, CliError, Refused
from .output import note, say
from .state import VERSION
from .switches import switched_on

BANNER = "sandbox: a stand-in for the Pulumi CLI and engine, for development and tests only"
EPILOG = "Everything else that the real Pulumi CLI can do is refused."
RUNNERS = ("preview", "up", "refresh", "destroy")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        if found := re.search(r"invalid choice: '(.*?)' \(choose from", message):
            raise CliError(f'unknown command "{found[1]}" for "{self.prog}"\nRun \'pulumi --help\' for usage.')
        raise CliError(message)


def _true(text: str) -> bool:
    if text.lower() not in ("1", "t", "true", "0", "f", "false"):
        raise CliError("unable to determine value for --refresh")
    return text.lower() in ("1", "t", "true")


def _common() -> _Parser:
    """Flags that every command takes. Absent means absent: a default would hide what stood before the command."""
    parser = _Parser(add_help=False, argument_default=argparse.SUPPRESS, allow_abbrev=False)
    parser.add_argument("--cwd", "-C", metavar="DIRECTORY")
    parser.add_argument("--stack", "-s")
    parser.add_argument("--non-interactive", action="store_true")
    parser.add_argument("--color", choices=("always", "never", "raw", "auto"))
    return parser


def build_parser() -> argparse.ArgumentParser:
    common = _common()
    parser = _Parser(prog="pulumi", description=BANNER, epilog=EPILOG, parents=[common], allow_abbrev=False)
    parser.add_argument("--version", action="store_true")
    subs = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)

    def add(where: argparse._SubParsersAction[_Parser], name: str, help_text: str, *aliases: str) -> _Parser:
        made = where.add_parser(name, help=help_text, aliases=aliases, parents=[common], allow_abbrev=False)
        made.set_defaults(command_name=name)
        return made

    add(subs, "version", "the version whose behaviour this stands in for")
    found = add(subs, "login", "choose where state is kept (file:// only)")
    found.add_argument("url", nargs="?")
    found.add_argument("--local", "-l", action="store_true")
    found.set_defaults(action=commands.run_login)
    found = add(subs, "cancel", "remove the stack's locks")
    found.add_argument("name", nargs="?")
    found.add_argument("--yes", "-y", action="store_true")
    found.set_defaults(action=commands.run_cancel)
    for name, help_text, alias in (
        ("preview", "show what would change", "pre"),
        ("up", "make it so", "update"),
        ("refresh", "read what is there into the state", "ref"),
        ("destroy", "delete everything in the state", "down"),
    ):
        _add_run_flags(add(subs, name, help_text, alias), name)
    _add_stack(add, subs)
    _add_config(add, subs)
    return parser


def _add_run_flags(parser: argparse.ArgumentParser, name: str) -> None:
    if name != "preview":
        parser.add_argument("--yes", "-y", action="store_true")
        parser.add_argument("--skip-preview", "-f", action="store_true")
    if name in ("up", "destroy", "preview"):
        parser.add_argument("--refresh", "-r", nargs="?", const=True, type=_true)
        parser.add_argument("--continue-on-error", action="store_true", default=switched_on("PULUMI_CONTINUE_ON_ERROR"))
    parser.add_argument("--run-program", action="store_true", default=switched_on("PULUMI_RUN_PROGRAM"))
    parser.add_argument("--parallel", "-p", type=int, default=4 * (os.cpu_count() or 2))
    parser.add_argument("--expect-no-changes", action="store_true")
    parser.add_argument("--message", "-m", default="")
    parser.add_argument("--json", "-j", action="store_true")
    for flag in ("--diff", "--suppress-outputs", "--suppress-progress", "--show-secrets"):
        parser.add_argument(flag, action="store_true")
    parser.set_defaults(action=_operate)


def _add_stack(add, subs) -> None:  # type: ignore[no-untyped-def]
    stack = add(subs, "stack", "manage stacks")
    stack.add_argument("--show-name", action="store_true")
    stack.set_defaults(action=commands.stack_show)
    inner = stack.add_subparsers(dest="subcommand", metavar="COMMAND", parser_class=_Parser)
    found = add(inner, "init", "make an empty stack")
    found.add_argument("name", nargs="?")
    found.add_argument("--no-select", action="store_true")
    found.set_defaults(action=commands.stack_init)
    found = add(inner, "select", "choose the stack that commands are about")
    found.add_argument("name", nargs="?")
    found.add_argument("--create", "-c", action="store_true")
    found.set_defaults(action=commands.stack_select)
    found = add(inner, "ls", "list the stacks of the project")
    found.add_argument("--json", "-j", action="store_true")
    found.set_defaults(action=commands.stack_ls)
    found = add(inner, "export", "print the state")
    found.add_argument("--file")
    found.add_argument("--show-secrets", action="store_true")
    found.set_defaults(action=commands.stack_export)
    found = add(inner, "import", "replace the state by an exported one")
    found.add_argument("--file")
    found.set_defaults(action=commands.stack_import)
    found = add(inner, "output", "print the stack's outputs")
    found.add_argument("name", nargs="?")
    found.add_argument("--json", "-j", action="store_true")
    found.add_argument("--show-secrets", action="store_true")
    found.set_defaults(action=commands.stack_output)
    found = add(inner, "rm", "remove a stack")
    found.add_argument("name", nargs="?")
    for flags in (("--yes", "-y"), ("--force", "-f"), ("--preserve-config",)):
        found.add_argument(*flags, action="store_true")
    found.set_defaults(action=commands.stack_rm)


def _add_config(add, subs) -> None:  # type: ignore[no-untyped-def]
    config = add(subs, "config", "show or edit the stack's configuration")
    config.add_argument("--json", "-j", action="store_true")
    config.add_argument("--show-secrets", action="store_true")
    config.set_defaults(action=config_commands.config_show)
    inner = config.add_subparsers(dest="subcommand", metavar="COMMAND", parser_class=_Parser)
    found = add(inner, "set", "set a value")
    found.add_argument("key")
    found.add_argument("value", nargs="?")
    for flag in ("--secret", "--plaintext", "--path"):
        found.add_argument(flag, action="store_true")
    found.set_defaults(action=config_commands.config_set)
    for name, action in (("get", config_commands.config_get), ("rm", config_commands.config_rm)):
        found = add(inner, name, f"{name} a value")
        found.add_argument("key")
        found.add_argument("--path", action="store_true")
        found.add_argument("--json", "-j", action="store_true")
        found.set_defaults(action=action)


def _operate(options: argparse.Namespace) -> int:
    from .operate import operate

    options.command = options.command_name
    for name, default in (("refresh", None), ("continue_on_error", False), ("yes", False), ("skip_preview", False)):
        if not hasattr(options, name):
            setattr(options, name, default)
    return operate(options)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    options, unknown = build_parser().parse_known_args(arguments)
    for argument in unknown:
        if argument.startswith("--"):
            raise CliError(f"unknown flag: {argument.partition('=')[0]}")
        kind = "unknown shorthand flag" if argument.startswith("-") else "unknown argument"
        raise CliError(f"{kind}: {argument!r}")
    for name in ("stack", "cwd"):
        if not hasattr(options, name):
            setattr(options, name, None)
    if not hasattr(options, "non_interactive"):
        options.non_interactive = False
    if getattr(options, "path", False):
        raise Refused("config paths (--path)")
    return options


def main(arguments: Sequence[str]) -> int:
    """Runs one command; returns the exit code."""
    try:
        return _run(_parse(arguments))
    except CliError as error:
        note(f"error: {error.message}")
        return error.code
    except (Bail, KeyboardInterrupt):
        note("error: canceled")
        return 1


def _run(options: argparse.Namespace) -> int:
    if options.version or getattr(options, "command_name", "") == "version":
        say(f"{VERSION}+sandbox ({BANNER})")
        return 0
    if not hasattr(options, "action"):
        build_parser().print_help()
        return 0
    machine = getattr(options, "json", False) or options.command in ("config", "stack")
    (note if machine else say)(f"[{BANNER}]")
    if options.cwd:
        _enter(options.cwd)
    code: int = options.action(options)
    return code


def _enter(folder: str) -> None:
    if not Path(folder).is_dir():
        raise CliError(f"could not change to the directory {folder}: it doesn't exist")
    os.chdir(folder)


def entry() -> NoReturn:
    sys.exit(main(sys.argv[1:]))
