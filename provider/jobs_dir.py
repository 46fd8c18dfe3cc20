"""The declarations of this project: the modules in `jobs/` beside the program, or those of the directory JOBS_DIR.

They are the package `jobs` wherever they lie: they import each other alike (`from jobs._service import ...`), and the
watcher's guard knows a module by the same name after a move. A link is followed once, at the start. Nothing of a
directory that isn't ours is compiled to disk, and no compiled copy is believed: two files of one second may differ.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import FileFinder, ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final

from .job.declarations import Declarations
from .job.declarations import gather as gather_package

PACKAGE: Final = "jobs"
JOBS_DIR: Final = "JOBS_DIR"
# Where that directory really is, as the watcher found it at the start of a cycle; JOBS_DIR then only names it.
JOBS_FROM: Final = "DKRON_JOBS_FROM"


def gather(env: Mapping[str, str] | None = None) -> Declarations:
    """All declarations of the project. Raises nothing: a directory that isn't there is a problem."""
    variables = os.environ if env is None else env
    given = variables.get(JOBS_DIR, "").strip()
    if not given:
        return gather_package(PACKAGE)
    folder = Path(variables.get(JOBS_FROM, "").strip() or resolved(Path(given)))
    if not folder.is_dir():
        return Declarations(problems=[f"JOBS_DIR is {given}, and there is no such directory"])
    name = Path(given).name or folder.name
    _use(folder, name)
    return gather_package(PACKAGE, name)


def resolved(folder: Path) -> Path:
    """The directory itself, where a link leads to it. Kubernetes keeps the files of a ConfigMap behind a link in it."""
    folder = folder.expanduser()
    data = folder / "..data"
    return (data if data.is_dir() else folder).resolve()


class _Loader(SourceFileLoader):
    """Shows a module under the directory's name, and compiles it anew each time."""

    def __init__(self, fullname: str, path: str, name: str) -> None:
        super().__init__(fullname, path)
        self.name_of_folder = name

    def path_stats(self, path: Any) -> Mapping[str, Any]:
        """Python asks for this only to compare a compiled copy. Raises OSError, which means that there is none."""
        raise OSError(f"no compiled copy of {path} is used")

    def source_to_code(  # type: ignore[override] # the stubs of its base class call this static
        self, data: Any, path: Any, *, _optimize: int = -1
    ) -> CodeType:
        return super().source_to_code(data, f"{self.name_of_folder}/{Path(path).name}", _optimize=_optimize)


class _Finder(MetaPathFinder):
    """Finds the package in a directory, whether or not that has an __init__.py."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != PACKAGE:
            return None
        init, places = self.folder / "__init__.py", [str(self.folder)]
        if init.is_file():
            loader = _Loader(PACKAGE, str(init), self.name)
            return spec_from_file_location(PACKAGE, init, loader=loader, submodule_search_locations=places)
        spec = ModuleSpec(PACKAGE, None, is_package=True)
        spec.submodule_search_locations = places
        return spec


def _use(folder: Path, name: str) -> None:
    """Lets Python import the package from the directory, which is shown as `name`."""
    for module in [module for module in sys.modules if module.partition(".")[0] == PACKAGE]:
        del sys.modules[module]
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Finder)]
    sys.meta_path.insert(0, _Finder(folder, name))

    def load(fullname: str, path: str) -> _Loader:
        return _Loader(fullname, path, name)

    sys.path_importer_cache[str(folder)] = FileFinder(str(folder), (load, [".py"]))  # type: ignore[arg-type]
