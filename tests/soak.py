"""`make soak`: faults at random under a running watcher, for a time, with a seed that repeats them.

After each round the faults end and the watcher must come to rest by itself. Then Dkron, state and declarations agree,
no stranger's job has changed, no secret is in clear, and no process, lock or descriptor is left over. Real tools where
they are here, on a cluster of three nodes; else the stand-ins, on one. Before each node is a proxy that lies.
"""

import argparse
import contextlib
import json
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.e2e.cluster import Cluster
from tests.e2e.harness import CANARY, Dkron, Proxy, proxy_before, tool, wait_until
from tests.e2e.watcher_support import Watcher, watched_project
from tests.processes import end_processes_of, processes_of

NAMES = tuple(f"job{number}" for number in range(6))
DECLARED = (
    'JobSpec(name="{name}", schedule="{schedule}", tags={{"dc": "dc1:1"}}, executor=http(setting("gatewayUrl"), '
    'expect_code=200, headers={{"X-Api-Key": secret("serviceKey")}}))'
)
STRANGERS = ("theirs1", "theirs2")
NEVER, HOURLY = "@every 87600h", "@every 43800h"
REST_S = 240.0
LINGER_S = 6.0  # how long a lie of the proxy lasts
DESCRIPTORS = 8  # how many more a watcher may have than at its first rest


@dataclass
class World:
    """Everything that a fault may touch."""

    watcher: Watcher
    dkron: Dkron
    proxies: list[Proxy]
    chance: random.Random
    declared: dict[str, str] = field(default_factory=lambda: dict.fromkeys(NAMES, NEVER))
    strangers: dict[str, dict[str, Any]] = field(default_factory=dict)
    descriptors: dict[int, int] = field(default_factory=dict)

    def declare(self) -> None:
        lines = [DECLARED.format(name=name, schedule=schedule) for name, schedule in self.declared.items()]
        self.watcher.project.declare(*lines)

    def a_job(self) -> str:
        return self.chance.choice(sorted(self.declared))

    def lie(self, hook: Callable[[str, str, bytes], tuple[int, bytes] | None]) -> None:
        for proxy in self.proxies:
            proxy.hook = hook
        time.sleep(LINGER_S)
        for proxy in self.proxies:
            proxy.pass_on()

    @property
    def pid(self) -> int:
        assert self.watcher.process is not None
        return self.watcher.process.pid


# -- faults


def change_a_job(world: World) -> None:
    with contextlib.suppress(AssertionError):  # it may be gone just now
        world.dkron.change(world.a_job(), schedule="@every 20000h", retries=5)


def delete_a_job(world: World) -> None:
    with contextlib.suppress(AssertionError):
        world.dkron.delete(world.a_job())


def declare_another_schedule(world: World) -> None:
    world.declared[world.a_job()] = world.chance.choice((NEVER, HOURLY))
    world.declare()


def declare_a_job_or_one_less(world: World) -> None:
    name = world.chance.choice(NAMES)
    if world.declared.pop(name, None) is None or len(world.declared) < len(NAMES) - 1:
        world.declared[name] = NEVER
    world.declare()


def kill_the_watcher(world: World) -> None:
    world.watcher.stop(signal.SIGKILL)
    world.watcher.start()


def kill_all(world: World) -> None:
    end_processes_of(world.watcher.project.root)
    world.watcher.stop(signal.SIGKILL)
    world.watcher.start()


def kill_dkron(world: World) -> None:
    world.dkron.stop()
    time.sleep(world.chance.uniform(0, LINGER_S))
    world.dkron.start()


def kill_the_leader(world: World) -> None:
    if isinstance(world.dkron, Cluster):
        world.dkron.kill_leader()
        time.sleep(world.chance.uniform(0, LINGER_S))
        world.dkron.start()


def kill_the_quorum(world: World) -> None:
    """One node is left, which can't lead alone."""
    if isinstance(world.dkron, Cluster):
        world.dkron.kill(world.chance.sample(sorted(world.dkron.running), 2))
        time.sleep(world.chance.uniform(0, 3 * LINGER_S))
        world.dkron.start()


def list_nothing(world: World) -> None:
    world.lie(lambda method, path, _body: (200, b"[]") if (method, path[:9]) == ("GET", "/v1/jobs?") else None)


def answer_with(status: int, body: bytes) -> Callable[[World], None]:
    def fault(world: World) -> None:
        world.lie(lambda _method, _path, _body: (status, body) if world.chance.random() < 0.7 else None)

    return fault


def cut_the_state_off(world: World) -> None:
    """Between two runs, as a disk would that lost power."""
    world.watcher.stop(signal.SIGTERM)
    text = world.watcher.checkpoint.read_bytes()
    world.watcher.checkpoint.write_bytes(text[: world.chance.randrange(len(text))])
    world.watcher.start()


def spoil_the_state(world: World) -> None:
    world.watcher.stop(signal.SIGTERM)
    with contextlib.suppress(ValueError, KeyError, TypeError):  # an earlier fault may have cut it off or emptied it
        document = json.loads(world.watcher.checkpoint.read_text(encoding="utf-8"))
        resources = document["checkpoint"]["latest"]["resources"]
        resources[-1].update(world.chance.choice(({"id": ""}, {"inputs": "x"}, {"dependencies": ["urn:pulumi:none"]})))
        world.watcher.checkpoint.write_text(json.dumps(document), encoding="utf-8")
    world.watcher.start()


def empty_the_record_of_runs(world: World) -> None:
    world.watcher.stop(signal.SIGKILL)
    end_processes_of(world.watcher.project.root)
    for path in world.watcher.state.parent.glob(".watcher-*.runs.json"):
        path.unlink()
    world.watcher.start()


PLAIN = (
    change_a_job,
    delete_a_job,
    declare_another_schedule,
    declare_a_job_or_one_less,
    kill_the_watcher,
    kill_all,
    kill_dkron,
    kill_the_leader,
    kill_the_quorum,
    list_nothing,
    cut_the_state_off,
    spoil_the_state,
    empty_the_record_of_runs,
)
FAULTS: dict[str, Callable[[World], None]] = {
    **{fault.__name__: fault for fault in PLAIN},
    "answer 500": answer_with(500, b"leader lost"),
    "answer 503": answer_with(503, b"job submissions are paused"),
    "answer 429": answer_with(429, b""),
    "answer html": answer_with(200, b"<html>login</html>"),
    "answer 404": answer_with(404, b""),
}


# -- what must hold at rest


def rest(world: World) -> None:
    """Waits for two cycles in a row that had nothing to do, and began after the last fault."""
    seen = len(world.watcher.events)
    with contextlib.suppress(ProcessLookupError):
        world.watcher.send(signal.SIGHUP)
    first = world.watcher.wait_cycle("unchanged", after=seen, timeout=REST_S)
    world.watcher.send(signal.SIGHUP)
    world.watcher.wait_cycle("unchanged", after=world.watcher.events.index(first) + 1, timeout=REST_S)


def written(live: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
    """The job without what Dkron itself reckons."""
    return {field: value for field, value in live.get(name, {}).items() if field != "next"}


def orphans(world: World) -> dict[int, str]:
    """The project's processes that are none of the watcher's own: it may begin a cycle at any time."""
    root = world.watcher.project.root
    seen = processes_of(root)
    own = {child.pid for child in psutil.Process(world.pid).children(recursive=True)}
    # One that has ended meanwhile was nobody's child any more when the children were looked at.
    return {pid: line for pid, line in processes_of(root).items() if pid in seen.keys() - own}


def findings(world: World) -> list[str]:
    """What is wrong, a line each."""
    found: list[str] = []
    live = world.dkron.jobs()
    if set(live) != {*world.declared, *STRANGERS}:
        found.append(f"Dkron holds {sorted(live)}, declared are {sorted(world.declared)}")
    wrong = [name for name, schedule in world.declared.items() if live.get(name, {}).get("schedule") != schedule]
    found += [f"{name} is not as it is declared" for name in wrong]
    found += [
        f"the stranger's {name} has changed" for name in STRANGERS if written(live, name) != world.strangers[name]
    ]
    document = json.loads(world.watcher.checkpoint.read_text(encoding="utf-8"))
    resources = document["checkpoint"]["latest"]["resources"]
    recorded = {one["id"] for one in resources if one["type"].endswith("dkron:Job")}
    if recorded != set(world.declared):
        found.append(f"the state holds {sorted(recorded)}")
    places = [world.watcher.log, *(path for path in world.watcher.state.parent.rglob("*") if path.is_file())]
    found += [f"the secret stands in {path}" for path in places if CANARY.encode() in path.read_bytes()]
    if world.watcher.locks():
        found.append(f"locks are left: {world.watcher.locks()}")
    left = orphans(world)
    found += [f"process {pid} is left: {command[:80]}" for pid, command in left.items()]
    opened = len(list(Path(f"/proc/{world.pid}/fd").iterdir()))
    if opened > world.descriptors.setdefault(world.pid, opened) + DESCRIPTORS:
        found.append(f"the watcher has {opened} descriptors, {world.descriptors[world.pid]} at first")
    if "cycle.bug" in world.watcher.log.read_text(encoding="utf-8"):
        found.append("a cycle ended with a bug of ours")
    return found


def soak(world: World, seconds: float) -> list[str]:
    """The first findings, none if the time passed without one."""
    end = time.monotonic() + seconds
    number = 0
    rest(world)
    while time.monotonic() < end:
        number += 1
        chosen = world.chance.choices(sorted(FAULTS), k=world.chance.randint(1, 3))
        sys.stdout.write(f"{number}: {', '.join(chosen)}\n")
        sys.stdout.flush()
        for name in chosen:
            time.sleep(world.chance.uniform(0, 5))
            FAULTS[name](world)
        try:
            rest(world)
            # A probe may be under way, and a run's last process may be just about to end.
            wait_until(lambda: not orphans(world), "no process is left", timeout=20)
        except AssertionError as error:
            return [f"it does not come to rest: {error}"]
        if found := findings(world):
            return found
    sys.stdout.write(f"{number} rounds without a finding\n")
    return []


def main() -> int:
    """Exit code 1 and the folder with everything in it where something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    sys.stdout.write(f"seed {options.seed}\n")
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # inherited: a watcher that has just started would die of one
    root = Path(tempfile.mkdtemp(prefix="dkron-jobs-soak-"))
    kind = "real" if tool("pulumi", "real") and tool("dkron", "real") else "sandbox"
    pulumi = tool("pulumi", kind)
    assert pulumi is not None
    dkron = (Cluster(root / "dkron") if kind == "real" else Dkron(kind, root / "dkron")).start()
    with contextlib.ExitStack() as closing:
        proxies = [closing.enter_context(proxy_before(url)) for url in dkron.urls]
        project = watched_project(pulumi, root / "project", ",".join(proxy.url for proxy in proxies))
        watcher = Watcher(project, root / "watcher.log")
        watcher.env = {"RECONCILE_INTERVAL_MS": "15000", "MAX_DELETES": "100", "UP_TIMEOUT_MS": "120000"}
        for proxy in proxies:
            proxy.server.handle_error = lambda *_: None  # type: ignore[method-assign] # a server that is down is no news
        world = World(watcher, dkron, proxies, random.Random(options.seed))
        try:
            for name in STRANGERS:
                dkron.post(name=name, schedule=NEVER, executor="shell", executor_config={"command": "true"})
            world.strangers = {name: written(dkron.jobs(), name) for name in STRANGERS}
            world.declare()
            watcher.start()
            found = soak(world, options.seconds)
        finally:
            watcher.close()
            end_processes_of(project.root)
            dkron.stop()
    for line in found:
        sys.stdout.write(f"FOUND: {line}\n")
    sys.stdout.write(f"everything is in {root}; repeat it with --seed {options.seed}\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
