"""One run from beginning to end: refresh, the program, the deletes, the stack's outputs, the summary.

The order is the real engine's (recorded: sessions 01-14). Signals only set flags here; who handles them is cli.py.
"""

from __future__ import annotations

import threading

from .deletes import delete_all, delete_steps
from .errors import Bail, CliError
from .events import Step
from .executor import Executor, StepFailed
from .monitor import Outcome
from .planner import Goal, Planner
from .program import Program
from .refresh import refresh_all
from .run import Run
from .state import ROOT_TYPE, Resource
from .values import Properties

PENDING_ADVICE = (
    "These resources are in an unknown state because the Pulumi CLI was interrupted while waiting for changes to "
    "these resources to complete. You should confirm whether or not the operations listed completed successfully by "
    "checking the state of the appropriate provider.\n\nOnce you have confirmed the status of the interrupted "
    "operations, you can repair your stack using `pulumi refresh` which will refresh the state from the provider you "
    "are using and clear the pending operations if there are any.\n\nNote that `pulumi refresh` will need to be run "
    "interactively to clear pending CREATE operations."
)


class Deployment:
    """Carries a run out. `execute` returns whether all went well; everything else was told as events."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._executor = Executor(run)
        self._planner = Planner(run, self._executor)
        self._deciding = threading.Lock()
        self._registered: dict[str, Step] = {}
        self._stack_outputs: Properties | None = None
        self._to_destroy: list[Resource] = []

    def execute(self) -> bool:
        run = self._run
        shown = {key: "[secret]" if key in run.secret_keys else value for key, value in run.config.items()}
        run.events.prelude(dict(sorted(shown.items())))
        try:
            self._stages()
        except (Bail, CliError) as error:
            run.failed = run.failed or not run.interrupted
            if str(error):
                run.events.diagnostic("error", str(error))
        finally:
            run.stop()
            self._executor.wait_until_idle()
            run.providers.close()
        return self._conclude()

    def _stages(self) -> None:
        run, options = self._run, self._run.options
        if options.refresh and not options.run_program:
            refresh_all(run, self._executor, set())
            if options.kind == "refresh":
                return
        elif run.recorder.base.pending and not options.preview:
            self._warn_of_pending()
        self._planner = Planner(run, self._executor)
        program = Program(run, self) if options.kind != "destroy" or options.run_program else None
        try:
            if program:
                program.wait()
            if options.kind == "refresh":
                refresh_all(run, self._executor, self._planner.operated)
            else:
                if options.kind == "destroy" and self._planner.provider:
                    self._to_destroy.append(self._planner.provider)
                steps = delete_steps(run.recorder.base.resources, self._planner.operated, self._to_destroy)
                delete_all(run, self._executor, steps)
            run.check()
            if program:
                program.leave()
        finally:
            if program:
                program.close()

    def _conclude(self) -> bool:
        run = self._run
        failed = run.failed or run.events.errors > 0
        try:
            self._finalize_outputs(errored=failed or run.interrupted)
            run.recorder.save()
        except CliError as error:
            failed = True
            run.events.diagnostic("error", error.message)
        what = "preview" if run.options.preview else "update"
        if run.step_failed or (run.interrupted and not failed):
            run.events.diagnostic("error", f"{what} {'failed' if failed else 'canceled'}")
        run.events.summary("failed" if failed else "canceled" if run.interrupted else "succeeded")
        return not failed and not run.interrupted

    def _warn_of_pending(self) -> None:
        pending = self._run.recorder.base.pending
        lines = "".join(f"  * {item.urn}, interrupted while {kind}\n" for kind, item in pending)
        head = (
            f"Attempting to deploy or update resources with {len(pending)} pending operations from previous deployment."
        )
        self._run.events.diagnostic("warning", f"{head}\n{lines}{PENDING_ADVICE}")

    # --- what the program asks for (monitor.Engine) ---

    def register(self, goal: Goal) -> Outcome:
        run, planner = self._run, self._planner
        with self._deciding:
            run.check()
            old, new = planner.prepare(goal)
            planner.operated.add(new.urn)
        if old and goal.custom and run.options.refresh and run.options.run_program:
            old = self._refresh_one(old)
        if run.options.kind != "update" and goal.custom and (outcome := self._stand_still(old, new)):
            return outcome
        with self._deciding:
            run.check()
            if run.is_skipped(new):
                run.skipped.add(new.urn)
                return Outcome(new, "skipped")
            steps = planner.plan(goal, old, new)
        if run.options.kind == "destroy":
            self._to_destroy.append(new)
        return self._carry_out(steps, new)

    def _refresh_one(self, old: Resource) -> Resource | None:
        step = Step("refresh", old, old, logical=False)
        try:
            self._executor.execute(step, persisted=True)
        except StepFailed:
            raise Bail from None
        return step.new

    def _stand_still(self, old: Resource | None, new: Resource) -> Outcome | None:
        """In a refresh or destroy that runs the program nothing is made for a resource: it is as it is."""
        if old is None:
            return Outcome(new, unknown=True)
        if self._run.options.kind == "refresh":
            return Outcome(old)
        new.inputs = old.inputs
        self._to_destroy.append(new)
        return self._carry_out([Step("same", old, new)], new)

    def _carry_out(self, steps: list[Step], new: Resource) -> Outcome:
        try:
            for step in steps:
                self._executor.execute(step)
        except StepFailed:
            self._run.fail(new.urn)
            self._run.check()
            return Outcome(new, "failed")
        self._registered[new.urn] = steps[-1]
        return Outcome(new)

    def read(self, goal: Goal, identity: str) -> Resource:
        """A resource that exists and isn't ours: `Resource.get`."""
        with self._deciding:
            self._run.check()
            old, new = self._planner.prepare(goal)
            self._planner.operated.add(new.urn)
        if not identity:
            raise CliError(f"Expected an ID for {new.urn}")
        new.external, new.id, new.created, new.modified = True, identity, "", ""
        replaces = old is not None and not old.external and old.id != identity
        steps = [Step("read-replacement" if replaces else "read", old, new, logical=not replaces)]
        if replaces:
            steps.append(Step("replace", old, new))
        self._carry_out(steps, new)
        return new

    def register_outputs(self, urn: str, outputs: Properties) -> None:
        if urn.split("::")[2] == ROOT_TYPE:
            self._stack_outputs = outputs  # only at the end is it known whether they replace the old ones
            return
        step = self._registered.get(urn)
        if not step or not step.new:
            raise CliError(f"cannot complete a resource '{urn}' whose registration isn't pending")
        step.new.outputs = outputs
        self._run.recorder.registered(step.new)
        self._run.events.outputs(step)

    def _finalize_outputs(self, *, errored: bool) -> None:
        step = self._registered.get(self._run.root_urn)
        if self._stack_outputs is None or not step or not step.new:
            return
        old = self._planner.olds.get(self._run.root_urn)
        kept = old.outputs if errored and old else {}
        step.new.outputs = {**kept, **self._stack_outputs}
        self._run.recorder.registered(step.new)
        self._run.events.outputs(step)
