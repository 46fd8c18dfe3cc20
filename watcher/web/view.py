"""What the status page says, as values: decided from a status snapshot and what Dkron holds. Pure.

Only what may be seen by anyone goes in: names, schedules, times, counts, names of fields. No executor config at all.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from provider.job.ownership import owner_tag
from provider.job.spec import MANAGED_FIELDS
from provider.schedule.calendar import Entry, in_words, next_run
from watcher.status import CycleReport, Outcome, Snapshot

IN_SYNC, DRIFTED, MISSING, FOREIGN, STRAY, FAILED, UNCHECKED = (
    "in sync", "drifted", "missing", "foreign", "stray", "failed", "not checked yet",
)  # fmt: skip
GOOD, BUSY, WARNING, BAD = "good", "busy", "warning", "bad"
Job = Mapping[str, Any]
Clean = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Live:
    """What was last seen in Dkron. `jobs`: those with our tag; `others`: declared names that others own, or that don't
    exist (None); `noted`: name -> managed fields as JSON, as the last cycle left them; `at`: seconds since 1970."""

    jobs: tuple[Job, ...] = ()
    others: Mapping[str, Job | None] = field(default_factory=dict)
    noted: Mapping[str, str] | None = None
    at: float = 0.0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class JobRow:
    """One job of the table. `next_run`: a time, or the reason why there is none; `last_*`: times or None."""

    name: str
    displayname: str
    schedule: str
    words: str
    timezone: str
    next_run: datetime | str
    last_success: datetime | None
    last_error: datetime | None
    successes: int
    errors: int
    state: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Is all well? `level`: good, busy, warning or bad; `headline` in words; `reason`, and what to do."""

    level: str
    headline: str
    reason: str = ""
    to_do: str = ""


def job_rows(
    live: Live, last: CycleReport | None, prints: Mapping[str, str], now: datetime, clean: Clean
) -> list[JobRow]:
    """The table, by name. `prints`: the fingerprints of the live jobs, as `noted` has them."""
    failures = {f.job: f.reason for f in last.failures} if last else {}
    strays = set(last.strays) - set(last.deleted) if last else set()
    rows = []
    for job in live.jobs:
        name = str(job.get("name"))
        state, detail = _state(name, live.noted, prints, strays)
        if name in failures:
            state, detail = FAILED, failures[name]
        rows.append(_row(job, state, detail, now))
    noted = live.noted or {}
    gone = noted.keys() - {row.name for row in rows} - live.others.keys()
    rows += [_row(_noted_job(name, noted), MISSING, "not in Dkron", now) for name in gone]
    for name, other in live.others.items():
        if other is None:
            rows.append(_row({"name": name}, FAILED, failures.get(name, ""), now))
        else:
            tag = owner_tag(other)
            rows.append(_row(other, FOREIGN, f"owned by {tag}" if tag else "owned by nobody", now))
    return _cleaned(sorted(rows, key=lambda row: row.name), clean)


def _state(name: str, noted: Mapping[str, str] | None, prints: Mapping[str, str], strays: set[str]) -> tuple[str, str]:
    if name in strays:
        return STRAY, "declared nowhere"
    if noted is None:
        return UNCHECKED, ""
    if name not in noted:
        return STRAY, "appeared since the last cycle"
    if noted[name] == prints.get(name):
        return IN_SYNC, ""
    return DRIFTED, ", ".join(changed_fields(noted[name], prints.get(name, "{}")))


def changed_fields(before: str, after: str) -> list[str]:
    """The managed fields that differ between two fingerprints, an option of a config by its own name."""
    left, right = json.loads(before), json.loads(after)
    found = []
    for name in MANAGED_FIELDS:
        old, new = left.get(name), right.get(name)
        if old == new:
            continue
        old, new = ({} if value is None else value for value in (old, new))
        if isinstance(old, dict) and isinstance(new, dict) and (old or new):
            found += [f"{name}.{key}" for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]
        else:
            found.append(name)
    return found


def _noted_job(name: str, noted: Mapping[str, str]) -> Job:
    job = json.loads(noted[name])
    return job if isinstance(job, dict) else {"name": name}


def _row(job: Job, state: str, detail: str, now: datetime) -> JobRow:
    entry = Entry.of(job)
    known = state != FAILED or bool(entry.schedule or entry.parent)
    return JobRow(
        name=entry.name, displayname=str(job.get("displayname") or ""), schedule=entry.schedule,
        words=in_words(entry) if known else "", timezone=entry.timezone,
        next_run=next_run(entry, now) if known else "", last_success=_time(job.get("last_success")),
        last_error=_time(job.get("last_error")), successes=_count(job.get("success_count")),
        errors=_count(job.get("error_count")), state=state, detail=detail,
    )  # fmt: skip


def _time(value: Any) -> datetime | None:
    """Dkron's time; its year 1 stands for never."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment and moment.utcoffset() is not None and moment.year > 1970 else None


def _count(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _cleaned(rows: list[JobRow], clean: Clean) -> list[JobRow]:
    """The rows without secrets, all texts in one go: replacing is slow to begin and quick to go on."""
    texts = [[row.name, row.displayname, row.schedule, row.detail] for row in rows]
    before = json.dumps(texts)
    after = clean(before)
    if after == before:
        return rows
    return [
        JobRow(n, d, s, row.words, row.timezone, row.next_run, row.last_success, row.last_error, row.successes,
               row.errors, row.state, detail)
        for row, (n, d, s, detail) in zip(rows, json.loads(after), strict=True)
    ]  # fmt: skip


_TO_DO: Final[Mapping[Outcome, tuple[str, str, str]]] = {
    Outcome.REFUSED: (
        BAD, "A change was refused",
        "The reason names the command that allows it once, if it is meant; else mend what it names.",
    ),
    Outcome.FAILED: (BAD, "The last cycle failed", "It is tried again by itself; mend what the reason names."),
    Outcome.LOCKED: (WARNING, "Waiting for another run", "It goes on by itself when the stack is free."),
    Outcome.NO_LEADER: (WARNING, "Dkron has no leader", "It goes on by itself; look at Dkron's servers if it lasts."),
    Outcome.RETRY: (WARNING, "Something changed meanwhile", "It judges anew by itself in a moment."),
    Outcome.PAUSED: (WARNING, "Dkron takes no jobs just now", "It goes on when somebody ends the pause in Dkron."),
}  # fmt: skip


def verdict(snapshot: Snapshot, rows: Iterable[JobRow], live: Live, now: float, clean: Clean) -> Verdict:
    """The first thing that a person must know."""
    last = snapshot.last
    if not snapshot.healthy(now):
        return Verdict(BAD, "The watcher is stuck", "no cycle was attempted for three intervals", "Restart it.")
    if last is None:
        return Verdict(BUSY, "Starting", "the first cycle has not ended yet")
    if not last.outcome.good:
        level, headline, to_do = _TO_DO[last.outcome]
        return Verdict(level, headline, clean(last.detail), to_do)
    if live.problem:
        return Verdict(WARNING, "Dkron could not be read just now", clean(live.problem), "It is tried again.")
    states: dict[str, int] = {}
    for row in rows:
        states[row.state] = states.get(row.state, 0) + 1
    off = [f"{states[s]} {s}" for s in (DRIFTED, MISSING, FOREIGN, STRAY, FAILED) if s in states]
    if off:
        return Verdict(WARNING, "Some jobs are not as declared", ", ".join(off), "The next cycle looks after them.")
    count = sum(states.values())
    return Verdict(GOOD, "All is well", f"{count} {'job is' if count == 1 else 'jobs are'} as declared")


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
    drift = {d.job: ", ".join(d.fields) or d.kind for d in cycle.drift}
    found = []
    for sign, names in (("+", cycle.created), ("~", cycle.updated), ("−", cycle.deleted)):
        found += [(sign, f"{name} ({drift[name]})" if name in drift else name) for name in names]
    failed = [("!", f"{f.job}: {f.reason}" if f.job else f.reason) for f in cycle.failures if f.reason != cycle.detail]
    return found + failed
