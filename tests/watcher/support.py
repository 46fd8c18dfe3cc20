"""What the watcher's tests share: a held clock, a Dkron and a pulumi that answer as told, a cycle made of them."""

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from provider.dkron.client import DkronClient
from provider.settings import DkronSettings
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
from watcher.restraint import Rules
from watcher.settings import WatcherSettings
from watcher.status import Board, Snapshot
from watcher.targets import KINDS

TAG = "ours"
MARK = "dkron-jobs/dev"
SECRET = "s3cret-value"


class FakeClock:
    """Time that passes only in `wait`. `at`: what happens when a moment is reached; `set_by`: how far somebody has set
    the clock on the wall."""

    def __init__(self) -> None:
        self.seconds = self.set_by = 0.0
        self.waits: list[float] = []
        self.at: list[tuple[float, Callable[[], object]]] = []

    def now(self) -> float:
        return 1_700_000_000.0 + self.seconds + self.set_by

    def monotonic(self) -> float:
        return self.seconds

    def wait(self, seconds: float) -> None:
        assert seconds > 0
        assert len(self.waits) < 10_000, "it waits for ever"
        self.waits.append(seconds)
        end = self.seconds + seconds
        due = sorted((e for e in self.at if e[0] <= end), key=lambda e: e[0])
        if due:
            self.at.remove(due[0])
            self.seconds = max(self.seconds, due[0][0])
            due[0][1]()
        else:
            self.seconds = end


def job(name: str, tag: str = TAG, mark: str = MARK, **fields: Any) -> dict[str, Any]:
    """A job as Dkron lists it."""
    metadata = {"managed_by": tag, **({"managed_in": mark} if mark else {})}
    return {"name": name, "schedule": "@daily", "metadata": metadata, "success_count": 3, **fields}


class FakeDkron(DkronClient):
    """Jobs in memory; `faults` are raised by the next calls, one each."""

    def __init__(self, *jobs: dict[str, Any]) -> None:
        super().__init__(DkronSettings(("http://127.0.0.1:1",)))
        self.jobs = {j["name"]: j for j in jobs}
        self.faults: list[Exception] = []
        self.next_leaders: list[str | None] = []
        self.lists: list[list[dict[str, Any]]] = []
        self.calls: list[str] = []
        self.seen_nodes: list[dict[str, str]] = []

    def nodes(self) -> list[dict[str, str]]:
        self._fail("nodes")
        return self.seen_nodes

    def _fail(self, call: str) -> None:
        self.calls.append(call)
        if self.faults:
            raise self.faults.pop(0)

    def leader(self) -> str | None:
        self._fail("leader")
        return self.next_leaders.pop(0) if self.next_leaders else "n1"

    def list_jobs(self, owner_tag: str | None = None) -> list[dict[str, Any]]:
        self._fail("list")
        jobs = self.lists.pop(0) if self.lists else list(self.jobs.values())
        return [j for j in jobs if owner_tag is None or j["metadata"].get("managed_by") == owner_tag]

    def count_jobs(self) -> int | None:
        return len(self.jobs)

    def get_job(self, name: str, led_within_s: float = 0.0) -> dict[str, Any] | None:
        self._fail(f"get {name}")
        return self.jobs.get(name)

    def delete_job(self, name: str) -> bool:
        self._fail(f"delete {name}")
        return self.jobs.pop(name, None) is not None


def urn(name: str, kind: str = "pulumi-python:dynamic/dkron:Job") -> str:
    return f"urn:pulumi:dev::dkron-jobs::{kind}::{name}"


def step(op: str, name: str, old: dict[str, Any] | None = None, new: dict[str, Any] | None = None) -> dict[str, Any]:
    """One step of a preview."""
    states = {"oldState": old, "newState": new}
    told = {k: {"inputs": {"name": name, **v}} for k, v in states.items() if v is not None}
    return {"op": op, "urn": urn(name), **told}


def preview(*steps: dict[str, Any], same: int = 0, errors: tuple[str, ...] = ()) -> Finished:
    document: dict[str, Any] = {"steps": list(steps), "changeSummary": {"same": same}}
    if errors:
        document["diagnostics"] = [{"message": f"error: {e}", "severity": "error"} for e in errors]
    return Finished("preview", 1 if errors else 0, 1.0, json.dumps(document))


def steady(*names: str) -> Finished:
    """A preview with nothing to do."""
    return preview(*(step("refresh", n, {}, {}) for n in names), same=len(names))


def event(kind: str, op: str, name: str) -> str:
    return json.dumps({kind: {"metadata": {"op": op, "urn": urn(name)}}})


def up(*done: tuple[str, str], failed: tuple[tuple[str, str], ...] = (), code: int | None = None) -> Finished:
    """An up that did (op, name) each, and failed with (name, reason) each."""
    lines = [event("resOutputsEvent", op, name) for op, name in done]
    for name, reason in failed:
        lines.append(json.dumps({"diagnosticEvent": {"urn": urn(name), "message": reason, "severity": "error"}}))
        lines.append(event("resOpFailedEvent", "create", name))
    lines.append(json.dumps({"summaryEvent": {}}))
    return Finished("up", (1 if failed else 0) if code is None else code, 1.0, "\n".join(lines))


@dataclass
class FakeCli(PulumiCli):
    """Answers in order; the last answer of a kind stays."""

    control: Control
    previews: list[Finished | Callable[[], Finished]] = field(default_factory=lambda: [steady("a")])
    ups: list[Finished | Callable[[], Finished]] = field(default_factory=lambda: [up()])
    others: dict[str, Finished] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    judged: list[dict[str, Any]] = field(default_factory=list)
    targets: list[tuple[str, ...]] = field(default_factory=list)
    told: dict[str, str] = field(default_factory=dict)
    spared: list[list[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(Path(), "dev", {}, Limits(60, 30), self.control)

    def _next(self, call: str, answers: list[Finished | Callable[[], Finished]]) -> Finished:
        self.calls.append(call)
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return answer if isinstance(answer, Finished) else answer()

    def preview(self, told: Mapping[str, str] | None = None, scoped: Scoped = EVERYTHING) -> Finished:
        self.told = dict(told or {})
        self.spared.append(sorted(scoped.spared))
        return self._next("preview", self.previews)

    def up(self, message: str = "", told: Mapping[str, str] | None = None, scoped: Scoped = EVERYTHING) -> Finished:
        assert told is not None
        self.targets.append(tuple(scoped.targets))
        self.spared.append(sorted(scoped.spared))
        self.messages.append(message)
        self.judged.append(json.loads(Path(told["DKRON_JOBS_LIMITS"]).read_text()))
        if self.on_event is not None:
            self.on_event('{"resOutputsEvent":{}}')
        return self._next("up", self.ups)

    def _other(self, name: str) -> Finished:
        self.calls.append(name)
        return self.others.get(name, Finished(name, 0, 0.1, "{}"))

    def create_stack(self) -> Finished:
        return self._other("create_stack")

    def list_stacks(self) -> Finished:
        return self._other("list_stacks")

    def cancel(self) -> Finished:
        return self._other("cancel")

    def export_stack(self) -> Finished:
        return self._other("export_stack")

    def import_stack(self, file: Path) -> Finished:
        self.others["imported"] = Finished("imported", 0, 0, file.read_text())
        return self._other("import_stack")

    def destroy_preview(self) -> Finished:
        return self._other("destroy_preview")

    def repair_state(self) -> Finished:
        return self._other("repair_state")

    def config_value(self, key: str) -> Finished:
        return self._other(f"config {key}")


def settings(root: Path, **changes: Any) -> WatcherSettings:
    """Settings of a program in `root`, which is made."""
    root.mkdir(parents=True, exist_ok=True)
    if not (root / "Pulumi.yaml").exists():
        (root / "Pulumi.yaml").write_text("name: dkron-jobs\nbackend:\n  url: file://./.state\n")
    (root / ".state").mkdir(exist_ok=True)
    chosen = WatcherSettings(
        job_metrics=True,
        show_output=False,
        notify=(),
        notify_on=frozenset(KINDS),
        public_url="",
        stack="dev",
        program_dir=root,
        interval_s=300,
        probe_s=10,
        max_deletes=Bound(5, shown="5"),
        max_updates=None,
        delete_strays=True,
        rules=Rules(),
        up_timeout_s=600,
        grace_s=30,
        leader_wait_s=30,
        health=None,
        log_format="json",
        log_level="debug",
        hosts=frozenset(),
        work_dir=root / ".work",
        pulumi_logs=True,
        secrets=(SECRET,),
        env={"DKRON_URL": "http://127.0.0.1:1", "PULUMI_HOME": str(root / ".home")},
    )
    return replace(chosen, **changes)


@dataclass
class World:
    """A cycle and everything around it."""

    clock: FakeClock
    control: Control
    tools: Tools
    cli: FakeCli
    dkron: FakeDkron
    board: Board
    cycle: Cycle
    stream: io.StringIO

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def names(self) -> list[str]:
        return [e["event"] for e in self.events]


def world(root: Path, *jobs: dict[str, Any], allow: int | None = None, **changes: Any) -> World:
    """A world whose Dkron holds `jobs`."""
    clock, stream = FakeClock(), io.StringIO()
    control = Control(clock)
    chosen = settings(root, **changes)
    redactor = Redactor(chosen.secrets)
    cli = FakeCli(control)
    log = open_log(chosen.log_format, chosen.log_level, redactor, stream)
    tools = Tools(chosen, control, cli, log, Metrics("1", "dev"), redactor)
    board = Board(Snapshot("dev", clock.now(), chosen.interval_s))
    cycle = Cycle(tools, board, Allowance(allow, who="ann"))
    dkron = FakeDkron(*jobs)
    connection = Connection(dkron, Probe(dkron, TAG, MARK, control), TAG)
    cycle.connector.connect = lambda workspace: connection  # type: ignore[method-assign]
    cycle.connector._connection = connection
    return World(clock, control, tools, cli, dkron, board, cycle, stream)
