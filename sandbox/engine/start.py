"""Starts the stand-in for the CLI. Its tests wait for hundreds of starts, so it saves what the short life of a command
doesn't need: the SDK around its messages, the collector of cycles, and the interpreter's tidying at the end.
"""

import gc
import os
import sys
from collections.abc import Sequence
from importlib.machinery import PathFinder
from types import ModuleType

from .cli import main


def start(arguments: Sequence[str]) -> None:
    """Runs one command and ends the process."""
    gc.disable()
    _enter_bare_packages()
    code = main(arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _enter_bare_packages() -> None:
    """Enters the SDK's packages without their own code, so that its messages alone are imported: 0.24 s, not 0.63."""
    path: Sequence[str] | None = None
    for name in ("pulumi", "pulumi.runtime", "pulumi.runtime.proto"):
        spec = PathFinder.find_spec(name, path)
        if spec is None or not spec.submodule_search_locations:
            return
        module = ModuleType(name)
        module.__spec__, module.__path__ = spec, list(spec.submodule_search_locations)
        path = module.__path__
        sys.modules[name] = module
