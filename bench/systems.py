"""What is compared: this project, a floor, a stateless reconciler, the bare requests. Each does the same operations.

Every operation is checked, by what it counted and by the jobs that Dkron then holds: one that did not do its work is
never a measurement.
"""

import functools
import json
import statistics
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from bench import projects, reconciler
from bench.declared import declarations
from bench.measure import BenchError, Cost, in_turns, run, timed
from bench.projects import TIMEOUT_S, Project, Tools
from provider.dkron.client import DkronClient
from provider.job.ownership import OWNER_TAG_KEY, mark_of
from provider.job.references import Values
from provider.job.spec import to_dkron
from provider.settings import DEFAULT_OWNER_TAG, DkronSettings
from watcher.clock import Control, SystemClock
from watcher.dkron.probe import Probe

OPERATIONS = ("create", "preview", "up", "change", "drift", "orphan", "probe", "cycle", "destroy")
SYSTEMS = {  # and what each can do
    "ours": OPERATIONS,
    "floor": ("create", "preview", "up", "change", "destroy"),
    "reconciler": ("create", "up", "change", "drift", "orphan", "destroy"),
    "wire": ("create", "preview", "up", "change", "destroy"),
}
# What an operation makes of all jobs, or of one; another changes nothing.
OF_ALL = {"create": "create", "destroy": "delete"}
OF_ONE = {"change": "update", "drift": "update", "orphan": "delete", "put back": "create"}
BEFORE_THE_CHANGE = ("create", "preview", "up")
NEEDS_A_JOB = ("change", "drift", "orphan", "cycle")  # a watcher refuses a program that declares nothing
LOOKS = 20
Job = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Site:
    """What is measured at one size."""

    folder: Path
    count: int
    servers: dict[str, str]  # addresses
    projects: dict[str, Project]

    def declared(self, operation: str) -> int:
        """How many jobs are declared when an operation runs."""
        return {"orphan": self.count - 1, "destroy": 0}.get(operation, self.count)

    def left(self, operation: str) -> list[Job]:
        """The jobs that an operation leaves, as they are sent to Dkron."""
        values = {"gatewayUrl": projects.GATEWAY_URL, "serviceKey": projects.SERVICE_KEY}
        specs = declarations(self.declared(operation), operation not in BEFORE_THE_CHANGE)
        inputs = [Values(values.get, str).fill(spec.name, spec.inputs()) for spec in specs]
        return [to_dkron({**one, "metadata": {OWNER_TAG_KEY: DEFAULT_OWNER_TAG}}) for one in inputs]

    def effect(self, operation: str, besides: int = 0) -> dict[str, int]:
        """The changes that an operation makes: {"create": 9}. `besides`: how many resources there are but the jobs."""
        found = {OF_ONE[operation]: 1} if operation in OF_ONE else {}
        if operation in OF_ALL:
            found = {OF_ALL[operation]: self.count + besides}
        return {kind: count for kind, count in found.items() if count}


@contextmanager
def site(folder: Path, tools: Tools, count: int) -> Iterator[Site]:
    """Servers and programs of their own for one size, gone at the end."""
    with ExitStack() as stack:
        names = ("ours", "reconciler", "wire")
        servers = {name: stack.enter_context(projects.serving(tools, folder / f"{name}-dkron")) for name in names}
        programs = {
            "ours": projects.our_project(folder / "ours", tools, servers["ours"]),
            "floor": projects.floor_project(folder / "floor", tools),
        }
        yield Site(folder, count, servers, programs)


def expect(what: str, found: object, wanted: object, output: str = "") -> None:
    """Raises BenchError where a measured operation did not do its work."""
    if found != wanted:
        raise BenchError(f"{what}: did not do its work: {found} instead of {wanted}", output)


def measure(here: Site, system: str, operation: str) -> dict[str, Cost]:
    """The cost of an operation by system: a probe is measured with a bare list."""
    if operation == "probe":
        return probe(here)
    server, perform = here.servers.get(system), PERFORM[system]
    if operation == "drift" and server:
        projects.change_by_hand(server, here.left("drift")[here.count // 2]["name"])
    cost = cycle(here) if operation == "cycle" else perform(here, system, operation)
    if server:
        found = {(name, job["displayname"]) for name, job in projects.jobs_of(server).items()}
        wrong = found ^ {(job["name"], job["displayname"]) for job in here.left(operation)}
        expect(f"{system} {operation}", sorted(wrong)[:3], [])
    if operation == "orphan":
        perform(here, system, "put back")
    return {system: cost}


def variables(here: Site, operation: str) -> dict[str, str]:
    """What a program is told of its jobs, by the environment."""
    changed = "" if operation in BEFORE_THE_CHANGE else "1"
    return {"BENCH_JOBS": str(here.declared(operation)), "BENCH_CHANGED": changed}


def program(here: Site, system: str, operation: str) -> Cost:
    """A Pulumi program, run as the watcher runs it: this project, or as many resources that do nothing."""
    what, command = f"{system} {operation}", operation if operation in ("preview", "destroy") else "up"
    done = here.projects[system].run(what, command, variables(here, operation))
    wanted = here.effect(operation, besides=1)  # the stack
    expect(what, projects.changes(done.stdout), wanted, done.stdout + done.stderr)
    return done.cost


def cycle(here: Site) -> Cost:
    """The watcher's, with nothing to do."""
    project = here.projects["ours"]
    env = {**project.environment, **variables(here, "cycle")}
    done = run("ours cycle", [sys.executable, "-m", "watcher", "--once"], project.root, env)
    ends = [json.loads(line) for line in done.stderr.splitlines() if '"cycle.done"' in line]
    expect("ours cycle", [end["outcome"] for end in ends], ["unchanged"], done.stderr)
    return done.cost


def reconcile(here: Site, system: str, operation: str) -> Cost:
    """bench/reconciler.py, as a process."""
    what, file = f"{system} {operation}", here.folder / "declared.json"
    file.write_text(json.dumps(here.left(operation)), encoding="utf-8")
    command: list[str | Path] = [sys.executable, reconciler.__file__, here.servers[system], file]
    done = run(what, command, here.folder, projects.clean_environment())
    expect(what, json.loads(done.stdout), here.effect(operation), done.stderr)
    return done.cost


def wire(here: Site, system: str, operation: str) -> Cost:
    """The same requests as ours sends, by one requests.Session on one connection, in this process."""
    server, before = here.servers[system], here.left("up")
    url = f"{server}/v1/jobs"
    todo: list[tuple[str, str, Job | None]] = [("GET", f"{server}/v1/leader", None), ("GET", url, None)]
    if operation == "create":
        todo += [("POST", url, job) for job in before]
    elif operation == "change":
        todo += [("GET", f"{url}/{before[0]['name']}", None), ("POST", url, here.left("change")[0])]
    elif operation == "destroy":
        todo += [(method, f"{url}/{job['name']}", None) for job in before for method in ("GET", "DELETE")]

    def send() -> None:
        with requests.Session() as session:
            session.trust_env = False
            for method, address, body in todo:
                session.request(method, address, json=body, timeout=TIMEOUT_S).raise_for_status()

    return timed(send)


def probe(here: Site) -> dict[str, Cost]:
    """Medians of the watcher's probe and of one bare list request to the same server, in turns."""
    server = here.servers["ours"]
    client, clock = DkronClient(DkronSettings(urls=(server,))), SystemClock()
    prober = Probe(client, DEFAULT_OWNER_TAG, mark_of(projects.PROJECT, projects.STACK), Control(clock))
    owner = {f"metadata[{OWNER_TAG_KEY}]": DEFAULT_OWNER_TAG}
    with requests.Session() as session:
        session.trust_env = False
        ask = functools.partial(session.get, f"{server}/v1/jobs", params=owner, timeout=TIMEOUT_S)
        looks = {"ours": lambda: timed(prober.look), "wire": lambda: timed(lambda: ask().raise_for_status())}
        costs = in_turns(looks, LOOKS)
    expect("ours probe", len(prober.look().names), here.count)
    client.close()
    clock.close()
    figures = {name: tuple(zip(*each, strict=True)) for name, each in costs.items()}
    return {name: Cost(*map(statistics.median, each[:2])) for name, each in figures.items()}


PERFORM = {"ours": program, "floor": program, "reconciler": reconcile, "wire": wire}
