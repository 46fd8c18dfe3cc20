"""Whole runs on the sandbox engine: interruptions, locks, secrets, refusals, and what is printed."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.processes import end_processes_of

from .harness import CANARY, World, finished

pytestmark = pytest.mark.slow


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path).init()
    yield world
    end_processes_of(world.project)  # a killed engine leaves its provider behind, as the real one does


def eventually(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Waits for something that another process does; its end or a minute without it is a failure."""
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def held(world: World) -> tuple[subprocess.Popen[str], Path]:
    """An `up` whose create of thing `a` waits for the returned file."""
    gate = world.folder / "gate"
    world.declare({"a": {"gate": str(gate)}, "b": {"ref": "REF:a"}})
    process = world.start("up", "--yes", "--skip-preview")
    eventually(Path(f"{gate}.waiting").exists, process)
    return process, gate


def locks(world: World) -> list[Path]:
    return list((world.state / ".pulumi" / "locks").rglob("*.json"))


def test_a_second_run_is_refused_while_one_holds_the_lock(world: World) -> None:
    process, gate = held(world)
    refused = world.up(code=1)
    assert "error: the stack is currently locked by 1 lock(s)" in refused.err
    assert f"(pid {process.pid})" in refused.err
    held_by = json.loads(locks(world)[0].read_text(encoding="utf-8"))
    assert held_by.keys() == {"pid", "username", "hostname", "timestamp"}
    world.run("preview")
    gate.touch()
    finished(process)
    assert locks(world) == []


def test_the_first_interrupt_finishes_what_is_under_way(world: World) -> None:
    process, gate = held(world)
    process.send_signal(signal.SIGTERM)
    gate.touch()
    ended = finished(process, 1)
    assert "Traceback" not in ended.out + ended.err
    assert world.resources().keys() == {"tiny-dev", "default", "a"}
    assert "pending_operations" not in world.export()
    assert locks(world) == []
    assert world.thing("b") is None


def test_a_second_interrupt_ends_it_at_once_and_the_lock_stays(world: World) -> None:
    process, _ = held(world)
    while process.poll() is None:
        process.send_signal(signal.SIGTERM)
        time.sleep(0.05)  # two of a kind that come at once count as one
    finished(process, -signal.SIGTERM)
    assert len(locks(world)) == 1


def test_after_a_kill_the_lock_and_the_pending_create_stay_until_dealt_with(world: World) -> None:
    process, gate = held(world)
    os.killpg(process.pid, signal.SIGKILL)
    finished(process, -signal.SIGKILL)
    assert "currently locked by 1 lock(s)" in world.up(code=1).err
    world.run("cancel", "--yes", PULUMI_CONFIG_PASSPHRASE="")
    gate.touch()
    warned = world.up()
    assert "warning: Attempting to deploy or update resources with 1 pending operations" in warned.out
    assert "Thing::a, interrupted while creating" in warned.out
    exported = world.export()
    assert [item["type"] for item in exported["pending_operations"]] == ["creating"]
    file = world.folder / "state.json"
    file.write_text(json.dumps({"version": 3, "deployment": {**exported, "pending_operations": []}}), encoding="utf-8")
    world.run("stack", "import", "--file", str(file))
    assert "warning" not in world.up("--expect-no-changes").out


def test_no_secret_is_found_in_any_file_or_output(world: World) -> None:
    things: dict[str, dict[str, Any]] = {
        "a": {"x": "SECRET", "deep": {"y": ["SECRET"]}},
        "b": {"x": "SECRET", "fail": "create", "token": "SECRET"},
    }
    said = []
    variants: list[dict[str, dict[str, Any]]] = [
        things,
        {"a": things["a"]},
        {"a": {"x": "SECRET", "fail": "update", "token": "SECRET"}},
    ]
    for variant in variants:
        world.declare(variant)
        said += [world.run("preview", flag, code=None) for flag in ("--diff", "--json", "--refresh")]
        said += [world.up(code=None), world.up("--json", "--diff", code=None)]
    said += [world.run("stack", "output", "--json"), world.run("stack", "export")]
    for result in said:
        assert CANARY not in result.out + result.err
    assert any("because of [secret]" in result.out for result in said)
    for path in (*world.state.rglob("*"), *(world.folder / "home").rglob("*"), *world.project.rglob("*.yaml")):
        assert path.is_dir() or CANARY.encode() not in path.read_bytes(), path
    assert CANARY in world.run("stack", "export", "--show-secrets").out


def test_json_is_all_that_json_prints(world: World) -> None:
    world.declare({"a": {"v": 1}, "b": {"v": 1}, "": {"print": "hello"}})
    digest = world.run("preview", "--json").json()
    assert digest["changeSummary"] == {"create": 3}
    assert [step["op"] for step in digest["steps"]] == ["create"] * 3
    assert {"message": "hello\n", "severity": "info"} in digest["diagnostics"]
    events = world.up("--json").lines
    assert events[-1]["summaryEvent"]["resourceChanges"] == {"create": 3}
    world.declare({"a": {"v": 2}, "b": {"name": "c"}})
    steps = {step["urn"].rpartition("::")[2]: step for step in world.run("preview", "--json").json()["steps"]}
    assert (steps["a"]["op"], steps["b"]["op"], steps["tiny-dev"]["op"]) == ("update", "replace", "same")
    assert steps["b"]["replaceReasons"] == ["name"]
    assert (steps["a"]["oldState"]["inputs"]["v"], steps["a"]["newState"]["inputs"]["v"]) == (1, 2)


def test_a_reader_that_leaves_does_not_leave_a_lock(world: World) -> None:
    world.declare({f"t{number}": {} for number in range(10)})
    process = world.start("up", "--yes", "--skip-preview", "--json")
    assert process.stdout
    assert process.stderr
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(60) == 0, process.stderr.read()
    process.stderr.close()
    assert locks(world) == []
    assert len(world.resources()) == 12


@pytest.mark.parametrize(
    ("things", "words"),
    [
        ({"a": {"opts": {"import_": "x"}}}, "the option importId"),
        ({"a": {}, "b": {"opts": {"deleted_with": "a"}}}, "the option deletedWith"),
        ({"a": {"opts": {"aliases": ["b"]}}}, "the option aliases"),
        ({"a": {"opts": {"ignore_changes": ["b.c"]}}}, "the ignoreChanges path 'b.c'"),
        ({"a": {}, "b": {"opts": {"parent": "a"}}}, "parents other than the stack"),
        ({"": {"invoke": "aws:index:getRegion"}}, "(aws:index:getRegion)"),
    ],
)
def test_what_is_not_supported_is_refused(world: World, things: dict[str, dict[str, object]], words: str) -> None:
    world.declare(things)
    failed = world.up(code=1)
    assert words in failed.out
    assert "doesn't support" in failed.out


def test_a_state_that_can_not_be_written_is_one_line(world: World) -> None:
    world.declare({"a": {}, "b": {}})
    before = world.export()
    # As a full disk: no file above a block or two. Python itself would leave half a compiled file.
    limited = f'export PYTHONDONTWRITEBYTECODE=1; ulimit -f 1; exec "{world.cli}" up --yes --skip-preview'
    shell = World(world.folder, cli=Path("/bin/sh"))
    shell.declare({"a": {}, "b": {}})
    failed = shell.run("-c", limited, code=1)
    assert failed.out.count("An IO error occurred while writing") == 1
    assert "File too large" in failed.out
    assert "Traceback" not in failed.out + failed.err
    assert world.export() == before
    assert locks(world) == []
    world.up()


def test_a_damaged_state_is_told(world: World) -> None:
    for text in ("", "[]", '{"version": 9}'):
        (world.state / ".pulumi" / "stacks" / "tiny" / "dev.json").write_text(text, encoding="utf-8")
        assert "failed to load checkpoint" in world.up(code=1).err


def test_refresh_always_in_the_project_file_is_honoured(world: World) -> None:
    file = world.project / "Pulumi.yaml"
    file.write_text(file.read_text(encoding="utf-8") + "options:\n  refresh: always\n", encoding="utf-8")
    world.declare({"a": {"v": 1}})
    world.up()
    world.tamper("a", v=2)
    assert " v: 2.0 => 1.0" in world.run("preview", "--diff").out
    world.up("--refresh=false", "--expect-no-changes")
    world.up()
    assert world.thing("a") == {"name": "a", "v": 1.0}


def test_refresh_uses_the_configuration_in_the_state_unless_the_program_runs(world: World) -> None:
    world.declare({"a": {"v": 1}})
    world.up()
    other = world.folder / "other"
    other.mkdir()
    world.run("config", "set", "targetDir", str(other))
    world.up("--refresh", "--expect-no-changes")
    world.up("--refresh", "--run-program")
    assert (other / "a.json").exists()


def test_a_protected_resource_and_a_retained_thing_stay(world: World) -> None:
    world.declare({"a": {"opts": {"protect": True}}, "b": {"opts": {"retain_on_delete": True}}})
    world.up()
    world.declare({})
    assert "protected" in world.up("--continue-on-error", code=1).out
    assert world.thing("a") is not None
    assert world.thing("b") is not None
    assert world.resources().keys() == {"tiny-dev", "default", "a"}


def test_a_named_resource_is_replaced_and_nothing_but_it_touched(world: World) -> None:
    a = "urn:pulumi:dev::tiny::pulumi-python:dynamic/tiny:Thing::a"
    world.declare({"a": {}, "b": {"v": 1}, "gone": {}})
    world.up()
    world.declare({"a": {}, "b": {"v": 2}, "new": {}})
    events = world.up("--json", "--target-replace", a).lines
    assert events[-1]["summaryEvent"]["resourceChanges"] == {"replace": 1, "same": 4}
    assert world.thing("a") is None, "created first, and then deleted under the same name: as on the real engine"
    assert (world.thing("b") or {})["v"] == 1
    assert world.resources().keys() == {"tiny-dev", "default", "a", "b", "gone"}
    assert "could not be found in the stack" in world.up("--target", f"{a}x", code=1).out
