"""Pulumi's SDK as far as the engine needs it: the messages. Importing all of it takes most of a command's start."""

import sys
from importlib.machinery import PathFinder
from types import ModuleType


def enter_bare_packages() -> None:
    """Enters the SDK's packages without their own code. For a process that never imports them whole."""
    path: list[str] | None = None
    for name in ("pulumi", "pulumi.runtime", "pulumi.runtime.proto"):
        found = PathFinder.find_spec(name, path)
        path = found.submodule_search_locations if found else None
        sys.modules[name] = package = ModuleType(name)
        package.__path__ = path or []
