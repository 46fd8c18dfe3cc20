"""What a run would miss of the provider's settings, in the environment and the stack's file: looked at before it runs.

A secret of the stack's file is taken to be right, since nothing is decrypted here. The declarations are asked in a
process of their own; what is wrong with them, and a file that can't be read, is for the cycle to tell.
"""

from collections.abc import Callable
from pathlib import Path

from provider import settings as program
from provider.errors import SettingsError
from watcher.pulumi import workspace
from watcher.pulumi.cli import needed_keys
from watcher.pulumi.workspace import ProgramBroken, Workspace
from watcher.settings import WatcherSettings


def require(chosen: WatcherSettings) -> None:
    """Raises SettingsError with everything that is missing."""
    try:
        space = workspace.read(chosen.program_dir, chosen.stack, chosen.env)
    except ProgramBroken:
        return
    problems = _problems(space, chosen)
    if problems:
        raise SettingsError([*_no_such_file(chosen.program_dir, space.stack), *problems])


def _problems(space: Workspace, chosen: WatcherSettings) -> tuple[str, ...]:
    def lookup(key: str) -> str | None:
        if key not in space.encrypted:
            return space.plain.get(key)
        return "http://127.0.0.1:1" if key.endswith("Url") else "encrypted"

    problems: tuple[str, ...] = ()
    try:
        program.load(lookup, chosen.env)
    except SettingsError as error:
        problems = error.problems
    return (*problems, *_referred(lookup, chosen))


def _referred(lookup: Callable[[str], str | None], chosen: WatcherSettings) -> list[str]:
    """What the declarations refer to and nobody gives."""
    missing: list[str] = []
    if chosen.git is not None:
        return missing  # nothing is fetched yet, and a cycle tells it as well
    for key, secret in needed_keys(chosen.program_dir, chosen.env).items():
        try:
            given = program.from_environment(key, chosen.env) or lookup(key)
        except SettingsError:
            continue
        if not given:
            missing.append(f"{key} is not set: {program.way_out(key, secret=secret)}")
    return missing


def _no_such_file(program_dir: Path, stack: str) -> list[str]:
    """That the stack has no file of its own may be why so much is missing."""
    names = program.stack_names(program_dir)
    if stack in names:
        return []
    return [f'STACK is "{stack}", and there is no Pulumi.{stack}.yaml (there are: {", ".join(names) or "none"})']
