"""What is compared: this project, a floor, a stateless reconciler, the bare requests. Each does the same operations.

Every operation is checked, by what it counted and by the jobs that Dkron then holds: one that did not do its work is
never a measurement.
"""

import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from bench import reconciler
from bench.declared import declarations
from bench.measure import BenchError, Cost, in_turns, run, timed
from bench.projects import (
    GATEWAY_URL,
    PROJECT,
    SERVICE_KEY,
    STACK,
    TIMEOUT_S,
    Project,
    Server,
    Tools,
    changes,
    clean_environment,
    floor_project,
    our_project,
)
from provider.dkron.client import DkronClient
from provider.job.ownership import OWNER_TAG_KEY, mark_of
from provider.job.references import Values
from provider.job.spec import to_dkron
from provider.settings import DEFAULT_OWNER_TAG, DkronSettings
from watcher.clock import Control, SystemClock
from watcher.dkron.probe import Probe

OPERATIONS = ("create", "preview", "up", "change", "drift", "orphan", "probe", "cycle", "destroy")
BEFORE_THE_CHANGE = ("create", "preview", "up")
NEEDS_A_JOB = ("change", "drift", "orphan", "cycle")  # a watcher refuses a program that declares nothing
LOOKS = 20
Samples = dict[str, tuple[Cost, list[float]]]
Job = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Site:
    """What the systems of one size share. `hour`: when the jobs are due, in UTC."""

    folder: Path
    tools: Tools
    count: int
    hour: int

    def declared(self, operation: str) -> int:
        """How many jobs are declared when an operation runs."""
        return {"orphan": self.count - 1, "destroy": 0}.get(operation, self.count)

    def left(self, operation: str) -> list[Job]:
        """The jobs that an operation leaves, as they are sent to Dkron."""
        values = {"gatewayUrl": GATEWAY_URL, "serviceKey": SERVICE_KEY}
        specs = declarations(self.declared(operation), operation not in BEFORE_THE_CHANGE, self.hour)
        inputs = [Values(values.get, str).fill(spec.name, spec.inputs()) for spec in specs]
        return [to_dkron({**one, "metadata": {OWNER_TAG_KEY: DEFAULT_OWNER_TAG}}) for one in inputs]

    def effect(self, operation: str) -> dict[str, int]:
        """The changes that an operation makes: {"create": 9}."""
        kinds = {"create": "create", "change": "update", "drift": "update", "orphan": "delete", "put back": "create"}
        kind = {**kinds, "destroy": "delete"}.get(operation)
        count = self.count if operation in ("create", "destroy") else 1
        return {kind: count} if kind and count else {}


def expect(what: str, found: object, wanted: object, output: str = "") -> None:
    """Raises BenchError where a measured operation did not do its work."""
    if found != wanted:
        raise BenchError(f"{what}: did not do its work: {found} instead of {wanted}", output)


class System:
    """One of them. `perform` does an operation and gives its cost."""

    name: str
    operations: Sequence[str] = ("create", "preview", "up", "change", "destroy")

    def __init__(self, site: Site, server: Server) -> None:
        self.site, self.server = site, server

    def perform(self, operation: str) -> Cost:
        raise NotImplementedError

    def measure(self, operation: str) -> Samples:
        """The cost by system, with the single samples where there are several: a probe is measured with a bare list."""
        if operation == "drift":
            self.server.change_by_hand(self.site.left("drift")[self.site.count // 2]["name"])
        cost = self.perform(operation)
        self.check(operation)
        if operation == "orphan":
            self.perform("put back")
        return {self.name: (cost, [])}

    def check(self, operation: str) -> None:
        """Raises BenchError where Dkron's jobs are not those that should be there."""
        found = {(name, job["displayname"]) for name, job in self.server.jobs().items()}
        wrong = found ^ {(job["name"], job["displayname"]) for job in self.site.left(operation)}
        expect(f"{self.name} {operation}", sorted(wrong)[:3], [])


class Reconciler(System):
    """bench/reconciler.py, as a process."""

    name = "reconciler"
    operations = ("create", "up", "change", "drift", "orphan", "destroy")

    def perform(self, operation: str) -> Cost:
        what, file = f"{self.name} {operation}", self.site.folder / "declared.json"
        file.write_text(json.dumps(self.site.left(operation)), encoding="utf-8")
        command: list[str | Path] = [sys.executable, reconciler.__file__, self.server.url, file]
        done = run(what, command, self.site.folder, clean_environment())
        expect(what, json.loads(done.stdout), self.site.effect(operation), done.stderr)
        return done.cost


class Wire(System):
    """The same requests as ours sends, by one requests.Session on one connection, in this process."""

    name = "wire"

    def perform(self, operation: str) -> Cost:
        before, url = self.site.left("up"), f"{self.server.url}/v1/jobs"
        todo: dict[str, list[tuple[str, str, Job | None]]] = {
            "create": [("POST", url, job) for job in before],
            "change": [("GET", f"{url}/{job['name']}", None) for job in before[:1]]
            + [("POST", url, job) for job in self.site.left("change")[:1]],
            "destroy": [(method, f"{url}/{job['name']}", None) for job in before for method in ("GET", "DELETE")],
        }
        looks = [("GET", f"{self.server.url}/v1/leader", None), ("GET", url, None)]
        with timed() as cost, requests.Session() as session:
            session.trust_env = False
            for method, address, body in [*looks, *todo.get(operation, [])]:
                session.request(method, address, json=body, timeout=TIMEOUT_S).raise_for_status()
        return cost()


class Program(System):
    """A Pulumi program, run as the watcher runs it."""

    def __init__(self, site: Site, server: Server, project: Project) -> None:
        super().__init__(site, server)
        self.project = project

    def variables(self, operation: str) -> dict[str, str]:
        """What the program is told of its jobs, by the environment."""
        return {
            "BENCH_JOBS": str(self.site.declared(operation)),
            "BENCH_HOUR": str(self.site.hour),
            "BENCH_CHANGED": "" if operation in BEFORE_THE_CHANGE else "1",
        }

    def perform(self, operation: str) -> Cost:
        what, command = f"{self.name} {operation}", operation if operation in ("preview", "destroy") else "up"
        done = self.project.run(what, command, self.variables(operation))
        # The stack is a resource, too.
        whole = {"create": {"create": self.site.count + 1}, "destroy": {"delete": self.site.count + 1}}
        wanted = whole.get(operation, self.site.effect(operation))
        expect(what, changes(done.stdout), wanted, done.stdout + done.stderr)
        return done.cost


class Ours(Program):
    """This project."""

    name = "ours"
    operations = OPERATIONS

    def __init__(self, site: Site, server: Server) -> None:
        super().__init__(site, server, our_project(site.folder / self.name, site.tools, server.url))

    def measure(self, operation: str) -> Samples:
        return self.probe() if operation == "probe" else super().measure(operation)

    def perform(self, operation: str) -> Cost:
        if operation != "cycle":
            return super().perform(operation)
        env = {**self.project.environment, **self.variables(operation)}
        done = run("ours cycle", [sys.executable, "-m", "watcher", "--once"], self.project.root, env)
        ends = [json.loads(line) for line in done.stderr.splitlines() if '"cycle.done"' in line]
        expect("ours cycle", [end["outcome"] for end in ends], ["unchanged"], done.stderr)
        return done.cost

    def probe(self) -> Samples:
        """The watcher's probe against one bare list request to the same server, in turns."""
        client, clock = DkronClient(DkronSettings(urls=(self.server.url,))), SystemClock()
        probe = Probe(client, DEFAULT_OWNER_TAG, mark_of(PROJECT, STACK), Control(clock))
        url, owner = f"{self.server.url}/v1/jobs", {f"metadata[{OWNER_TAG_KEY}]": DEFAULT_OWNER_TAG}
        with requests.Session() as session:
            session.trust_env = False

            def ours() -> Cost:
                with timed() as cost:
                    found = probe.look().names
                expect("ours probe", len(found), self.site.count)
                return cost()

            def wire() -> Cost:
                with timed() as cost:
                    session.get(url, params=owner, timeout=TIMEOUT_S).raise_for_status()
                return cost()

            costs = in_turns({"ours": ours, "wire": wire}, LOOKS)
        client.close()
        clock.close()
        found = {}
        for name, each in costs.items():
            wall, cpu = [cost.wall_s for cost in each], [cost.cpu_s for cost in each]
            found[name] = (Cost(statistics.median(wall), statistics.median(cpu)), wall)
        return found


class Floor(Program):
    """As many resources that do nothing: what the SDK and the CLI cost by themselves."""

    name = "floor"

    def __init__(self, site: Site, server: Server) -> None:
        super().__init__(site, server, floor_project(site.folder / self.name, site.tools))

    def check(self, operation: str) -> None:
        """It has no Dkron."""


SYSTEMS: dict[str, type[System]] = {kind.name: kind for kind in (Ours, Floor, Reconciler, Wire)}
