"""Eight jobs of ours among a hundred thousand of others: cycle, probe and page ask for ours, by their tag."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from provider.dkron.client import DkronClient
from provider.settings import DkronSettings
from tests.fake_dkron import Crowd
from tests.watcher.support import MARK, TAG, job, world
from watcher.dkron.census import COUNT_AGAIN_S, LONGEST_COUNT_S
from watcher.dkron.connection import Connection
from watcher.dkron.probe import Probe
from watcher.status import Board, Snapshot
from watcher.web.live import LiveJobs, Sources

NAMES = {f"job-{n}" for n in range(8)}


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    with Crowd() as server:
        for name in NAMES:
            server.put(job(name))
        yield server
        assert server.whole_lists == []


class Watched:
    """What a watcher has of a cluster."""

    def __init__(self, crowd: Crowd, root: Path) -> None:
        made = world(root)
        self.clock, self.control, self.metrics = made.clock, made.control, made.tools.metrics
        self.census = made.cycle.census
        client = DkronClient(DkronSettings((crowd.url,)))
        self.connection = Connection(client, Probe(client, TAG, MARK, self.control), TAG)

    def counted(self, kind: str) -> float | None:
        return self.metrics.registry.get_sample_value("watcher_jobs_count", {"kind": kind})


@pytest.fixture
def watched(crowd: Crowd, tmp_path: Path) -> Iterator[Watched]:
    made = Watched(crowd, tmp_path)
    yield made
    made.connection.client.close()


def test_a_cycle_and_a_probe_see_our_jobs_and_only_count_the_others(crowd: Crowd, watched: Watched) -> None:
    assert watched.census.before(watched.connection, waited=False).names == NAMES
    assert (watched.counted("managed"), watched.counted("foreign")) == (8, Crowd.OTHERS)
    assert watched.connection.probe.look().names == NAMES
    assert crowd.bytes < 3 * 8 * 1000


def test_a_page_shows_our_jobs(watched: Watched) -> None:
    live = LiveJobs(Sources(lambda: watched.connection, dict), Board(Snapshot("dev", 0.0, 300)), watched.clock)
    assert {str(one["name"]) for one in live.look().jobs} == NAMES


def test_a_job_whose_tag_was_taken_off_has_drifted(crowd: Crowd, watched: Watched) -> None:
    watched.census.note(watched.connection, watched.census.count(watched.connection), ())
    crowd.jobs["job-3"]["metadata"] = None
    assert watched.census.drifted(watched.connection.probe.look()) == {"job-3"}


def test_a_server_that_takes_long_to_count_is_not_asked_again_for_a_while(crowd: Crowd, watched: Watched) -> None:
    count = watched.connection.client.count_jobs
    asked: list[float] = []

    def slow() -> int | None:
        asked.append(watched.clock.seconds)
        watched.clock.seconds += LONGEST_COUNT_S + 1
        return count()

    watched.connection.client.count_jobs = slow  # type: ignore[method-assign]
    for _ in range(3):
        watched.census.count(watched.connection)
    watched.clock.seconds += COUNT_AGAIN_S
    watched.census.count(watched.connection)
    assert len(asked) == 2


def test_a_count_that_fails_costs_a_cycle_nothing(crowd: Crowd, watched: Watched) -> None:
    client = DkronClient(DkronSettings(("http://127.0.0.1:1",)))
    watched.connection.client.count_jobs = client.count_jobs  # type: ignore[method-assign]
    assert watched.census.count(watched.connection).names == NAMES
    assert watched.counted("foreign") == 0
