"""The jobs of ours that Dkron holds, as a table with their next runs."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from commands.listing import table as as_table
from provider.schedule.calendar import Entry, next_runs
from provider.text import one_line

HEAD = ("JOB", "SCHEDULE", "TIME ZONE", "NEXT RUN (UTC)", "DISPLAY NAME")


def next_run(job: dict[str, Any], now: datetime) -> str:
    """The next run of a live job, computed from its schedule: Dkron's own `next` ignores the time zone."""
    runs = next_runs(Entry.of(job), now, 1)
    return runs if isinstance(runs, str) else f"{runs[0]:%Y-%m-%d %H:%M:%S}"


def table(jobs: Iterable[dict[str, Any]], now: datetime) -> str:
    """One line for each job, sorted by name, under a head."""
    rows: list[Sequence[str]] = [HEAD]
    for job in sorted(jobs, key=lambda j: str(j["name"])):
        texts = [one_line(str(job.get(field) or "-")) for field in ("name", "schedule", "timezone")]
        rows.append((*texts, next_run(job, now), one_line(str(job.get("displayname") or ""))))
    return as_table(rows)
