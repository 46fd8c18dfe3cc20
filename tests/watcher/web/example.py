"""The page on an ordinary day: one job that Dkron has lost, one that fails each time, and one that somebody holds."""

from datetime import UTC, datetime, timedelta
from typing import Any

from provider.dkron.client import Job
from provider.schedule.calendar import Entry, next_run
from tests.watcher.web.support import NOW, Site, cycle, job, site
from watcher.pulumi.changes import Drift
from watcher.status import Outcome, Reason

AT = datetime.fromtimestamp(NOW, UTC)
LOST, FAILING, HELD = "auth-purge-sessions", "geo-purge-whois", "geo-refresh-tiles"
JOBS = (
    (LOST, "0 30 2 * * *", "Purge expired sessions", "UTC"),
    ("auth-clean-up-invitations", "0 0 3 * * *", "Clean up expired invitations", "UTC"),
    ("auth-purge-sign-ins", "0 45 2 * * *", "Purge old sign-in events", "UTC"),
    ("billing-close-day", "0 30 3 * * *", "Close the books of the day", "UTC"),
    ("billing-send-invoices", "0 0 9 * * 1-5", "Send invoices on working days", "Europe/Berlin"),
    ("comms-purge-history", "0 45 3 * * *", "Purge old delivery attempts", "UTC"),
    ("comms-purge-messages", "0 30 3 * * *", "Purge deleted messages", "UTC"),
    ("geo-clean-up-locations", "0 15 2 * * *", "Remove locations that nothing refers to", "UTC"),
    (FAILING, "0 0 2 * * *", "Purge old WhoIs records", "UTC"),
    (HELD, "0 */30 * * * *", "Refresh map tiles", ""),
    ("health-ping", "@every 1m", "Ping the gateway", ""),
)
HOLD = {"held_until": "2026-11-24T08:00:00Z", "hold_reason": "the tile server is down", "held_by": "ann"}
REVISION = "3f1c9ae2 (files 9b4d70c1)"
DRIFT = Drift(FAILING, "changed", ("schedule", "retries"))
CYCLES: tuple[tuple[float, Reason, Outcome, float, dict[str, Any]], ...] = (
    (4321, Reason.START, Outcome.CHANGED, 9.2, {"created": ("billing-close-day", "health-ping")}),
    (4021, Reason.INTERVAL, Outcome.UNCHANGED, 2.1, {}),
    (3721, Reason.INTERVAL, Outcome.NO_LEADER, 30.0, {"detail": "Dkron has no leader"}),
    (3691, Reason.RETRY, Outcome.UNCHANGED, 2.2, {}),
    (1432, Reason.DRIFT, Outcome.CHANGED, 3.4, {"updated": (FAILING,), "drift": (DRIFT,)}),
    (41, Reason.INTERVAL, Outcome.UNCHANGED, 2.1, {}),
)  # fmt: skip


def example() -> Site:
    """As a watcher shows it that looked all day."""
    jobs = [_job(*row) for row in JOBS]
    cycles = tuple(
        cycle(outcome, number=number, reason=reason, started=NOW - ago, seconds=seconds, revision=REVISION, **more)
        for number, (ago, reason, outcome, seconds, more) in enumerate(CYCLES, start=1)
    )
    made = site(*jobs, cycles=cycles)
    made.runs.note(jobs, AT)
    for one in jobs:
        if one["name"] != LOST:
            made.runs.marks[one["name"]].extend((ended, one["name"] != FAILING) for ended in _ends(one))
    return made


def _job(name: str, schedule: str, displayname: str, timezone: str) -> Job:
    made = job(name, schedule=schedule, displayname=displayname, timezone=timezone, success_count=212, error_count=0)
    made["last_success"] = str(_ends(made)[-1])
    if name == LOST:
        made |= {"success_count": 40, "last_success": "2026-11-17T02:30:02Z"}
    if name == FAILING:
        made |= {"success_count": 0, "error_count": 212, "last_success": None, "last_error": made["last_success"]}
    if name == HELD:
        made |= {"disabled": True, "metadata": {**made["metadata"], **HOLD}}
    return made


def _ends(one: Job) -> list[datetime]:
    """When the job's runs of the last 24 hours ended, had all of them been as they should."""
    ended: list[datetime] = []
    entry = Entry.of({**one, "disabled": False})
    due = next_run(entry, AT - timedelta(hours=24))
    while isinstance(due, datetime) and due < AT:
        ended.append(due + timedelta(seconds=2))
        due = next_run(entry, due)
    return ended
