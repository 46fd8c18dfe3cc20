"""What the running Pulumi program knows of its stack: the settings, and the values that declarations refer to.

The environment wins over the stack's config. Every problem is told at once as a pulumi.RunError, which the CLI shows
without a traceback. It registers nothing.
"""

import json
import os
import signal
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import mocks
from pulumi.runtime.config import CONFIG, is_config_secret
from pulumi.runtime.settings import get_monitor

from .errors import DkronError, SettingsError
from .job.declarations import MODULES_VARIABLE, Declarations, unknown_stacks
from .job.limits import DEFER_CHECKS
from .job.references import Values, references_in
from .job.spec import JobSpec
from .job.tags import accepted_codes, with_default
from .settings import (
    SECRET_KEYS,
    DkronSettings,
    Settings,
    environment_name,
    from_environment,
    load,
    stack_names,
    way_out,
)
from .text import nearest

Inputs = dict[str, dict[str, Any]]


def declared_here(found: Declarations) -> Declarations:
    """What this stack declares. Warns of stacks that declarations name and that aren't there."""
    stack, known = pulumi.get_stack(), stack_names()
    for line in unknown_stacks(found, {stack, *known} if known else ()):
        pulumi.log.warn(line)
    return found.in_stack(stack)


def end_quietly() -> None:
    """A failed run interrupts the program, and Python's own handler would print a traceback below the reason.

    A handler of the program's own stays.
    """
    first = threading.current_thread() is threading.main_thread()
    if first and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def program_settings(specs: Iterable[JobSpec] = (), problems: Iterable[str] = ()) -> Settings:
    """Where Dkron is and which jobs are ours.

    Raises pulumi.RunError with every problem: those given, those of the settings, and beside them those of the specs'
    references.
    """
    config = pulumi.Config()
    found = [*problems, *_unencrypted(config, SECRET_KEYS)]
    settings = None
    try:
        settings = load(config.get, os.environ)
    except SettingsError as error:
        found.extend(error.problems)
    if settings is not None:
        found += _against_house_rules(specs, settings)
    if found or settings is None:
        # Without another problem `filled_in` tells these; looking at every reference twice would cost each run.
        found += _fill({spec.name: spec.inputs() for spec in specs}, str)[1]
        raise pulumi.RunError("\n".join(found)) from None
    return settings


@cache
def require_dkron(settings: DkronSettings) -> None:
    """Before anything is changed: raises pulumi.RunError, one line, where Dkron doesn't answer or has no leader.

    A first `up` has nothing to refresh, so it would find that out at each job. The watcher asks by itself before it
    starts a run, and where a test puts mocks in the engine's place there is no Dkron.
    """
    if pulumi.runtime.is_dry_run() or os.environ.get(DEFER_CHECKS) or isinstance(get_monitor(), mocks.MockMonitor):
        return
    from .dkron.client import DkronClient  # takes long to import, and a preview doesn't need it

    client = DkronClient(settings)
    try:
        client.require_leader()
    except DkronError as error:
        raise pulumi.RunError(str(error)) from None
    finally:
        client.close()


def schedules(specs: Iterable[JobSpec]) -> dict[str, Any]:
    """The declared schedules by job, for the program's outputs."""
    filled = filled_in({spec.name: {"schedule": spec.schedule} for spec in specs}, pulumi.Output.secret)
    return {name: inputs["schedule"] for name, inputs in filled.items()}


def _against_house_rules(specs: Iterable[JobSpec], settings: Settings) -> list[str]:
    """A line for each house rule that a job breaks, where it is an error; a warning is told at once."""
    if not specs:
        return []
    from .house import house_rules  # a program without declarations has no need of it
    from .job.house_rules import judge

    try:
        rules = house_rules()
    except SettingsError as error:
        return list(error.problems)
    errors, warnings = judge([with_default(spec, settings.default_tags) for spec in specs], rules)
    for line in warnings:
        pulumi.log.warn(line)
    return errors


def filled_in(declared: Mapping[str, Mapping[str, Any]], seal: Callable[[str], Any]) -> Inputs:
    """The inputs of jobs by name, with config in the place of references; `seal` wraps a text with a secret in it.

    Raises pulumi.RunError: one line for each key that is missing, malformed or a secret that stands unencrypted.
    """
    jobs, problems = _fill(declared, seal)
    if problems:
        raise pulumi.RunError("\n".join(problems))
    return jobs


def _fill(declared: Mapping[str, Mapping[str, Any]], seal: Callable[[str], Any]) -> tuple[Inputs, list[str]]:
    config = pulumi.Config()
    found = [reference for inputs in declared.values() for _, reference in references_in(inputs)]
    secret_keys = {key for reference in found if reference.secret for key in reference.keys}
    problems: list[str] = []

    def lookup(key: str) -> str | None:
        try:
            value = from_environment(key, os.environ)
        except SettingsError as error:
            problems.extend(p for p in error.problems if p not in problems)
            return None
        return value if value is not None else config.get(key)

    secrets = secret_keys | {key for one in found for key in one.keys if is_config_secret(config.full_key(key))}
    values = Values(lookup, seal, secrets)
    jobs = {name: values.fill(name, inputs) for name, inputs in declared.items()}
    unreadable = {problem.partition("_FILE:")[0] for problem in problems}
    problems += [
        f"{key} is not set, and {_some(values.jobs[key])}: {_misspelt(config, key)}{way_out(key, secret=secret)}"
        for key, secret in values.missing.items()
        if environment_name(key) not in unreadable
    ]
    problems += [
        f"{key} {reason}; {_some(values.jobs[key])}: {way_out(key, secret=key in secrets)}"
        for key, reason in values.malformed.items()
    ]
    return jobs, [*problems, *_unencrypted(config, secret_keys)]


def _misspelt(config: pulumi.Config, key: str) -> str:
    """The key that the stack's config has in its place, "" if it has none that is near."""
    given = [full.rpartition(":")[2] for full in CONFIG.get() if full.startswith(f"{config.name}:")]
    near = nearest(key, (name for name in given if not config.get(key) and name != key))
    return f"the stack's config has {near}; did you mean {key}? If so, rename it, else " if near else ""


def _unencrypted(config: pulumi.Config, keys: Iterable[str]) -> list[str]:
    """One line for each secret key that stands in the stack's config in clear."""
    return [
        f"{key} stands in the stack's config unencrypted: run `pulumi config set --secret {key}`"
        for key in sorted(keys)
        if config.get(key) and not is_config_secret(config.full_key(key))
    ]


def _some(jobs: list[str]) -> str:
    """Which jobs need it, in few words."""
    more = f" and {len(jobs) - 1} more" if len(jobs) > 1 else ""
    return f'job "{jobs[0]}"{more} need{"" if more else "s"} it'


def hand_over(found: Declarations) -> None:
    """Tells the watcher which module declares which jobs and which warnings they accept, where it asked for that."""
    path = os.environ.get(MODULES_VARIABLE)
    if path:
        accepted = {spec.name: sorted(accepted_codes(spec.accept, spec.tags)) for spec in found.specs}
        told = {"modules": found.modules, "accepted": {name: codes for name, codes in accepted.items() if codes}}
        Path(path).write_text(json.dumps(told), encoding="utf-8")
