"""What one look at Dkron's jobs shows, and how two looks differ. Pure.

Jobs are compared by a fingerprint of their managed fields: what a difference means is for the cycle's preview to say.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from provider.job.hold import Hold, hold_of
from provider.job.spec import MANAGED_FIELDS, canonical

Prints = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Look:
    """The jobs with our tag that no other stack holds: name -> fingerprint of the managed fields.

    `marked`: those that carry our stack mark and aren't kept on purpose. `held`: those that are left as they are for a
    time.
    """

    prints: Prints = field(default_factory=dict)
    marked: frozenset[str] = frozenset()
    unmarked: frozenset[str] = frozenset()
    held: Mapping[str, Hold] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self.prints)


def fingerprint(job: Mapping[str, Any]) -> str:
    """Equal for two jobs whose managed fields are equal, whatever the server's own fields are."""
    return json.dumps(canonical(job), sort_keys=True, default=str)


def drifted(noted: Prints, seen: Prints, held_then: Collection[str] = (), held: Collection[str] = ()) -> frozenset[str]:
    """The jobs that are not as they were noted: changed, gone, or new under our tag.

    A held job is none of them until its hold ends. `held_then`: those that were held when they were noted.
    """
    changed = {name for name in noted.keys() | seen.keys() if noted.get(name) != seen.get(name)}
    return frozenset((changed | (seen.keys() & held_then)).difference(held))


def holds(jobs: Iterable[Mapping[str, Any]], at: float) -> dict[str, Hold]:
    """Those of our jobs that are held at a time (seconds since 1970), by name."""
    now = datetime.fromtimestamp(at, UTC)
    return {str(job.get("name")): hold for job in jobs if (hold := hold_of(job, now)) is not None}


def merged(before: Prints, after: Prints, touched: Iterable[str]) -> dict[str, str]:
    """What to note after a cycle: the look before it, but the jobs that it wrote as the look after shows them.

    A job that drifted while the cycle ran is then still seen as drifted.
    """
    result = dict(before)
    for name in touched:
        result.pop(name, None)
        if name in after:
            result[name] = after[name]
    return result


class Fingerprints:
    """Makes them for one look after the other, anew only where Dkron's own fields differ from the last look's.

    Comparing those takes a tenth of the time, and between two looks next to nothing changes.
    """

    def __init__(self) -> None:
        self._made: dict[str, tuple[list[Any], str]] = {}

    def of(self, jobs: Iterable[Mapping[str, Any]]) -> dict[str, str]:
        """By name."""
        made: dict[str, tuple[list[Any], str]] = {}
        for job in jobs:
            name, raw = str(job.get("name")), list(map(job.get, MANAGED_FIELDS))
            before = self._made.get(name)
            made[name] = before if before is not None and before[0] == raw else (raw, fingerprint(job))
        self._made = made
        return {name: text for name, (_, text) in made.items()}
