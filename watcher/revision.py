"""Which program is this? The git commit, and a fingerprint of the files: a commit alone doesn't tell a changed copy.

Reads files only and starts no git, which an image has not. What can't be read is left out.
"""

import hashlib
import string
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SHORT = 8
_DEEPEST = 5  # symbolic references that are followed


def commit_of(directory: Path) -> str:
    """The commit that is checked out in `directory` or above it, "" if there is none."""
    for folder in (directory, *directory.parents):
        git = folder / ".git"
        if git.is_dir():
            return _resolve(git, "HEAD", _DEEPEST)
        if git.is_file():  # a work tree of its own
            named = _read(git).removeprefix("gitdir:").strip()
            return _resolve(folder / named, "HEAD", _DEEPEST)
    return ""


def _resolve(git: Path, name: str, left: int) -> str:
    text = _read(git / name).strip()
    if text.startswith("ref:") and left:
        return _resolve(git, text.removeprefix("ref:").strip(), left - 1)
    if text:
        return text if set(text) <= set(string.hexdigits) else ""
    common = _read(git / "commondir").strip()
    if common:
        return _resolve(git / common, name, left)
    packed = (line.split(" ", 1) for line in _read(git / "packed-refs").splitlines() if " " in line)
    return next((commit for commit, ref in packed if ref == name), "")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError):
        return ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where declarations are that don't stand beside the program, and their commit, "" if unknown."""

    folder: Path | None = None
    commit: str = ""


HERE: Final = Place()


def files_digest(directory: Path, paths: list[Path], jobs: Path | None = None) -> str:
    """One text for what stands in these files of the directory, and of that of the declarations."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        try:
            content = path.read_bytes()
        except OSError:
            continue
        place = jobs if jobs is not None and path.is_relative_to(jobs) else directory
        digest.update(f"{path.relative_to(place)} {len(content)} ".encode())
        digest.update(content)
    return digest.hexdigest()[:SHORT]


def revision(directory: Path, paths: list[Path], jobs: Place = HERE) -> str:
    """As it stands in the log and in the stack's history."""
    commit, files = commit_of(directory), files_digest(directory, paths, jobs.folder)
    program = f"{commit[:SHORT]} (files {files})" if commit else f"files {files}"
    return f"{program}, jobs {jobs.commit[:SHORT]}" if jobs.commit not in ("", commit) else program
