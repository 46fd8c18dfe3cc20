"""A status page over jobs that a test makes up."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from provider.dkron.client import DkronClient, Job
from provider.errors import DkronError
from provider.settings import DkronSettings
from watcher.clock import Control
from watcher.dkron.connection import Connection
from watcher.dkron.look import Fingerprints
from watcher.dkron.probe import Probe
from watcher.dkron.runs import Runs
from watcher.status import Board, CycleReport, Outcome, Reason, Snapshot
from watcher.web.live import LiveJobs, Sources
from watcher.web.page import Page
from watcher.web.view import Clean

NOW = 1_795_485_737.0  # 2026-11-24T02:02:17Z
TAG = "d2-dkron-mgr"


class HeldClock:
    """A clock that a test holds."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    def wait(self, seconds: float) -> None:
        self.at += seconds


class FakeClient(DkronClient):
    """Dkron's answers without a server; counts what it was asked."""

    def __init__(self, jobs: list[Job]) -> None:
        super().__init__(DkronSettings(("http://127.0.0.1:1",)))
        self.jobs = jobs
        self.others: dict[str, Job] = {}
        self.fault: DkronError | None = None
        self.lists = 0
        self.kept: dict[str, list[Job]] = {}
        self.asked: list[str] = []

    def list_jobs(self, owner_tag: str | None = None) -> list[Job]:
        assert owner_tag == TAG
        self.lists += 1
        if self.fault is not None:
            raise self.fault
        return self.jobs

    def executions(self, name: str, with_output: bool = False) -> list[Job]:
        self.asked.append(name)
        if self.fault is not None:
            raise self.fault
        kept = self.kept.get(name, [])
        return kept if with_output else [{**execution, "output": ""} for execution in kept]

    def get_job(self, name: str, led_within_s: float = 0.0) -> Job | None:
        return self.others.get(name)


def fingerprints(jobs: Iterable[Job]) -> dict[str, str]:
    """How the jobs are noted."""
    return Fingerprints().of(jobs)


def job(name: str, **fields: Any) -> Job:
    """A live job as Dkron shows it."""
    return {
        "name": name,
        "schedule": "0 15 2 * * *",
        "timezone": "UTC",
        "displayname": f"Do {name}",
        "metadata": {"managed_by": TAG},
        "success_count": 3,
        "error_count": 1,
        "last_success": "2026-11-23T02:15:01Z",
        "last_error": None,
        "executor": "http",
        "executor_config": {"url": "http://x", "headers": '["K: v"]'},
        **fields,
    }


def cycle(outcome: Outcome = Outcome.UNCHANGED, **fields: Any) -> CycleReport:
    given = {"number": 7, "reason": Reason.INTERVAL, "outcome": outcome, "started": NOW - 40, "seconds": 2.0, **fields}
    return CycleReport(**given)


@dataclass
class Site:
    """A page with everything under it."""

    client: FakeClient
    cycles: tuple[CycleReport, ...] = (cycle(),)
    noted: dict[str, str] | None = None
    clean: Clean = field(default=lambda text: text)
    stack: str = "prod"
    failures: int = 0
    show_output: bool = False

    def __post_init__(self) -> None:
        self.clock = HeldClock()
        self.board = Board(
            Snapshot(
                self.stack,
                NOW - 1000,
                300,
                mode="idle",
                next_cycle=NOW + 260,
                leader="n1",
                attempted=NOW - 40,
                last_good=NOW - 38,
                consecutive_failures=self.failures,
                cycles=self.cycles,
            )
        )
        probe = Probe(self.client, TAG, "dkron-jobs/prod", Control(self.clock))
        self.connection: Connection | None = Connection(self.client, probe, TAG)
        self.runs = Runs()
        sources = Sources(lambda: self.connection, lambda: self.noted, self.runs, self.show_output)
        self.live = LiveJobs(sources, self.board, self.clock)
        self.page = Page(self.board, self.live, self.clock, self.clean)

    def html(self, query: str = "") -> str:
        return self.page.html(query).body.decode()

    def job(self, target: str) -> str:
        return self.page.job(target).body.decode()


def site(*jobs: Job, **fields: Any) -> Site:
    """A page over these jobs, all of them as the last cycle left them."""
    fields.setdefault("noted", fingerprints(jobs))
    return Site(FakeClient(list(jobs)), **fields)
