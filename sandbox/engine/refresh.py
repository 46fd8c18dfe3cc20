"""Reads what is really there into the snapshot, before (or, for what the program left out, after) anything else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from .errors import Bail
from .events import Step
from .executor import Executor, StepFailed
from .run import Run
from .state import Resource, repair


def refresh_all(run: Run, executor: Executor, but: set[str]) -> None:
    """Refreshes every resource of the base except those in `but`. Bail, after all were tried, if one failed."""
    steps = [Step("refresh", item, item, logical=False) for item in run.recorder.base.resources if item.urn not in but]
    for step in steps:
        if step.old and step.old.custom and not step.old.is_provider:
            run.providers.get(step.old.provider)
    with ThreadPoolExecutor(max_workers=run.options.parallel) as pool:
        outcomes = list(pool.map(lambda step: _try(executor, step), steps))
    _rebuild(run, {id(step.old): step.new for step, good in zip(steps, outcomes, strict=True) if good})
    if not all(outcomes):
        run.failed = run.step_failed = True
        raise Bail
    run.check()


def _try(executor: Executor, step: Step) -> bool:
    try:
        executor.execute(step)
    except StepFailed:
        return False
    except Bail:
        return True  # interrupted: what it is stays as it was
    return True


def _rebuild(run: Run, found: dict[int, Resource | None]) -> None:
    base = run.recorder.base
    refreshed = [found.get(id(item), item) for item in base.resources]
    base.resources = [item for item in refreshed if item is not None]
    repair(base.resources, all_of_them=True)
