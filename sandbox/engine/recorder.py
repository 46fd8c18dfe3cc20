"""Keeps the state file true while steps run: what is done, what is new, what is under way.

The merge is the real engine's: resources of this run first, in the order in which they finished, then what is left
of the state before; creates that never reported back are carried on.
"""

from __future__ import annotations

import json
import threading

from .backend import StackFiles
from .console import switched_on
from .passphrase import PassphraseCrypter
from .report import Step
from .state import Resource, Snapshot, head, repair
from .values import to_state

PENDING = {
    "create": "creating",
    "create-replacement": "creating",
    "update": "updating",
    "delete": "deleting",
    "delete-replaced": "deleting",
}


class Recorder:
    """The state of a stack during one run. `base` is changed by the engine as it goes (refreshes, delete marks).

    Written after every change unless PULUMI_SKIP_CHECKPOINTS says only at the end; never without `files`.
    """

    def __init__(self, files: StackFiles | None, base: Snapshot, crypter: PassphraseCrypter) -> None:
        self.base = base
        self.every_step = not switched_on("PULUMI_SKIP_CHECKPOINTS")
        self._files, self._crypter = files, crypter
        self._new: list[Resource] = []
        self._done: dict[int, Resource] = {}
        self._pending: list[tuple[str, Resource]] = []
        self._carried = [(kind, item) for kind, item in base.pending if kind == "creating"]
        self._texts: dict[int, tuple[Resource, str]] = {}
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._version = self._written = 0

    def begin(self, step: Step) -> None:
        if step.op in PENDING:
            with self._lock:
                self._pending.append((PENDING[step.op], _subject(step)))
            self._changed(step)

    def end(self, step: Step, *, good: bool) -> None:
        """A step reported back."""
        with self._lock:
            if step.op in PENDING:
                self._pending = [entry for entry in self._pending if entry[1] is not _subject(step)]
            if good and not step.deferred:
                self._apply(step)
        self._changed(step)

    def _apply(self, step: Step) -> None:
        old, new = step.old, step.new
        if step.op == "replace":
            return
        if old and step.op == "create-replacement" and not old.pending_replacement:
            old.delete = id(old) not in self._done
        elif old and step.op == "delete-replaced" and not old.delete:
            old.pending_replacement = True
        elif old:
            self._done[id(old)] = old
        if new:
            self._new.append(new)
        elif step.op == "refresh":
            for item in repair(self._listed()):
                self._texts.pop(id(item), None)

    def _listed(self) -> list[Resource]:
        return [item for item in (*self._new, *self.base.resources) if id(item) not in self._done]

    def _changed(self, step: Step) -> None:
        for resource in (step.old, step.new):
            self._texts.pop(id(resource), None)
        if self.every_step and step.op in PENDING:
            self.save()

    def refreshed(self, steps: list[Step]) -> None:
        """The state was refreshed before the program runs: what was found takes the place of what was known."""
        found = {id(step.old): step.new for step in steps}
        listed = [found.get(id(item), item) for item in self.base.resources]
        self.base.resources = [item for item in listed if item is not None]
        repair(self.base.resources)

    def touched(self, resource: Resource) -> None:
        """The resource was changed by something else than a step."""
        self._texts.pop(id(resource), None)

    def save(self) -> None:
        """Writes the state, unless somebody wrote a newer one while we waited for our turn."""
        if not self._files:
            return
        with self._lock:
            self._version += 1
            wanted = self._version
        with self._writing:
            if self._written >= wanted:
                return
            with self._lock:
                version, text = self._version, self._text()
            self._files.write(text)
            self._written = version

    def freeze(self) -> None:
        """Nothing is written from now on: what is under way stays pending in the state."""
        self._writing.acquire()

    def _text(self) -> str:
        """The checkpoint. A resource's own text is made once: a thousand are written again after every step."""
        pending = [*self._pending, *self._carried]
        parts = [json.dumps(head(self._crypter.salt))[1:-1]]
        parts += [f'"resources":[{",".join(map(self._text_of, self._listed()))}]']
        operations = (f'{{"resource":{self._text_of(item)},"type":"{kind}"}}' for kind, item in pending)
        parts += [f'"pending_operations":[{",".join(operations)}]'] if pending else []
        parts += [f'"metadata":{json.dumps(self.base.metadata)}']
        stack = json.dumps(self._files.qualified if self._files else "")
        return f'{{"version":3,"checkpoint":{{"stack":{stack},"latest":{{{",".join(parts)}}}}}}}'

    def _text_of(self, resource: Resource) -> str:
        if id(resource) not in self._texts:
            data = resource.to_json(lambda value: to_state(value, self._crypter))
            text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
            self._texts[id(resource)] = (resource, text)
        return self._texts[id(resource)][1]


def _subject(step: Step) -> Resource:
    found = step.old if step.op in ("delete", "delete-replaced") else step.new
    if found is None:
        raise AssertionError(f"{step.op} without a resource")
    return found
