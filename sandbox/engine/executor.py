"""Does steps: asks the provider, keeps the record, tells what happened. What to do was decided before."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from .errors import Bail, CliError
from .provider import ProviderError
from .report import Step
from .run import Run
from .state import Resource, now
from .values import marked


class StepFailed(Exception):
    """The step was reported as failed."""


def execute(run: Run, step: Step) -> None:
    """Raises StepFailed, Bail when the run was stopped before, CliError when the state can't be written."""
    with run.slots:
        run.check()
        run.report.before(step)
        run.recorder.begin(step)
        try:
            _perform(run, step)
        except (ProviderError, CliError) as error:
            run.report.failed(step, str(error))
            run.recorder.end(step, good=False)
            raise StepFailed from None
        run.recorder.end(step, good=True)
        run.report.after(step)


def execute_all(run: Run, steps: list[Step]) -> set[Step]:
    """Side by side; returns those that went well."""

    def attempt(step: Step) -> bool:
        try:
            execute(run, step)
        except StepFailed:
            run.fail(step.urn)
            return False
        except Bail:
            return False  # interrupted: it stays as it was
        return True

    with ThreadPoolExecutor(max_workers=run.options.parallel) as pool:
        outcomes = list(pool.map(attempt, steps))
    return {step for step, good in zip(steps, outcomes, strict=True) if good}


def _perform(run: Run, step: Step) -> None:
    """Asks the provider, unless this is a preview; only a refresh reads in a preview, too."""
    old, new = step.old, step.new
    if step.op in ("delete", "delete-replaced") and old:
        _delete(run, step, old)
    elif step.op == "refresh" and old:
        _refresh(run, step, old)
    elif step.op == "same" and old and new:
        new.id, new.outputs = old.id, marked(old.outputs, new.inputs)
    elif new and step.op != "replace":
        asks = new.custom and not new.is_provider and not run.options.preview
        new.outputs = new.inputs if new.custom else {}
        new.modified = now()
        if step.op == "update" and old:
            new.id = old.id
            new.outputs = run.providers.get(new.provider).update(old, new) if asks else new.outputs
        else:
            new.created = new.modified
            if asks:
                new.id, new.outputs = run.providers.get(new.provider).create(new)


def _delete(run: Run, step: Step, old: Resource) -> None:
    if old.protect and step.op == "delete":
        raise CliError(
            f'resource "{old.urn}" cannot be deleted\nbecause it is protected. To unprotect the resource, remove the '
            "`protect` flag from the resource in your Pulumi program and run `pulumi up`"
        )
    spared = run.options.preview or old.retain_on_delete or old.is_provider or old.pending_replacement
    if old.custom and not spared:
        run.providers.get(old.provider).delete(old)


def _refresh(run: Run, step: Step, old: Resource) -> None:
    """Puts what is really there in the step's new state, None if it is gone."""
    if not old.custom or old.is_provider or old.pending_replacement:
        return
    found = old.copy()
    found.id, found.inputs, found.outputs = run.providers.get(old.provider).read(old)
    found.init_errors = []
    if (found.inputs, found.outputs) != (old.inputs, old.outputs):
        found.modified = now()
    step.new = found if found.id else None
