"""Is this change set safe to apply without a person? Decides only: no clock, no file, no network.

It refuses what a broken program looks like: too many deletions, the deletion of everything, a program or a module that
declares nothing any more, too many updates where those are limited. A refusal is never retried into success; a person
allows it once, by number.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from watcher.bound import DEFAULT, Bound

SHOWN = 10  # names in a refusal; more would not be read


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a cycle would do, by names of jobs, and what it is measured by.

    `existing`: managed jobs now; `declared`: by the program; `replaced`: jobs that are deleted because they were
    renamed (deletions, but not towards "all"); `updates`: what the program or the config changes, without repairs;
    `recent_*`: how many of the last hour nobody allowed; `lost`: modules that declare nothing any more, and their jobs;
    `asked`: whether something is among the deletions that only a person lets go.
    """

    deletes: Collection[str] = ()
    existing: int = 0
    declared: int = 0
    replaced: int = 0
    updates: Collection[str] = ()
    recent_deletes: int = 0
    recent_updates: int = 0
    lost: Mapping[str, Collection[str]] = field(default_factory=dict)
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds always (`max_updates` None: no limit), and what a person allowed for once (None: nothing)."""

    max_deletes: Bound = DEFAULT
    max_updates: Bound | None = None
    allowed_deletes: int | None = None
    allowed_updates: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """`refusal` is "" if the change set may be applied, else one line: what, why, and the way out."""

    refusal: str = ""
    allowed_deletes: bool = False
    allowed_updates: bool = False

    @property
    def safe(self) -> bool:
        return not self.refusal

    @property
    def uses_allowance(self) -> bool:
        return self.allowed_deletes or self.allowed_updates


def judge(proposal: Proposal, limits: Limits) -> Verdict:
    """Whether all of the proposal may be applied."""
    deleting, updating = _against_deletes(proposal, limits), _against_updates(proposal, limits)
    deletes, updates = len(proposal.deletes) + proposal.replaced, len(proposal.updates)
    may_delete = limits.allowed_deletes is not None and deletes <= limits.allowed_deletes
    may_update = limits.allowed_updates is not None and updates <= limits.allowed_updates
    if deleting and not may_delete:
        return Verdict(_words(deleting, "delete", proposal.deletes, deletes))
    if updating and not may_update:
        return Verdict(_words(updating, "update", proposal.updates, updates))
    return Verdict(allowed_deletes=bool(deleting), allowed_updates=bool(updating))


def _against_deletes(proposal: Proposal, limits: Limits) -> str:
    """Why the deletions are too many, "" if they aren't."""
    deletes, existing = proposal.deletes, proposal.existing
    count = len(deletes) + proposal.replaced
    if proposal.declared == 0:
        return "the program declares no job at all"
    if deletes and len(deletes) >= existing:
        return (
            f"it would delete all {existing} managed jobs" if existing > 1 else "it would delete the only managed job"
        )
    if proposal.asked:
        return "only a person lets these strays go"
    for module, jobs in sorted(proposal.lost.items()):
        if not set(deletes).isdisjoint(jobs):
            return f"{module} declares no job any more"
    # Measured by what there was an hour ago: a limit that shrinks with each deletion would stop too early.
    limit = limits.max_deletes.of(existing + proposal.recent_deletes)
    return _over("delete", count, proposal.recent_deletes, limit, f"MAX_DELETES is {limits.max_deletes.shown}")


def _against_updates(proposal: Proposal, limits: Limits) -> str:
    """Why the updates are too many, "" if they aren't."""
    if limits.max_updates is None:
        return ""
    limit = limits.max_updates.of(proposal.existing)
    what = f"MAX_UPDATES is {limits.max_updates.shown}"
    return _over("update", len(proposal.updates), proposal.recent_updates, limit, what)


def _over(verb: str, count: int, recent: int, limit: int, setting: str) -> str:
    if not count or count + recent <= limit:
        return ""
    jobs = "1 job" if count == 1 else f"{count} jobs"
    lately = f" after {recent} in the last hour" if recent else ""
    allowed = "" if setting.endswith(f" {limit}") else f" (here {limit})"
    return f"it would {verb} {jobs}{lately}, and {setting}{allowed}"


def _words(why: str, verb: str, names: Collection[str], count: int) -> str:
    shown = sorted(names)[:SHOWN]
    listed = ", ".join(shown) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
    victims = f" (would {verb}: {listed})" if names else ""
    way_out = f"python -m watcher --once --allow-{verb}s {max(count, 1)}"
    return f"{why}{victims}; if that is meant, allow it once with `{way_out}`"
