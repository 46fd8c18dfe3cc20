"""All declarations of a package at once, with every problem of getting at them: a broken module hides no other.

The Pulumi program, the commands and whoever else reads declarations gather them here, so that all of them judge alike.
A module whose name begins with an underscore holds helpers. Nothing is checked here but that they are declarations.
"""

import importlib
import pkgutil
import re
import traceback
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from types import ModuleType
from typing import Final

from ..advice import Advice
from ..text import did_you_mean, one_line
from .executors import http, plugin, shell
from .references import Reference
from .spec import COUNTERS, DEFAULTS, JobSpec
from .stacks import NoValue, PerStack, in_stack, stacks_in, varies

# The environment variable with the path of a file in which the watcher wants to read what a preview doesn't say, as
# JSON: `modules`, and as `accepted` the codes of warnings that a job accepts, by its name.
MODULES_VARIABLE: Final = "DKRON_JOBS_MODULES"
_KEYWORD = re.compile(r"(\w+)(?:\.__init__)?\(\) got an unexpected keyword argument '(\w+)'")
_FIELDS: Final = tuple(one.name for one in fields(JobSpec) if one.name != "declared_at")
_DEFAULTS: Final = {**DEFAULTS, "accept": (), "stacks": ()}


@dataclass(slots=True)
class Declarations:
    """The declared jobs, the first of each name, in order. `problems`: one line each, with file and line.

    `modules`: the names of the jobs that each module declares, in whatever stack, by the module's file. `again`: what
    is declared under a name for other stacks than the first.
    """

    by_name: dict[str, JobSpec] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    modules: dict[str, list[str]] = field(default_factory=dict)
    again: list[JobSpec] = field(default_factory=list)

    @property
    def specs(self) -> list[JobSpec]:
        return list(self.by_name.values())

    @property
    def stacks(self) -> dict[str, JobSpec]:
        """The stacks that declarations name, each with the first that does."""
        found: dict[str, JobSpec] = {}
        for spec in (*self.by_name.values(), *self.again):
            values = [getattr(spec, name) for name in _FIELDS]
            for stack in (*stacks_in(values), *_only(spec)):
                found.setdefault(stack, spec)
        return found

    def in_stack(self, stack: str) -> "Declarations":
        """What is declared in one stack, the values by stack chosen."""
        found = Declarations(problems=list(self.problems), modules=self.modules)
        for spec in (*self.by_name.values(), *self.again):
            if stack in (_only(spec) or (stack,)):
                found.by_name[spec.name] = _chosen(spec, stack, found.problems)
        return found


def _only(spec: JobSpec) -> tuple[str, ...]:
    """The stacks in which a job is declared, none for all."""
    return (spec.stacks,) if isinstance(spec.stacks, str) else tuple(spec.stacks)


def _chosen(spec: JobSpec, stack: str, problems: list[str]) -> JobSpec:
    """A job with its values in a stack; where there is none the field is left at its default, and that is a problem."""
    values = {name: getattr(spec, name) for name in _FIELDS}
    varying = {name: value for name, value in values.items() if varies(value)}
    chosen = {}
    for name, value in varying.items():
        try:
            chosen[name] = in_stack(value, stack)
        except NoValue as error:
            problems.append(f'{spec.declared_at}: job "{spec.name}": {name}: {error}')
            chosen[name] = _DEFAULTS[name]
    return replace(spec, **chosen) if chosen else spec


def unknown_stacks(found: Declarations, known: Collection[str]) -> list[str]:
    """A warning for each stack that a declaration names and that isn't there; none where no stack is known."""
    lines = []
    for stack, spec in found.stacks.items() if known else ():
        if stack in known or "unknown-stack" in spec.accept:
            continue
        text = f'names stack "{one_line(stack)}", and there is no Pulumi.{one_line(stack)}.yaml'
        advice = Advice("unknown-stack", text + did_you_mean(stack, known))
        lines.append(f'{spec.declared_at}: job "{spec.name}": {advice.line}')
    return lines


def gather(package: str = "jobs", folder: str = "") -> Declarations:
    """The declarations of all modules of a package, by module and then in order of declaration. Raises nothing.

    `folder`: how the package's directory is called, if not like the package.
    """
    found, folder = Declarations(), folder or package
    try:
        paths = importlib.import_module(package).__path__
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a declaration may fail in any way, and a person wants one line
        found.problems.append(_why(error, f"{folder}/__init__.py"))
        return found
    for name in sorted(module.name for module in pkgutil.iter_modules(paths)):
        if not name.startswith("_"):
            _take_module(found, package, name, f"{folder}/{name}.py")
    return found


def _take_module(found: Declarations, package: str, name: str, place: str) -> None:
    """`place`: how the module's file is shown. What it declares is kept under its name, wherever it lies."""
    try:
        specs = _jobs_of(importlib.import_module(f"{package}.{name}"), place)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - see above
        found.problems.append(_why(error, place))
        return
    found.modules[f"{package}/{name}.py"] = [_name_of(spec) for spec in specs if isinstance(spec, JobSpec)]
    for number, spec in enumerate(specs, start=1):
        if isinstance(spec, JobSpec):
            _take(found, spec)
        else:
            found.problems.append(f"{place}: item {number} of JOBS is a {type(spec).__name__}, not a JobSpec")


def _name_of(spec: JobSpec) -> str:
    name: object = spec.name
    return "" if isinstance(name, Reference | PerStack) else str(name)


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
    if isinstance(name, Reference | PerStack):
        found.problems.append(
            f"{spec.declared_at}: a job's name must be the same in every stack: another name is another job"
        )
        return
    if not isinstance(name, str):
        found.problems.append(f"{spec.declared_at}: a job's name must be a text, not {name!r:.60}")
        return
    before = found.by_name.get(spec.name)
    same_name = [before, *(one for one in found.again if one.name == spec.name)] if before is not None else []
    first = next((one for one in same_name if not _apart(one, spec)), None)
    if first is not None:
        found.problems.append(
            f'{spec.declared_at}: job "{spec.name}" is declared twice, first at {first.declared_at}: '
            "rename or remove one"
        )
        return
    if same_name:
        found.again.append(spec)
    else:
        found.by_name[spec.name] = spec


def _apart(one: JobSpec, other: JobSpec) -> bool:
    """Whether no stack has both."""
    return bool(_only(one) and _only(other)) and set(_only(one)).isdisjoint(_only(other))


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
