"""`python -m jobs status`: how the live jobs run, in trouble first. Reads only, and reckons as the watcher does.

It has no memory: a job that never ran is "not due yet" here, however long it has been there.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from commands import live
from commands.listing import table
from provider.dkron.client import DkronClient
from provider.job import health_words
from provider.job.executions import busy_since, executions, moment
from provider.job.health import Health, Known, State, in_doubt, reckon_all
from provider.job.hold import hold_of
from provider.job.ownership import is_ours
from provider.settings import DkronSettings
from provider.text import one_line

ASKED: Final = 10  # jobs in doubt whose executions are asked for
HEAD: Final = ("JOB", "RUNS", "LAST SUCCESS (UTC)", "LAST ERROR (UTC)")


def look(chosen: DkronSettings, ours: tuple[str, str | None], now: datetime) -> tuple[live.Jobs, dict[str, Health]]:
    """Our jobs and their health; `ours`: owner tag and stack mark. Raises DkronError."""
    jobs = {name: job for name, job in live.live_jobs(chosen, ours[0]).items() if is_ours(job, *ours)}
    found = reckon_all(jobs.values(), now)
    names = in_doubt(found)
    if not names:
        return jobs, found
    client = DkronClient(chosen)
    try:
        known = _asked(client, names, any(found[name].state is not State.FAILED for name in names))
    finally:
        client.close()
    return jobs, reckon_all(jobs.values(), now, known)


def _asked(client: DkronClient, names: Sequence[str], late: bool) -> Known:
    busy = busy_since(client.busy()) if late else None
    return Known(executions={name: executions(client.executions(name)) for name in names[:ASKED]}, busy=busy)


def lines(jobs: live.Jobs, found: Mapping[str, Health], now: datetime) -> list[str]:
    """A table, then one line that sums it up."""
    states = list(State)
    names = sorted(found, key=lambda name: (states.index(found[name].state) if not found[name].well else 99, name))
    rows: list[Sequence[str]] = [HEAD]
    for name in names:
        words = health_words.in_words(found[name], now)
        rows.append((one_line(name), words, _stamp(jobs[name], "last_success"), _stamp(jobs[name], "last_error")))
    holds = {name: hold for name in names if (hold := hold_of(jobs[name], now)) is not None}
    told = [f"{one_line(name)}: {hold.words}" for name, hold in holds.items()]
    count = health_words.plural(len(names), "job")
    summary = [health_words.summary(found.values()) or "all is well", *([f"{len(holds)} held"] if holds else [])]
    return [table(rows), "", *told, f"{count}, {', '.join(summary)}"]


def _stamp(job: Mapping[str, Any], field: str) -> str:
    when = moment(job.get(field))
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if when else "-"
