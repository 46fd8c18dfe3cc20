"""All declarations at once, with every problem of getting at them: a module that fails to import hides no other.

The Pulumi program stops at the first problem (`declared_jobs`); a person at the command line wants the whole list.
"""

import importlib
import pkgutil
import traceback
from dataclasses import dataclass, field
from types import ModuleType

import jobs
from provider.errors import one_line
from provider.job_spec import JobSpec


@dataclass(slots=True)
class Declarations:
    """The declared jobs, the first of each name; problems and warnings are one line each, with file and line."""

    by_name: dict[str, JobSpec] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def specs(self) -> list[JobSpec]:
        return list(self.by_name.values())


def gather(package: ModuleType = jobs) -> Declarations:
    """The declarations of all modules of a package, by module and then in order of declaration."""
    found = Declarations()
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    for name in names:
        if not name.startswith("_"):
            _take_module(found, package.__name__, name)
    return found


def _take_module(found: Declarations, package: str, name: str) -> None:
    place = f"{package}/{name}.py"
    try:
        module = importlib.import_module(f"{package}.{name}")
    except Exception as error:  # noqa: BLE001 - a declaration may fail in any way, and a person wants one line
        found.problems.append(f"{_place(error, place)}: {type(error).__name__}: {one_line(str(error))}")
        return
    declared = getattr(module, "JOBS", None)
    if declared is None:
        found.warnings.append(f"{place} has no JOBS, so it declares nothing")
        return
    if not isinstance(declared, list | tuple):
        found.problems.append(f"{place}: JOBS must be a list of JobSpec, not {type(declared).__name__}")
        return
    for number, spec in enumerate(declared, start=1):
        if isinstance(spec, JobSpec):
            _take(found, spec)
        else:
            found.problems.append(f"{place}: item {number} of JOBS is a {type(spec).__name__}, not a JobSpec")


def _take(found: Declarations, spec: JobSpec) -> None:
    first = found.by_name.setdefault(spec.name, spec)
    if first is not spec:
        found.problems.append(
            f'{spec.declared_at}: job "{spec.name}" is declared twice, first at {first.declared_at}: '
            "rename or remove one"
        )


def _place(error: Exception, module: str) -> str:
    """The line of the module at which it failed, or of the file that its syntax error is in."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{'/'.join(error.filename.rsplit('/', 2)[-2:])}:{error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith(module)]
    return f"{module}:{frames[-1].lineno}" if frames else module
