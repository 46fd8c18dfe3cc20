"""What ran in the hours before now, as marks for the picture: good, bad, or missed. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from provider.job.health import Health, State, tolerance
from provider.schedule.calendar import Calendar, Entry, next_run
from watcher.dkron.runs import Mark
from watcher.web.view import Job, Live

HOURS: Final = 24
MOST_MISSED: Final = 100  # of one job


def with_past(
    calendar: Calendar, live: Live, healths: Mapping[str, Health], seen: Mapping[str, Iterable[Mark]]
) -> Calendar:
    """The calendar with a strip of each job's last runs before it. `seen`: the ends of runs that were watched."""
    rows, by_name = [], {str(job.get("name")): job for job in live.jobs}
    now = datetime.fromtimestamp(live.at, UTC)
    for row in calendar.rows:
        ended = {*seen.get(row.name, ())}
        for execution in live.known.executions.get(row.name, ()):
            if execution.finished is not None:
                ended.add((execution.finished, execution.success))
        marks = [(when, "good" if well else "bad") for when, well in ended if when > now - timedelta(hours=HOURS)]
        health = healths.get(row.name)
        if health is not None:
            marks += [(when, "missed") for when in missed_runs(by_name[row.name], health, now)]
        minutes = {(int((when - calendar.start).total_seconds() // 60), how) for when, how in marks}
        rows.append(replace(row, past=tuple(sorted(mark for mark in minutes if mark[0] >= -HOURS * 60))))
    return replace(calendar, rows=tuple(rows), back=HOURS * 60)


def missed_runs(job: Job, health: Health, now: datetime) -> list[datetime]:
    """When the job was due in the last hours and didn't run."""
    first = health.missed or (health.since if health.state is State.OVERDUE else None)
    entry = Entry.of(job)
    if first is None or not entry.schedule or entry.parent:
        return []
    found: list[datetime] = []
    due = next_run(entry, max(first, now - timedelta(hours=HOURS)) - timedelta(seconds=1))
    while isinstance(due, datetime) and due + tolerance(job) <= now and len(found) < MOST_MISSED:
        found.append(due)
        due = next_run(entry, due)
    return found
