"""The jobs of ours that Dkron holds, as a table with their next runs."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from provider.schedule import ScheduleError, parse

HEAD = ("JOB", "SCHEDULE", "TIME ZONE", "NEXT RUN (UTC)", "DISPLAY NAME")


def next_run(job: dict[str, Any], now: datetime) -> str:
    """The next run of a live job, computed from its schedule: Dkron's own `next` ignores the time zone."""
    if job.get("disabled"):
        return "disabled"
    if not job.get("schedule"):
        return f"after {job.get('parent_job')}"
    try:
        moment = parse(job["schedule"], job["name"]).next_run(now, job.get("timezone") or "UTC")
    except ScheduleError:
        return "?"
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if moment else "never"


def table(jobs: Sequence[dict[str, Any]], now: datetime) -> str:
    """One line for each job, sorted by name, under a head."""
    rows = [HEAD] + [
        (job["name"], job["schedule"], job["timezone"] or "-", next_run(job, now), job["displayname"])
        for job in sorted(jobs, key=lambda j: str(j["name"]))
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)
