"""What a watcher must know over its restarts: the last good cycle, the strays seen, the changes of the last hour.

One file beside the state, for its owner only, replaced as a whole. It holds names and fingerprints, no value of the
config. A file that can't be read counts as none: then less is known, and so less is done.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from watcher.own_files import read_file, replace_file
from watcher.unkept import Unkept, Written

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose jobs, where. Where it differs from the last good cycle's, no stray is deleted."""

    owner_tag: str
    mark: str
    dkron: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """When a stray was seen first (seconds since 1970), and why it waits for a person ("" if it doesn't)."""

    since: float
    held: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """So many jobs at a time, that no person had allowed."""

    at: float
    count: int


@dataclass(frozen=True, slots=True)
class Memory:
    """`identity` to `revision` are the last good cycle's. `jobs`: those in its state; `modules`: module -> its jobs;
    `config`: key -> fingerprint. `unkept`: the fields that don't stay as they are written."""

    identity: Identity | None = None
    jobs: frozenset[str] = frozenset()
    modules: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    config: Mapping[str, str] = field(default_factory=dict)
    revision: str = ""
    strays: Mapping[str, Sighting] = field(default_factory=dict)
    deletions: tuple[Change, ...] = ()
    updates: tuple[Change, ...] = ()
    unkept: Unkept = field(default_factory=dict)

    def as_of(self, now: float) -> "Memory":
        """Without times that lie ahead, because the clock was set back: such changes count for an hour from now on."""
        deletions, updates = (
            tuple(replace(change, at=min(change.at, now)) for change in changes)
            for changes in (self.deletions, self.updates)
        )
        return replace(self, deletions=deletions, updates=updates)

    def recent(self, changes: Iterable[Change], now: float) -> int:
        """How many jobs changed within the last hour."""
        return sum(change.count for change in changes if now - HOUR_S < change.at <= now)

    def with_changes(self, now: float, deleted: int, updated: int) -> "Memory":
        """With what a cycle did added, and what is older than an hour left out."""
        return replace(self, deletions=_added(self.deletions, now, deleted), updates=_added(self.updates, now, updated))


def _added(changes: tuple[Change, ...], now: float, count: int) -> tuple[Change, ...]:
    kept = tuple(change for change in changes if now - HOUR_S < change.at <= now)
    return (*kept, Change(now, count)) if count else kept


class MemoryFile:
    """The file of one stack's memory."""

    def __init__(self, directory: Path, name: str) -> None:
        self.path = directory / f".watcher-{name}.memory.json"
        self._saved: Memory | None = None

    def load(self) -> Memory:
        try:
            self._saved = from_json(read_file(self.path))
        except (OSError, ValueError):
            self._saved = None
        return self._saved or Memory()

    def save(self, memory: Memory) -> None:
        """Nothing where nothing changed. Raises OSError."""
        if memory == self._saved:
            return
        replace_file(self.path, to_json(memory))
        self._saved = memory


def to_json(memory: Memory) -> str:
    return json.dumps({**asdict(memory), "jobs": sorted(memory.jobs)}, sort_keys=True)


def from_json(text: str) -> Memory:
    """Raises ValueError for anything that `to_json` didn't write."""
    try:
        row: dict[str, Any] = json.loads(text)
        identity = row["identity"]
        return Memory(
            identity=None
            if identity is None
            else Identity(*(str(identity[k]) for k in ("owner_tag", "mark", "dkron"))),
            jobs=frozenset(map(str, row["jobs"])),
            modules={str(module): tuple(map(str, jobs)) for module, jobs in row["modules"].items()},
            config={str(key): str(value) for key, value in row["config"].items()},
            revision=str(row["revision"]),
            strays={str(k): Sighting(float(v["since"]), str(v["held"])) for k, v in row["strays"].items()},
            deletions=_changes(row["deletions"]),
            updates=_changes(row["updates"]),
            unkept=_unkept(row.get("unkept", {})),
        )
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"no memory of a watcher: {error}") from None


def _unkept(rows: Any) -> dict[str, dict[str, Written]]:
    return {
        str(job): {str(path): Written(str(w["wanted"]), int(w["rounds"])) for path, w in paths.items()}
        for job, paths in rows.items()
    }


def _changes(rows: Any) -> tuple[Change, ...]:
    return tuple(Change(float(row["at"]), int(row["count"])) for row in rows)
