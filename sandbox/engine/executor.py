"""Does steps: asks the provider, keeps the record, tells what happened. What to do was decided before.

A step that fails is reported here; `Run.fail` says what that means for the rest.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .errors import CliError
from .events import Step
from .provider import ProviderError
from .run import Run
from .state import Resource
from .values import Secret, plain


class StepFailed(Exception):
    """The step was reported as failed. `protected`: nothing was tried, so the rest may go on."""

    def __init__(self, *, protected: bool = False) -> None:
        super().__init__()
        self.protected = protected


class _Protected(CliError):
    pass


class Executor:
    """Runs steps, at most `parallel` at a time. Thread safe."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._active = 0
        self._idle = threading.Condition()

    def wait_until_idle(self) -> None:
        with self._idle:
            self._idle.wait_for(lambda: self._active == 0)

    def execute(self, step: Step, *, persisted: bool = False) -> None:
        """Raises StepFailed, Bail when the run was stopped before, CliError when the state can't be written."""
        run = self._run
        with run.slots, self._counted():
            run.check()
            run.events.before(step)
            run.recorder.begin(step)
            try:
                getattr(self, f"_{step.op.replace('-', '_')}")(step)
            except (ProviderError, CliError) as error:
                run.events.failed(step, str(error))
                run.recorder.end(step, good=False)
                raise StepFailed(protected=isinstance(error, _Protected)) from None
            if step.new and step.op != "replace":
                _keep_secrets(step.new)
            run.recorder.end(step, good=True, persisted=persisted)
            run.events.after(step, refreshing=run.options.kind == "refresh")

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._idle:
            self._active += 1
        try:
            yield
        finally:
            with self._idle:
                self._active -= 1
                self._idle.notify_all()

    # --- one method for each operation; `step.old` and `step.new` are there as the operation needs them ---

    def _same(self, step: Step) -> None:
        old, new = _both(step)
        new.id, new.outputs = old.id, old.outputs

    def _create(self, step: Step) -> None:
        new = step.new or Resource("", "")
        if new.is_provider:
            new.id, new.outputs = self._run.new_provider_id(), new.inputs
        elif new.custom and self._run.options.preview:
            new.outputs = new.inputs
        elif new.custom:
            new.id, new.outputs = self._run.providers.get(new.provider).create(new)
        if not self._run.options.preview:
            self._run.stamp(new, created=True)

    def _create_replacement(self, step: Step) -> None:
        self._create(step)
        if step.old and step.pends:
            step.old.delete = True

    def _update(self, step: Step) -> None:
        old, new = _both(step)
        new.id, new.created, new.modified = old.id, old.created, old.modified
        if new.is_provider or (new.custom and self._run.options.preview):
            new.outputs = new.inputs
        elif new.custom:
            new.outputs = self._run.providers.get(new.provider).update(old, new)
        if not self._run.options.preview:
            self._run.stamp(new, created=False)

    def _replace(self, step: Step) -> None:
        pass  # a heading over the two steps that do it

    def _delete(self, step: Step, *, replacing: bool = False) -> None:
        old = step.old or Resource("", "")
        if old.protect and not replacing:
            raise _Protected(
                f'resource "{old.urn}" cannot be deleted\nbecause it is protected. To unprotect the resource, either '
                "remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`, or use the "
                f"command:\n`pulumi state unprotect '{old.urn}'`"
            )
        spared = self._run.options.preview or old.external or old.retain_on_delete or old.is_provider
        if old.custom and not spared:
            self._run.providers.get(old.provider).delete(old)

    def _delete_replaced(self, step: Step) -> None:
        self._delete(step, replacing=True)
        if step.old and step.pends:
            step.old.pending_replacement = True

    def _remove_pending_replace(self, step: Step) -> None:
        pass  # it was deleted in an earlier run; only the record of it goes

    def _read(self, step: Step) -> None:
        new = step.new or Resource("", "")
        found = self._run.providers.get(new.provider).read(new, new.inputs, new.inputs)
        if not found.id:
            raise CliError(f"resource '{new.id}' does not exist")
        new.id, new.outputs = found.id, found.outputs
        if step.old:
            new.created, new.modified = step.old.created, step.old.modified
            if (new.inputs, new.outputs) != (step.old.inputs, step.old.outputs):
                self._run.stamp(new, created=False)

    def _read_replacement(self, step: Step) -> None:
        self._read(step)
        if step.old:
            step.old.delete = True

    def _refresh(self, step: Step) -> None:
        old = step.old or Resource("", "")
        step.result_op = "same"
        step.new = old
        if not old.custom or old.is_provider or old.pending_replacement:
            return
        provider = self._run.providers.get(old.provider)
        found = provider.read(old, old.inputs, old.outputs)
        if not found.id:
            step.new, step.result_op = None, "delete"
            return
        new = old.copy()
        new.id, new.outputs, new.init_errors = found.id, found.outputs, []
        new.inputs = old.inputs if found.inputs is None else found.inputs
        step.new = new
        if (new.inputs, new.outputs) != (old.inputs, old.outputs):
            self._run.stamp(new, created=False)
        if old.external or self._run.options.legacy_refresh_diff:
            step.result_op = "same" if plain(new.outputs) == plain(old.outputs) else "update"
            return
        # The question is what an `up` of the unchanged program would find, so the old inputs are the new ones here.
        diff = provider.diff(new, new.inputs, new.outputs, old.inputs)
        changed = plain(new.inputs) != plain(old.inputs) if diff.changed is None else diff.changed
        step.result_op, step.diffs = ("update" if changed else "same"), diff.keys


def _both(step: Step) -> tuple[Resource, Resource]:
    if step.old is None or step.new is None:
        raise AssertionError(f"{step.op} needs an old and a new state")
    return step.old, step.new


def _keep_secrets(resource: Resource) -> None:
    """What was declared secret, or is secret among the inputs, is secret among the outputs."""
    wanted = {*resource.additional_secret_outputs} | {
        key for key, value in resource.inputs.items() if isinstance(value, Secret)
    }
    found = {key for key in wanted & resource.outputs.keys() if not isinstance(resource.outputs[key], Secret)}
    if found:
        resource.outputs = {key: Secret(value) if key in found else value for key, value in resource.outputs.items()}
