"""A watcher's status as it may be on an ordinary day, with the jobs declared here: for a picture of it."""

from collections.abc import Mapping
from typing import Any

from provider.dkron.client import DkronClient, Job
from provider.job.declarations import gather
from provider.settings import DEFAULT_OWNER_TAG, DkronSettings
from watcher.dkron.probe import fingerprints
from watcher.pulumi.output import Drift
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

    def list_jobs(self, owner_tag: str | None = None) -> list[Job]:  # noqa: ARG002 - all of them are ours
        return self.jobs


def example_jobs() -> list[Job]:
    specs = [
        {"name": s.name, "schedule": s.schedule, "displayname": str(s.displayname), "timezone": s.timezone}
        for s in gather().specs
    ]
    more = [{"name": n, "schedule": s, "displayname": d, "timezone": z} for n, s, d, z in MORE]
    counters = {"success_count": 212, "error_count": 0, "last_success": "2026-11-23T03:45:01Z", "last_error": None}
    jobs: list[Job] = [{**job, **counters, "metadata": {"managed_by": DEFAULT_OWNER_TAG}} for job in [*specs, *more]]
    jobs[2] |= {"error_count": 3, "last_error": "2026-11-19T03:00:31Z"}
    jobs[-1] |= {"success_count": 48210, "last_success": "2026-11-24T02:01:40Z"}
    return jobs


def _cycles() -> tuple[CycleReport, ...]:
    def cycle(number: int, ago: float, reason: Reason, outcome: Outcome, seconds: float, **more: Any) -> CycleReport:
        return CycleReport(number, reason, outcome, NOW - ago, seconds, **more)

    return (
        cycle(1, 4321, Reason.START, Outcome.CHANGED, 9.2, created=tuple(n for n, *_ in MORE)),
        cycle(2, 4021, Reason.INTERVAL, Outcome.UNCHANGED, 2.1),
        cycle(3, 3721, Reason.INTERVAL, Outcome.NO_LEADER, 30.0, detail="Dkron has no leader"),
        cycle(4, 3691, Reason.RETRY, Outcome.UNCHANGED, 2.2),
        cycle(
            5, 1432, Reason.DRIFT, Outcome.CHANGED, 3.4, updated=("geo-purge-stale-whois",),
            drift=(Drift("geo-purge-stale-whois", "changed", ("schedule", "retries")),),
        ),
        cycle(6, 1132, Reason.INTERVAL, Outcome.UNCHANGED, 2.0),
        cycle(7, 41, Reason.INTERVAL, Outcome.UNCHANGED, 2.1),
    )  # fmt: skip


def example_pages() -> Mapping[str, Any]:
    """The page and its data, for `HttpServer`."""
    jobs = example_jobs()

    class Connection:
        client = ExampleClient(jobs)
        owner_tag = DEFAULT_OWNER_TAG

    snapshot = Snapshot(
        "prod", NOW - 4322, 300, mode="idle", next_cycle=NOW + 259, leader="dkron-2", last_attempt=NOW - 41,
        last_good=NOW - 39, cycles=_cycles(),
    )  # fmt: skip
    board, clock = Board(snapshot), StillClock()
    sources = Sources(Connection, lambda: fingerprints(jobs))
    return pages(board, LiveJobs(sources, board, clock), clock, lambda text: text)
