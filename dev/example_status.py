"""A watcher's status as it may be on an ordinary day, with the jobs declared here: for a picture of it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from provider.dkron.client import DkronClient, Job
from provider.job.declarations import gather
from provider.job.references import shown
from provider.schedule.calendar import Entry, next_run
from provider.settings import DEFAULT_OWNER_TAG, DkronSettings
from watcher.dkron.look import fingerprints
from watcher.dkron.runs import Runs
from watcher.pulumi.changes import Drift
from watcher.status import Board, CycleReport, Outcome, Reason, Snapshot
from watcher.web.live import LiveJobs, Sources
from watcher.web.page import pages

NOW = 1_795_485_600.0 + 137  # 2026-11-24, a little after two in the morning, UTC
MORE = (
    ("geo-refresh-tiles", "0 */30 * * * *", "Refresh map tiles", ""),
    ("billing-send-invoices", "0 0 9 * * 1-5", "Send invoices on working days", "Europe/Berlin"),
    ("billing-close-day", "0 30 3 * * *", "Close the books of the day", "UTC"),
    ("health-ping", "@every 1m", "Ping the gateway", ""),
)


class StillClock:
    """It is always the same moment."""

    def now(self) -> float:
        return NOW

    def monotonic(self) -> float:
        return NOW

    def wait(self, seconds: float) -> None:
        """Nothing to wait for."""


class ExampleClient(DkronClient):
    """Holds the jobs itself and asks no server."""

    def __init__(self, jobs: list[Job]) -> None:
        super().__init__(DkronSettings(("http://127.0.0.1:1",)))
        self.jobs = jobs

    def executions(self, name: str, with_output: bool = False) -> list[Job]:  # noqa: ARG002 - there is no output
        job = next(job for job in self.jobs if job["name"] == name)
        return [
            {
                "started_at": str(ended - timedelta(seconds=2)),
                "finished_at": str(ended),
                "node_name": "dkron-1",
                "success": job["success_count"] > 0,
                "attempt": 1,
                "group": number,
            }
            for number, ended in enumerate(reversed(ended_runs(job)))
        ]

    def list_jobs(self, owner_tag: str | None = None) -> list[Job]:  # noqa: ARG002 - all of them are ours
        return self.jobs


def ended_runs(job: Job) -> list[datetime]:
    """When the job's runs of the last 24 hours ended, had all of them been as they should."""
    entry, now = Entry.of({**job, "disabled": False}), datetime.fromtimestamp(NOW, UTC)
    ended: list[datetime] = []
    due = next_run(entry, now - timedelta(hours=24))
    while isinstance(due, datetime) and due < now:
        ended.append(due + timedelta(seconds=2))
        due = next_run(entry, due)
    return ended


def example_jobs() -> list[Job]:
    """Nine that run, one that Dkron has lost, one that fails each time, and one that somebody holds."""
    specs = [
        {"name": s.name, "schedule": shown(s.schedule), "displayname": shown(s.displayname), "timezone": "UTC"}
        for s in gather().specs
    ]
    more = [{"name": n, "schedule": s, "displayname": d, "timezone": z} for n, s, d, z in MORE]
    jobs: list[Job] = []
    for job in [*specs, *more]:
        ended = ended_runs(job)
        counters = {"success_count": 212, "error_count": 0, "last_success": str(ended[-1]), "last_error": None}
        jobs.append({**job, **counters, "metadata": {"managed_by": DEFAULT_OWNER_TAG}})
    jobs[0] |= {"success_count": 40, "last_success": "2026-11-17T02:30:02Z"}
    hold = {"held_until": "2026-11-24T08:00:00Z", "hold_reason": "the tile server is down", "held_by": "ann"}
    (held,) = (job for job in jobs if job["name"] == "geo-refresh-tiles")
    held |= {"disabled": True, "metadata": {**held["metadata"], **hold}}
    jobs[2] |= {"success_count": 0, "error_count": 212, "last_success": None, "last_error": jobs[2]["last_success"]}
    return jobs


def example_runs(jobs: list[Job]) -> Runs:
    """What a watcher that looked all day has seen of them."""
    runs = Runs()
    runs.note(jobs, datetime.fromtimestamp(NOW, UTC))
    for job in jobs:
        well = job["success_count"] > 0
        if job["name"] != jobs[0]["name"]:
            runs.marks[job["name"]].extend((ended, well) for ended in ended_runs(job))
    return runs


def _cycles() -> tuple[CycleReport, ...]:
    def cycle(number: int, ago: float, reason: Reason, outcome: Outcome, seconds: float, **more: Any) -> CycleReport:
        return CycleReport(number, reason, outcome, NOW - ago, seconds, **more)

    return (
        cycle(1, 4321, Reason.START, Outcome.CHANGED, 9.2, created=tuple(n for n, *_ in MORE)),
        cycle(2, 4021, Reason.INTERVAL, Outcome.UNCHANGED, 2.1),
        cycle(3, 3721, Reason.INTERVAL, Outcome.NO_LEADER, 30.0, detail="Dkron has no leader"),
        cycle(4, 3691, Reason.RETRY, Outcome.UNCHANGED, 2.2),
        cycle(
            5,
            1432,
            Reason.DRIFT,
            Outcome.CHANGED,
            3.4,
            updated=("geo-purge-stale-whois",),
            drift=(Drift("geo-purge-stale-whois", "changed", ("schedule", "retries")),),
        ),
        cycle(6, 1132, Reason.INTERVAL, Outcome.UNCHANGED, 2.0),
        cycle(7, 41, Reason.INTERVAL, Outcome.UNCHANGED, 2.1),
    )


def example_pages() -> Mapping[str, Any]:
    """The page and its data, for `HttpServer`."""
    jobs = example_jobs()

    class Connection:
        client = ExampleClient(jobs)
        owner_tag = DEFAULT_OWNER_TAG
        mark = "dkron-jobs/prod"

    snapshot = Snapshot(
        "prod",
        NOW - 4322,
        300,
        mode="idle",
        next_cycle=NOW + 259,
        leader="dkron-2",
        last_good=NOW - 39,
        attempted=NOW - 41,
        cycles=_cycles(),
    )
    board, clock = Board(snapshot), StillClock()
    sources = Sources(Connection, lambda: fingerprints(jobs), example_runs(jobs))
    return pages(board, LiveJobs(sources, board, clock), clock, lambda text: text)
