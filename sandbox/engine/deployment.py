"""One run from beginning to end: refresh, the program, the deletes, the stack's outputs, the summary.

The order is the real engine's (recorded: sessions 01-14).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from .errors import Bail, CliError
from .executor import StepFailed, execute, execute_all
from .planner import Planner
from .program import Program
from .report import Step
from .run import Run, matches
from .state import ROOT_TYPE, Resource
from .values import Properties


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
        self._deciding = threading.Lock()
        self._registered: dict[str, Step] = {}
        self._stack_outputs: Properties | None = None

    def execute(self) -> bool:
        run = self._run
        shown = {key: "[secret]" if key in run.secret_keys else value for key, value in run.config.items()}
        run.report.prelude(dict(sorted(shown.items())))
        try:
            self._stages()
        except (Bail, CliError) as error:
            run.failed = run.failed or not run.interrupted
            if str(error):
                run.report.error(str(error))
        finally:
            run.stop()
            for _ in range(run.options.parallel):
                run.slots.acquire()  # what is under way comes to its end
            run.slots.release(run.options.parallel)  # who waits for one finds the run stopped
            run.providers.close()
        return self._conclude()

    def _stages(self) -> None:
        run, options = self._run, self._run.options
        if run.recorder.base.pending and not options.preview:
            self._warn_of_pending()
        alone = options.command in ("refresh", "destroy")  # without the program
        if options.refresh and (alone or not options.run_program):
            self._refresh_all()
        if options.command == "destroy":
            self._delete_all()
        if alone:
            return
        program = Program(run, self)
        try:
            program.wait()
            self._delete_all()
            program.leave()
        finally:
            program.close()

    def _warn_of_pending(self) -> None:
        pending = self._run.recorder.base.pending
        lines = "".join(f"  * {item.urn}, interrupted while {kind}\n" for kind, item in pending)
        self._run.report.message(
            "warning",
            f"Attempting to deploy or update resources with {len(pending)} pending operations from previous "
            f"deployment.\n{lines}The Pulumi CLI was interrupted while these changes were under way. Look whether they "
            "were completed, and edit them out of the state with `pulumi stack export` and `pulumi stack import`.",
        )

    def _refresh_all(self) -> None:
        """Bail, after all were tried, if one failed."""
        run = self._run
        wanted = [item for item in run.recorder.base.resources if run.targets(item)]
        steps = [Step("refresh", item, item, logical=False, deferred=True) for item in wanted]
        good = execute_all(run, steps)
        run.recorder.refreshed([step for step in steps if step in good])
        self._planner = Planner(run)
        if len(good) < len(steps):
            run.failed = True
            raise Bail

    def _delete_all(self) -> None:
        """Dependents first. What a failed delete still needs is kept; others go on with --continue-on-error."""
        run = self._run
        self._check_targets()
        remaining = self._delete_steps()
        kept: set[str] = set()
        while remaining:
            run.check()
            needed = {urn for step in remaining for urn in step.resource.needs()}
            wave = [step for step in remaining if step.urn not in needed]
            if not wave:
                raise CliError(f"the state has a cycle of dependencies around {remaining[0].urn}")
            good = execute_all(run, [step for step in wave if step.urn not in kept])
            for step in wave:
                if step not in good:
                    kept.update(step.resource.needs())
            remaining = [step for step in remaining if step.urn in needed]
        run.check()

    def _delete_steps(self) -> list[Step]:
        """One step for each resource that must go: leftovers of replacements, and what wasn't registered."""
        targets, base = self._run.options.targets, self._run.recorder.base.resources
        steps = []
        for item in base if not targets else [item for item in base if matches(targets, item.urn)]:
            if item.delete:
                steps.append(Step("delete-replaced", item, None, logical=False))
            elif item.urn not in self._planner.registered:
                op = "remove-pending-replace" if item.pending_replacement else "delete"
                steps.append(Step(op, item, None, logical=op == "delete"))
        going = {step.urn for step in steps if step.op == "delete"}
        for item in base:
            if item.urn not in going | self._planner.registered and going & {*item.needs()}:
                raise CliError(f"{item.urn} needs what would be deleted, and was not specified in --target list.")
        return steps

    def _check_targets(self) -> None:
        known = self._planner.registered | {item.urn for item in self._run.recorder.base.resources}
        for urn in (*self._run.options.targets, *self._run.options.replaces):
            if "*" not in urn and urn not in known:
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
        what = "preview" if run.options.preview else "update"
        if run.skipped or (run.interrupted and not failed):
            run.report.error(f"{what} {'failed' if failed else 'canceled'}")
        run.report.summary("failed" if failed else "canceled" if run.interrupted else "succeeded")
        return not failed and not run.interrupted

    # --- what the program asks for (monitor.py) ---

    def register(self, new: Resource, aliases: list[str]) -> Outcome:
        run, planner = self._run, self._planner
        with self._deciding:
            run.check()
            if new.custom and (step := planner.register_provider()):
                execute(run, step)
            old = planner.prepare(new, aliases)
        if not run.targets(new):
            return self._leave_as_it_is(old, new)
        self._refuse_left_out(new)
        if old and new.custom and run.options.refresh and run.options.run_program:
            step = Step("refresh", old, old, logical=False)
            if not self._carry_out([step], new.urn):
                raise Bail  # what can't be read can't be compared
            old = step.new
        with self._deciding:
            run.check()
            if any(urn in run.skipped for urn in new.needs()):
                run.skipped.add(new.urn)
                return Outcome(new, good=False)
            steps = planner.plan(old, new)
        return Outcome(new, good=self._carry_out(steps, new.urn))

    def _carry_out(self, steps: list[Step], urn: str) -> bool:
        try:
            for step in steps:
                execute(self._run, step)
        except StepFailed:
            self._run.fail(urn)
            self._run.check()
            return False
        self._registered[urn] = steps[-1]
        return True

    def _leave_as_it_is(self, old: Resource | None, new: Resource) -> Outcome:
        """For what --target doesn't name."""
        if old is None:
            self._planner.left_out.add(new.urn)
            return Outcome(new, unknown=True)
        copy = old.copy()
        return Outcome(copy, good=self._carry_out([Step("same", old, copy)], new.urn))

    def _refuse_left_out(self, new: Resource) -> None:
        for urn in new.needs():
            if urn in self._planner.left_out:
                raise CliError(f"Resource '{new.urn}' depends on '{urn}' which was not specified in --target list.")

    def register_outputs(self, urn: str, outputs: Properties) -> None:
        if urn.split("::")[2] == ROOT_TYPE:
            self._stack_outputs = outputs  # only at the end is it known whether they replace the old ones
        elif (step := self._registered.get(urn)) and step.new:
            self._set_outputs(step, step.new, outputs)

    def _finalize_outputs(self, *, keep_old: bool) -> None:
        step = self._registered.get(self._run.root_urn)
        if self._stack_outputs is not None and step and step.new:
            kept = step.old.outputs if keep_old and step.old else {}
            self._set_outputs(step, step.new, kept | self._stack_outputs)

    def _set_outputs(self, step: Step, new: Resource, outputs: Properties) -> None:
        new.outputs = outputs
        self._run.recorder.touched(new)
        self._run.report.outputs(step)
