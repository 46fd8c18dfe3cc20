"""The first thing that a person must know: is all well, and if not, why, and what to do? Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from provider.job import health_words
from provider.job.health import State
from provider.text import one_line
from watcher.status import Outcome, Snapshot
from watcher.web.view import (
    BAD,
    BUSY,
    DRIFTED,
    FAILED,
    FOREIGN,
    GOOD,
    HELD,
    MISSING,
    STRAY,
    WARNING,
    Clean,
    JobRow,
    Live,
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Is all well? `level`: good, busy, warning or bad; `headline` in words; `reason`, and what to do."""

    level: str
    headline: str
    reason: str = ""
    to_do: str = ""


_TO_DO: Final[Mapping[Outcome, tuple[str, str, str]]] = {
    Outcome.REFUSED: (
        BAD,
        "A change was refused",
        "The reason names the command that allows it once, if it is meant; else mend what it names.",
    ),
    Outcome.FAILED: (BAD, "The last cycle failed", "It is tried again by itself; mend what the reason names."),
    Outcome.LOCKED: (WARNING, "Waiting for another run", "It goes on by itself when the stack is free."),
    Outcome.NO_LEADER: (WARNING, "Dkron has no leader", "It goes on by itself; look at Dkron's servers if it lasts."),
    Outcome.RETRY: (WARNING, "Something changed meanwhile", "It judges anew by itself in a moment."),
    Outcome.PAUSED: (WARNING, "Dkron takes no jobs just now", "It goes on when somebody ends the pause in Dkron."),
}


def verdict_of(snapshot: Snapshot, rows: Iterable[JobRow], live: Live, monotonic: float, clean: Clean) -> Verdict:
    """The first thing that a person must know. `monotonic`: now, by the clock that never jumps."""
    last = snapshot.last
    if not snapshot.healthy(monotonic):
        return Verdict(BAD, "The watcher is stuck", "no cycle was attempted for three intervals", "Restart it.")
    if last is None:
        return Verdict(BUSY, "Starting", "the first cycle has not ended yet")
    if not last.outcome.good:
        level, headline, to_do = _TO_DO[last.outcome]
        return Verdict(level, headline, clean(last.detail), to_do)
    if live.problem:
        return Verdict(WARNING, "Dkron could not be read just now", clean(live.problem), "It is tried again.")
    rows = list(rows)
    states: dict[str, int] = {}
    for row in rows:
        states[row.state] = states.get(row.state, 0) + 1
    off = [f"{states[s]} {s}" for s in (DRIFTED, MISSING, FOREIGN, STRAY, FAILED) if s in states]
    runs = health_words.summary(row.health for row in rows if row.health is not None)
    if last.outcome is Outcome.PLANNED:
        found = [clean(last.detail), *off, *([runs] if runs else [])]
        return Verdict(WARNING, "Changes wait", "; ".join(found), "They are listed below.")
    if off:
        return Verdict(
            WARNING,
            "Some jobs are not as declared",
            ", ".join([*off, *([runs] if runs else [])]),
            "The next cycle looks after them.",
        )
    if runs:
        return _troubled(rows, runs, datetime.fromtimestamp(live.at, UTC))
    number = len(rows) - states.get(HELD, 0)
    as_declared = f"{number} {'job is' if number == 1 else 'jobs are'} as declared"
    return Verdict(GOOD, "All is well", f"{as_declared}, {states[HELD]} held" if HELD in states else as_declared)


MOST_NAMED: Final = 3


def _troubled(rows: list[JobRow], runs: str, now: datetime) -> Verdict:
    """Every job is as declared, and some don't run as they should."""
    ill = [(row.name, row.health) for row in rows if row.health is not None and not row.health.well]
    named = [f"{one_line(name)}: {health_words.in_words(health, now)}" for name, health in ill[:MOST_NAMED]]
    more = [f"and {len(ill) - MOST_NAMED} more"] if len(ill) > MOST_NAMED else []
    bad = any(health.state.trouble and health.state is not State.FAILED for _, health in ill)
    held = sum(row.state == HELD for row in rows)
    counts = [f"{health_words.plural(len(rows) - held, 'job')} as declared", runs, *([f"{held} held"] if held else [])]
    headline = ", ".join(counts)
    return Verdict(BAD if bad else WARNING, headline, "; ".join(named + more), "A job's own page shows its last runs.")
