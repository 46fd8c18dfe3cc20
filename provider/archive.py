"""Copies of jobs as they were before they were deleted or taken over, so that a mistake can be undone.

One file for each copy, the last 200, readable by their owner only. A copy is sealed with a key made from the stack's
passphrase; without a passphrase whatever may be a secret is masked, never kept in clear. A copy that can't be written
(a full disk) is told in one line and stops nothing. It must not talk to Dkron.
"""

import base64
import functools
import hashlib
import json
import os
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from .redaction import secret_texts

MOST_COPIES: Final = 200
DIRECTORY_VARIABLE: Final = "DKRON_JOBS_ARCHIVE"
DEFAULT_DIRECTORY: Final = Path(".state") / "archive"
MASK: Final = "[secret]"
_SUFFIX: Final = ".json"


@dataclass(frozen=True, slots=True)
class Copy:
    """One job as it was at `at`. `why`: what was done to it then. `masked`: its secrets were not kept."""

    name: str
    at: datetime
    why: str
    job: Mapping[str, Any]
    masked: bool


def passphrase_from(env: Mapping[str, str]) -> str:
    """The passphrase of the stack's secrets, "" where there is none."""
    text = env.get("PULUMI_CONFIG_PASSPHRASE", "")
    path = env.get("PULUMI_CONFIG_PASSPHRASE_FILE", "")
    if text or not path:
        return text
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError):
        return ""


def directory_from(env: Mapping[str, str]) -> Path:
    """Where the copies are: the environment says, else beside the state in the program's directory."""
    return Path(env.get(DIRECTORY_VARIABLE) or DEFAULT_DIRECTORY)


class Archive:
    """The copies in one directory. Safe to share by threads and by processes."""

    def __init__(
        self,
        directory: Path,
        passphrase: str = "",
        warn: Callable[[str], None] = lambda _line: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.directory = directory
        self._passphrase = passphrase
        self._warn = warn
        self._now = now
        self._lock = threading.Lock()
        self._salt = os.urandom(16)
        self._kept: deque[str] | None = None  # the files that were there at the first copy, and those written since
        self._has_warned = False

    def keep(self, job: Mapping[str, Any], why: str) -> None:
        """Writes a copy and forgets the oldest ones. Never raises: one warning says that copies can't be written."""
        at = self._now()
        entry = {"name": str(job.get("name")), "at": at.isoformat(), "why": why, **self._sealed(job)}
        with self._lock:
            try:
                if self._kept is None:
                    self._kept = deque(self._files())
                self._kept.append(self._write(at, entry))
                while len(self._kept) > MOST_COPIES:
                    (self.directory / self._kept.popleft()).unlink(missing_ok=True)
            except OSError as error:
                if not self._has_warned:
                    self._warn(f"no copy of a job could be kept in {self.directory}: {error.strerror or error}")
                self._has_warned = True

    def entries(self, name: str) -> list[Copy]:
        """The copies of a job, oldest first. Raises ValueError, one line, for those sealed by another passphrase."""
        ending = f"_{quote(name, safe='')}{_SUFFIX}"
        found = [_loaded(self.directory / file) for file in self._files() if file.endswith(ending)]
        return [self._opened(entry) for entry in found if entry and entry.get("name") == name]

    def _files(self) -> list[str]:
        """Their names, the oldest first."""
        return sorted(path.name for path in self.directory.glob(f"*{_SUFFIX}"))

    def _write(self, at: datetime, entry: Mapping[str, Any]) -> str:
        """Gives the file's name."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.directory / f"{at.strftime('%Y%m%dT%H%M%S.%fZ')}_{quote(entry['name'], safe='')}{_SUFFIX}"
        unfinished = path.with_suffix(f".{os.getpid()}")
        try:
            with open(unfinished, "w", encoding="utf-8", opener=_private) as file:
                json.dump(entry, file)
            unfinished.replace(path)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise
        return path.name

    def _sealed(self, job: Mapping[str, Any]) -> dict[str, Any]:
        if not self._passphrase:
            return {"job": masked(job)}
        token = _fernet(self._passphrase, self._salt).encrypt(json.dumps(job).encode())
        return {"salt": base64.b64encode(self._salt).decode(), "sealed": token.decode()}

    def _opened(self, entry: Mapping[str, Any]) -> Copy:
        job = entry.get("job")
        if "sealed" in entry:
            job = self._unsealed(entry)
        is_masked = "sealed" not in entry
        return Copy(entry["name"], datetime.fromisoformat(entry["at"]), str(entry.get("why")), job or {}, is_masked)

    def _unsealed(self, entry: Mapping[str, Any]) -> Any:
        from cryptography.fernet import InvalidToken

        try:
            fernet = _fernet(self._passphrase, base64.b64decode(entry["salt"]))
            return json.loads(fernet.decrypt(entry["sealed"].encode()))
        except InvalidToken:
            raise ValueError(
                f'the copy of job "{entry["name"]}" is sealed by another passphrase: set PULUMI_CONFIG_PASSPHRASE to it'
            ) from None


def masked(job: Mapping[str, Any]) -> dict[str, Any]:
    """The job with everything masked that may be a secret."""
    secrets = frozenset(secret_texts(job))

    def shown(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: shown(item) for key, item in value.items()}
        return MASK if isinstance(value, str) and value in secrets else value

    return {key: shown(value) if isinstance(value, Mapping) else value for key, value in job.items()}


@functools.lru_cache(maxsize=8)
def _fernet(passphrase: str, salt: bytes) -> Any:
    """What seals and opens copies. The slow derivation of the key is done once for each process and salt."""
    from cryptography.fernet import Fernet  # only a run that deletes something has to load it

    key = hashlib.scrypt(passphrase.encode(), salt=salt, n=2**14, r=8, p=1, dklen=32)
    return Fernet(base64.urlsafe_b64encode(key))


def _loaded(path: Path) -> dict[str, Any] | None:
    """The entry in a file, None for one that was cut short or has gone."""
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
        datetime.fromisoformat(entry["at"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return entry if isinstance(entry, dict) else None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)
