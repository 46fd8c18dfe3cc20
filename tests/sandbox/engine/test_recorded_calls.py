"""The provider is asked what the real engine asked it, in its order and with its payloads: sessions 01-14 replayed."""

import json
from pathlib import Path
from typing import Any

import pytest

from .harness import World
from .recordings import calls, session

Wanted = dict[str, Any] | str
A: dict[str, Any] = {"a1": {}, "a2": {}}
B: dict[str, Any] = {"a1": {"displayname": "new"}, "a2": {}}
NEW = {"a1": {"displayname": "new"}}
REPLACED = {"a1": {"displayname": "new", "name": "a1x"}}
UP = ("up", "--yes", "--skip-preview")
REFRESHING = (*UP, "--refresh")


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path, program="recorded", environment={"JOBS": str(tmp_path / "things")})
    world.run("stack", "init", "dev")
    world.run("config", "set", "dkronUrl", "http://127.0.0.1:8689")
    world.run("config", "set", "--secret", "serviceKey", "DUMMY-SECRET-1")
    return world


def play(world: World, number: str, wanted: Wanted, *command: str) -> None:
    """Runs the command with the calls logged, and compares them with the session's."""
    log = world.folder / f"{number}.jsonl"
    world.run(*command, JOBS_WANTED=json.dumps(wanted), PULUMI_DEBUG_GRPC=str(log))
    assert calls(log) == session(number), number


def test_creates_updates_drift_deletes_and_replacements_ask_as_recorded(world: World) -> None:
    play(world, "01", A, "preview")
    play(world, "02", A, *UP)
    play(world, "03", B, "preview", "--refresh")
    play(world, "04", B, *REFRESHING)
    world.tamper("a1", schedule="0 0 5 * * *")
    play(world, "05", B, "preview", "--refresh")
    play(world, "06", B, *REFRESHING)
    play(world, "07", B, *REFRESHING, "--run-program")
    play(world, "08", NEW, *REFRESHING)
    assert world.thing("a2") is None
    (world.things / "a1.json").unlink()
    play(world, "09", NEW, *REFRESHING)
    play(world, "10", REPLACED, *REFRESHING)
    play(world, "11", REPLACED, "destroy", "--yes", "--skip-preview")
    assert not list(world.things.iterdir())


def test_every_kind_of_value_arrives_as_recorded(world: World) -> None:
    play(world, "12", "types", "preview")
    play(world, "13", "types", *UP)
    play(world, "14", "types", *REFRESHING)


def test_the_legacy_diff_asks_for_no_diff_of_what_is_as_declared(world: World) -> None:
    def asked(wanted: Wanted) -> list[str]:
        log = world.folder / "asked.jsonl"
        log.unlink(missing_ok=True)
        world.run("preview", "--refresh", JOBS_WANTED=json.dumps(wanted), PULUMI_DEBUG_GRPC=str(log))
        return [call["method"] for of_one in calls(log).values() for call in of_one if call["method"] == "Diff"]

    world.environment["PULUMI_ENABLE_LEGACY_DIFF"] = "true"
    world.run(*UP, JOBS_WANTED=json.dumps(A))
    assert asked(A) == []
    assert asked(B) == ["Diff"]
