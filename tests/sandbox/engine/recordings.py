"""The recorded sessions of the real engine, and what of a call must be equal when it is made again.

Not compared: what no two runs share (random seeds, the provider's ID), the calls that say how plugins are started and
configured, and the real engine's Diff after each Read, which only a display asks for.
"""

import json
from pathlib import Path
from typing import Any

from tests.paths import DATA

SESSIONS = DATA / "pulumi-3.260" / "sessions"
PLUMBING = ("Handshake", "GetPluginInfo", "Cancel", "CheckConfig", "DiffConfig")
_VOLATILE = ("randomSeed", "resourceStatusAddress", "resourceStatusToken")

Calls = dict[str, list[dict[str, Any]]]


def session(number: str) -> Calls:
    [path] = SESSIONS.glob(f"{number}-*.jsonl")
    return calls(path)


def calls(path: Path) -> Calls:
    """The calls of each resource in the order in which they were made; between resources the order is free."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    mine = [line for line in lines if "ResourceProvider/" in line["method"] and _method(line) not in PLUMBING]
    started = [_key(line) for line in mine if line["progress"] == "request_started"]
    finished = [line for line in mine if line["progress"] == "response_completed"]
    grouped: Calls = {}
    order = []
    for line in finished:
        order.append(started.index(_key(line)))
        started[order[-1]] = ""  # two calls may be equal
    for _, call in sorted(zip(order, map(_comparable, finished), strict=True), key=lambda pair: pair[0]):
        of_one = grouped.setdefault(call["request"].get("urn", ""), [])
        if call["method"] != "Diff" or not of_one or of_one[-1]["method"] != "Read":
            of_one.append(call)
    return grouped


def _method(line: dict[str, Any]) -> str:
    return str(line["method"]).rpartition("/")[2]


def _key(line: dict[str, Any]) -> str:
    return json.dumps([line["method"], line["request"]], sort_keys=True)


def _comparable(line: dict[str, Any]) -> dict[str, Any]:
    request = {key: value for key, value in line["request"].items() if key not in _VOLATILE and value != {}}
    if request.get("type", "").startswith("pulumi:providers:"):
        request.pop("id", None)
    answer = {"failed": True} if "errors" in line else line["response"]
    return {"method": _method(line), "request": request, "response": answer}
