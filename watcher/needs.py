"""What a run would miss of the provider's settings, in the environment and the stack's file: looked at before it runs.

A secret of the stack's file is taken to be right, since nothing is decrypted here. What the declarations refer to only
the program knows; a file that can't be read is for the cycle to tell.
"""

from pathlib import Path

from provider import settings as program
from provider.errors import SettingsError
from watcher.pulumi import workspace
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

    try:
        program.load(lookup, chosen.env)
    except SettingsError as error:
        return error.problems
    return ()


def _no_such_file(program_dir: Path, stack: str) -> list[str]:
    """That the stack has no file of its own may be why so much is missing."""
    if (program_dir / f"Pulumi.{stack}.yaml").is_file():
        return []
    names = sorted(
        path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in program_dir.glob("Pulumi.*.yaml")
    )
    return [f'STACK is "{stack}", and there is no Pulumi.{stack}.yaml (there are: {", ".join(names) or "none"})']
