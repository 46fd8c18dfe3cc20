"""One cycle: leader -> preview -> guard -> up -> strays. It does what the pure modules decide, and reports.

A simple drift is repaired without a preview: leader -> up of those jobs.

It never runs by itself (the loop calls it), never overlaps with another, and never raises for a fault of the world:
what went wrong is the report's outcome.
"""

from collections.abc import Sequence
from dataclasses import replace

from provider.errors import DkronJobsError
from watcher import judgement
from watcher.allowance import Allowance
from watcher.declared import Declared
from watcher.dkron import strays
from watcher.dkron.census import Census
from watcher.dkron.connection import Connection, Connector
from watcher.dkron.probe import Unsettled
from watcher.dkron.strays import NONE, Strays
from watcher.endings import Ended, NoStack, Stopped, outcome_of
from watcher.fights import Fights
from watcher.guard import Verdict
from watcher.keeper import Keeper
from watcher.pulumi import workspace
from watcher.pulumi.cli import Scoped
from watcher.pulumi.engine import Engine, told
from watcher.recovery.recovery import Recovery, Tools
from watcher.repair import Repair, Standing, simple
from watcher.restraint import Scope
from watcher.status import Board, CycleReport, Outcome, Reason
from watcher.unkept import left_out
from watcher.work import Work


class Cycle:
    """Runs cycles of one stack."""

    def __init__(self, tools: Tools, board: Board, allowance: Allowance | None = None) -> None:
        self.tools, self.board = tools, board
        self.recovery = Recovery(tools)
        self.engine = Engine(tools, self.recovery)
        self.connector = Connector(tools.settings, tools.cli, tools.control, tools.redactor)
        self.census = Census(tools, board)
        self.keeper = Keeper(tools, allowance or Allowance())
        self.declared = Declared(tools)
        self.fights = Fights(calm_s=2 * tools.settings.interval_s)
        self._standing: Standing | None = None
        self._number = 0

    def close(self) -> None:
        self.connector.close()
        self.recovery.close()

    # -- the two ways to run

    def run(self, reason: Reason) -> CycleReport | None:
        """A whole cycle. None if a stop was asked for before it could change anything."""
        self._number += 1
        clock = self.tools.control.clock
        started, since = clock.now(), clock.monotonic()
        work = Work(self.keeper.empty_case())
        try:
            outcome, detail = self._stages(work, reason)
        except Stopped:
            return None
        except Ended as end:
            outcome, detail = end.outcome, end.detail
        except (DkronJobsError, Unsettled) as error:
            outcome, detail = Outcome.FAILED, str(error)
        when = started, clock.monotonic() - since
        detail = "; ".join(filter(None, (detail, self.wrong(outcome), self.keeper.source.stale)))
        return work.report(self._number, reason, outcome, self.tools.redactor(detail), when)

    def look_only(self) -> tuple[Work, Verdict]:
        """Preview, strays, the guard's verdict; changes nothing, takes no lock, mends nothing.

        Raises Ended, Stopped, DkronJobsError.
        """
        space = self.keeper.workspace()
        self.recovery.unusable.check_providers(space)
        self.keeper.take_declarations(Reason.FORCED)
        connection = self.connector.connect(space)
        case = self.keeper.case(space, connection)
        work = Work(case, unkept=case.memory.unkept)
        self.census.await_leader(connection)
        work.plan, said = self.engine.preview(left_out(work.case.memory.unkept))
        work.case = work.case.with_modules(said.modules)
        work.plan = judgement.read(work.plan, work.case)
        work.look = self.census.count(connection)
        work.strays = judgement.strays(work.plan, work.look, work.case)
        work.restraint = self.keeper.restraint()
        return work, self._judge(work, work.strays if self.tools.settings.delete_strays else NONE)

    def wrong(self, outcome: Outcome) -> str:
        """Mistakes in the declarations, where there is no Dkron: the program was not run, so nobody told them."""
        return self.declared.wrong(self.keeper.files()) if outcome is Outcome.NO_LEADER else ""

    # -- stages

    def _stages(self, work: Work, reason: Reason) -> tuple[Outcome, str]:
        space = self.keeper.workspace()
        self._go_on()
        self.recovery.prepare(space)
        try:
            self.keeper.take_declarations(reason)
            self._go_on()
            self.keeper.take_allowance(space)
            connection = self._connect(space)
            work.case = self.keeper.case(space, connection)
            work.unkept = work.case.memory.unkept
            judgement.require_the_same_tag(connection, work.case.memory)
            work.look = self.census.before(connection, self.census.await_leader(connection))
            self._go_on()
            repair = self._simple_repair(space, work) if reason is Reason.DRIFT else None
            self._standing = None
            if repair is not None:
                self._repair(work, repair, reason)
            else:
                self._whole_way(connection, work, reason)
            after = self.census.note(connection, work.look, work.touched)
            # A repair has looked at its own jobs only, and heard nothing from the program.
            if repair is None:
                work.unkept = judgement.unkept(work.plan, work.case.memory, None if work.failures else after)
                self.census.advise(connection, work.said.accepted)
        finally:
            self.recovery.prune(space)
        outcome, detail = self._outcome(work)
        if outcome.good and not work.waiting:
            self._standing = Standing(work.plan.declared, work.plan.urns, self._around(space, work), work.plan.ignored)
        return outcome, detail

    def _around(self, space: workspace.Workspace, work: Work) -> object:
        """What a simple repair relies on besides Dkron."""
        # Pulumi itself writes the salt, when it makes the stack.
        told = replace(space, salt="")
        return told, work.case.revision, work.case.here, work.case.config, self.recovery.state_signature

    def _simple_repair(self, space: workspace.Workspace, work: Work) -> Repair | None:
        standing, noted = self._standing, self.census.noted
        if standing is None or noted is None or self.recovery.state_signature is None:
            return None
        if self.keeper.restraint().scope is Scope.NOTHING:
            return None
        names = self.census.drifted(work.look) - self.fights.resting
        return simple(standing, self._around(space, work), noted, work.look.prints, names)

    def _repair(self, work: Work, repair: Repair, reason: Reason) -> None:
        """Strays wait for a full cycle."""
        self.tools.log.debug("drift.repairing", jobs=[seen.job for seen in repair.plan.drift])
        work.plan, work.strays = repair.plan, Strays(work.case.memory.strays)
        work.case = work.case.with_modules(work.case.memory.modules)
        self._up(work, reason, repair.targets)
        if not work.applied.changes and not work.failures:
            work.plan = repair.unneeded

    def _whole_way(self, connection: Connection, work: Work, reason: Reason) -> None:
        self._preview(connection, work)
        self._guard(work)
        self._go_on()
        if not work.part.empty:
            self._up(work, reason, sorted(work.part.urns.values()) if work.waiting else ())
        if not work.waiting:
            self._delete_strays(connection, work)

    def _go_on(self) -> None:
        if self.tools.control.stopping:
            raise Stopped

    def _connect(self, space: workspace.Workspace) -> Connection:
        """A stack must exist before its config can be decrypted."""
        try:
            connection = self.connector.connect(space)
        except NoStack:
            self.engine.create_stack()
            connection = self.connector.connect(self.keeper.workspace())
        self.keeper.tell_exposed(self.board, connection)
        return connection

    def _preview(self, connection: Connection, work: Work) -> None:
        """What an up would change. Raises Ended where the program changed meanwhile: then nobody knows whose it is."""
        files = self.keeper.files()
        work.plan, work.said = self.engine.preview(left_out(work.case.memory.unkept), may_create=True)
        if self.keeper.files() != files:
            raise Ended(Outcome.RETRY, "the program's files changed while it was previewed; judging it anew")
        work.case = work.case.with_modules(work.said.modules)
        work.plan = judgement.read(work.plan, work.case)
        work.look = self.census.confirm_missing(connection, work.plan, work.look)

    def _guard(self, work: Work) -> None:
        """Refuses before anything is written. What waits is judged, too, but nothing of it that is refused is done."""
        work.strays = judgement.strays(work.plan, work.look, work.case)
        self.tools.metrics.count_jobs({"stray": len(work.strays.seen), "unmarked": len(work.unmarked)})
        self.keeper.note_strays(work)
        work.restraint = self.keeper.restraint()
        self.keeper.use_let_through()
        self.keeper.tell_protected(work.plan.protected)
        work.allowed = self._judge(work, NONE)
        if not work.allowed.safe and not work.waiting:
            raise Ended(Outcome.REFUSED, work.allowed.refusal)

    def _judge(self, work: Work, found: Strays) -> Verdict:
        return judgement.judge(work.plan, work.case, self.tools.settings, self.keeper.allowance, found)

    def _up(self, work: Work, reason: Reason, targets: Sequence[str] = ()) -> None:
        part = work.part
        self.keeper.note_changes(work)
        held = sorted(part.doomed & work.look.held.keys())
        if held:
            self.tools.log.warning(
                "held.deleted", jobs=held, detail="declared no longer, so deleted in spite of the hold"
            )
        message = f"watcher, cycle {self._number} ({reason.value}), program {work.case.revision}"
        work.applied, work.failures = self.engine.up(
            judgement.run_limits(part, work.case.memory),
            message,
            self.keeper.archive().directory,
            Scoped(targets, work.plan.protected.keys()),
        )
        for fight in self.fights.note(self.tools.control.clock.monotonic(), part.drift):
            self.tools.log.warning("job.fought", job=fight.job, fields=list(fight.fields), detail=fight.words)
        self.tools.metrics.fought.set(len(self.fights.resting))

    def _delete_strays(self, connection: Connection, work: Work) -> None:
        """Deletes them within the limits that hold for this cycle's deletions all together, if nothing failed."""
        doomed = work.strays.going(self.keeper.allowance.deletes is not None)
        if not doomed or work.failures or not self.tools.settings.delete_strays or self.tools.control.stopping:
            return
        verdict = self._judge(work, work.strays)
        if not verdict.safe:
            work.refusal = f"strays: {verdict.refusal}"
            return
        work.allowed = verdict
        deleted, failures = strays.delete(connection, self.keeper.archive(), doomed)
        work.strays_deleted, work.failures = tuple(deleted), tuple(failures)
        self.tools.metrics.count_jobs({"stray": len(work.strays.seen) - len(deleted)})
        self.tools.log.warning("strays.deleted", jobs=deleted)

    # -- the end

    def _outcome(self, work: Work) -> tuple[Outcome, str]:
        self.keeper.finish(work)
        if work.failures:
            return outcome_of(work.failures), told(work.failures)
        if work.refusal:
            return Outcome.REFUSED, work.refusal
        if work.waiting:
            return Outcome.PLANNED, work.why_waiting
        if not work.plan.empty or work.strays_deleted:
            return Outcome.CHANGED, judgement.large_change(work.plan, work.case)
        return Outcome.UNCHANGED, ""
