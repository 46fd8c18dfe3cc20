"""What the page shows of times, jobs and cycles, in words. Pure: values in, texts out."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from provider.job import health_words
from provider.job.health import State
from provider.text import one_line
from watcher.status import CycleReport, Snapshot
from watcher.web import view
from watcher.web.view import Clean, JobRow

MARKS: Final = (
    ("+", "created"),
    ("~", "changed"),
    ("-", "deleted"),
    ("?", "declared nowhere, waits"),
    ("!", "failed, or of others"),
)
LEGEND: Final = (
    ("managed", "carries our owner tag and our stack mark: the program keeps it as declared"),
    ("held", "left as it is until a time, for an incident; then it is put back as declared"),
    ("stray", "carries our tag and mark, and is in no state and no program: deleted by a later cycle"),
    ("foreign", "carries another owner tag, none, or another stack's mark: never written or deleted"),
)
MOST_CHANGES: Final = 40  # of one cycle, on the page
_PASSING: Final = ("locked", "no_leader", "paused", "retry")
LEVELS: Final[Mapping[str, str]] = {
    view.IN_SYNC: "good",
    view.DRIFTED: "warning",
    view.MISSING: "warning",
    view.STRAY: "warning",
    view.UNMARKED: "warning",
    view.PROTECTED: "warning",
    view.FOREIGN: "bad",
    view.FAILED: "bad",
    view.UNCHECKED: "busy",
    view.HELD: "busy",
}


def stamp(moment: datetime | float | None, zone: tzinfo = UTC) -> str:
    """A time for a person, "" for none."""
    if moment is None:
        return ""
    if isinstance(moment, float | int):
        moment = datetime.fromtimestamp(moment, UTC)
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def duration(seconds: float) -> str:
    """Such as 0.4 s, 12 s, 3 min, 2.5 h or 4 d."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.1f}".removesuffix(".0") + f" {unit}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def changes_of(cycle: CycleReport) -> list[tuple[str, str]]:
    """What a cycle changed, and why: (sign, words) pairs."""
    drift = {d.job: d.words for d in cycle.drift}
    found = []
    for sign, names in (("+", cycle.created), ("~", cycle.updated), ("-", cycle.deleted)):
        found += [(sign, f"{name} ({drift[name]})" if name in drift else name) for name in names]
    failed = [("!", f"{f.job}: {f.reason}" if f.job else f.reason) for f in cycle.failures if f.reason != cycle.detail]
    return found + failed


def facts_of(snapshot: Snapshot, rows: Sequence[JobRow], now: float, zone: tzinfo) -> list[tuple[str, str, str]]:
    """(what, value, note) of what the watcher is at. `now`: seconds since 1970."""
    last = snapshot.last
    facts = []
    if last:
        took = f"{last.reason.value}, took {duration(last.seconds)}"
        facts.append(("Last cycle", last.outcome.value.replace("_", " "), f"{_ago(last.started, now)}, {took}"))
    if snapshot.next_cycle is not None:
        facts.append(("Next cycle", f"in {duration(max(0.0, snapshot.next_cycle - now))}", ""))
    else:
        facts.append(("Next cycle", "running now" if snapshot.mode == "working" else "-", ""))
    good = stamp(snapshot.last_good, zone)
    failures = snapshot.consecutive_failures
    facts += [
        ("Last good cycle", _ago(snapshot.last_good, now) if snapshot.last_good else "none yet", good),
        ("Failures in a row", str(failures), ""),
        ("Dkron's leader", snapshot.leader or "none known", ""),
        ("Mode", snapshot.mode, f"every {duration(snapshot.interval_s)}"),
        ("Jobs", str(len(rows)), _states(rows)),
        *([("Program", last.revision, "")] if last else []),
    ]
    return facts


def cycle_of(cycle: CycleReport, zone: tzinfo, clean: Clean) -> dict[str, Any]:
    """One cycle as a row."""
    changes = [(sign, clean(words)) for sign, words in changes_of(cycle)]
    more = len(changes) - MOST_CHANGES
    level = "good" if cycle.outcome.good else "warning" if cycle.outcome.value in _PASSING else "bad"
    return {
        "number": cycle.number or "-",
        "started": stamp(cycle.started, zone),
        "took": duration(cycle.seconds),
        "reason": cycle.reason.value,
        "outcome": cycle.outcome.value.replace("_", " "),
        "level": level,
        "detail": clean(cycle.detail),
        "changes": [*changes[:MOST_CHANGES], *([("…", f"and {more} more")] if more > 0 else [])],
    }


def waiting_of(cycle: CycleReport, clean: Clean) -> list[str]:
    """A line for each of the first changes that are held back."""
    lines = [clean(one_line(line)) for line in cycle.waiting]
    more = len(lines) - MOST_CHANGES
    return [*lines[:MOST_CHANGES], *([f"and {more} more"] if more > 0 else [])]


def row_of(row: JobRow, now: datetime, zone: tzinfo) -> dict[str, Any]:
    """A row with its times in words."""
    coming = row.next_run if isinstance(row.next_run, str) else stamp(row.next_run, zone)
    return {
        "name": row.name,
        "displayname": row.displayname,
        "words": row.words,
        "schedule": row.schedule,
        "timezone": row.timezone,
        "next": coming,
        "success": stamp(row.last_success, zone),
        "error": stamp(row.last_error, zone),
        "successes": row.successes,
        "errors": row.errors,
        "state": row.state,
        "detail": row.detail,
        "level": LEVELS[row.state],
        "health": health_words.in_words(row.health, now, zone) if row.health else "",
        "health_level": health_level(row),
    }


def health_level(row: JobRow) -> str:
    health = row.health
    if health is None or health.well:
        return view.GOOD if health and health.state is State.OK else view.BUSY
    return view.BAD if health.state in (State.STUCK, State.OVERDUE, State.FAILING) else view.WARNING


def _states(rows: Sequence[JobRow]) -> str:
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.state] = counts.get(row.state, 0) + 1
    return ", ".join(f"{count} {state}" for state, count in sorted(counts.items(), key=lambda item: -item[1]))


def _ago(then: float, now: float) -> str:
    return f"{duration(max(0.0, now - then))} ago"
