"""The same history on the real Pulumi CLI and on the sandbox: same exit codes, same counts, same exported state.

Equal up to what no two runs share: times, the provider's ID, ciphertexts, the folder, and the stack frames of the
runner itself. Skipped where the real CLI is absent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.engine.passphrase import PassphraseCrypter

from .harness import SANDBOX, Result, World, real_cli
from .recordings import LEGACY_DIFFS, asked

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.skipif(real_cli() is None, reason="the real Pulumi CLI isn't on PATH, so there is nothing to compare"),
]
Step = Callable[[World], Result | None]
Things = dict[str, dict[str, Any]]
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_CRYPTERS: dict[str, PassphraseCrypter] = {}  # deriving a key takes a second
RUNNER = ("run_program.py", "pulumi-language-python-exec")


def declared(things: Things, *command: str) -> Step:
    def step(world: World) -> Result:
        world.declare(things)
        return world.run(*(command or UP), code=None)

    return step


def drift(name: str, **changes: Any) -> Step:
    return lambda world: world.tamper(name, **changes)


def gone(name: str) -> Step:
    return lambda world: (world.things / f"{name}.json").unlink()


UP = ("up", "--yes", "--skip-preview")
ON = (*UP, "--continue-on-error")
RUN = (*UP, "--refresh", "--run-program")
TWO: Things = {"a": {"color": "red", "n": 2, "token": "SECRET"}, "b": {"nested": {"x": "SECRET", "y": [1, "SECRET"]}}}
GREEN: Things = {"a": {"color": "green", "n": 2.5, "token": "SECRET"}, "b": TWO["b"]}
CHAIN: Things = {"a": {}, "b": {"ref": "REF:a"}, "c": {"ref": "REF:b", "opts": {"depends_on": ["a"]}}}
HISTORIES: dict[str, list[Step]] = {
    "create, update, orphan, destroy": [
        declared(TWO, "preview"),
        declared(TWO),
        declared(TWO),
        declared(GREEN, "preview", "--diff"),
        declared(GREEN),
        declared({"b": TWO["b"]}),
        declared({"b": TWO["b"]}, "destroy", "--yes", "--skip-preview"),
    ],
    "drift, seen and repaired in each way": [
        declared(TWO),
        drift("a", color="yellow"),
        declared(TWO, "preview", "--refresh", "--run-program"),
        declared(TWO, *RUN),
        drift("a", color="yellow", extra=[1]),
        declared(TWO, *UP, "--refresh"),
        drift("b", nested={"x": "other", "y": []}),
        declared(TWO, "refresh", "--yes", "--skip-preview"),
        gone("a"),
        declared(TWO, "refresh", "--yes", "--skip-preview"),
        declared(TWO),
        gone("a"),
        declared(TWO, *RUN),
        gone("b"),
        declared({"a": TWO["a"]}, *RUN),
        declared({}, "refresh", "--yes", "--skip-preview", "--run-program"),
    ],
    "replacements": [
        declared(CHAIN),
        declared({**CHAIN, "a": {"name": "a2"}}),
        declared({**CHAIN, "a": {"name": "a3", "first": True}}, "preview"),
        declared({**CHAIN, "a": {"name": "a3", "first": True}}),
        declared({**CHAIN, "a": {"name": "a4", "opts": {"delete_before_replace": True}}}),
    ],
    "dependents of what is deleted first are replaced with it": [
        declared({"a": {"first": True}, "b": {"of": "REF:a"}, "c": {"of": "REF:b"}, "d": {"note": "REF:a"}}),
        declared(
            {"a": {"first": True, "name": "a2"}, "b": {"of": "REF:a"}, "c": {"of": "REF:b"}, "d": {"note": "REF:a"}}
        ),
        declared({"a": {"first": True, "name": "a3"}, "b": {"of": "REF:a"}, "d": {"note": "REF:a"}}),
    ],
    "a failed delete of a replaced one stays pending": [
        declared({"a": {"fail": "delete"}}),
        declared({"a": {"name": "a2"}}),
        declared({"a": {"name": "a2"}}, "preview"),
        declared({"a": {"name": "a2"}}),
        declared({}, "destroy", "--yes", "--skip-preview"),
    ],
    "failures with --continue-on-error": [
        declared({"a": {}, "c": {"v": 1}, "x": {}}),
        declared({"a": {"v": 2}, "c": {"v": 2, "fail": "update"}, "d": {"fail": "create"}, "e": {}}, *ON),
        declared({"a": {"v": 2}, "c": {"v": 2}, "d": {}, "e": {}}, *ON),
    ],
    "dependents of a failure are left out": [
        declared({"a": {"fail": "create"}, "b": {"opts": {"depends_on": ["a"]}}, "c": {"ref": "REF:a"}, "d": {}}, *ON),
        declared({"a": {}, "b": {"opts": {"depends_on": ["a"]}}, "c": {"ref": "REF:a"}, "d": {}}, *ON),
    ],
    "a failed delete keeps what it needs": [
        declared({"a": {}, "b": {"fail": "delete", "opts": {"depends_on": ["a"]}}, "c": {}}),
        declared({}, *ON),
        declared({}, "destroy", "--yes", "--skip-preview", "--continue-on-error"),
    ],
    "check failures and raising hooks": [
        declared({"a": {"v": 1}}),
        declared({"a": {"bad": "x"}}),
        declared({"a": {"fail": "check"}}, *ON),
        declared({"a": {"fail": "diff"}}, *ON),
        declared({"a": {"v": 1, "fail": "read"}}),
        declared({"a": {"v": 1, "fail": "read"}}, *UP, "--refresh"),
        declared({"a": {"v": 1, "fail": "read"}}, *RUN),
        declared({"a": {"v": 1, "fail": "read"}}, "refresh", "--yes", "--skip-preview"),
    ],
    "protect": [
        declared({"a": {"opts": {"protect": True}}, "b": {}}),
        declared({"b": {}}, "preview"),
        declared({}),
        declared({"a": {"name": "a2", "opts": {"protect": True}}}),
        declared({"a": {}}),
        declared({}),
    ],
    "options that only the state shows": [
        declared({"a": {"v": 1, "w": {"x": 1, "y": 1}, "opts": {"ignore_changes": ["v", "w.x"]}}}),
        declared({"a": {"v": 2, "w": {"x": 2, "y": 2}, "opts": {"ignore_changes": ["v", "w.x"]}}}),
        declared({"a": {"v": 2, "opts": {"additional_secret_outputs": ["v"], "custom_timeouts": {"create": "1m30s"}}}}),
        declared({"a": {"v": 2, "opts": {"retain_on_delete": True}}}),
        declared({}),
    ],
    "components, parents and numbers": [
        declared({"a": {"opts": {"component": "g"}}, "b": {"n": 1e22, "m": -0.5, "k": 2**53, "opts": {"parent": "a"}}}),
        declared({"a": {"opts": {"component": "g"}}, "b": {"n": 1, "opts": {"parent": "a"}}}),
        declared({"b": {"n": 1}}),
    ],
    "the provider leaves the diff to the engine": [
        declared({"a": {"silent": True, "v": 1}}),
        declared({"a": {"silent": True, "v": 1}}),
        declared({"a": {"silent": True, "v": 2}}),
    ],
    "programs that end badly": [
        declared({"a": {}, "b": {}}),
        declared({"a": {}, "": {"raise": "no more"}}),
        declared({"a": {}, "": {"exit": 3}}),
        declared({"a": {}, "": {"exit": 0}}, "preview"),
        declared({"a": {}, "": {"exit": 0}}),
    ],
    "a changed configuration reaches the provider": [
        declared({"a": {"token": "SECRET"}}),
        lambda world: world.run("config", "set", "--secret", "token", "another"),
        declared({"a": {"token": "SECRET"}}, "preview", "--refresh"),
        declared({"a": {"token": "SECRET"}}, *UP, "--refresh"),
    ],
    "expectations": [
        declared({"a": {}}, *UP, "--expect-no-changes"),
        declared({"a": {}}, *UP, "--expect-no-changes"),
        declared({"a": {"v": 1}}, "preview", "--expect-no-changes"),
        declared({"a": {}}, "up", "--non-interactive"),
        declared({"a": {}}, "up", "--no-such-flag"),
        declared({"a": {}}, *UP, "--stack", "none"),
        declared({"a": {}}, "destroy", "--yes", "--skip-preview", "--run-program"),
    ],
}


@pytest.fixture
def worlds(tmp_path: Path) -> tuple[World, World]:
    """The real CLI's and the sandbox's."""
    return World(tmp_path / "real", cli=real_cli() or SANDBOX).init(), World(tmp_path / "sandbox").init()


@pytest.mark.parametrize("history", HISTORIES)
def test_a_history_leaves_the_same_state_on_both(history: str, worlds: tuple[World, World]) -> None:
    compare(history, *worlds)


def test_the_legacy_diffs_leave_the_same_state_on_both(worlds: tuple[World, World]) -> None:
    for world in worlds:
        world.environment |= LEGACY_DIFFS
    compare("drift, seen and repaired in each way", *worlds)


def test_the_legacy_diffs_ask_a_provider_for_no_diff_of_what_is_as_declared(worlds: tuple[World, World]) -> None:
    for world in worlds:
        world.environment |= LEGACY_DIFFS
        declared(TWO)(world)
        assert asked(world, "preview", "--refresh", "--run-program") == {"Read": 2, "Check": 2}
        world.tamper("a", color="yellow")
        assert asked(world, "preview", "--refresh", "--run-program") == {"Read": 2, "Check": 2, "Diff": 1}


def compare(history: str, real: World, sandbox: World) -> None:
    """Plays a history on both, and holds each step's exit code, counts, state and targets against each other."""
    for number, step in enumerate(HISTORIES[history]):
        expected, made = step(real), step(sandbox)
        place = f"{history}, step {number}"
        if expected and made:
            said = f"{place}\n--- real\n{expected.out}{expected.err}\n--- sandbox\n{made.out}{made.err}"
            assert made.code == expected.code, said
            assert counts(made.out) == counts(expected.out), said
        assert differences(comparable(sandbox), comparable(real)) == [], place
        assert targets(sandbox) == targets(real), place


def differences(made: Any, expected: Any, path: str = "") -> list[str]:
    """Where two JSON values differ, for a person to read: path, what the sandbox has, what the real engine has."""
    if isinstance(made, dict) and isinstance(expected, dict):
        keys = sorted({*made, *expected})
        return [
            line for key in keys for line in differences(made.get(key, "-"), expected.get(key, "-"), f"{path}/{key}")
        ]
    if isinstance(made, list) and isinstance(expected, list) and len(made) == len(expected):
        pairs = enumerate(zip(made, expected, strict=True))
        return [line for at, (one, other) in pairs for line in differences(one, other, f"{path}[{at}]")]
    return [] if made == expected else [f"{path}: {made!r} instead of {expected!r}"]


def counts(out: str) -> list[str]:
    """The lines under "Resources:", without errors and reads: the real CLI counts those by the rows it showed."""
    block = re.findall(r"^Resources:\n((?:    .*\n)*)", out, re.MULTILINE)
    return [line.strip() for text in block for line in text.splitlines() if not line.endswith(("errored", "read"))]


def targets(world: World) -> dict[str, Any]:
    return {path.stem: world.thing(path.stem) for path in world.things.glob("*.json")}


def comparable(world: World) -> dict[str, Any]:
    """The deployment in the state file, secrets opened, without what no two runs share."""
    found: dict[str, Any] = json.loads((world.state / ".pulumi/stacks/tiny/dev.json").read_text(encoding="utf-8"))
    latest = found["checkpoint"]["latest"]
    crypter = PassphraseCrypter(latest.pop("secrets_providers")["state"]["salt"], world.env())
    latest["manifest"].pop("time")
    opened = opened_secrets(latest, _CRYPTERS.setdefault(crypter.salt, crypter))
    text = json.dumps(opened).replace(str(world.folder), "FOLDER")
    found = json.loads(UUID.sub("UUID", text))
    for item in found.get("resources", []):
        _strip(item)
    for operation in found.get("pending_operations", []):
        _strip(operation["resource"])
    found["resources"] = sorted(found.get("resources", []), key=lambda item: (item["urn"], item.get("id", "")))
    return found


def opened_secrets(value: Any, crypter: PassphraseCrypter) -> Any:
    if isinstance(value, dict):
        if "ciphertext" in value:
            return {"secret": json.loads(crypter.decrypt(value["ciphertext"]))}
        return {key: opened_secrets(item, crypter) for key, item in value.items()}
    return [opened_secrets(item, crypter) for item in value] if isinstance(value, list) else value


def _strip(item: dict[str, Any]) -> None:
    item["times"] = [key in item for key in ("created", "modified")]
    item["was modified"] = item.pop("created", None) != item.pop("modified", None)
    frames = [frame.get("sourcePosition", "") for frame in item.pop("stackTrace", [])]
    item["frames"] = [frame for frame in frames if not any(name in frame for name in RUNNER)]
    for key in ("dependencies",):
        item[key] = sorted(item.get(key, []))
