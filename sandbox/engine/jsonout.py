"""What `preview --json` and `up --json` print: one digest at the end, or one line for each engine event.

Shapes as the real CLI's (recorded: preview-drift.json; event lines of 3.260). Secrets never leave here in clear.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from typing import Any

from .events import REPLACEMENT_OPS, Event, Step
from .state import ROOT_TYPE, Resource
from .values import SECRET_SIGNATURE, SIGNATURE_KEY, Secret, Value, masked, to_state

Print = Callable[[str], None]
PREFIXES = {"debug": "debug: ", "warning": "warning: ", "error": "error: "}


class Digest:
    """Collects a preview and prints it as one object."""

    def __init__(self, out: Print) -> None:
        self._out = out
        self._digest: dict[str, Any] = {"config": {}, "steps": [], "diagnostics": []}

    def handle(self, event: Event) -> None:
        if event.kind == "prelude":
            self._digest["config"] = event.data["config"]
        elif event.kind == "diagnostic" and event.severity != "debug":
            said = {"message": PREFIXES.get(event.severity, "") + _lined(event.message), "severity": event.severity}
            self._digest["diagnostics"].append(({"urn": event.urn} if event.urn else {}) | said)
        elif event.kind == "pre" and event.step and _is_shown(event.step):
            self._digest["steps"].append(_digest_step(event.step))
        elif event.kind == "summary":
            self._digest["duration"] = int(event.data["seconds"] * 1e9)
            self._digest["changeSummary"] = event.data["changes"]
            if not self._digest["diagnostics"]:
                del self._digest["diagnostics"]
            self._out(json.dumps(self._digest, indent=4, ensure_ascii=False))


def _is_shown(step: Step) -> bool:
    if step.op == "same":
        moved = step.old is not None and step.new is not None and step.old.protect != step.new.protect
        return moved or step.resource.type == ROOT_TYPE
    return step.logical or step.op not in REPLACEMENT_OPS


def _digest_step(step: Step) -> dict[str, Any]:
    found: dict[str, Any] = {"op": step.op, "urn": step.urn}
    if step.resource.provider:
        found["provider"] = step.resource.provider
    for key, state in (("oldState", step.old), ("newState", step.new)):
        if state:
            shown = state.copy()
            shown.inputs, shown.outputs = masked(state.inputs), masked(state.outputs)
            if key == "newState" and step.op in ("refresh", "same"):
                shown.outputs = {}
            if key == "newState" and step.op == "refresh":
                shown.id = ""
            found[key] = shown.to_json(None)
    if step.diffs:
        found["diffReasons"] = list(step.diffs)
    if step.keys:
        found["replaceReasons"] = list(step.keys)
    return found | {"detailedDiff": None}


class Lines:
    """Prints every event as one line of JSON, as it happens."""

    def __init__(self, out: Print, *, planning: bool, show_secrets: bool = False) -> None:
        self._out, self._planning, self._show = out, planning, show_secrets
        self._sequence = 0

    def handle(self, event: Event) -> None:
        if event.kind == "prelude":
            self._write("preludeEvent", {"config": event.data["config"]})
        elif event.kind == "diagnostic":
            self._diagnostic(event)
        elif event.kind == "summary":
            self._summary(event)
        elif event.step:
            key = {"pre": "resourcePreEvent", "outputs": "resOutputsEvent", "failed": "resOpFailedEvent"}[event.kind]
            more: dict[str, Any] = {"planning": True} if self._planning else {}
            if event.kind == "failed":
                more = {"status": 0, "steps": 0}
            self._write(key, {"metadata": self._metadata(event.step, event.op, event.kind)} | more)

    def _diagnostic(self, event: Event) -> None:
        said: dict[str, Any] = {"urn": event.urn} if event.urn else {}
        if event.severity in PREFIXES:
            said["prefix"] = PREFIXES[event.severity]
        text = {"message": _lined(event.message), "color": "never", "severity": event.severity}
        self._write("diagnosticEvent", said | text)

    def _summary(self, event: Event) -> None:
        data = event.data
        self._write(
            "summaryEvent",
            {
                "maybeCorrupt": False,
                "durationSeconds": math.ceil(data["seconds"]),
                "resourceChanges": data["changes"],
                "PolicyPacks": {},
                "isPreview": self._planning,
                "result": data["result"],
            },
        )
        self._write("cancelEvent", {})

    def _metadata(self, step: Step, op: str, kind: str) -> dict[str, Any]:
        found: dict[str, Any] = {"op": op, "urn": step.urn, "type": step.resource.type}
        found["old"] = self._state(step.old, before=False)
        found["new"] = self._state(step.new, before=kind == "pre" and step.op in ("refresh", "same"))
        if step.keys:
            found["keys"] = list(step.keys)
        if step.diffs:
            found["diffs"] = list(step.diffs)
        found["detailedDiff"] = None
        if step.logical:
            found["logical"] = True
        return found | {"provider": step.resource.provider}

    def _state(self, state: Resource | None, *, before: bool) -> dict[str, Any] | None:
        if state is None:
            return None
        found: dict[str, Any] = {"type": state.type, "urn": state.urn}
        for key in ("custom", "delete", "protect", "external"):
            if getattr(state, key):
                found[key] = True
        return found | {
            "id": "" if before else state.id,
            "parent": state.parent,
            "inputs": self._properties(state.inputs),
            "outputs": {} if before else self._properties(state.outputs),
            "provider": state.provider,
        }

    def _properties(self, value: Value) -> Any:
        if self._show:
            return to_state(value, None, show=True)
        if isinstance(value, Secret):
            return {SIGNATURE_KEY: SECRET_SIGNATURE, "ciphertext": "[secret]"}
        if isinstance(value, dict):
            return {key: self._properties(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._properties(item) for item in value]
        return to_state(value, None)

    def _write(self, key: str, payload: dict[str, Any]) -> None:
        line = {"sequence": self._sequence, "timestamp": int(time.time()), key: payload}
        self._sequence += 1
        self._out(json.dumps(line, ensure_ascii=False, separators=(",", ":")))


def _lined(message: str) -> str:
    return message if message.endswith("\n") else message + "\n"
