"""Keeps the state file true while steps run: what is done, what is new, what is under way.

The merge is the real engine's: resources of this run first, in the order in which they finished, then what is left
of the state before; creates that never reported back are carried on.
"""

from .backend import StackFiles
from .console import switched_on
from .passphrase import PassphraseCrypter
from .report import Step
from .state import Resource, Snapshot, checkpoint, repair

PENDING = {"create": "creating", "update": "updating", "delete": "deleting"}
PENDING |= {"create-replacement": "creating", "delete-replaced": "deleting"}  # of a replacement


class Recorder:
    """The state of a stack during one run. `base` is the state before it, changed by refreshes and delete marks.

    Written before and after every change, unless PULUMI_SKIP_CHECKPOINTS says only at the end; never without `files`.
    """

    def __init__(self, files: StackFiles | None, base: Snapshot, crypter: PassphraseCrypter) -> None:
        self.base = base
        self._every_step = not switched_on("PULUMI_SKIP_CHECKPOINTS")
        self._files, self._crypter = files, crypter
        self._new: list[Resource] = []
        self._done: set[Resource] = set()
        self._under_way: list[tuple[str, Resource]] = []
        self._carried = [(kind, item) for kind, item in base.pending if kind == "creating"]

    def begin(self, step: Step) -> None:
        if step.op in PENDING:
            self._under_way = [(PENDING[step.op], step.resource)]
            self._changed(step)

    def end(self, step: Step, *, good: bool) -> None:
        """A step reported back."""
        self._under_way = []
        if good:
            self._apply(step)
        self._changed(step)

    def _apply(self, step: Step) -> None:
        old, new = step.old, step.new
        if step.op == "refresh" and old:
            at = self.base.resources.index(old)
            self.base.resources[at : at + 1] = [new] if new else []
            if not new:
                repair(self._listed())
        elif step.op == "create-replacement" and old:
            old.delete = old not in self._done
        elif old and step.op != "replace":
            self._done.add(old)
        if new and step.op not in ("refresh", "replace"):
            self._new.append(new)

    def _listed(self) -> list[Resource]:
        return [*self._new, *(item for item in self.base.resources if item not in self._done)]

    def _changed(self, step: Step) -> None:
        if self._every_step and step.op in PENDING:
            self.save()

    def save(self) -> None:
        if self._files:
            snapshot = Snapshot(self._listed(), [*self._under_way, *self._carried])
            deployment = snapshot.to_json(self._crypter.salt, self._crypter)
            self._files.write(checkpoint(self._files.qualified, deployment))
