"""A small model of the engine that calls the provider's hooks in this process, under the real cycle of the watcher.

It does what the real engine does in that order: refresh, register, create before delete, delete last. It keeps nothing
of a run that was killed, or all that was done until then, as with checkpoints.
"""

import copy
import io
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provider.archive import Archive
from provider.dkron.cluster import Word
from provider.dkron.snapshot import Snapshot
from provider.dkron.writes import Rights, Writes
from provider.errors import DkronJobsError, HookError
from provider.job.declared import Declared
from provider.job.limits import LIMITS_VARIABLE, parse
from provider.job_provider import JobProvider
from tests.fake_dkron import SERVER_FIELDS, as_stored
from tests.histories import TAG, History, Live, Program
from tests.watcher.support import FakeClock, FakeDkron, preview, settings, step, up
from watcher.allowance import Allowance
from watcher.bound import Bound
from watcher.clock import Control
from watcher.cycle import Cycle
from watcher.dkron.connection import Connection
from watcher.dkron.probe import Probe
from watcher.logs import Redactor, open_log
from watcher.metrics import Metrics
from watcher.pulumi.child import Finished
from watcher.pulumi.cli import EVERYTHING, Limits, PulumiCli, Scoped
from watcher.recovery.recovery import Tools
from watcher.status import Board, Reason
from watcher.status import Snapshot as Status

Props = dict[str, Any]


class Dkron(FakeDkron):
    """Jobs in memory as Dkron stores them; `on_delete` hears of each deletion that isn't a person's."""

    def __init__(self) -> None:
        super().__init__()
        self.on_delete: Callable[[str, str, Props | None], None] = lambda _stack, _name, _job: None
        self.at_work = ""  # the stack whose run or cycle is under way

    def leaders(self) -> dict[str, str]:
        return {"http://127.0.0.1:1": "n1"}

    def require_leader(self) -> None:
        assert self.leaders()

    def words(self, owner_tag: str) -> list[Word]:
        return [Word("http://127.0.0.1:1", leads=True, lists_ours=bool(self.list_jobs(owner_tag)))]

    def get_job_in_a_row(self, name: str) -> Props | None:
        return self.get_job(name)

    def get_job_anywhere(self, name: str) -> Props | None:
        return self.jobs.get(name)

    def upsert_job(self, job: Props, secrets: Any = ()) -> None:
        old = self.jobs.get(job["name"], SERVER_FIELDS)
        self.jobs[job["name"]] = {**as_stored(job), **{name: old[name] for name in SERVER_FIELDS}}

    def delete_job(self, name: str) -> bool:
        self.on_delete(self.at_work, name, self.jobs.get(name))
        return super().delete_job(name)


@dataclass
class Item:
    """One resource in the state."""

    resource: str
    inputs: Props
    outs: Props
    doomed: bool = False

    @property
    def name(self) -> str:
        return str(self.inputs["name"])


class Killed(Exception):
    """The run was killed."""


class Engine(PulumiCli):
    """One stack: its program, its state."""

    def __init__(self, control: Control, stack: str, dkron: Dkron, archive: Path) -> None:
        super().__init__(Path(), stack, {}, Limits(60, 30), control)
        self.dkron, self.archive = dkron, archive
        self.program: Program = {}
        self.state: list[Item] = []
        self.adopt = self.keeps_checkpoints = False
        self.dies_at: int | None = None
        self.before_up: Callable[[], None] | None = None

    # -- what the cycle asks

    def preview(self, told: Mapping[str, str] | None = None, scoped: Scoped = EVERYTHING) -> Finished:
        return self.run(told or {}, applying=False)

    def up(self, message: str = "", told: Mapping[str, str] | None = None, scoped: Scoped = EVERYTHING) -> Finished:
        if self.before_up is not None:
            self.before_up()
            self.before_up = None
        return self.run(told or {}, applying=True)

    def _run(self, args: Any, **_options: Any) -> Finished:
        return Finished(args[0], 0, 0.1, "{}")

    # -- a run

    def run(self, told: Mapping[str, str], applying: bool, replace: Collection[str] = ()) -> Finished:
        run = Run(self, told, applying)
        try:
            run.refresh()
            run.register(replace)
            run.delete_the_rest()
        except Killed:
            return Finished("up", -9, 1.0)
        except (DkronJobsError, HookError) as error:
            return preview(errors=(str(error),))
        if applying:
            self.state = run.items
            return up(*run.done, failed=tuple(run.failed))
        return preview(*run.steps)

    def hooks(self, told: Mapping[str, str]) -> JobProvider:
        """The provider as its own process would set it up."""
        path = told.get(LIMITS_VARIABLE)
        limits = parse(Path(path).read_text(encoding="utf-8")) if path else None
        provider = JobProvider()
        provider.wrong, provider.owner_tag, provider.defer_checks = None, TAG, True
        provider.urls, provider.adopt, provider.cannot_look, provider.moved = (), self.adopt, False, {}
        provider.unkept = limits.unkept if limits else {}
        provider.writes = Writes(self.dkron, Rights(TAG, self.adopt, limits), Archive(self.archive), lambda _line: None)
        provider.snapshot = Snapshot(self.dkron, TAG, sleep=lambda _s: None)
        provider.declared = Declared()
        return provider


class Run:
    """One run of the engine: it works on a copy of the state."""

    def __init__(self, engine: Engine, told: Mapping[str, str], applying: bool) -> None:
        self.engine, self.applying = engine, applying
        self.hooks = engine.hooks(told)
        self.items = copy.deepcopy(engine.state)
        self.recorded = {item.resource: item.inputs for item in engine.state if not item.doomed}
        self.steps: list[dict[str, Any]] = []
        self.done: list[tuple[str, str]] = []
        self.failed: list[tuple[str, str]] = []
        self.writes = 0

    def refresh(self) -> None:
        for item in list(self.items):
            found = self.hooks.read(item.name, item.outs)
            if not found.id:
                self.items.remove(item)
            else:
                item.inputs, item.outs = dict(found.inputs or item.inputs), dict(found.outs or {})
            self.steps.append(
                step("refresh", item.resource, self.recorded.get(item.resource, item.inputs), item.inputs)
            )

    def register(self, replace: Collection[str]) -> None:
        """In the order of the program, each checked before the next is."""
        for resource, (name, command) in self.engine.program.items():
            metadata = {"managed_by": TAG, "managed_in": f"dkron-jobs/{self.engine.stack}"}
            given = {
                "name": name,
                "schedule": "@daily",
                "executor": "shell",
                "executor_config": {"command": command},
                "metadata": metadata,
            }
            news = dict(self.hooks.check({}, given).inputs)
            old = next((i for i in self.items if i.resource == resource and not i.doomed), None)
            if old is None:
                self.create("create", resource, news, None)
            elif old.name != name or resource in replace:
                self.create("replace", resource, news, old)
            elif old.inputs != news and self.hooks.diff(name, old.outs, news).changes:
                self.update(old, news)
            else:
                self.note("same", resource, old.inputs, news)

    def create(self, op: str, resource: str, news: Props, old: Item | None) -> None:
        self.note(op, resource, old.inputs if old else None, news)
        if self.applying and not self.write(resource, lambda: self.hooks.create(news)):
            return
        self.items.append(Item(resource, news, news))
        if old is not None:
            old.doomed = True
        self.checkpoint()

    def update(self, old: Item, news: Props) -> None:
        self.note("update", old.resource, old.inputs, news)
        if self.applying and self.write(old.resource, lambda: self.hooks.update(old.name, old.outs, news)):
            old.inputs = old.outs = news
            self.checkpoint()

    def delete_the_rest(self) -> None:
        for item in reversed(list(self.items)):
            if item.doomed or item.resource not in self.engine.program:
                if not item.doomed:
                    self.note("delete", item.resource, item.inputs, None)
                deleted = self.applying and self.write(
                    item.resource,
                    lambda item=item: self.hooks.delete(item.name, item.outs),  # type: ignore[misc]
                )
                if deleted:
                    self.items.remove(item)
                    self.checkpoint()

    def note(self, op: str, resource: str, old: Props | None, new: Props | None) -> None:
        self.steps.append(step(op, resource, old, new))
        self.done.append((op, resource))

    def write(self, resource: str, hook: Callable[[], object]) -> bool:
        """Whether it went well. Dies before or after the write, as the engine's number says."""
        if self.engine.dies_at is not None and self.writes >= self.engine.dies_at:
            if self.engine.dies_at % 2:
                hook()
            raise Killed
        self.writes += 1
        try:
            hook()
        except (DkronJobsError, HookError) as error:
            self.failed.append((resource, str(error)))
            return False
        return True

    def checkpoint(self) -> None:
        if self.applying and self.engine.keeps_checkpoints:
            self.engine.state = copy.deepcopy(self.items)


class ModelHands:
    """Plays a history in this process."""

    def __init__(self, root: Path) -> None:
        self.root, self.dkron = root, Dkron()
        self.engines: dict[str, Engine] = {}
        self.cycles: dict[str, Cycle] = {}
        for stack in ("dev", "prod"):
            self.start(stack)

    def start(self, stack: str) -> None:
        """A new watcher on what the last one left."""
        chosen = settings(self.root / stack, stack=stack, max_deletes=Bound(20, shown="20"))
        control = Control(FakeClock())
        before = self.engines.get(stack)
        engine = Engine(control, stack, self.dkron, self.root / "archive")
        if before is not None:
            engine.program, engine.state = before.program, before.state
        redactor = Redactor(())
        log = open_log("json", "error", redactor, io.StringIO())
        board = Board(Status(stack, 0.0, 300))
        cycle = Cycle(Tools(chosen, control, engine, log, Metrics("1", stack), redactor), board, Allowance())
        connection = Connection(self.dkron, Probe(self.dkron, TAG, f"dkron-jobs/{stack}", control), TAG)
        cycle.connector.connect = lambda workspace: connection  # type: ignore[method-assign]
        self.engines[stack], self.cycles[stack] = engine, cycle

    def declare(self, stack: str, program: Program) -> None:
        self.engines[stack].program = program

    def cycle(self, stack: str, adopt: bool = False, allow: bool = False) -> str:
        self.dkron.at_work = stack
        self.engines[stack].adopt = adopt
        self.cycles[stack].keeper.allowance = Allowance(20 if allow else None)
        report = self.cycles[stack].run(Reason.INTERVAL)
        self.engines[stack].adopt = False
        assert report is not None
        return report.outcome.value

    def crash(self, stack: str, writes: int) -> None:
        engine = self.engines[stack]
        engine.dies_at, engine.keeps_checkpoints = writes, bool(writes & 2)
        self.cycle(stack)
        self.cycles[stack].close()
        self.start(stack)

    def replace(self, stack: str, resource: str) -> None:
        self.dkron.at_work = stack
        self.engines[stack].run({}, applying=True, replace=(resource,))

    def lose_state(self, stack: str) -> None:
        self.engines[stack].state = []

    def meanwhile(self, stack: str, name: str) -> None:
        self.engines[stack].before_up = lambda: self.delete(name)

    def live(self) -> Live:
        return copy.deepcopy(self.dkron.jobs)

    def post(self, name: str, metadata: dict[str, str], command: str) -> None:
        job = {"name": name, "schedule": "@daily", "executor": "shell", "executor_config": {"command": command}}
        self.dkron.upsert_job({**job, "metadata": metadata})

    def delete(self, name: str) -> None:
        self.dkron.jobs.pop(name, None)

    def close(self) -> None:
        for cycle in self.cycles.values():
            cycle.close()


def play(seed: int, root: Path, steps: int) -> History:
    """One history on the model. Raises AssertionError."""
    hands = ModelHands(root)
    history = History(seed, hands)
    hands.dkron.on_delete = history.on_delete
    try:
        history.play(steps)
    finally:
        hands.close()
    return history
