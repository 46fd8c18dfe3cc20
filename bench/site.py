"""What the systems of one size share: their folder, their Dkron servers, the declared jobs; and what a system is."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from bench.declared import declarations
from bench.errors import BenchError
from bench.measure import Cost
from bench.projects import GATEWAY_URL, SERVICE_KEY
from bench.servers import Server, Tools
from provider.job.ownership import OWNER_TAG_KEY
from provider.job.references import Values
from provider.job.spec import to_dkron
from provider.settings import DEFAULT_OWNER_TAG

OPERATIONS = ("create", "preview", "up", "change", "drift", "orphan", "probe", "cycle", "destroy")
NEEDS_A_JOB = ("change", "drift", "orphan", "cycle")  # a watcher refuses a program that declares nothing
HOURS_AWAY = 12
Samples = dict[str, tuple[Cost, list[float]]]


def quiet_hour(now: datetime) -> int:
    """The hour, in UTC, at which the measured jobs may run: half a day away."""
    return (now.astimezone(UTC).hour + HOURS_AWAY) % 24


@dataclass
class Site:
    """What the systems of one size share."""

    folder: Path
    templates: Path
    tools: Tools
    count: int
    hour: int
    cli_logs: bool = False
    _closing: ExitStack = field(default_factory=ExitStack)

    def server(self, name: str) -> Server:
        """A running Dkron for one system."""
        server = Server(self.tools.dkron.path, self.folder / f"{name}-dkron" / "data")
        self._closing.callback(server.stop)
        server.start()
        return server

    def bodies(self, count: int | None = None, changed: bool = False) -> list[dict[str, Any]]:
        """The declared jobs as they are sent to Dkron."""
        values = {"gatewayUrl": GATEWAY_URL, "serviceKey": SERVICE_KEY}
        specs = declarations(self.count if count is None else count, changed, self.hour)
        owner = {OWNER_TAG_KEY: DEFAULT_OWNER_TAG}
        inputs = [Values(values.get, str).fill(spec.name, spec.inputs()) for spec in specs]
        return [to_dkron({**one, "metadata": owner}) for one in inputs]

    def close(self) -> None:
        """Stops all servers, also when this is interrupted."""
        self._closing.close()


def expect(what: str, found: object, wanted: object, output: str = "") -> None:
    """Raises BenchError where a measured operation did not do its work."""
    if found != wanted:
        raise BenchError(f"{what}: did not do its work: {found} instead of {wanted}", output)


@contextmanager
def timed() -> Iterator[Callable[[], Cost]]:
    """What this process itself spends in the block."""
    wall, cpu = time.perf_counter(), time.process_time()
    costs: list[Cost] = []
    yield lambda: costs[0]
    costs.append(Cost(time.perf_counter() - wall, time.process_time() - cpu))


class System:
    """One of them. An operation is the method of its name, and gives its cost."""

    name: str
    operations: Sequence[str]

    def __init__(self, site: Site) -> None:
        self.site = site

    def measure(self, operation: str) -> Samples:
        """The cost by system, with the single samples where there are several: a probe is measured with a bare list."""
        try:
            cost = getattr(self, operation)()
        except requests.RequestException as error:
            raise BenchError(f"{self.name} {operation}: Dkron did not answer as it should: {error}") from None
        return cost if isinstance(cost, dict) else {self.name: (cost, [])}

    @classmethod
    def can(cls, operation: str, count: int) -> bool:
        return operation in cls.operations and (count > 0 or operation not in NEEDS_A_JOB)
