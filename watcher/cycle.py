"""One cycle: leader -> preview -> guard -> up -> strays. It does what the pure modules decide, and reports.

It never runs by itself (the loop calls it), never overlaps with another, and never raises for a fault of the world:
what went wrong is the report's outcome.
"""

from dataclasses import dataclass, field

from provider.errors import DkronError, DkronJobsError
from provider.job import ownership
from watcher import guard
from watcher.dkron import strays
from watcher.dkron.connection import Connection, Connector
from watcher.dkron.leader import wait_for_leader
from watcher.dkron.probe import Look, Unsettled, doubtful, fingerprints, merged
from watcher.endings import Ended, NoStack, Stopped, outcome_of
from watcher.pulumi import output, workspace
from watcher.pulumi.engine import Engine, told
from watcher.pulumi.output import Applied, ChangeSet, Failure
from watcher.recovery.recovery import Recovery, Tools
from watcher.status import Board, CycleReport, Outcome, Reason


@dataclass(slots=True)
class _Work:
    """What one cycle has found and done so far."""

    plan: ChangeSet = field(default_factory=ChangeSet)
    applied: Applied = field(default_factory=Applied)
    before: Look | None = None
    strays: tuple[str, ...] = ()
    strays_deleted: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    refusal: str = ""


class Cycle:
    """Runs cycles of one stack. `noted`: fingerprints as the last cycle left them, None before the first."""

    def __init__(self, tools: Tools, board: Board, allow_deletes: int | None = None) -> None:
        self.tools, self.board, self.allowance = tools, board, allow_deletes
        self.recovery = Recovery(tools)
        self.engine = Engine(tools, self.recovery)
        self.connector = Connector(tools.settings, tools.cli, tools.control, tools.redactor)
        self.noted: dict[str, str] | None = None
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
        work = _Work()
        try:
            outcome, detail = self._stages(work)
        except Stopped:
            return None
        except Ended as end:
            outcome, detail = end.outcome, end.detail
        except (DkronJobsError, Unsettled) as error:
            outcome, detail = Outcome.FAILED, str(error)
        return self._report(work, reason, outcome, self.tools.redactor(detail), (started, clock.monotonic() - since))

    def look_only(self) -> tuple[ChangeSet, tuple[str, ...]]:
        """Preview and strays; changes nothing, takes no lock, mends nothing. Raises Ended, Stopped, DkronJobsError."""
        space = self._workspace()
        connection = self.connector.connect(space)
        self._lead(connection)
        found = self.engine.preview()
        return found, strays.find(self._census(connection).names, found)

    # -- stages

    def _stages(self, work: _Work) -> tuple[Outcome, str]:
        space = self._workspace()
        self.recovery.prepare(space)
        try:
            connection = self._connect(space)
            waited = self._lead(connection)
            work.before = self._look(connection, waited)
            self._go_on()
            work.plan = self.engine.preview(may_create=True)
            self._doubt(connection, work)
            self._guard(work)
            self._go_on()
            if not work.plan.empty:
                self._up(work)
            self._strays(connection, work)
            self._note(connection, work)
        finally:
            self.recovery.prune(space)
        return self._outcome(work)

    def _go_on(self) -> None:
        if self.tools.control.stopping:
            raise Stopped

    def _workspace(self) -> workspace.Workspace:
        settings = self.tools.settings
        return workspace.read(settings.program_dir, settings.stack, settings.env)

    def _connect(self, space: workspace.Workspace) -> Connection:
        """A stack must exist before its config can be decrypted."""
        try:
            return self.connector.connect(space)
        except NoStack:
            pass
        self.recovery.create_stack()
        return self.connector.connect(self._workspace())

    def _lead(self, connection: Connection) -> bool:
        """Waits for the leader. Returns whether it had to wait."""
        found = wait_for_leader(connection.client, self.tools.control, self.tools.settings.leader_wait_s)
        self.tools.metrics.leader.set(found.name is not None)
        self.board.update(leader=found.name)
        self._go_on()
        if found.name is None:
            raise Ended(Outcome.NO_LEADER, found.why)
        return found.waited

    def _census(self, connection: Connection) -> Look:
        """Counts all jobs and returns ours."""
        jobs = connection.client.list_jobs()
        ours = [job for job in jobs if ownership.owner_tag(job) == connection.owner_tag]
        self.tools.metrics.count_jobs({"managed": len(ours), "foreign": len(jobs) - len(ours)})
        look = Look(fingerprints(ours))
        self.board.update(managed=tuple(sorted(look.names)))
        return look

    def _look(self, connection: Connection, waited: bool) -> Look:
        look = self._census(connection)
        if waited or doubtful(self.noted or (), look.names):
            look = connection.probe.settled_look(look)
        return look

    def _doubt(self, connection: Connection, work: _Work) -> None:
        """Many jobs gone at once: acts only if two looks, two seconds apart, agree with the preview."""
        gone = work.plan.gone
        if work.before is None or not doubtful(gone, ()):
            return
        work.before = connection.probe.settled_look(work.before)
        still_there = gone & work.before.names
        if still_there:
            raise Unsettled(f"{len(still_there)} jobs were missing from Dkron for a moment only; looking again")

    def _guard(self, work: _Work) -> None:
        """Refuses before anything is written."""
        found = work.plan
        work.strays = strays.find(work.before.names if work.before else (), found)
        self.tools.metrics.count_jobs({"stray": len(work.strays)})
        verdict = guard.judge(found.deletes, found.existing, len(found.declared), self._limits(), len(found.replaces))
        if not verdict.safe:
            raise Ended(Outcome.REFUSED, verdict.refusal)
        if verdict.uses_allowance and not work.strays:
            self.allowance = None

    def _limits(self) -> guard.Limits:
        return guard.Limits(self.tools.settings.max_deletes, self.allowance)

    def _up(self, work: _Work) -> None:
        work.applied, work.failures = self.engine.up()

    def _strays(self, connection: Connection, work: _Work) -> None:
        """Deletes them within the limits that hold for this cycle's deletions all together."""
        if not work.strays or self.tools.control.stopping:
            return
        if not self.tools.settings.delete_strays:
            self.tools.log.warning("strays.found", jobs=list(work.strays))
            return
        found = work.plan
        doomed = {*found.deletes, *work.strays}
        existing = len(doomed | found.declared)
        verdict = guard.judge(doomed, existing, len(found.declared), self._limits(), len(found.replaces))
        if not verdict.safe:
            work.refusal = f"strays {verdict.refusal}"
            return
        if verdict.uses_allowance:
            self.allowance = None
        deleted, failures = strays.delete(connection.client, connection.owner_tag, work.strays)
        work.strays_deleted = tuple(deleted)
        work.failures += tuple(failures)
        self.tools.metrics.count_jobs({"stray": len(work.strays) - len(deleted)})
        self.tools.log.warning("strays.deleted", jobs=deleted)

    def _note(self, connection: Connection, work: _Work) -> None:
        """Notes how the jobs are now; a fault here only costs the probe its baseline."""
        before = work.before.prints if work.before else {}
        plan_, applied = work.plan, work.applied
        touched = {*plan_.creates, *plan_.updates, *plan_.deletes, *plan_.replaces, *work.strays_deleted}
        if not touched:
            self.noted = dict(before)
            return
        try:
            after = self._census(connection)
        except DkronError:
            self.noted = None
            return
        # A replacement's new name is in no list of the plan: what the up created counts as touched, too.
        renamed = after.names - before.keys() if plan_.replaces else frozenset()
        self.noted = merged(before, after.prints, touched | {*applied.created} | renamed)

    # -- the end

    def _outcome(self, work: _Work) -> tuple[Outcome, str]:
        if work.failures:
            return outcome_of(work.failures), told(work.failures)
        if work.refusal:
            return Outcome.REFUSED, work.refusal
        if not work.plan.empty or work.strays_deleted:
            return Outcome.CHANGED, ""
        return Outcome.UNCHANGED, ""

    def _report(
        self, work: _Work, reason: Reason, outcome: Outcome, detail: str, when: tuple[float, float]
    ) -> CycleReport:
        applied = work.applied
        changes = applied.changes
        if work.strays_deleted:
            changes[output.DELETE] = changes.get(output.DELETE, 0) + len(work.strays_deleted)
        return CycleReport(
            number=self._number, reason=reason, outcome=outcome, started=when[0], seconds=when[1], detail=detail,
            changes=changes, unchanged=applied.unchanged if not work.plan.empty else len(work.plan.sames),
            failures=work.failures, drift=work.plan.drift, strays=work.strays, created=applied.created,
            updated=(*applied.updated, *applied.replaced), deleted=(*applied.deleted, *work.strays_deleted),
        )  # fmt: skip
