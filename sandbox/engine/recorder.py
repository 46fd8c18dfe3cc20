"""Keeps the state file true while steps run: what is done, what is new, what is under way.

The merge is the real engine's: resources of this run first, in the order in which they finished, then what is left
of the state before; creates that never reported back are carried on. Written after every change, unless
PULUMI_SKIP_CHECKPOINTS says only at the end.
"""

from __future__ import annotations

import threading

from .backend import StackFiles
from .events import Step
from .state import Resource, Snapshot, repair
from .values import Crypter

PENDING = {
    "create": "creating", "create-replacement": "creating", "update": "updating", "delete": "deleting",
    "delete-replaced": "deleting", "read": "reading", "read-replacement": "reading",
}  # fmt: skip


class Recorder:
    """The state of a stack during one run. `base` is changed by the engine as it goes (refreshes, delete marks)."""

    def __init__(
        self, files: StackFiles | None, base: Snapshot, crypter: Crypter | None, *, every_step: bool = True
    ) -> None:
        self._files, self._crypter, self._every_step = files, crypter, every_step
        self.base = base
        self._new: list[Resource] = []
        self._done: set[int] = set()
        self._kept: list[Resource] = []  # so that no identity in _done is used again
        self._pending: list[tuple[str, Resource]] = []
        self._carried = [(kind, item) for kind, item in base.pending if kind == "creating"]
        self._dangling = False  # a refresh found something gone: what referred to it must not any more
        self._lock = threading.Lock()

    def begin(self, step: Step) -> None:
        if step.op in PENDING:
            with self._lock:
                self._pending.append((PENDING[step.op], _subject(step)))
                self._save()

    def end(self, step: Step, *, good: bool, persisted: bool = False) -> None:
        """A step reported back. `persisted`: a refresh that replaces the old state at once (with --run-program)."""
        with self._lock:
            for resource in (step.old, step.new):
                if resource:
                    resource.changed()
            if step.op in PENDING:
                subject = _subject(step)
                self._pending = [entry for entry in self._pending if entry[1] is not subject]
            if good:
                self._apply(step, persisted)
            if step.op in PENDING or (good and step.op == "remove-pending-replace"):
                self._save()

    def _apply(self, step: Step, persisted: bool) -> None:
        old, new = step.old, step.new
        if step.op in ("same", "update", "read", "read-replacement"):
            if old and step.op != "read-replacement":
                self._finish(old)
            if new:
                self._new.append(new)
        elif step.op in ("create", "create-replacement") and new:
            self._new.append(new)
            if old and old.pending_replacement:
                self._finish(old)
        elif step.op in ("delete", "delete-replaced", "remove-pending-replace") and old:
            if not old.pending_replacement or step.op == "remove-pending-replace":
                self._finish(old)
        elif step.op == "refresh" and persisted and old:
            self._finish(old)
            self._dangling = self._dangling or new is None
            if new:
                self._new.append(new)

    def _finish(self, resource: Resource) -> None:
        self._done.add(id(resource))
        self._kept.append(resource)

    def snapshot(self) -> Snapshot:
        """What the state file should say now."""
        listed = [item for item in (*self._new, *self.base.resources) if id(item) not in self._done]
        if self._dangling:
            repair(listed, all_of_them=False)
        return Snapshot(listed, [*self._pending, *self._carried], self.base.secrets_provider, self.base.metadata)

    def registered(self, resource: Resource) -> None:
        """A component's outputs came in."""
        with self._lock:
            resource.changed()
            self._save()

    def save(self) -> None:
        with self._lock:
            self._save(final=True)

    def _save(self, *, final: bool = False) -> None:
        if self._files and (final or self._every_step):
            self._files.write(self.snapshot().checkpoint(self._files.qualified, self._crypter))


def _subject(step: Step) -> Resource:
    found = step.old if step.op in ("delete", "delete-replaced") else step.new
    if found is None:
        raise AssertionError(f"{step.op} without a resource")
    return found
