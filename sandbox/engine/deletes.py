"""Deletes what is no longer wanted, dependents first: leftovers of replacements, and what wasn't registered."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from .errors import CliError
from .events import Step
from .executor import Executor, StepFailed
from .run import Run
from .state import Resource


def delete_steps(resources: list[Resource], operated: set[str], extra: list[Resource]) -> list[Step]:
    """Pure: one step for each resource that must go. `extra` were registered but are to be destroyed all the same."""
    steps = []
    for item in resources:
        if item.delete:
            steps.append(Step("delete-replaced", item, None, logical=False))
        elif item.urn not in operated:
            op = "remove-pending-replace" if item.pending_replacement else "delete"
            steps.append(Step(op, item, None, logical=op == "delete"))
    return steps + [Step("delete", item, None) for item in extra]


def waves(steps: list[Step]) -> list[list[Step]]:
    """Pure: steps grouped so that nothing is deleted before all that needs it is gone."""
    remaining, found = list(steps), []
    while remaining:
        needed = {urn for step in remaining for urn in step.resource.needs()}
        wave = [step for step in remaining if step.urn not in needed]
        if not wave:
            raise CliError(f"the state has a cycle of dependencies around {remaining[0].urn}")
        found.append(wave)
        remaining = [step for step in remaining if step not in wave]
    return found


def delete_all(run: Run, executor: Executor, steps: list[Step]) -> None:
    """Wave by wave. What a failed delete still needs is kept; others go on with --continue-on-error."""
    kept: set[str] = set()
    by_urn = {step.urn: step for step in steps}

    def one(step: Step) -> Step | None:
        try:
            executor.execute(step)
        except StepFailed as failure:
            run.failed = run.step_failed = True
            if not failure.protected and not run.options.continue_on_error:
                run.stop()
            return step
        return None

    for wave in waves(steps):
        wanted = [step for step in wave if step.urn not in kept]
        if run.stopped.is_set():
            return
        for step in wanted:
            if step.resource.custom and not step.resource.is_provider and not run.options.preview:
                run.providers.get(step.resource.provider)
        with ThreadPoolExecutor(max_workers=run.options.parallel) as pool:
            failed = [step for step in pool.map(one, wanted) if step]
        left = [urn for step in failed for urn in step.resource.needs()]
        while left:
            urn = left.pop()
            if urn not in kept:
                kept.add(urn)
                left += by_urn[urn].resource.needs() if urn in by_urn else []
