"""What the status page says, as values: decided from a status snapshot and what Dkron holds. Pure.

Only what may be seen by anyone goes in: names, schedules, times, counts, names of fields. No executor config at all.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from provider.job.executions import count, moment
from provider.job.health import Health, Known, State, reckon_all
from provider.job.hold import Hold, hold_of
from provider.job.ownership import owner_tag, stack_mark
from provider.job.spec import MANAGED_FIELDS
from provider.schedule.calendar import Entry, in_words, next_run
from provider.text import one_line
from watcher.status import CycleReport

IN_SYNC, HELD, DRIFTED, MISSING, FOREIGN, STRAY, UNMARKED, PROTECTED, FAILED, UNCHECKED = (
    "in sync",
    "held",
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
    """One job of the table. `entry`: its schedule, as it was at `at`, None where that isn't known; `last_*`: times or
    None; `health`: how its runs do, None for a job that isn't ours or isn't there; `hold`: what it is left as it is
    for."""

    name: str
    displayname: str
    schedule: str
    timezone: str
    entry: Entry | None
    at: datetime
    last_success: datetime | None
    last_error: datetime | None
    successes: int
    errors: int
    state: str
    detail: str = ""
    health: Health | None = None
    hold: Hold | None = None

    @property
    def words(self) -> str:
        """The schedule in words."""
        return in_words(self.entry) if self.entry else ""

    @property
    def next_run(self) -> datetime | str:
        """A time, or the reason why there is none."""
        return next_run(self.entry, self.at) if self.entry else ""

    @property
    def urgency(self) -> tuple[int, str]:
        """Sorts the rows: first those in trouble, the worst of them on top."""
        states = list(State)
        if self.health is not None and self.health.state.trouble:
            return states.index(self.health.state), self.name
        if self.state not in (IN_SYNC, UNCHECKED) or (self.health is not None and not self.health.well):
            return len(states), self.name
        return len(states) + 1, self.name


def job_rows(
    live: Live, last: CycleReport | None, prints: Mapping[str, str], now: datetime, clean: Clean
) -> list[JobRow]:
    """The table, what is in trouble first. `prints`: the fingerprints of the live jobs, as `noted` has them."""
    failures = {f.job: f.reason for f in last.failures} if last else {}
    unrepaired = {drift.job: drift.words for drift in last.unrepaired} if last else {}
    undeclared = _undeclared(last)
    seen = datetime.fromtimestamp(live.at, UTC)
    healths = reckon_all(live.jobs, seen, live.known)
    rows = []
    for job in live.jobs:
        name = str(job.get("name"))
        state, detail = undeclared.get(name) or _state(name, live.noted, prints)
        if state == IN_SYNC and name in unrepaired:
            state, detail = DRIFTED, unrepaired[name]
        hold = hold_of(job, seen)
        if hold is not None:
            state, detail = HELD, hold.words.removeprefix("held ")
        detail = "; ".join(filter(None, (detail, *_not_compared(name, last))))
        if name in failures:
            state, detail = FAILED, failures[name]
        rows.append(replace(_row(job, state, detail, now), health=healths[name], hold=hold))
    noted = live.noted or {}
    gone = (noted.keys() | unrepaired.keys()) - {row.name for row in rows} - live.others.keys()
    rows += [_row(_noted_job(name, noted), MISSING, "not in Dkron", now) for name in gone]
    for name, other in live.others.items():
        if other is None:
            rows.append(_row({"name": name}, FAILED, failures.get(name, ""), now))
        else:
            rows.append(_row(other, FOREIGN, _holder(other), now))
    return _cleaned(sorted(rows, key=lambda row: row.urgency), clean)


def _not_compared(name: str, last: CycleReport | None) -> list[str]:
    """The fields of a job that may differ, and why."""
    found = []
    if last and name in last.unkept:
        found.append(f"not compared, as it doesn't stay: {', '.join(last.unkept[name])}")
    if last and name in last.ignored:
        found.append(f"changes are ignored by the program: {', '.join(last.ignored[name])}")
    return found


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
    job = json.loads(noted.get(name, "null"))
    return job if isinstance(job, dict) else {"name": name}


def _row(job: Job, state: str, detail: str, now: datetime) -> JobRow:
    entry = Entry.of(job)
    known = state != FAILED or bool(entry.schedule or entry.parent)
    return JobRow(
        name=_on_a_line(entry.name),
        displayname=_on_a_line(str(job.get("displayname") or "")),
        schedule=_on_a_line(entry.schedule),
        timezone=_on_a_line(entry.timezone),
        entry=entry if known else None,
        at=now,
        last_success=moment(job.get("last_success")),
        last_error=moment(job.get("last_error")),
        successes=count(job.get("success_count")),
        errors=count(job.get("error_count")),
        state=state,
        detail=_on_a_line(detail),
    )


def _on_a_line(text: str) -> str:
    """Whole: what is cut before secrets are taken out of it may leave half of one."""
    return one_line(text, len(text))


_NO_HOLD: Final = Hold(datetime.fromtimestamp(0, UTC))


def _cleaned(rows: list[JobRow], clean: Clean) -> list[JobRow]:
    """The rows without secrets, all texts in one go: replacing is slow to begin and quick to go on."""
    held = [row.hold or _NO_HOLD for row in rows]
    pairs = zip(rows, held, strict=True)
    texts = [[row.name, row.displayname, row.schedule, row.detail, hold.reason, hold.by] for row, hold in pairs]
    before = json.dumps(texts)
    after = clean(before)
    if after == before:
        return rows
    cleaned = []
    for row, (name, displayname, schedule, detail, reason, by) in zip(rows, json.loads(after), strict=True):
        hold = row.hold and replace(row.hold, reason=reason, by=by)
        cleaned.append(replace(row, name=name, displayname=displayname, schedule=schedule, detail=detail, hold=hold))
    return cleaned
