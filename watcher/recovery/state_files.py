"""The checkpoint files of a file backend: is the state readable, and what can be put in its place?

It replaces a state only when Pulumi couldn't load it, keeps the bad file beside it, and invents nothing: without a good
backup the stack starts empty and the jobs are adopted. Never called while a run may be under way.
"""

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from watcher.recovery.copies import KEPT, Stopping, files_in, modified, never, prune_groups, stamp_of
from watcher.recovery.soundness import salt_of, unsound

GOOD, MISSING, BAD = "good", "missing", "bad"
BAD_KEPT = 5


@dataclass(frozen=True, slots=True)
class Repair:
    """What was wrong and what was done about it, for a loud log line."""

    problem: str
    remedy: str
    kept: str = ""


class StateFiles:
    """The files of one stack under `state_dir`."""

    def __init__(self, state_dir: Path, project: str, stack: str) -> None:
        self.root = state_dir / ".pulumi"
        self.project, self.stack = project, stack
        self.checkpoint = self.root / "stacks" / project / f"{stack}.json"
        self.history = self.root / "history" / project / stack
        self.backups = self.root / "backups" / project / stack

    # -- repair

    def repair(self, now: float) -> tuple[list[Repair], Any]:
        """Mends what Pulumi couldn't load: what was done, and the state as it is then. Raises OSError (full disk)."""
        done = []
        meta = self.root / "meta.yaml"
        if meta.exists() and "version" not in _text(meta):
            keep = self._set_aside(meta, now)
            _attributes(meta).unlink(missing_ok=True)
            done.append(Repair("the store's meta.yaml is cut off", "Pulumi writes a new one", keep))
        state, document = judged(_read(self.checkpoint))
        if state == BAD:
            done.append(self.restore(now))
            document = self.document()
        return done + self._mend_attributes(), document

    def restore(self, now: float, problem: str = "the state is damaged", salt: str = "", empty: bool = False) -> Repair:
        """Puts the newest good backup in the state's place, or nothing.

        `salt`: what a backup's secrets must have, "" if any will do. Raises OSError.
        """
        good = None if empty else next((p for p in self.candidates() if self._is_good(p, salt)), None)
        if good is None:
            kept = self._set_aside(self.checkpoint, now)
            _attributes(self.checkpoint).unlink(missing_ok=True)
            return Repair(problem, "no good backup: it starts empty, and our jobs are adopted", kept)
        kept = self.keep_copy(now)
        temporary = self.checkpoint.with_name(f".{self.checkpoint.name}.restoring")
        shutil.copyfile(good, temporary)
        _attributes(self.checkpoint).unlink(missing_ok=True)
        temporary.replace(self.checkpoint)
        return Repair(problem, f"restored from {good.name}", kept)

    def _is_good(self, path: Path, salt: str) -> bool:
        """Whether Pulumi could use this copy; one that equals what it couldn't use is none."""
        state, document = judged(_read(path))
        if state != GOOD or unsound(document) or document == self.document():
            return False
        return not salt or salt_of(document) in ("", salt)

    def document(self) -> Any:
        """The state as it is now, None if there is none that can be read."""
        return _json(_read(self.checkpoint) or "")

    def keep_copy(self, now: float) -> str:
        """Keeps a copy of the state beside it, unless the last one that was kept is the same. Its name."""
        last = _kept(self.checkpoint)[-1:]
        if last and last[0].read_bytes() == self.checkpoint.read_bytes():
            return last[0].name
        kept = _beside(self.checkpoint, now)
        shutil.copyfile(self.checkpoint, kept)
        _drop_old(self.checkpoint)
        return kept.name

    def candidates(self) -> list[Path]:
        """Where a good state may be, the newest first. The backup beside it is the state before the last run."""
        copies = [*files_in(self.backups, ".json"), *files_in(self.history, ".checkpoint.json")]
        beside = self.checkpoint.with_name(self.checkpoint.name + ".bak")
        ages = {path: int(stamp_of(path)) for path in copies} | {beside: modified(beside)}
        return sorted(ages, key=lambda path: (ages[path], path.name), reverse=True)

    def _set_aside(self, path: Path, now: float) -> str:
        kept = _beside(path, now)
        path.replace(kept)
        _drop_old(path)
        return kept.name

    def _mend_attributes(self) -> list[Repair]:
        """A cut off .attrs file makes Pulumi fail with "EOF"; without one it is content."""
        done = []
        for path in (_attributes(self.checkpoint), _attributes(self.root / "meta.yaml")):
            if path.exists() and _json(_text(path)) is None:
                path.unlink(missing_ok=True)
                done.append(Repair(f"{path.name} is cut off", "removed; Pulumi does without"))
        return done

    # -- growth

    def prune(self, stopping: Stopping = never, keep: int = KEPT) -> int:
        """Removes all but the newest `keep` updates of the history and of the backups. Returns how many files went."""
        return prune_groups(self.history, stopping, keep) + prune_groups(self.backups, stopping, keep)


def judged(text: str | None) -> tuple[str, Any]:
    """Whether Pulumi could load this checkpoint, and what stands in it.

    `{}` counts as an empty stack there; here it is damage.
    """
    if text is None:
        return MISSING, None
    document = _json(text)
    if not isinstance(document, dict) or not isinstance(document.get("checkpoint"), dict):
        return BAD, document
    latest = document["checkpoint"].get("latest")
    good = latest is None or (isinstance(latest, dict) and isinstance(latest.get("resources", []), list | None))
    return GOOD if good else BAD, document


def take_over(exported: Any) -> tuple[dict[str, Any], list[str], list[str]]:
    """A deployment with its pending creates turned into resources: (deployment, jobs taken over, operations dropped).

    The id of a job is its name. The next refresh adopts it, creates it anew or, if it isn't declared now, deletes it.
    A pending update or delete still stands among the resources, so only its record goes. Raises ValueError.
    """
    deployment = exported.get("deployment") if isinstance(exported, dict) else None
    if not isinstance(deployment, dict):
        raise ValueError("not an exported stack")  # noqa: TRY004 - the text is at fault, not its type
    resources = list(deployment.get("resources") or [])
    known = {r.get("urn") for r in resources}
    providers = {f"{r.get('urn')}::{r.get('id')}" for r in resources}
    taken: list[str] = []
    dropped: list[str] = []
    for operation in deployment.get("pending_operations") or []:
        resource = dict(operation.get("resource") or {})
        name = (resource.get("inputs") or {}).get("name")
        placed = resource.get("urn") not in known and resource.get("provider") in {*providers, None, ""}
        if operation.get("type") == "creating" and isinstance(name, str) and placed:
            resource.update(id=name, outputs=resource.get("outputs") or dict(resource["inputs"]))
            resources.append(resource)
            known.add(resource["urn"])
            taken.append(name)
        else:
            dropped.append(f"{operation.get('type')} {resource.get('urn')}")
    clean = {k: v for k, v in deployment.items() if k != "pending_operations"}
    return {**exported, "deployment": {**clean, "resources": resources}}, taken, dropped


def _beside(path: Path, now: float) -> Path:
    """Where a bad file is kept."""
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%S.%f")
    return path.with_name(f"{path.name}.bad-{stamp}")


def _drop_old(path: Path) -> None:
    for old in _kept(path)[:-BAD_KEPT]:
        old.unlink(missing_ok=True)


def _kept(path: Path) -> list[Path]:
    """The bad files that were kept beside it, the oldest first."""
    return sorted(path.parent.glob(f"{path.name}.bad-*"))


def _attributes(path: Path) -> Path:
    return path.with_name(path.name + ".attrs")


def _text(path: Path) -> str:
    return _read(path) or ""


def _read(path: Path) -> str | None:
    """The text, "" if it is no text, None if there is no such file."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except UnicodeError:
        return ""


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
