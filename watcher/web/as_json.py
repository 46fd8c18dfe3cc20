"""The status page's data as JSON: plain values, times in UTC. Pure."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

from provider.job import health_words
from provider.schedule.calendar import Calendar
from watcher.status import CycleReport, Snapshot
from watcher.web.paging import Chosen
from watcher.web.verdict import Verdict
from watcher.web.view import Clean, JobRow

MOST_LISTED: Final = 100  # jobs of one kind in one cycle


def utc(moment: datetime | float | None) -> str | None:
    """RFC 3339 in UTC, to the second."""
    if moment is None:
        return None
    if not isinstance(moment, datetime):
        moment = datetime.fromtimestamp(moment, UTC)
    return moment.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def document(
    snapshot: Snapshot, verdict: Verdict, chosen: Chosen, calendar: Calendar, seen: float | None
) -> dict[str, Any]:
    """Everything but the cycles. `seen`: when Dkron was looked at."""
    busiest = calendar.busiest
    at = datetime.fromtimestamp(seen or 0.0, UTC)
    return {
        "stack": snapshot.stack,
        "verdict": asdict(verdict),
        "mode": snapshot.mode,
        "leader": snapshot.leader,
        "nextCycle": utc(snapshot.next_cycle),
        "intervalSeconds": snapshot.interval_s,
        "lastSuccess": utc(snapshot.last_good),
        "consecutiveFailures": snapshot.consecutive_failures,
        "dkronSeen": utc(seen),
        "calendar": {
            "start": utc(calendar.start),
            "hours": calendar.hours,
            "overlappingMinutes": calendar.overlaps,
            "busiestMinute": utc(busiest[0]) if busiest else None,
            "busiestJobs": busiest[1] if busiest else 0,
        },
        "page": chosen.page,
        "pages": chosen.pages,
        "jobsFound": chosen.found,
        "jobsInAll": chosen.total,
        "jobs": [job(row, at) for row in chosen.rows],
    }


def job(row: JobRow, at: datetime) -> dict[str, Any]:
    """One job; `at`: when its health was reckoned."""
    never = row.next_run if isinstance(row.next_run, str) else None
    health = row.health
    return {
        "name": row.name,
        "displayname": row.displayname,
        "schedule": row.schedule,
        "words": row.words,
        "timezone": row.timezone,
        "nextRun": utc(row.next_run) if isinstance(row.next_run, datetime) else None,
        "whyNone": never or "",
        "lastSuccess": utc(row.last_success),
        "lastError": utc(row.last_error),
        "successes": row.successes,
        "errors": row.errors,
        "state": row.state,
        "detail": row.detail,
        "hold": None
        if row.hold is None
        else {
            "until": utc(row.hold.until),
            "reason": row.hold.reason,
            "by": row.hold.by,
            "switchedOff": row.hold.disabled,
        },
        "health": None
        if health is None
        else {
            "state": health.state.value,
            "since": utc(health.since),
            "failedTimes": health.times,
            "missed": utc(health.missed),
            "well": health.well,
            "words": health_words.in_words(health, at),
        },
    }


def cycle(report: CycleReport, clean: Clean) -> dict[str, Any]:
    """One cycle, without secrets and paths; of long lists the beginning, and `counts` tells how long they are."""
    lists: dict[str, Sequence[Any]] = {
        "created": report.created,
        "updated": report.updated,
        "deleted": report.deleted,
        "drift": report.drift,
        "strays": tuple(report.strays.items()),
        "waiting": report.waiting,
        "unmarked": report.unmarked,
        "protected": report.protected,
        "failures": report.failures,
    }
    first = {name: values[:MOST_LISTED] for name, values in lists.items()}
    return {
        "number": report.number,
        "reason": report.reason.value,
        "outcome": report.outcome.value,
        "started": utc(report.started),
        "seconds": round(report.seconds, 3),
        "detail": clean(report.detail),
        "program": report.revision,
        "unchanged": report.unchanged,
        **first,
        "drift": [asdict(drift) for drift in first["drift"]],
        "strays": dict(first["strays"]),
        "waiting": [clean(line) for line in first["waiting"]],
        "unkept": report.unkept,
        "failures": [{"job": f.job, "reason": clean(f.reason)} for f in first["failures"]],
        "counts": {name: len(values) for name, values in lists.items() if values},
    }
