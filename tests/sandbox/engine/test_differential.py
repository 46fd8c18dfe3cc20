"""The same history on the real Pulumi CLI and on the sandbox: same exit codes, same counts, same state.

Equal up to what no two runs share (the provider's ID, ciphertexts, the folder) and what the sandbox leaves out
(places in the source, times and aliases in the state). Skipped where the real CLI is absent.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.engine.passphrase import PassphraseCrypter

from .harness import SANDBOX, Result, World, real_cli

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.skipif(real_cli() is None, reason="the real Pulumi CLI isn't on PATH, so there is nothing to compare"),
]
Step = Callable[[World], Result | None]
Things = dict[str, dict[str, Any]]
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_CRYPTERS: dict[str, PassphraseCrypter] = {}  # deriving a key takes a second


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


def urn(name: str) -> str:
    return f"urn:pulumi:dev::tiny::pulumi-python:dynamic/tiny:Thing::{name}"


HISTORIES: dict[str, list[Step]] = {
    "create, update, orphan, destroy": [
        declared(TWO, "preview"),
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
        gone("a"),
        declared(TWO, *RUN),
        gone("b"),
        declared({"a": TWO["a"]}, *RUN),
    ],
    "replacements": [
        declared(CHAIN),
        declared({**CHAIN, "a": {"name": "a2"}}),
        declared({**CHAIN, "a": {"name": "a2"}}, *UP, "--replace", urn("a")),
        declared({**CHAIN, "d": {}}, *UP, "--target-replace", urn("c"), "--target", urn("b")),
    ],
    "a failed delete of a replaced one stays pending": [
        declared({"a": {"fail": "delete"}}),
        declared({"a": {"name": "a2"}}),
        declared({"a": {"name": "a2"}}, "preview"),
        declared({"a": {"name": "a2"}}),
        declared({}, "destroy", "--yes", "--skip-preview"),
    ],
    "targets": [
        declared({"a": {"v": 1}, "b": {"v": 1}, "c": {}, "d": {}}),
        drift("b", v=9),
        declared({"a": {"v": 2}, "b": {"v": 1}, "d": {"v": 2}, "e": {}}, *RUN, "--target", urn("a"), "-t", urn("b")),
        declared({"a": {"v": 2}, "b": {"v": 1}, "d": {"v": 2}}, *UP, "--target", urn("c")),
        declared({"a": {"v": 2}}, "destroy", "--yes", "--skip-preview", "--target", urn("a")),
    ],
    "failures with --continue-on-error": [
        declared({"a": {}, "c": {"v": 1}, "x": {}}),
        declared({"a": {"v": 2}, "c": {"v": 2, "fail": "update"}, "d": {"fail": "create"}, "e": {}}, *ON),
        declared(
            {"a": {"fail": "create", "name": "n"}, "b": {"opts": {"depends_on": ["a"]}}, "c": {"ref": "REF:a"}}, *ON
        ),
    ],
    "a failed delete keeps what it needs": [
        declared({"a": {}, "b": {"fail": "delete", "opts": {"depends_on": ["a"]}}, "c": {}}),
        declared({}, *ON),
    ],
    "check failures and raising hooks": [
        declared({"a": {"v": 1}}),
        declared({"a": {"bad": "x"}}),
        declared({"a": {"fail": "check"}}, *ON),
        declared({"a": {"fail": "diff"}}, *ON),
        declared({"a": {"v": 1, "fail": "read"}}),
        declared({"a": {"v": 1, "fail": "read"}}, *UP, "--refresh"),
        declared({"a": {"v": 1, "fail": "read"}}, *RUN),
    ],
    "options": [
        declared({"a": {"opts": {"protect": True}}, "b": {}, "r": {"opts": {"retain_on_delete": True}}}),
        declared({"b": {}}, "preview"),
        declared({}, *ON),
        declared({"c": {"name": "a", "opts": {"protect": True}}}),
        declared({"c": {"name": "a2", "opts": {"protect": True}}}),
        declared({"c": {"name": "a", "v": 1, "opts": {"ignore_changes": ["v", "w"]}}}),
        declared({}),
    ],
    "numbers": [
        declared({"b": {"n": 1e22, "m": -0.5, "k": 2**53}}),
        declared({"b": {"n": 1}}),
    ],
    "programs that end badly": [
        declared({"a": {}, "b": {}}),
        declared({"a": {}, "": {"raise": "no more"}}),
        declared({"a": {}, "": {"exit": 3}}),
    ],
    "a changed configuration reaches the provider": [
        declared({"a": {"token": "SECRET"}}),
        lambda world: world.run("config", "set", "--secret", "token", "another"),
        declared({"a": {"token": "SECRET"}}, *UP, "--refresh"),
    ],
    "expectations": [
        declared({"a": {}}),
        declared({"a": {}}, *UP, "--expect-no-changes"),
        declared({"a": {"v": 1}}, "preview", "--expect-no-changes"),
        declared({"a": {}}, "up", "--non-interactive"),
        declared({"a": {}}, *UP, "--stack", "none"),
    ],
}


@pytest.fixture
def worlds(tmp_path: Path) -> tuple[World, World]:
    """The real CLI's and the sandbox's."""
    return World(tmp_path / "real", cli=real_cli() or SANDBOX).init(), World(tmp_path / "sandbox").init()


ALWAYS = {
    "drift, seen and repaired in each way",
    "replacements",
    "a failed delete of a replaced one stays pending",
    "targets",
    "failures with --continue-on-error",
}


@pytest.mark.parametrize(
    "history", [pytest.param(one, marks=() if one in ALWAYS else pytest.mark.thorough) for one in HISTORIES]
)
def test_a_history_leaves_the_same_state_on_both(history: str, worlds: tuple[World, World]) -> None:
    compare(history, *worlds)


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
    for key in ("stackTrace", "sourcePosition", "aliases", "created", "modified"):
        item.pop(key, None)
    item["dependencies"] = sorted(item.get("dependencies", []))
    needed = item.get("propertyDependencies") or {}
    item["propertyDependencies"] = {key: urns for key, urns in needed.items() if urns}
