"""What one cycle has found and done so far, and what of it may be applied. Holds values; does nothing."""

from dataclasses import dataclass, field

from provider.job.health_words import plural
from watcher.dkron.look import Look
from watcher.dkron.strays import NONE, Strays
from watcher.guard import Verdict
from watcher.judgement import Case
from watcher.pulumi.changes import DELETE, Applied, ChangeSet, Drift, Failure
from watcher.pulumi.engine import ProgramFacts
from watcher.restraint import Restraint, Scope
from watcher.status import CycleReport, Outcome, Reason
from watcher.unkept import Unkept, left_out


@dataclass(slots=True)
class Work:
    """Filled in stage by stage."""

    case: Case
    plan: ChangeSet = field(default_factory=ChangeSet)
    said: ProgramFacts = field(default_factory=ProgramFacts)
    applied: Applied = field(default_factory=Applied)
    look: Look = field(default_factory=Look)
    unkept: Unkept = field(default_factory=dict)
    strays: Strays = NONE
    strays_deleted: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    allowed: Verdict = field(default_factory=Verdict)
    refusal: str = ""
    restraint: Restraint = field(default_factory=Restraint)

    @property
    def part(self) -> ChangeSet:
        """What of the plan may be applied now."""
        scope = self.restraint.scope
        if scope is Scope.NOTHING:
            return ChangeSet()
        return self.plan.only_repairs() if scope is Scope.REPAIRS else self.plan

    @property
    def waiting(self) -> tuple[str, ...]:
        """What of the plan, and of the strays that were to go, is held back: lines such as "~ geo-purge (schedule)"."""
        if self.restraint.scope is Scope.ALL:
            return ()
        part, other = self.part, self.plan.other
        done = {*part.creates, *part.updates}
        lines = [change.line for change in self.plan.details if change.job not in done]
        lines += [f"- {name} (stray)" for name in self.strays.ripe]
        return (*lines, *([f"~ other resources ({other})"] if other else []))

    @property
    def unrepaired(self) -> tuple[Drift, ...]:
        """The drift that waits, too."""
        return tuple(drift for drift in self.plan.drift if drift not in self.part.drift)

    @property
    def deletions(self) -> int:
        """How many jobs were deleted. Resources may be called otherwise than their jobs, so they are only counted."""
        deleted = len(self.applied.deleted) + len(self.applied.replaced)
        return min(deleted, len(self.part.doomed)) + len(self.strays_deleted)

    @property
    def revisions(self) -> int:
        """How many jobs were updated by the program or the config."""
        return min(len(self.applied.updated), len(self.part.revised))

    @property
    def touched(self) -> frozenset[str]:
        """The jobs that may be other ones in Dkron now."""
        plan = self.part
        return plan.writes.union(plan.deletes, plan.replaces, self.applied.created, self.strays_deleted)

    @property
    def unmarked(self) -> tuple[str, ...]:
        """Jobs that dkron-mgr or an older version left, and that nobody declares."""
        return tuple(sorted(self.look.unmarked - self.plan.known))

    @property
    def why_waiting(self) -> str:
        """What holds changes back, and whether they would be refused after that."""
        unsafe = f"; then it would be refused: {self.allowed.refusal}" if not self.allowed.safe else ""
        number = f"{plural(len(self.waiting), 'change')} wait{'s' if len(self.waiting) == 1 else ''}"
        return f"{number}: {self.restraint.why}{unsafe}"

    def report(
        self, number: int, reason: Reason, outcome: Outcome, detail: str, when: tuple[float, float]
    ) -> CycleReport:
        """As page, log and metrics show it. `when`: seconds since 1970, and how long it took."""
        applied, plan = self.applied, self.plan
        changes = applied.changes
        if self.strays_deleted:
            changes[DELETE] = changes.get(DELETE, 0) + len(self.strays_deleted)
        return CycleReport(
            number=number,
            reason=reason,
            outcome=outcome,
            started=when[0],
            seconds=when[1],
            detail=detail,
            changes=changes,
            unchanged=applied.unchanged if not plan.empty else len(plan.sames),
            failures=self.failures,
            drift=self.part.drift,
            unrepaired=self.unrepaired,
            strays=self.strays.told(self.strays_deleted),
            unmarked=self.unmarked,
            protected=tuple(sorted(plan.protected.values())),
            unkept={name: tuple(sorted(paths)) for name, paths in left_out(self.unkept).items()},
            ignored=plan.ignored,
            revision=self.case.revision,
            created=applied.created,
            updated=(*applied.updated, *applied.replaced),
            deleted=(*applied.deleted, *self.strays_deleted),
            waiting=self.waiting,
        )
