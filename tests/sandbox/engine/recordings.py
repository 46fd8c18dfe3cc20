"""The recorded sessions of the real engine, and what of a call must be equal when it is made again.

Not compared: what no two runs share (random seeds, the provider's ID, addresses, the time) and the calls that say
how plugins are started (Handshake, GetPluginInfo, Cancel).
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from tests.paths import DATA

from .harness import World

SESSIONS = DATA / "pulumi-3.260" / "sessions"
PLUMBING = ("Handshake", "GetPluginInfo", "Cancel")
LEGACY_DIFFS = {"PULUMI_ENABLE_LEGACY_DIFF": "true", "PULUMI_ENABLE_LEGACY_REFRESH_DIFF": "true"}
_VOLATILE = ("randomSeed", "resourceStatusAddress", "resourceStatusToken")


def session(number: str) -> list[dict[str, Any]]:
    [path] = SESSIONS.glob(f"{number}-*.jsonl")
    return calls(path)


def calls(path: Path) -> list[dict[str, Any]]:
    """The completed provider calls of a log in the order in which they were made."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    mine = [line for line in lines if "ResourceProvider/" in line["method"] and _method(line) not in PLUMBING]
    started = [_key(line) for line in mine if line["progress"] == "request_started"]
    finished = [line for line in mine if line["progress"] == "response_completed"]
    return [_comparable(line) for line in sorted(finished, key=lambda line: started.index(_key(line)))]


def asked(world: World, *command: str, **more: str) -> Counter[str]:
    """How often one run asks a provider to read, to check and to compare."""
    log = world.folder / "asked.jsonl"
    log.unlink(missing_ok=True)
    world.run(*command, code=0, PULUMI_DEBUG_GRPC=str(log), **more)
    return Counter(call["method"] for call in calls(log) if call["method"] in ("Read", "Check", "Diff"))


def _method(line: dict[str, Any]) -> str:
    return str(line["method"]).rpartition("/")[2]


def _key(line: dict[str, Any]) -> str:
    return json.dumps([line["method"], line["request"]], sort_keys=True)


def _comparable(line: dict[str, Any]) -> dict[str, Any]:
    request = {key: value for key, value in line["request"].items() if key not in _VOLATILE and value != {}}
    if request.get("type", "").startswith("pulumi:providers:"):
        request.pop("id", None)
    answer = {"failed": True} if "errors" in line else line["response"]
    return {"method": _method(line), "request": _numbers(request), "response": _numbers(answer)}


def _numbers(value: Any) -> Any:
    """2 and 2.0 are one number on the wire."""
    if isinstance(value, dict):
        return {key: _numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def by_resource(found: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The calls of each resource in order; between resources the order is free, because steps run side by side."""
    grouped: dict[str, list[dict[str, Any]]] = {}
    for call in found:
        grouped.setdefault(call["request"].get("urn", ""), []).append(call)
    return grouped


def phases(found: list[dict[str, Any]]) -> list[str]:
    """The methods in the order in which they first appear: this order is the same in every run."""
    return list(dict.fromkeys(call["method"] for call in found))
