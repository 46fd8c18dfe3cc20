"""What the status page says, as values: decided from a status snapshot and what Dkron holds. Pure.

Only what may be seen by anyone goes in: names, schedules, times, counts, names of fields. No executor config at all.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from provider.job import health_words
from provider.job.executions import count, moment
from provider.job.health import Health, Known, State, reckon_all
from provider.job.ownership import owner_tag, stack_mark
from provider.job.spec import MANAGED_FIELDS
from provider.schedule.calendar import Entry, in_words, next_run
from provider.text import one_line
from watcher.status import CycleReport, Outcome, Snapshot

IN_SYNC, DRIFTED, MISSING, FOREIGN, STRAY, UNMARKED, PROTECTED, FAILED, UNCHECKED = (
    "in sync",
    "drifted",
    "missing",
    "foreign",
    "stray",
    "unmarked",
    "protected",
    "failed",
    "not checked yet",
)
GOOD, BUSY, WARNING, BAD = "good", "busy", "warning", "bad"
Job = Mapping[str, Any]
Clean = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Live:
    """What was last seen in Dkron. `jobs`: those with our tag; `others`: declared names that others own, or that don't
    exist (None); `noted`: name -> managed fields as JSON, as the last cycle left them; `at`: seconds since 1970;
    `known`: what was known of the runs then."""

    jobs: tuple[Job, ...] = ()
    others: Mapping[str, Job | None] = field(default_factory=dict)
    noted: Mapping[str, str] | None = None
    at: float = 0.0
    problem: str = ""
    known: Known = field(default_factory=Known)


@dataclass(frozen=True, slots=True)
class JobRow:
    """One job of the table. `next_run`: a time, or the reason why there is none; `last_*`: times or None; `health`: how
    its runs do, None for a job that isn't ours or isn't there."""

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
    health: Health | None = None

    @property
    def urgency(self) -> tuple[int, str]:
        """Sorts the rows: first those in trouble, the worst of them on top."""
        states = list(State)
        if self.health is not None and self.health.state.trouble:
            return states.index(self.health.state), self.name
        if self.state not in (IN_SYNC, UNCHECKED) or (self.health is not None and not self.health.well):
            return len(states), self.name
        return len(states) + 1, self.name


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
    """The table, what is in trouble first. `prints`: the fingerprints of the live jobs, as `noted` has them."""
    failures = {f.job: f.reason for f in last.failures} if last else {}
    undeclared = _undeclared(last)
    unkept = last.unkept if last else {}
    healths = reckon_all(live.jobs, datetime.fromtimestamp(live.at, UTC), live.known)
    rows = []
    for job in live.jobs:
        name = str(job.get("name"))
        state, detail = undeclared.get(name) or _state(name, live.noted, prints)
        if name in unkept:
            detail = "; ".join(filter(None, (detail, f"not compared, as it doesn't stay: {', '.join(unkept[name])}")))
        if name in failures:
            state, detail = FAILED, failures[name]
        rows.append(replace(_row(job, state, detail, now), health=healths[name]))
    noted = live.noted or {}
    gone = noted.keys() - {row.name for row in rows} - live.others.keys()
    rows += [_row(_noted_job(name, noted), MISSING, "not in Dkron", now) for name in gone]
    for name, other in live.others.items():
        if other is None:
            rows.append(_row({"name": name}, FAILED, failures.get(name, ""), now))
        else:
            rows.append(_row(other, FOREIGN, _holder(other), now))
    return _cleaned(sorted(rows, key=lambda row: row.urgency), clean)


def _holder(job: Job) -> str:
    tag, mark = owner_tag(job), stack_mark(job)
    return f"owned by {tag}{f', stack {mark}' if mark else ''}" if tag else "owned by nobody"


def _undeclared(last: CycleReport | None) -> dict[str, tuple[str, str]]:
    """The state of each job that carries our tag and that nobody declares."""
    if last is None:
        return {}
    strays = dict.fromkeys(set(last.strays) - set(last.deleted), (STRAY, "declared nowhere"))
    way_out = "declared nowhere: declare it, or delete it with `python -m jobs delete {}`"
    unmarked = {name: (UNMARKED, way_out.format(name)) for name in last.unmarked}
    protected = dict.fromkeys(last.protected, (PROTECTED, "not declared so any more, and kept"))
    return {**strays, **unmarked, **protected}


def _state(name: str, noted: Mapping[str, str] | None, prints: Mapping[str, str]) -> tuple[str, str]:
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
        name=entry.name,
        displayname=str(job.get("displayname") or ""),
        schedule=entry.schedule,
        words=in_words(entry) if known else "",
        timezone=entry.timezone,
        next_run=next_run(entry, now) if known else "",
        last_success=moment(job.get("last_success")),
        last_error=moment(job.get("last_error")),
        successes=count(job.get("success_count")),
        errors=count(job.get("error_count")),
        state=state,
        detail=detail,
    )


def _cleaned(rows: list[JobRow], clean: Clean) -> list[JobRow]:
    """The rows without secrets, all texts in one go: replacing is slow to begin and quick to go on."""
    texts = [[row.name, row.displayname, row.schedule, row.detail] for row in rows]
    before = json.dumps(texts)
    after = clean(before)
    if after == before:
        return rows
    return [
        replace(row, name=name, displayname=displayname, schedule=schedule, detail=detail)
        for row, (name, displayname, schedule, detail) in zip(rows, json.loads(after), strict=True)
    ]


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
    rows = list(rows)
    states: dict[str, int] = {}
    for row in rows:
        states[row.state] = states.get(row.state, 0) + 1
    off = [f"{states[s]} {s}" for s in (DRIFTED, MISSING, FOREIGN, STRAY, FAILED) if s in states]
    runs = health_words.summary(row.health for row in rows if row.health is not None)
    if off:
        return Verdict(
            WARNING,
            "Some jobs are not as declared",
            ", ".join([*off, *([runs] if runs else [])]),
            "The next cycle looks after them.",
        )
    number = len(rows)
    if runs:
        return _troubled(rows, runs, datetime.fromtimestamp(live.at, UTC))
    return Verdict(GOOD, "All is well", f"{number} {'job is' if number == 1 else 'jobs are'} as declared")


MOST_NAMED: Final = 3


def _troubled(rows: list[JobRow], runs: str, now: datetime) -> Verdict:
    """Every job is as declared, and some don't run as they should."""
    ill = [(row.name, row.health) for row in rows if row.health is not None and not row.health.well]
    named = [f"{one_line(name)}: {health_words.in_words(health, now)}" for name, health in ill[:MOST_NAMED]]
    more = [f"and {len(ill) - MOST_NAMED} more"] if len(ill) > MOST_NAMED else []
    bad = any(health.state.trouble and health.state is not State.FAILED for _, health in ill)
    headline = f"{health_words.plural(len(rows), 'job')} as declared, {runs}"
    return Verdict(BAD if bad else WARNING, headline, "; ".join(named + more), "A job's own page shows its last runs.")


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
