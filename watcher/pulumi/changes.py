"""What an up would do, and what one did, as values. Every part of the watcher speaks in these. Pure.

Only names of jobs and of fields stand here, and reasons, which whoever makes a Failure has redacted: no values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

SAME, CREATE, UPDATE, DELETE, REPLACE = "same", "create", "update", "delete", "replace"
HIDDEN = "secret"  # the field of a drift that the preview doesn't show
OPERATIONS = (CREATE, UPDATE, DELETE, REPLACE)


@dataclass(frozen=True, slots=True)
class Drift:
    """A job that isn't in Dkron as the last run left it. `kind`: gone or changed; `fields`: which, if changed."""

    job: str
    kind: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """What an up would do, by job name. `other`: changes of resources that are no jobs.

    `replaces` are the names that the replaced resources had, `renamed` those that they get. `revised`: the updates that
    come from the program or the config; the others only repair. `urns`: job -> URN, of the resources that stay.
    """

    creates: tuple[str, ...] = ()
    updates: tuple[str, ...] = ()
    deletes: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    sames: tuple[str, ...] = ()
    renamed: tuple[str, ...] = ()
    revised: tuple[str, ...] = ()
    drift: tuple[Drift, ...] = ()
    other: int = 0
    urns: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    @property
    def empty(self) -> bool:
        return not (self.creates or self.updates or self.deletes or self.replaces or self.other)

    @property
    def declared(self) -> frozenset[str]:
        return frozenset((*self.creates, *self.updates, *self.renamed, *self.sames))

    @property
    def doomed(self) -> frozenset[str]:
        """The jobs that go: a deleted or replaced resource whose job another one declares only forgets it."""
        return frozenset((*self.deletes, *self.replaces)) - self.declared

    @property
    def known(self) -> frozenset[str]:
        """Every job that the program or the state has."""
        return self.declared | {*self.deletes, *self.replaces}

    @property
    def writes(self) -> frozenset[str]:
        """The jobs that may be written, be they new, adopted or changed."""
        return frozenset((*self.creates, *self.updates, *self.renamed))

    @property
    def existing(self) -> int:
        """How many jobs the state knows."""
        gone = sum(1 for d in self.drift if d.kind == "gone")
        return len(self.updates) + len(self.replaces) + len(self.sames) + len(self.deletes) + gone

    @property
    def gone(self) -> frozenset[str]:
        return frozenset(d.job for d in self.drift if d.kind == "gone")

    def with_new_secrets(self) -> "ChangeSet":
        """As it reads when a key of the config has changed: what differs out of sight is then no drift."""
        hidden = {d.job for d in self.drift if d.fields == (HIDDEN,)}
        drift = tuple(d for d in self.drift if d.job not in hidden)
        return replace(self, drift=drift, revised=tuple(sorted({*self.revised, *hidden})))


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job (or "", the whole run) failed, in one line for a person; `code`: what our provider says it is."""

    job: str
    reason: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """What an up did, by job name."""

    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    unchanged: int = 0
    failures: tuple[Failure, ...] = ()
    complete: bool = False

    @property
    def changes(self) -> dict[str, int]:
        counts = {CREATE: self.created, UPDATE: self.updated, DELETE: self.deleted, REPLACE: self.replaced}
        return {op: len(jobs) for op, jobs in counts.items() if jobs}
