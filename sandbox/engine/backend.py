"""A file:// backend in Pulumi's layout: meta.yaml, stacks, backups, history and locks under .pulumi/.

Files are replaced whole (written beside, synced, renamed). Knows stacks by project and name, and their contents as
text: what is in a checkpoint is state.py's affair.
"""

import getpass
import json
import os
import shutil
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from .console import CliError, Refused
from .state import now


class Backend:
    """The state directory behind a file:// URL. Makes meta.yaml where there is none."""

    def __init__(self, url: str) -> None:
        if not url.startswith("file://"):
            raise Refused(f"the backend {url} (only file://)")
        self.url = url
        self.root = Path(unquote(urlsplit(url).netloc + urlsplit(url).path)).expanduser() / ".pulumi"
        if not self.root.parent.is_dir():
            raise CliError(f"unable to open bucket {url}: {self.root.parent} isn't a directory")
        path = self.root / "meta.yaml"
        if not path.exists():
            write_atomically(path, "version: 1\n")

    def stacks(self, project: str) -> list[str]:
        return sorted(path.stem for path in (self.root / "stacks" / project).glob("*.json"))


class StackFiles:
    """One stack's files."""

    def __init__(self, backend: Backend, project: str, name: str) -> None:
        self.backend, self.project, self.name = backend, project, name
        self.qualified = f"organization/{project}/{name}"
        self._path = backend.root / "stacks" / project / f"{name}.json"
        self._locks = backend.root / "locks" / "organization" / project / name
        self._lock = self._locks / f"{uuid.uuid4()}.json"

    def exists(self) -> bool:
        return self._path.exists()

    def read(self) -> str:
        try:
            return self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CliError(f"failed to load checkpoint: {self._path}: {error}") from None

    def write(self, text: str) -> None:
        """Replaces the checkpoint; the one before stays as .bak."""
        write_atomically(self._path, text, backup=True)

    def remove(self) -> None:
        """The state becomes a backup of itself; the history goes."""
        self._path.replace(f"{self._path}.bak")
        Path(f"{self._path}.attrs").unlink(missing_ok=True)
        shutil.rmtree(self._folder("history"), ignore_errors=True)

    def record(self, info: dict[str, Any]) -> None:
        """Adds the run to the history, and a backup."""
        stamp = time.time_ns()
        text = self.read()
        write_atomically(self._folder("history") / f"{self.name}-{stamp}.history.json", json.dumps(info))
        write_atomically(self._folder("history") / f"{self.name}-{stamp}.checkpoint.json", text)
        write_atomically(self._folder("backups") / f"{self.name}.{stamp}.json", text)

    def _folder(self, kind: str) -> Path:
        return self.backend.root / kind / self.project / self.name

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the stack's lock; CliError in the real CLI's words when somebody else does."""
        self._refuse_foreign_locks()
        content = {"pid": os.getpid(), "username": getpass.getuser(), "hostname": socket.gethostname()}
        # Made outside of the folder: whoever looks for locks must not meet half a one.
        write_atomically(self._lock, json.dumps(content | {"timestamp": now()}), via=self.backend.root)
        try:
            self._refuse_foreign_locks()
            yield
        finally:
            self._lock.unlink(missing_ok=True)

    def cancel(self) -> None:
        """Removes every lock of the stack."""
        for path in self._foreign_locks():
            path.unlink(missing_ok=True)

    def _foreign_locks(self) -> list[Path]:
        # A half-written lock (*.tmp, left by a full disk) counts as one, as in the real backend.
        found = sorted(self._locks.iterdir()) if self._locks.is_dir() else []
        return [path for path in found if path != self._lock and not path.name.endswith(".attrs")]

    def _refuse_foreign_locks(self) -> None:
        lines = []
        for path in self._foreign_locks():
            try:
                found = json.loads(path.read_text(encoding="utf-8"))
            except FileNotFoundError:
                continue  # released meanwhile
            except ValueError:
                raise CliError(f"unexpected end of JSON input in the lock {path}; `pulumi cancel` removes it") from None
            made = f"created by {found['username']}@{found['hostname']} (pid {found['pid']}) at {found['timestamp']}"
            lines.append(f"\n  {path.as_uri()}: {made}")
        if lines:
            head = f"the stack is currently locked by {len(lines)} lock(s); `pulumi cancel` removes what a crash left"
            raise CliError(head + "".join(lines))


def write_atomically(path: Path, text: str, *, backup: bool = False, via: Path | None = None) -> None:
    """Beside, synced, renamed: a reader or a crash finds the old text or the new one. CliError if it can't be."""
    temporary = (via or path.parent) / f"{path.name}.{os.getpid()}.tmp"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if backup and path.exists():
            shutil.copyfile(path, f"{path}.bak")
        temporary.replace(path)
        for stale in (f"{path}.attrs", f"{path}.bak.attrs"):  # the real backend's checksums of the texts before
            Path(stale).unlink(missing_ok=True)
    except OSError as error:
        raise CliError(f"An IO error occurred while writing {path}: {error.strerror}") from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
