"""One cycle: leader -> preview -> guard -> up -> strays. It does what the pure modules decide, and reports.

It never runs by itself (the loop calls it), never overlaps with another, and never raises for a fault of the world:
what went wrong is the report's outcome.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from provider.errors import DkronJobsError
from watcher import judgement
from watcher.allowance import Allowance
from watcher.dkron import strays
from watcher.dkron.census import Census
from watcher.dkron.connection import Connection, Connector
from watcher.dkron.probe import Look, Unsettled
from watcher.dkron.strays import NONE, Strays
from watcher.endings import Ended, NoStack, Stopped, outcome_of
from watcher.fights import Fights
from watcher.guard import Verdict
from watcher.judgement import Case
from watcher.keeper import Done, Keeper
from watcher.pulumi import output, workspace
from watcher.pulumi.engine import Engine, told
from watcher.pulumi.output import Applied, ChangeSet, Failure
from watcher.recovery.recovery import Recovery, Tools
from watcher.status import Board, CycleReport, Outcome, Reason
from watcher.unkept import Unkept, left_out


@dataclass(slots=True)
class Work:
    """What one cycle has found and done so far."""

    case: Case
    plan: ChangeSet = field(default_factory=ChangeSet)
    applied: Applied = field(default_factory=Applied)
    look: Look = field(default_factory=Look)
    unkept: Unkept = field(default_factory=dict)
    strays: Strays = NONE
    strays_deleted: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    allowed: Verdict = field(default_factory=Verdict)
    refusal: str = ""

    @property
    def unmarked(self) -> tuple[str, ...]:
        """Jobs that dkron-mgr or an older version left, and that nobody declares."""
        return tuple(sorted(self.look.unmarked - self.plan.known))


class Cycle:
    """Runs cycles of one stack."""

    def __init__(self, tools: Tools, board: Board, allowance: Allowance | None = None) -> None:
        self.tools, self.board = tools, board
        self.recovery = Recovery(tools)
        self.engine = Engine(tools, self.recovery)
        self.connector = Connector(tools.settings, tools.cli, tools.control, tools.redactor)
        self.census = Census(tools.control, tools.metrics, board, tools.settings.leader_wait_s)
        self.keeper = Keeper(tools, allowance or Allowance())
        self.fights = Fights(calm_s=2 * tools.settings.interval_s)
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
        return self._report(work, reason, outcome, self.tools.redactor(detail), (started, clock.monotonic() - since))

    def look_only(self) -> tuple[Work, Verdict]:
        """Preview, strays, the guard's verdict; changes nothing, takes no lock, mends nothing.

        Raises Ended, Stopped, DkronJobsError.
        """
        space = self.keeper.workspace()
        connection = self.connector.connect(space)
        case = self.keeper.case(space, connection)
        work = Work(case, unkept=case.memory.unkept)
        self.census.await_leader(connection)
        work.plan, modules = self.engine.preview(left_out(work.case.memory.unkept))
        work.case = work.case.with_modules(modules)
        work.plan = judgement.read(work.plan, work.case)
        work.look = self.census.count(connection)
        work.strays = judgement.strays(work.plan, work.look, work.case)
        return work, self._judge(work, work.strays if self.tools.settings.delete_strays else NONE)

    # -- stages

    def _stages(self, work: Work, reason: Reason) -> tuple[Outcome, str]:
        space = self.keeper.workspace()
        self.recovery.prepare(space)
        try:
            self.keeper.take_allowance(space)
            connection = self._connect(space)
            work.case = self.keeper.case(space, connection)
            work.unkept = work.case.memory.unkept
            judgement.require_the_same_tag(connection, work.case.memory)
            waited = self.census.await_leader(connection)
            work.look = self.census.before(connection, waited)
            self._go_on()
            self._preview(connection, work)
            self._guard(work)
            self._go_on()
            if not work.plan.empty:
                self._up(work, reason)
            self._delete_strays(connection, work)
            after = self.census.note(connection, work.look, self._touched(work))
            work.unkept = judgement.unkept(work.plan, work.case.memory, None if work.failures else after)
        finally:
            self.recovery.prune(space)
        return self._outcome(work)

    def _go_on(self) -> None:
        if self.tools.control.stopping:
            raise Stopped

    def _connect(self, space: workspace.Workspace) -> Connection:
        """A stack must exist before its config can be decrypted."""
        try:
            return self.connector.connect(space)
        except NoStack:
            self.recovery.create_stack()
        return self.connector.connect(self.keeper.workspace())

    def _preview(self, connection: Connection, work: Work) -> None:
        """What an up would change. Raises Ended where the program changed meanwhile: then nobody knows whose it is."""
        files = self.keeper.files()
        work.plan, modules = self.engine.preview(left_out(work.case.memory.unkept), may_create=True)
        if self.keeper.files() != files:
            raise Ended(Outcome.RETRY, "the program's files changed while it was previewed; judging it anew")
        work.case = work.case.with_modules(modules)
        work.plan = judgement.read(work.plan, work.case)
        work.look = self.census.confirm_missing(connection, work.plan, work.look)

    def _guard(self, work: Work) -> None:
        """Refuses before anything is written."""
        work.strays = judgement.strays(work.plan, work.look, work.case)
        self.tools.metrics.count_jobs({"stray": len(work.strays.seen), "unmarked": len(work.unmarked)})
        self.keeper.note_strays(work.case, work.strays, work.unmarked)
        self.keeper.tell_protected(work.plan.protected)
        work.allowed = self._judge(work, NONE)
        if not work.allowed.safe:
            raise Ended(Outcome.REFUSED, work.allowed.refusal)

    def _judge(self, work: Work, found: Strays) -> Verdict:
        return judgement.judge(work.plan, work.case, self.tools.settings, self.keeper.allowance, found)

    def _up(self, work: Work, reason: Reason) -> None:
        self.keeper.note_changes(work.case, work.strays, work.plan, work.allowed)
        message = f"watcher, cycle {self._number} ({reason.value}), program {work.case.revision}"
        work.applied, work.failures = self.engine.up(
            judgement.run_limits(work.plan, work.case.memory),
            message,
            self.keeper.archive().directory,
            work.plan.protected.keys(),
        )
        for fight in self.fights.note(self.tools.control.clock.monotonic(), work.plan.drift):
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

    def _touched(self, work: Work) -> Iterable[str]:
        plan = work.plan
        return {*plan.writes, *plan.deletes, *plan.replaces, *work.applied.created, *work.strays_deleted}

    # -- the end

    def _outcome(self, work: Work) -> tuple[Outcome, str]:
        left = {name: seen for name, seen in work.strays.seen.items() if name not in work.strays_deleted}
        applied, plan = work.applied, work.plan
        # Resources may be called otherwise than their jobs, so they are only counted.
        deleted = min(len(applied.deleted) + len(applied.replaced), len(plan.doomed)) + len(work.strays_deleted)
        updated = min(len(applied.updated), len(plan.revised))
        done = Done(plan.declared, left, deleted, updated, not work.failures, work.unkept)
        self.keeper.finish(work.case, done, work.allowed)
        if work.failures:
            return outcome_of(work.failures), told(work.failures)
        if work.refusal:
            return Outcome.REFUSED, work.refusal
        if not work.plan.empty or work.strays_deleted:
            return Outcome.CHANGED, judgement.large_change(work.plan, work.case)
        return Outcome.UNCHANGED, ""

    def _report(
        self, work: Work, reason: Reason, outcome: Outcome, detail: str, when: tuple[float, float]
    ) -> CycleReport:
        applied, plan = work.applied, work.plan
        changes = applied.changes
        if work.strays_deleted:
            changes[output.DELETE] = changes.get(output.DELETE, 0) + len(work.strays_deleted)
        return CycleReport(
            number=self._number,
            reason=reason,
            outcome=outcome,
            started=when[0],
            seconds=when[1],
            detail=detail,
            changes=changes,
            unchanged=applied.unchanged if not plan.empty else len(plan.sames),
            failures=work.failures,
            drift=plan.drift,
            strays=work.strays.told(work.strays_deleted),
            unmarked=work.unmarked,
            protected=tuple(sorted(plan.protected.values())),
            unkept={name: tuple(sorted(paths)) for name, paths in left_out(work.unkept).items()},
            revision=work.case.revision,
            created=applied.created,
            updated=(*applied.updated, *applied.replaced),
            deleted=(*applied.deleted, *work.strays_deleted),
        )
