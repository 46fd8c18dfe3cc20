"""What an up would do, and what one did, as values. Every part of the watcher speaks in these. Pure.

Names of jobs and of fields stand here, and reasons, which whoever makes a Failure has redacted. Values stand in
`details` only, and there as they may be shown to whoever may see the program.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from provider.job.spec import MANAGED_FIELDS
from provider.job.unkept import Prints

SAME, CREATE, UPDATE, DELETE, REPLACE = "same", "create", "update", "delete", "replace"
HIDDEN = "secret"  # the field of a drift that the preview doesn't show
OPERATIONS = (CREATE, UPDATE, DELETE, REPLACE)
SIGNS = {DELETE: "-", REPLACE: "±", UPDATE: "~", CREATE: "+"}  # the most expensive first


@dataclass(frozen=True, slots=True)
class Drift:
    """A job that isn't in Dkron as the last run left it. `kind`: gone or changed; `fields`: which, if changed;
    `switched_off`: somebody disabled it."""

    job: str
    kind: str
    fields: tuple[str, ...] = ()
    switched_off: bool = False

    @classmethod
    def between(cls, job: str, recorded: Mapping[str, Any], live: Mapping[str, Any]) -> "Drift":
        """Of a job that is there, from its canonical forms."""
        fields = tuple(name for name in MANAGED_FIELDS if recorded.get(name) != live.get(name))
        return cls(job, "changed", fields, live.get("disabled") is True and not recorded.get("disabled"))

    @property
    def words(self) -> str:
        """What differs, and what to do instead of switching a job off by hand."""
        what = ", ".join(self.fields) or self.kind
        hint = f"; switched off by hand: `python -m jobs hold {self.job} --disable` keeps a job off for a time"
        return f"{what}{hint if self.switched_off else ''}"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field, `executor_config.url` or so. Texts as they may be shown, None where there is no value."""

    field: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class JobChange:
    """What an up would do to one job. `drift`: what of it only repairs, in words."""

    operation: str
    job: str
    fields: tuple[FieldChange, ...] = ()
    drift: str = ""

    @property
    def line(self) -> str:
        """Such as "~ geo-purge (schedule)", without values."""
        named = ", ".join(change.field for change in self.fields) if self.operation == UPDATE else self.drift
        return f"{SIGNS[self.operation]} {self.job}{f' ({named})' if named else ''}"


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """What an up would do, by job name. `other`: changes of resources that are no jobs.

    `replaces` are the names that the replaced resources had, `renamed` those that they get. `revised`: the updates that
    come from the program or the config; the others only repair. `restored`: the creates that only
    repair. `urns`: job -> URN, of the resources that stay. `details`: the same once more, field by field, deletions
    first. `wanted`: the prints of what is written. `protected`: URN -> job of the protected resources that the program
    no longer declares, or not by that name; they stay. `ignored`: job -> the fields whose changes the program ignores.
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
    restored: tuple[str, ...] = ()
    details: tuple[JobChange, ...] = ()
    urns: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    wanted: Mapping[str, Prints] = field(default_factory=dict)
    protected: Mapping[str, str] = field(default_factory=dict)
    ignored: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

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
        return self.declared | {*self.deletes, *self.replaces, *self.protected.values()}

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

    def only_repairs(self) -> "ChangeSet":
        """What of it repairs drift of jobs whose declaration did not change; the rest counts as unchanged."""
        updates = tuple(name for name in self.updates if name not in self.revised)
        mended = {*updates, *self.restored}
        return ChangeSet(
            creates=self.restored,
            updates=updates,
            sames=tuple(sorted(self.known - mended - {*self.protected.values()})),
            drift=tuple(d for d in self.drift if d.job in mended),
            urns={name: urn for name, urn in self.urns.items() if name in mended},
            details=tuple(change for change in self.details if change.job in mended),
            wanted={name: prints for name, prints in self.wanted.items() if name in mended},
            protected=self.protected,
        )

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

    @property
    def changes(self) -> dict[str, int]:
        counts = {CREATE: self.created, UPDATE: self.updated, DELETE: self.deleted, REPLACE: self.replaced}
        return {op: len(jobs) for op, jobs in counts.items() if jobs}


def protected_words(job: str, urn: str) -> str:
    """What is told of a protected resource that the program would delete or rename."""
    return (
        f'job "{job}" is protected, and the program no longer declares it so: it stays as it is, and all else goes on; '
        f"let it go with `pulumi state unprotect '{urn}'`, or declare it again"
    )
