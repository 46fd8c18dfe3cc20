"""One run from beginning to end: refresh, the program, the deletes, the stack's outputs, the summary.

The order is the real engine's (recorded: sessions 01-14), but one operation is done at a time.
"""

from dataclasses import dataclass, replace

from .console import Bail, CliError
from .monitor import run_program
from .planner import Planner
from .report import Step
from .run import Run
from .state import Resource
from .values import Properties, marked


@dataclass(frozen=True)
class Outcome:
    """The answer to a registration. `unknown`: nothing was made, so nothing is known of the outputs."""

    state: Resource
    good: bool = True
    unknown: bool = False


class Deployment:
    """Carries a run out. `execute` returns whether all went well; everything else was told as events."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._planner = Planner(run)
        self._root: Step | None = None
        self._stack_outputs: Properties | None = None  # only at the end is it known whether they replace the old ones

    def execute(self) -> bool:
        run = self._run
        try:
            self._stages()
        except (Bail, CliError) as error:
            run.failed = run.failed or not run.interrupted
            if str(error):
                run.report.error(str(error))
        finally:
            run.stopped = True
            with run.lock:  # what is under way comes to its end
                run.providers.close()
        return self._conclude()

    def _stages(self) -> None:
        options = self._run.options
        if self._run.recorder.base.pending and not self._run.preview:
            self._warn_of_pending()
        alone = options.command in ("refresh", "destroy")  # without the program
        if options.refresh and (alone or not options.run_program):
            self._refresh_all()
        if options.command == "destroy":
            self._delete_all()
        if not alone:
            run_program(self._run, self)
            self._delete_all()

    def _warn_of_pending(self) -> None:
        pending = self._run.recorder.base.pending
        lines = "".join(f"\n  * {item.urn}, interrupted while {kind}" for kind, item in pending)
        text = f"Attempting to deploy or update resources with {len(pending)} pending operations{lines}"
        self._run.report.message("warning", text)

    def _refresh_all(self) -> None:
        run = self._run
        for item in list(run.recorder.base.resources):
            run.check()
            if run.targets(item):
                execute(run, Step("refresh", item, item, logical=False))
        if run.failed:
            raise Bail

    def _delete_all(self) -> None:
        """Dependents first. What a failed delete still needs is kept.

        What nothing else needs goes at once, whichever of it fails; the rest then only with --continue-on-error.
        """
        self._check_targets()
        remaining = self._steps_at_the_end()
        kept: set[str] = set()
        while remaining:
            needed = set().union(*(step.resource.needs() for step in remaining))
            free = [step for step in remaining if step.resource.urn not in needed]
            for step in free or list(remaining):
                remaining.remove(step)
                if step.resource.urn in kept or self._run.interrupted or not execute(self._run, step):
                    kept |= step.resource.needs()
            self._run.check()

    def _steps_at_the_end(self) -> list[Step]:
        """A step for what a replacement left, and for what wasn't registered: it goes, or isn't among the targets."""
        targets, base = self._run.options.target, self._run.recorder.base.resources
        steps, going = [], set()
        for item in reversed(base):
            targeted = not targets or item.urn in targets
            if item.delete and targeted:
                steps.append(Step("delete-replaced", item, None, logical=False))
            elif item.urn not in self._planner.registered and targeted:
                steps.append(Step("delete", item, None))
                going.add(item.urn)
        for item in base:
            if item.urn not in going | self._planner.registered and not item.delete:
                if going & item.needs():
                    raise CliError(f"{item.urn} needs what would be deleted, and was not specified in --target list.")
                execute(self._run, Step("same", item, replace(item)))
        return steps

    def _check_targets(self) -> None:
        known = self._planner.registered | {item.urn for item in self._run.recorder.base.resources}
        for urn in (*self._run.options.target, *self._run.options.replace):
            if urn not in known:
                raise CliError(f"Target '{urn}' could not be found in the stack.")

    def _conclude(self) -> bool:
        run = self._run
        failed = run.failed or run.report.errors > 0
        try:
            self._finalize_outputs(keep_old=failed or run.interrupted)
            run.recorder.save()
        except CliError as error:
            failed = True
            run.report.error(error.message)
        what = "preview" if run.preview else "update"
        if run.skipped or (run.interrupted and not failed):
            run.report.error(f"{what} {'failed' if failed else 'canceled'}")
        run.report.summary("failed" if failed else "canceled" if run.interrupted else "succeeded")
        return not failed and not run.interrupted

    # --- what the program asks for (monitor.py) ---

    def register(self, new: Resource) -> Outcome:
        run, planner = self._run, self._planner
        if new.custom and (step := planner.register_provider()):
            execute(run, step)
        old = planner.prepare(new)
        if not run.targets(new):
            return self._leave_as_it_is(old, new)
        for urn in sorted(new.needs() & planner.left_out):
            raise CliError(f"Resource '{new.urn}' depends on '{urn}' which was not specified in --target list.")
        if old and new.custom and run.options.refresh and run.options.run_program:
            step = Step("refresh", old, old, logical=False)
            if not execute(run, step):
                raise Bail  # what can't be read can't be compared
            old = step.new
        if new.needs() & run.skipped:
            run.skipped.add(new.urn)
            return Outcome(new, good=False)
        return Outcome(new, good=all(map(self._registering, planner.plan(old, new))))

    def _registering(self, step: Step) -> bool:
        self._root = step if step.resource.urn == self._run.root_urn else self._root
        return execute(self._run, step)

    def _leave_as_it_is(self, old: Resource | None, new: Resource) -> Outcome:
        """For what --target doesn't name."""
        if old is None:
            self._planner.left_out.add(new.urn)
            self._run.report.after(Step("same", None, new))
            return Outcome(new, unknown=True)
        copy = replace(old)
        return Outcome(copy, good=self._registering(Step("same", old, copy)))

    def register_outputs(self, urn: str, outputs: Properties) -> None:
        if urn == self._run.root_urn:
            self._stack_outputs = outputs

    def _finalize_outputs(self, *, keep_old: bool) -> None:
        step = self._root
        if self._stack_outputs is not None and step and step.new:
            kept = step.old.outputs if keep_old and step.old else {}
            step.new.outputs = kept | self._stack_outputs
            self._run.report.outputs(step)


def execute(run: Run, step: Step) -> bool:
    """Whether it went well. Raises CliError when the state can't be written."""
    run.report.before(step)
    run.recorder.begin(step)
    try:
        _perform(run, step)
    except CliError as error:
        run.report.failed(step, str(error))
        run.recorder.end(step, good=False)
        run.fail(step.resource.urn)
        return False
    run.recorder.end(step, good=True)
    run.report.after(step)
    return True


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
        asks = new.custom and not new.is_provider and not run.preview
        new.outputs = new.inputs if new.custom else {}
        if step.op == "update" and old:
            new.id = old.id
            new.outputs = run.providers.get(new.provider).update(old, new) if asks else new.outputs
        elif asks:
            new.id, new.outputs = run.providers.get(new.provider).create(new)


def _delete(run: Run, step: Step, old: Resource) -> None:
    if old.protect and step.op == "delete":
        raise CliError(f"{old.urn} cannot be deleted: it is protected; declare it without `protect` before")
    spared = run.preview or old.retain_on_delete or old.is_provider
    if old.custom and not spared:
        run.providers.get(old.provider).delete(old)


def _refresh(run: Run, step: Step, old: Resource) -> None:
    """Puts what is really there in the step's new state, None if it is gone."""
    if not old.custom or old.is_provider:
        return
    found = replace(old)
    found.id, found.inputs, found.outputs = run.providers.get(old.provider).read(old)
    step.new = found if found.id else None
