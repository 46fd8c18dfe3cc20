"""The provider is asked what the real engine asked it, in its order and with its payloads: sessions 01-14 replayed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .harness import World
from .recordings import LEGACY_DIFFS, asked, by_resource, calls, phases, session

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
    made, expected = calls(log), session(number)
    assert phases(made) == phases(expected), number
    assert by_resource(made) == by_resource(expected), number


def test_creates_updates_drift_deletes_and_replacements_ask_as_recorded(world: World) -> None:
    drift: Callable[[], None] = lambda: world.tamper("a1", schedule="0 0 5 * * *")  # noqa: E731
    play(world, "01", A, "preview")
    play(world, "02", A, *UP)
    play(world, "03", B, "preview", "--refresh")
    play(world, "04", B, *REFRESHING)
    drift()
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


def test_the_legacy_diffs_ask_for_no_diff_of_what_is_as_declared(world: World) -> None:
    def preview(wanted: Wanted) -> Counter[str]:
        return asked(world, "preview", "--refresh", JOBS_WANTED=json.dumps(wanted))

    world.environment |= LEGACY_DIFFS | {"PULUMI_ENABLE_LEGACY_REFRESH_DIFF": "1"}
    world.run(*UP, JOBS_WANTED=json.dumps(A))
    assert preview(A) == {"Read": 2, "Check": 2}
    assert preview(B) == {"Read": 2, "Check": 2, "Diff": 1}
    world.tamper("a1", schedule="0 0 5 * * *")
    assert preview(A) == {"Read": 2, "Check": 2, "Diff": 1}
