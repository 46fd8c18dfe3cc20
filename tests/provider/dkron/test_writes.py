"""Many writes at once, to a leader that can't take them all."""

import threading
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from provider.archive import Archive
from provider.dkron.client import DkronClient
from provider.dkron.snapshot import Snapshot
from provider.dkron.wire import MAX_REQUESTS_AT_ONCE
from provider.dkron.writes import Rights, Writes
from provider.errors import ServerFault, TimedOut
from provider.settings import DkronSettings
from tests.fake_dkron import FakeDkron
from tests.provider.examples import OWNER, job
from tests.web import Answer, Request, as_text

HANGS = 3  # of the posts that fail; the others are answered with an error


class Strained(FakeDkron):
    """Takes 300 posts, then fails 60, of which every second one is stored all the same, then takes them again."""

    def __init__(self) -> None:
        super().__init__()
        self.stored: Counter[str] = Counter()
        self.posts = 0
        self._counting = threading.Lock()

    def _post(self, request: Request) -> Answer:
        with self._counting:
            self.posts += 1
            number = self.posts
        lost = 300 < number <= 360
        if not lost or number % 2:
            self.stored[request.json()["name"]] += 1
            super()._post(request)
        if not lost:
            return Answer(201, request.body)
        return Answer(hang="head") if number > 360 - HANGS else as_text("context deadline exceeded", 500)


class Run:
    """One run of the provider: its four threads create each job that there isn't. `limits`: how many at once, then."""

    def __init__(self, server: Strained, folder: Path) -> None:
        self.told: list[str] = []
        self.limits: list[int] = []
        self.client = DkronClient(DkronSettings((server.url,), timeout_s=2.0), self.told.append)
        self.snapshot = Snapshot(self.client, OWNER)
        self.writes = Writes(self.client, Rights(OWNER), Archive(folder), self.told.append)

    def create(self, names: Iterable[str]) -> list[str]:
        """The names that failed."""
        with ThreadPoolExecutor(4) as threads:
            failed = [name for name in threads.map(self._create, names) if name]
        self.client.close()
        return failed

    def _create(self, name: str) -> str:
        try:
            self.writes.write(job(name=name), self.snapshot.before_create(name), adopting=True)
        except (ServerFault, TimedOut):
            return name
        finally:
            self.limits.append(self.client.pace.limit)
        return ""


def test_a_leader_that_stalls_gets_fewer_requests_and_in_the_end_every_job_once(tmp_path: Path) -> None:
    names = [f"job-{number}" for number in range(600)]
    with Strained() as server:
        first = Run(server, tmp_path)
        failed = first.create(names)
        again = Run(server, tmp_path)
        assert again.create(names) == []
        assert set(server.jobs) == set(names)
        assert set(server.stored.values()) == {1}
    # What was stored in spite of the failure is no failure, and nothing of it is sent again.
    assert len(failed) == 30
    assert min(first.limits) == 1
    assert first.limits[-1] == MAX_REQUESTS_AT_ONCE
    assert first.told == [line for line in first.told if line.startswith("Dkron fails or is slow with")]
    assert (len(first.told), again.told) == (1, [])
