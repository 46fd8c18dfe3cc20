"""Is a drift so simple that one `pulumi up` of those jobs mends it, without a preview? Pure.

It is where jobs that the last good cycle left were changed or deleted in Dkron, and nothing else has changed since:
not the program, not the config, not the state. Everything else takes the whole way, and a full cycle still runs on
the interval.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from provider.dkron.cluster import FEW
from watcher.dkron.look import Prints
from watcher.pulumi.changes import ChangeSet, Drift

MOST = 20  # jobs; the targets stand in the command line, and beyond a few the whole way costs little more


@dataclass(frozen=True, slots=True)
class Standing:
    """What a good cycle left. `jobs`: those in its state; `urns`: job -> URN; `around`: whatever else must not have
    changed since, compared as a whole. `ignored`: as in the change set."""

    jobs: frozenset[str]
    urns: Mapping[str, str]
    around: object
    ignored: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Repair:
    """`targets`: URNs for `pulumi up`; `plan`: what it will do, as a preview would have told it."""

    targets: tuple[str, ...]
    plan: ChangeSet

    @property
    def unneeded(self) -> ChangeSet:
        """The plan as it reads after a run that found nothing to do."""
        return ChangeSet(sames=tuple(sorted(self.plan.declared)), urns=self.plan.urns, ignored=self.plan.ignored)


def simple(standing: Standing, around: object, noted: Prints, seen: Prints, names: frozenset[str]) -> Repair | None:
    """The repair of the jobs that drifted, None where the whole way has to be taken.

    So it is with a job that is as it was noted: it was held then, and is put back now.
    """
    known = standing.jobs & standing.urns.keys() & noted.keys()
    gone = names - seen.keys()
    if any(noted.get(name) == seen.get(name) for name in names):
        return None
    if standing.around != around or not names or not names <= known or len(names) > MOST or len(gone) > FEW:
        return None
    drift = tuple(_drift(name, noted[name], seen.get(name)) for name in sorted(names))
    plan = ChangeSet(
        creates=tuple(sorted(gone)),
        updates=tuple(sorted(names - gone)),
        sames=tuple(sorted(standing.jobs - names)),
        drift=drift,
        urns=standing.urns,
        ignored=standing.ignored,
    )
    return Repair(tuple(standing.urns[name] for name in sorted(names)), plan)


def _drift(name: str, noted: str, seen: str | None) -> Drift:
    return Drift(name, "gone") if seen is None else Drift.between(name, json.loads(noted), json.loads(seen))
