"""What happens during a run, as the engine events of `pulumi up --json`, passed to whoever shows them.

Counts the operations and errors on the way. No secret leaves here: property values are masked, and the
configuration's secrets are taken out of every message, as the real CLI does (from three characters up).
"""

import threading
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

    `logical` steps are counted: of the three steps of a replacement only one is.
    """

    op: str
    old: Resource | None
    new: Resource | None
    logical: bool = True
    keys: tuple[str, ...] = ()

    @property
    def resource(self) -> Resource:
        found = self.old if self.op == "refresh" else self.new or self.old
        assert found is not None, "a step is about a resource"
        return found


class Report:
    """Passes events on, one at a time. `planning` is true in a preview."""

    def __init__(self, sink: Sink, secrets: list[str], *, planning: bool) -> None:
        self.changes: Counter[str] = Counter()
        self._said: set[tuple[str, str]] = set()
        self._sink, self._planning = sink, planning
        self._secrets = sorted((text for text in secrets if len(text) >= 3), key=len, reverse=True)
        self._lock = threading.Lock()  # processes speak from threads of their own

    def _emit(self, kind: str, payload: dict[str, Any]) -> None:
        with self._lock:
            self._sink({kind: payload})

    def before(self, step: Step) -> None:
        self._step("resourcePreEvent", step)

    def after(self, step: Step) -> None:
        """A step that went well."""
        if step.logical and not step.resource.is_provider:
            self.changes[step.op] += 1
        if self._planning or step.resource.custom or step.op == "delete":
            self.outputs(step)

    def outputs(self, step: Step) -> None:
        """Also told when the stack's outputs are known."""
        self._step("resOutputsEvent", step)

    def failed(self, step: Step, message: str) -> None:
        self.error(("Preview failed: " if self._planning else "") + message, step.resource.urn)
        if not self._planning:
            self._step("resOpFailedEvent", step)

    def _step(self, kind: str, step: Step) -> None:
        if step.resource.is_provider:
            return
        metadata: dict[str, Any] = {"op": step.op, "urn": step.resource.urn, "type": step.resource.type}
        for side, state in (("old", step.old), ("new", step.new)):
            metadata[side] = state.to_json(masked) if state else None
        metadata |= {"keys": list(step.keys)} if step.keys else {}
        metadata |= {"logical": step.logical, "provider": step.resource.provider}
        self._emit(kind, {"metadata": metadata, "planning": self._planning})

    def error(self, message: str, urn: str = "") -> None:
        """Told once: a full disk is met by whoever writes."""
        if (urn, message) not in self._said:
            self._said.add((urn, message))
            self.message("error", message, urn)

    @property
    def errors(self) -> int:
        return len(self._said)

    def message(self, severity: str, message: str, urn: str = "") -> None:
        """`severity`: debug, info, warning; for errors call `error`."""
        for text in self._secrets:
            message = message.replace(text, "[secret]")
        said: dict[str, Any] = {"urn": urn} if urn else {}
        said |= {"prefix": f"{severity}: "} if severity != "info" else {}
        self._emit("diagnosticEvent", said | {"message": message.rstrip("\n") + "\n", "severity": severity})

    def summary(self, result: str) -> None:
        told = {"resourceChanges": +self.changes, "isPreview": self._planning, "result": result}
        self._emit("summaryEvent", told)
