"""All declarations of a package at once, with every problem of getting at them: a broken module hides no other.

The Pulumi program, the commands and whoever else reads declarations gather them here, so that all of them judge alike.
A module whose name begins with an underscore holds helpers. Nothing is checked here but that they are declarations.
"""

import importlib
import pkgutil
import re
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from types import ModuleType
from typing import Final

from ..text import did_you_mean, one_line
from .executors import http, plugin, shell
from .spec import JobSpec

# The environment variable with the path of a file in which the watcher wants to read what a preview doesn't say, as
# JSON: `modules`, and as `accepted` the codes of warnings that a job accepts, by its name.
MODULES_VARIABLE: Final = "DKRON_JOBS_MODULES"
_KEYWORD = re.compile(r"(\w+)(?:\.__init__)?\(\) got an unexpected keyword argument '(\w+)'")
_FIELDS: Final = tuple(one.name for one in fields(JobSpec) if one.name != "declared_at")
# What Dkron's JSON has besides; its documentation names the first for another purpose.
COUNTERS: Final = frozenset(
    {
        "success_count",
        "error_count",
        "last_success",
        "last_error",
        "next",
        "status",
        "dependent_jobs",
    }
)


@dataclass(slots=True)
class Declarations:
    """The declared jobs, the first of each name, in order. `problems`: one line each, with file and line.

    `modules`: the names of the jobs that each module declares, by the module's file.
    """

    by_name: dict[str, JobSpec] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    modules: dict[str, list[str]] = field(default_factory=dict)

    @property
    def specs(self) -> list[JobSpec]:
        return list(self.by_name.values())


def gather(package: str = "jobs") -> Declarations:
    """The declarations of all modules of a package, by module and then in order of declaration. Raises nothing."""
    found = Declarations()
    try:
        paths = importlib.import_module(package).__path__
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a declaration may fail in any way, and a person wants one line
        found.problems.append(_why(error, f"{package}/__init__.py"))
        return found
    for name in sorted(module.name for module in pkgutil.iter_modules(paths)):
        if not name.startswith("_"):
            _take_module(found, package, name)
    return found


def _take_module(found: Declarations, package: str, name: str) -> None:
    place = f"{package}/{name}.py"
    try:
        specs = _jobs_of(importlib.import_module(f"{package}.{name}"), place)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - see above
        found.problems.append(_why(error, place))
        return
    found.modules[place] = [str(spec.name) for spec in specs if isinstance(spec, JobSpec)]
    for number, spec in enumerate(specs, start=1):
        if isinstance(spec, JobSpec):
            _take(found, spec)
        else:
            found.problems.append(f"{place}: item {number} of JOBS is a {type(spec).__name__}, not a JobSpec")


class _NoDeclarations(Exception):
    """A module's JOBS are missing or no list; the text is the whole line."""


def _jobs_of(module: ModuleType, place: str) -> list[object]:
    """What a module declares. Raises _NoDeclarations, and whatever an iterator of its own raises."""
    if not hasattr(module, "JOBS"):
        raise _NoDeclarations(
            f"{place} has no JOBS, so it declares nothing: give it JOBS = [...] (JOBS = [] if that is meant), "
            "or a name that begins with an underscore if it holds helpers"
        )
    declared = module.JOBS
    if isinstance(declared, str | Mapping | JobSpec) or not isinstance(declared, Iterable):
        raise _NoDeclarations(f"{place}: JOBS must be a list of JobSpec, not {_kind(declared)}")
    return list(declared)


def _kind(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__}"


def _take(found: Declarations, spec: JobSpec) -> None:
    name: object = spec.name
    if not isinstance(name, str):
        found.problems.append(f"{spec.declared_at}: a job's name must be a text, not {name!r:.60}")
        return
    first = found.by_name.get(spec.name)
    if first is not None:
        found.problems.append(
            f'{spec.declared_at}: job "{spec.name}" is declared twice, first at {first.declared_at}: '
            "rename or remove one"
        )
        return
    found.by_name[spec.name] = spec


def _why(error: BaseException, module: str) -> str:
    """One line: the place in the module at which it failed, the kind of error and its text."""
    if isinstance(error, _NoDeclarations):
        return str(error)
    if isinstance(error, TypeError) and (words := _unknown_keyword(str(error))):
        return f"{_place(error, module)}: {words}"
    if isinstance(error, SystemExit):
        return f"{_place(error, module)}: the module ends the program (sys.exit); declarations must not"
    return f"{_place(error, module)}: {type(error).__name__}: {one_line(str(error))}"


def _unknown_keyword(text: str) -> str:
    """What Python says of a keyword that a declaration has not, with the one that was meant; "" for anything else."""
    match = _KEYWORD.search(text)
    if match is None:
        return ""
    from inspect import signature  # 10 ms, and rarely needed

    called, keyword = match.groups()
    known = {"JobSpec": _FIELDS, **{build.__name__: signature(build).parameters for build in (http, shell, plugin)}}
    if called not in known:
        return ""
    if keyword in COUNTERS:
        return f"{called} has no {keyword}: Dkron itself keeps it, and nobody can set it"
    return f"{called} has no {keyword}{did_you_mean(keyword, known[called])}"


def _place(error: BaseException, module: str) -> str:
    """The line of the module at which it failed, or of the file that its syntax error is in."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{'/'.join(error.filename.rsplit('/', 2)[-2:])}:{error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith(module)]
    return f"{module}:{frames[-1].lineno}" if frames else module
