"""Strays: jobs that carry our owner tag and our stack mark and are in no state and no program.

Which of them may go is decided purely; deleting does one after the other. Each is looked at again before it goes: only
a job that is still ours is deleted. Children go before parents, because Dkron deletes no job that has children.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from provider.archive import Archive
from provider.errors import DkronError
from provider.job.ownership import Owner, is_retained, owner_of
from watcher.dkron.connection import Connection
from watcher.memory import Identity, Memory, Sighting
from watcher.pulumi.changes import ChangeSet, Failure

NEW_STATE = "the state knew no job when it was seen first"
MOVED = "the owner tag, the stack or Dkron's address had just changed when it was seen first"
TAKEN_OUT = "it was taken out of the state on purpose"


@dataclass(frozen=True, slots=True)
class Strays:
    """What was found: name -> sighting. `ripe`: those that an earlier cycle saw and that nothing holds; `held`: those
    of earlier cycles that wait for a person."""

    seen: Mapping[str, Sighting]
    ripe: tuple[str, ...] = ()
    held: tuple[str, ...] = ()

    @property
    def held_names(self) -> frozenset[str]:
        return frozenset(self.held)

    def going(self, allowed: bool) -> tuple[str, ...]:
        """Those that may go; `allowed`: whether a person lets the held ones go, too."""
        return tuple(sorted((*self.ripe, *self.held))) if allowed else self.ripe

    def told(self, deleted: Collection[str] = ()) -> dict[str, str]:
        """Each with why it is still there, "" for a deleted one."""
        return {name: "" if name in deleted else self._why(name) for name in self.seen}

    def _why(self, name: str) -> str:
        held = self.seen[name].held
        if held:
            return f"{held}, so it is left until a person says so: `python -m watcher --once --allow-deletes N`"
        return "it is deleted when a full, good cycle finds it again"


NONE = Strays({})


def find(marked: Iterable[str], plan: ChangeSet) -> frozenset[str]:
    """The strays among the jobs that carry our mark. A job that the plan deletes is in the state, so it is none."""
    return frozenset(marked) - plan.known


def sort(found: frozenset[str], plan: ChangeSet, memory: Memory, here: Identity, now: float) -> Strays:
    """Tells which strays may go. `held` are those that only a person's word lets go, seen in an earlier cycle, too."""
    moved = memory.identity is not None and memory.identity != here
    seen: dict[str, Sighting] = {}
    ripe: list[str] = []
    held: list[str] = []
    for name in sorted(found):
        before = memory.strays.get(name)
        if before is None:
            reasons = ((not plan.existing, NEW_STATE), (name in memory.jobs, TAKEN_OUT), (moved, MOVED))
            seen[name] = Sighting(now, next((why for holds, why in reasons if holds), ""))
            continue
        seen[name] = before
        # Nothing goes where the place has changed, and before there was any good cycle to compare it with.
        if memory.identity == here:
            (held if before.held or not plan.existing else ripe).append(name)
    return Strays(seen, tuple(ripe), tuple(held))


def delete(connection: Connection, archive: Archive, names: Iterable[str]) -> tuple[list[str], list[Failure]]:
    """Deletes them, a copy of each kept before: (deleted, failures)."""
    client, probe = connection.client, connection.probe
    left, deleted = list(names), []
    failures: dict[str, Failure] = {}
    while left:
        failures = {}
        for name in left:
            try:
                job = client.get_job(name)
                if job is None or is_retained(job) or owner_of(job, probe.owner_tag, probe.mark) is not Owner.OURS:
                    continue
                archive.keep(job, "deleted as a stray")
                if client.delete_job(name):
                    deleted.append(name)
            except DkronError as error:
                failures[name] = Failure(name, f"stray not deleted: {error}")
        if len(failures) == len(left):
            break
        left = list(failures)
    return deleted, list(failures.values())
