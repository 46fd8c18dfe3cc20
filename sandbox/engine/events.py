"""What happens during a run, told to whoever shows it: steps, diagnostics, the prelude and the summary.

Counts the operations and errors on the way, and takes the configuration's secrets out of every message, as the real
CLI does (from three characters up). Knows nothing of how events are shown.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Protocol

from .state import Resource

REPLACEMENT_OPS = ("replace", "create-replacement", "delete-replaced")


@dataclass(eq=False)
class Step:
    """One operation on one resource. `keys` force a replacement, `diffs` are what the provider said differs.

    `pends` leaves a mark on the old state: a create-replacement that it must be deleted later, a delete-replaced
    that its successor must still be made.
    """

    op: str
    old: Resource | None
    new: Resource | None
    logical: bool = True
    keys: tuple[str, ...] = ()
    diffs: tuple[str, ...] = ()
    pends: bool = False
    result_op: str = ""  # of a refresh: same, update or delete

    @property
    def resource(self) -> Resource:
        found = self.old if self.op == "refresh" else self.new or self.old
        if found is None:
            raise AssertionError("a step is about a resource")
        return found

    @property
    def urn(self) -> str:
        return self.resource.urn


@dataclass(frozen=True)
class Event:
    """`kind` is prelude, pre, outputs, failed, diagnostic or summary; the rest is there where it makes sense."""

    kind: str
    step: Step | None = None
    op: str = ""
    urn: str = ""
    severity: str = ""  # debug, info, info#err, warning, error
    message: str = ""
    data: dict[str, Any] = field(default_factory=dict)


class Listener(Protocol):
    def handle(self, event: Event) -> None: ...


class Events:
    """Passes events on, one at a time. `planning` is true in a preview."""

    def __init__(self, listeners: list[Listener], secrets: list[str], *, planning: bool) -> None:
        self.planning = planning
        self.changes: Counter[str] = Counter()
        self.errors = 0
        self._listeners = listeners
        self._secrets = sorted((text for text in secrets if len(text) >= 3), key=len, reverse=True)
        self._said: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self._started = time.monotonic()

    def _emit(self, event: Event) -> None:
        with self._lock:
            for listener in self._listeners:
                listener.handle(event)

    def prelude(self, config: dict[str, str]) -> None:
        self._emit(Event("prelude", data={"config": config}))

    def before(self, step: Step) -> None:
        if not step.resource.hidden:
            self._emit(Event("pre", step, step.op))

    def after(self, step: Step, *, refreshing: bool) -> None:
        """A step that went well. With `refreshing` (a refresh command) what a refresh found is what counts."""
        if step.resource.hidden:
            return
        op = step.result_op if refreshing and step.op == "refresh" else step.op
        if step.logical or (refreshing and step.op == "refresh"):
            with self._lock:
                self.changes[op] += 1
        if self.planning or step.resource.custom or step.op in ("delete", "refresh"):
            self._emit(Event("outputs", step, op))

    def outputs(self, step: Step) -> None:
        """The program registered the outputs of a component or of the stack."""
        self._emit(Event("outputs", step, step.op))

    def failed(self, step: Step, message: str) -> None:
        prefix = "Preview failed: " if self.planning else ""
        self.diagnostic("error", prefix + message, "" if step.resource.hidden else step.urn)
        if not self.planning and not step.resource.hidden:
            self._emit(Event("failed", step, step.op))

    def diagnostic(self, severity: str, message: str, urn: str = "") -> None:
        if severity == "error":
            if (urn, message) in self._said:
                return  # a full disk is met by every step that was under way
            self._said.add((urn, message))
            self.errors += 1
        self._emit(Event("diagnostic", urn=urn, severity=severity, message=self.redact(message)))

    def redact(self, message: str) -> str:
        for secret in self._secrets:
            message = message.replace(secret, "[secret]")
        return message

    def summary(self, result: str) -> None:
        data = {"changes": dict(self.changes), "seconds": time.monotonic() - self._started, "result": result}
        self._emit(Event("summary", data=data))
