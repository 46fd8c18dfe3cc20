"""What happens during a run, as the engine events of `pulumi up --json`, passed to whoever shows them.

Counts the operations and errors on the way. No secret leaves here: property values are masked, and the
configuration's secrets are taken out of every message, as the real CLI does (from three characters up).
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .state import Resource
from .values import masked

Sink = Callable[[dict[str, Any]], None]


@dataclass(eq=False)
class Step:
    """One operation on one resource. `keys` are what forces a replacement.

    `logical` steps are counted: of the three steps of a replacement only one is. `deferred`: what the step finds is put
    into the state later, together with what others find.
    """

    op: str
    old: Resource | None
    new: Resource | None
    logical: bool = True
    keys: tuple[str, ...] = ()
    deferred: bool = False

    @property
    def resource(self) -> Resource:
        found = self.old if self.op == "refresh" else self.new or self.old
        if found is None:
            raise AssertionError("a step is about a resource")
        return found

    @property
    def urn(self) -> str:
        return self.resource.urn


class Report:
    """Passes events on, one at a time. `planning` is true in a preview."""

    def __init__(self, sink: Sink, secrets: list[str], *, planning: bool) -> None:
        self.changes: Counter[str] = Counter()
        self.errors = 0
        self._sink, self._planning = sink, planning
        self._secrets = sorted((text for text in secrets if len(text) >= 3), key=len, reverse=True)
        self._said: set[tuple[str, str]] = set()
        self._lock = threading.RLock()
        self._sequence = 0
        self._started = time.monotonic()

    def _emit(self, kind: str, payload: dict[str, Any]) -> None:
        with self._lock:
            self._sink({"sequence": self._sequence, "timestamp": int(time.time()), kind: payload})
            self._sequence += 1

    def prelude(self, config: dict[str, str]) -> None:
        self._emit("preludeEvent", {"config": config})

    def before(self, step: Step) -> None:
        self._step("resourcePreEvent", step)

    def after(self, step: Step) -> None:
        """A step that went well."""
        if step.logical and not step.resource.is_provider:
            with self._lock:
                self.changes[step.op] += 1
        if self._planning or step.resource.custom or step.op == "delete":
            self.outputs(step)

    def outputs(self, step: Step) -> None:
        """Also told when the program registers the outputs of a component or of the stack."""
        self._step("resOutputsEvent", step)

    def failed(self, step: Step, message: str) -> None:
        self.error(("Preview failed: " if self._planning else "") + message, step.urn)
        if not self._planning:
            self._step("resOpFailedEvent", step)

    def _step(self, kind: str, step: Step) -> None:
        if step.resource.is_provider:
            return
        metadata: dict[str, Any] = {"op": step.op, "urn": step.urn, "type": step.resource.type}
        for side, state in (("old", step.old), ("new", step.new)):
            metadata[side] = state.to_json(masked) if state else None
        metadata |= {"keys": list(step.keys)} if step.keys else {}
        metadata |= {"detailedDiff": None, "logical": step.logical, "provider": step.resource.provider}
        self._emit(kind, {"metadata": metadata, "planning": self._planning})

    def error(self, message: str, urn: str = "") -> None:
        """Told once: a full disk is met by every step that is under way."""
        with self._lock:
            if (urn, message) in self._said:
                return
            self._said.add((urn, message))
            self.errors += 1
        self.message("error", message, urn)

    def message(self, severity: str, message: str, urn: str = "") -> None:
        """`severity`: debug, info, info#err, warning; for errors call `error`."""
        for text in self._secrets:
            message = message.replace(text, "[secret]")
        said: dict[str, Any] = {"urn": urn} if urn else {}
        said |= {"prefix": f"{severity}: "} if severity in ("debug", "warning", "error") else {}
        text = message if message.endswith("\n") else message + "\n"
        self._emit("diagnosticEvent", said | {"message": text, "color": "never", "severity": severity})

    def summary(self, result: str) -> None:
        seconds = math.ceil(time.monotonic() - self._started)
        told = {"durationSeconds": seconds, "resourceChanges": +self.changes, "isPreview": self._planning}
        self._emit("summaryEvent", {"maybeCorrupt": False, **told, "result": result})
        self._emit("cancelEvent", {})
