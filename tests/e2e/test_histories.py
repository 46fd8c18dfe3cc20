"""Random histories through the command line: the watchers of two stacks, people's own runs, kill -9.

`make test` plays a few short ones; `make histories` as many as it is told. The same histories run by the hundred on a
model of the engine, in tests/test_histories.py.
"""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provider.job.spec import MANAGED_FIELDS
from tests.e2e.harness import Dkron, Proxy, proxy_before, tool, wait_until
from tests.e2e.watcher_support import Watcher, watched_project
from tests.histories import STACKS, History, Live, Program
from tests.processes import end_processes_of

HISTORIES = int(os.environ.get("HISTORIES_E2E", "1"))
FIRST = int(os.environ.get("HISTORIES_FIRST", "0"))
STEPS = int(os.environ.get("HISTORIES_STEPS", "5"))
HEAD = "from provider import Job, shell\n\n"
JOB = 'Job("{}", name="{}", schedule="@every 24h", executor=shell("{}"), tags={{"dc": "dc1:1"}})\n'


class CommandLine:
    """Plays a history with the tools themselves, each stack behind a proxy of its own."""

    def __init__(self, pulumi: Path, root: Path, dkron: Dkron, proxies: dict[str, Proxy]) -> None:
        self.dkron, self.proxies = dkron, proxies
        self.watchers: dict[str, Watcher] = {}
        self.history: History | None = None
        for stack in STACKS:
            project = watched_project(pulumi, root / stack, proxies[stack].url)
            project.env |= {"STACK": stack, "PULUMI_STACK": stack, "DKRON_URL": proxies[stack].url}
            self.watchers[stack] = Watcher(project, root / f"{stack}.log", env={"MAX_DELETES": "20"})
            self.watch(stack)

    def watch(self, stack: str, on_write: Any = None) -> None:
        """Tells the history of deletions, and `on_write` of each write before it is passed on."""

        def hook(method: str, path: str, _body: bytes) -> None:
            if method == "DELETE" and self.history is not None:
                name = path.rpartition("/")[2]
                self.history.on_delete(stack, name, self.live().get(name))
            if method != "GET" and on_write is not None:
                on_write()

        self.proxies[stack].hook = hook

    def declare(self, stack: str, program: Program) -> None:
        jobs = "".join(JOB.format(resource, name, command) for resource, (name, command) in program.items())
        self.watchers[stack].project.program(HEAD + jobs)

    def cycle(self, stack: str, adopt: bool = False, allow: bool = False) -> str:
        arguments = ["--once", "--create-stack", *(["--allow-deletes", "20"] if allow else [])]
        done = self.watchers[stack].once(*arguments, **({"ADOPT": "true"} if adopt else {}))
        self.watch(stack)
        return str(done.cycle["outcome"])

    def crash(self, stack: str, writes: int) -> None:
        """The watcher and its run die by kill -9 at a write, or when the cycle is over."""
        watcher, reached = self.watchers[stack], [writes]

        def kill_at_the_write() -> None:
            reached[0] -= 1
            if reached[0] == -1:
                watcher.send(signal.SIGKILL)
                end_processes_of(watcher.project.root)

        self.watch(stack, kill_at_the_write)
        before = len(watcher.events) if watcher.log.exists() else 0
        watcher.start()
        process = watcher.process
        assert process is not None
        over = [e["event"] for e in watcher.events[before:]]
        wait_until(
            lambda: process.poll() is not None or "cycle.done" in [e["event"] for e in watcher.events[before:]],
            f"the end of the run that is killed, after {over}",
        )
        watcher.close()
        end_processes_of(watcher.project.root)
        self.watch(stack)

    def replace(self, stack: str, resource: str) -> None:
        urn = f"urn:pulumi:{stack}::dkron-jobs::pulumi-python:dynamic/dkron:Job::{resource}"
        # It may be refused: a resource that isn't in the state, a stranger's name.
        self.watchers[stack].project.run("up", "--yes", "--skip-preview", "--replace", urn, "--stack", stack)

    def lose_state(self, stack: str) -> None:
        checkpoint = self.watchers[stack].state / "stacks" / "dkron-jobs" / f"{stack}.json"
        checkpoint.unlink(missing_ok=True)

    def meanwhile(self, stack: str, name: str) -> None:
        left = [name]

        def delete_once() -> None:
            if left:
                with contextlib.suppress(AssertionError):
                    self.dkron.delete(left.pop())

        self.watch(stack, delete_once)

    def live(self) -> Live:
        return {name: {key: job.get(key) for key in MANAGED_FIELDS} for name, job in self.dkron.jobs().items()}

    def post(self, name: str, metadata: dict[str, str], command: str) -> None:
        config = {"command": command}
        self.dkron.post(name=name, schedule="@every 24h", executor="shell", executor_config=config, metadata=metadata)

    def delete(self, name: str) -> None:
        self.dkron.delete(name)


@pytest.fixture
def hands(pair: tuple[str, str], dkron: Dkron, tmp_path: Path) -> Iterator[CommandLine]:
    pulumi = tool("pulumi", pair[0])
    assert pulumi is not None
    with proxy_before(dkron.url) as dev, proxy_before(dkron.url) as prod:
        playing = CommandLine(pulumi, tmp_path, dkron, {"dev": dev, "prod": prod})
        yield playing
        for watcher in playing.watchers.values():
            watcher.close()
            end_processes_of(watcher.project.root)


@pytest.mark.long
@pytest.mark.sandbox_too
@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("seed", range(FIRST, FIRST + HISTORIES))
def test_after_any_history_every_declared_job_lives_once_and_no_strangers_has_changed(
    seed: int, hands: CommandLine
) -> None:
    hands.history = History(seed, hands)
    hands.history.play(STEPS)
