"""Whole runs on the sandbox engine: interruptions, locks, secrets, refusals, and what is printed."""

from __future__ import annotations

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
    assert "error: the stack is currently locked by 1 lock(s)." in refused.err
    assert f"(pid {process.pid})" in refused.err
    assert json.loads(locks(world)[0].read_text(encoding="utf-8")).keys() == {
        "pid",
        "username",
        "hostname",
        "timestamp",
    }
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


def test_the_second_interrupt_gives_up_and_leaves_the_create_pending(world: World) -> None:
    process, _ = held(world)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)  # another signal: two of a kind may count as one
    finished(process, 8)
    assert [item["type"] for item in world.export()["pending_operations"]] == ["creating"]
    assert locks(world) == []


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
    said += [world.run(*command) for command in (("stack", "output"), ("stack", "output", "--json"), ("config",))]
    said.append(world.run("stack", "export"))
    for result in said:
        assert CANARY not in result.out + result.err
    assert any("because of [secret]" in result.out for result in said)
    for path in (*world.state.rglob("*"), *(world.folder / "home").rglob("*"), *world.project.rglob("*.yaml")):
        assert path.is_dir() or CANARY.encode() not in path.read_bytes(), path
    assert CANARY in world.run("stack", "output", "token", "--show-secrets").out
    assert CANARY in world.run("stack", "export", "--show-secrets").out


def test_json_is_all_that_json_prints(world: World) -> None:
    world.declare({"a": {"v": 1}, "b": {"v": 1}, "": {"print": "hello"}})
    digest = world.run("preview", "--json").json()
    assert digest["changeSummary"] == {"create": 3}
    assert [step["op"] for step in digest["steps"]] == ["create"] * 3
    assert {"message": "hello\n", "severity": "info"} in digest["diagnostics"]
    assert digest["config"]["tiny:token"] == "[secret]"
    events = world.up("--json").lines
    assert [line["sequence"] for line in events] == list(range(len(events)))
    assert events[-2]["summaryEvent"]["resourceChanges"] == {"create": 3}
    assert events[-1]["cancelEvent"] == {}
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
        ({"a": {"opts": {"delete_before_replace": True}}}, "the option deleteBeforeReplace"),
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
    limited = f'ulimit -f 1; exec "{world.cli}" up --yes --skip-preview'  # as a full disk: no file above a block or two
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
    (world.state / ".pulumi" / "meta.yaml").write_text("", encoding="utf-8")
    assert "corrupt store: missing version" in world.up(code=1).err


def test_history_and_backups_grow_by_one_run_each(world: World) -> None:
    world.up("--message", "why")
    world.up(PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS="true")
    later, first = world.run("stack", "history", "--json").json()
    assert (first["kind"], first["message"], first["result"]) == ("update", "why", "succeeded")
    assert first["config"]["tiny:token"] == {"secret": True}
    assert later["version"] == 2
    assert len(list((world.state / ".pulumi" / "backups" / "tiny" / "dev").iterdir())) == 1


def test_refresh_always_in_the_project_file_is_honoured(world: World) -> None:
    file = world.project / "Pulumi.yaml"
    file.write_text(file.read_text(encoding="utf-8") + "options:\n  refresh: always\n", encoding="utf-8")
    world.declare({"a": {"v": 1}})
    world.up()
    world.tamper("a", v=2)
    assert "~ v: 2.0 => 1.0" in world.run("preview").out
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
    world.up("--refresh", "--run-program", PULUMI_RUN_PROGRAM="true")
    assert (other / "a.json").exists()


def urn(name: str) -> str:
    return f"urn:pulumi:dev::tiny::pulumi-python:dynamic/tiny:Thing::{name}"


def test_a_run_with_targets_touches_nothing_else(world: World) -> None:
    world.declare({"a": {"v": 1}, "b": {"v": 1}, "c": {"v": 1}, "d": {}, "e": {}})
    world.up()
    world.tamper("b", v=9)
    world.declare({"a": {"v": 2}, "b": {"v": 1}, "c": {"v": 2}, "e": {}, "new": {}})
    world.up("--target", urn("a"), "--target", urn("b"), "--refresh", "--run-program")
    assert [(world.thing(name) or {}).get("v") for name in "abc"] == [2, 1, 1]
    assert world.thing("d") is not None
    assert world.thing("new") is None
    assert "new" not in world.resources()
    world.up("--target", "**::d")
    assert world.thing("d") is None
    assert "could not be found in the stack" in world.up("--target", urn("none"), code=1).out


def test_a_named_resource_is_replaced(world: World) -> None:
    world.declare({"a": {}, "b": {"v": 1}})
    world.up()
    world.declare({"a": {}, "b": {"v": 2}})
    events = world.up("--json", "--target-replace", urn("a")).lines
    assert events[-2]["summaryEvent"]["resourceChanges"] == {"replace": 1, "same": 2}
    assert world.thing("a") is None, "created first, and then deleted under the same name: as on the real engine"
    world.up("--replace", urn("a"))
    assert (world.thing("b") or {})["v"] == 2


def test_a_delete_that_a_replacement_left_is_made_up_for(world: World) -> None:
    world.declare({"a": {"fail": "delete"}})
    world.up()
    world.declare({"a": {"name": "a2"}})
    world.up(code=1)
    left = [item for item in world.export()["resources"] if item.get("delete")]
    assert [item["id"] for item in left] == ["a"]
    for item in left:
        item["inputs"].pop("fail")
        item["outputs"].pop("fail")
    exported = {**world.export(), "resources": [*world.export()["resources"][:-1], *left]}
    (world.folder / "state.json").write_text(json.dumps({"version": 3, "deployment": exported}), encoding="utf-8")
    world.run("stack", "import", "--file", str(world.folder / "state.json"))
    world.up()
    assert world.thing("a") is None
    assert not any(item.get("delete") for item in world.export()["resources"])


def test_the_options_of_a_resource_are_honoured(world: World) -> None:
    kept = {"retain_on_delete": True}
    world.declare({"a": {"v": 1, "opts": {"ignore_changes": ["v"]}}, "b": {"opts": {"protect": True}}, "c": {}})
    world.up()
    world.declare(
        {
            "a": {"v": 2, "opts": {"ignore_changes": ["v"]}},
            "b2": {"name": "b", "opts": {"aliases": ["b"], "protect": True}},
            "c": {"opts": kept},
        }
    )
    world.up("--expect-no-changes")
    assert world.resources()["a"]["inputs"]["v"] == 1
    assert "b" not in world.resources()
    world.declare({})
    assert "protected" in world.up("--continue-on-error", code=1).out
    assert world.thing("b") is not None
    assert world.thing("c") is not None, "retained"
    assert world.resources().keys() == {"tiny-dev", "default", "b2"}
