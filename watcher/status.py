"""What the watcher knows about itself, as frozen values: for /readyz, for the page, for anyone who asks from a thread.

A `Board` swaps one snapshot for the next; a reader never sees half of one. It holds no secret: texts come redacted.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from watcher.logs import MOST_NAMES
from watcher.pulumi.changes import Drift, Failure

KEPT = 50


class Reason(StrEnum):
    """Why a cycle ran."""

    START = "start"
    INTERVAL = "interval"
    DRIFT = "drift"
    RETRY = "retry"
    FORCED = "forced"


class Outcome(StrEnum):
    """How a cycle ended."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    REFUSED = "refused"
    FAILED = "failed"
    LOCKED = "locked"
    NO_LEADER = "no_leader"
    PAUSED = "paused"
    PLANNED = "planned"  # changes wait for the end of a freeze or for a person, as it was set
    RETRY = "retry"  # something changed while it was judged: nothing is wrong, and the next cycle judges anew

    @property
    def good(self) -> bool:
        return self in (Outcome.UNCHANGED, Outcome.CHANGED, Outcome.PLANNED)


EXIT_CODES: Mapping[Outcome, int] = {
    Outcome.UNCHANGED: 0,
    Outcome.CHANGED: 0,
    Outcome.FAILED: 1,
    Outcome.REFUSED: 3,
    Outcome.LOCKED: 4,
    Outcome.NO_LEADER: 5,
    Outcome.PAUSED: 6,
    Outcome.RETRY: 7,
    Outcome.PLANNED: 8,
}


@dataclass(frozen=True, slots=True)
class CycleReport:
    """One cycle. Times: seconds since 1970, durations in seconds. `changes`: operation -> how many jobs.

    `strays`: job -> why it is still there ("" where it was deleted); `unmarked`: jobs with our tag and no stack's mark
    that nobody declares; `revision`: the program's; `drift`: what was repaired. `waiting`: a line
    for each change that is held back; `unrepaired`: the drift among them. `protected`: those that stay because they are
    protected; `unkept`: job -> the fields that are not compared, because they don't stay as written; `ignored`: those
    whose changes the program ignores.
    """

    number: int
    reason: Reason
    outcome: Outcome
    started: float
    seconds: float
    detail: str = ""
    changes: Mapping[str, int] = field(default_factory=dict)
    unchanged: int = 0
    failures: tuple[Failure, ...] = ()
    drift: tuple[Drift, ...] = ()
    strays: Mapping[str, str] = field(default_factory=dict)
    unmarked: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()
    unkept: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ignored: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    revision: str = ""
    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    unrepaired: tuple[Drift, ...] = ()

    @property
    def told(self) -> dict[str, Any]:
        """As it stands in the log: what there is to tell, and of long lists the beginning and the count."""
        fields: dict[str, Any] = {
            "reason": self.reason.value,
            "program": self.revision,
            "outcome": self.outcome.value,
            "seconds": round(self.seconds, 3),
            "unchanged": self.unchanged,
            "created": self.created,
            "updated": self.updated,
            "deleted": self.deleted,
            "drift": [f"{d.job} ({d.words})" for d in self.drift],
            "failed": [{"job": f.job, "why": f.reason} for f in self.failures],
            "waiting": self.waiting,
            "detail": self.detail,
        }
        for name, value in list(fields.items()):
            if isinstance(value, list | tuple) and len(value) > MOST_NAMES:
                fields |= {name: value[:MOST_NAMES], f"{name}_count": len(value)}
        return {name: value for name, value in fields.items() if value not in ("", (), [])}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything at one moment. `mode`: starting, idle, working, stopping. `next_cycle`: None while working."""

    stack: str
    started: float
    interval_s: float
    mode: str = "starting"
    next_cycle: float | None = None
    leader: str | None = None
    managed: tuple[str, ...] = ()
    last_good: float | None = None
    consecutive_failures: int = 0
    advice: tuple[str, ...] = ()  # what the cluster's nodes make of our jobs, a line each
    exposed: str = ""  # what the public passphrase guards and must not
    cycles: tuple[CycleReport, ...] = ()
    attempted: float = 0.0  # when the last cycle began, or else the watcher, by the clock that never jumps

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should see, whatever the last cycle did."""
        return (*((self.exposed,) if self.exposed else ()), *self.advice)

    @property
    def last(self) -> CycleReport | None:
        return self.cycles[-1] if self.cycles else None

    @property
    def ready(self) -> bool:
        return self.last is not None and self.last.outcome.good

    def healthy(self, monotonic: float) -> bool:
        """Red when no cycle was attempted for three intervals."""
        return monotonic - self.attempted <= 3 * self.interval_s


class Board:
    """Holds the snapshot of now. Safe for threads."""

    def __init__(self, first: Snapshot) -> None:
        self._lock = threading.Lock()
        self._now = first

    @property
    def now(self) -> Snapshot:
        return self._now

    def update(self, **changes: object) -> Snapshot:
        with self._lock:
            self._now = replace(self._now, **changes)  # type: ignore[arg-type] # replace checks the names itself
            return self._now

    def move(self, seconds: float) -> None:
        """The clock on the wall was set: what is still to come or counted from moves along."""
        with self._lock:
            now = self._now
            good, coming = (at if at is None else at + seconds for at in (now.last_good, now.next_cycle))
            self._now = replace(now, started=now.started + seconds, last_good=good, next_cycle=coming)

    def add(self, report: CycleReport) -> Snapshot:
        """Takes a finished cycle in."""
        good = report.outcome.good
        with self._lock:
            before = self._now
            self._now = replace(
                before,
                cycles=(*before.cycles, report)[-KEPT:],
                last_good=report.started + report.seconds if good else before.last_good,
                consecutive_failures=0 if good else before.consecutive_failures + 1,
            )
            return self._now
