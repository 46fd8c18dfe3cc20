"""The watcher's own files: for their owner only, replaced as a whole, and never through a link.

Its directory may be one that others can write, such as /tmp. A link there would make it overwrite what it leads to, or
believe what somebody else wrote.
"""

import os
from pathlib import Path


def replace_file(path: Path, text: str) -> None:
    """Writes a file, so that a reader finds the old one or the new one. Raises OSError."""
    temporary = path.with_name(f"{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)


def read_file(path: Path) -> str:
    """Raises OSError, also for a link, and ValueError for what is no text."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(handle, encoding="utf-8") as file:
        return file.read()


def open_to_lock(path: Path) -> int:
    """A handle of the file, which is made if there is none. Raises OSError."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def make_directory(path: Path) -> None:
    """With the directories above it. Raises OSError."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
