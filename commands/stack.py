"""What a stack's own file says in clear: the plain config in Pulumi.STACK.yaml, beside Pulumi.yaml.

So that the commands judge with the same settings as the program, without Pulumi. It decrypts nothing.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from provider.errors import SettingsError
from provider.job.ownership import mark_of
from provider.settings import stack_names
from provider.text import one_line

PROJECT_FILE: Final = "Pulumi.yaml"
DEFAULT_STACK: Final = "dev"


def chosen_stack(environ: Mapping[str, str] | None = None, folder: Path = Path()) -> str:
    """The stack that is meant: STACK, else the only one that has a file, else "dev".

    Raises SettingsError where STACK names several, as a watcher's may.
    """
    named = (os.environ if environ is None else environ).get("STACK", "").strip().rpartition("/")[2]
    if "," in named:
        raise SettingsError([f"STACK names several stacks ({named}): say which one is meant by --stack, or STACK=NAME"])
    names = stack_names(folder)
    return named or (names[0] if len(names) == 1 else DEFAULT_STACK)


def project_name(folder: Path = Path()) -> str:
    """The project's name. Raises SettingsError."""
    path = folder / PROJECT_FILE
    name = _document(path).get("name") if path.is_file() else None
    if not name:
        raise SettingsError([f"no {PROJECT_FILE} with a name is here: run this where the Pulumi program is"])
    return str(name)


def stack_mark(environ: Mapping[str, str] | None = None, folder: Path = Path()) -> str | None:
    """The mark of the stack that is meant, None where no program is. Raises SettingsError."""
    if not (folder / PROJECT_FILE).is_file():
        return None
    return mark_of(project_name(folder), chosen_stack(environ, folder))


def plain_config(key: str, environ: Mapping[str, str] | None = None, folder: Path = Path()) -> str | None:
    """The value of a config key in clear in the stack's file, None if there is none. Raises SettingsError."""
    path = folder / f"Pulumi.{chosen_stack(environ, folder)}.yaml"
    if not path.is_file() or not (folder / PROJECT_FILE).is_file():
        return None
    project = _document(folder / PROJECT_FILE).get("name")
    config = _document(path).get("config")
    value = config.get(f"{project}:{key}") if isinstance(config, dict) else None
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else None


def _document(path: Path) -> dict[str, Any]:
    import yaml  # few commands need it

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise SettingsError([f"{path.name} can't be read: {one_line(str(error))}"]) from None
    return document if isinstance(document, dict) else {}
