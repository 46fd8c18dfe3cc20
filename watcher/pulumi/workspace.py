"""Where the program, its stack's plain config and its state are: read from Pulumi.yaml, Pulumi.STACK.yaml, environment.

Reads files only; it never writes them, never decrypts. A file that can't be read is a fault of the cycle, not of the
watcher: somebody will mend it.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

from provider.errors import DkronJobsError
from provider.text import one_line

NOT_WATCHED = frozenset({"node_modules", "__pycache__", "tests", "bench", "sandbox", "watcher", "dev"})
MOST_FILES = 5000


class ProgramBroken(DkronJobsError):
    """Pulumi.yaml or the stack's file can't be read. Needs a person."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """One stack. `state_dir` is the directory of a file backend, None for any other.

    `plain`: the config in clear, with the project's defaults; `encrypted`: key -> its cipher text. `given`: the keys
    that the stack's own file has; `known`: those that the project declares. `salt`: of the stack's passphrase.
    """

    project: str
    stack: str
    state_dir: Path | None
    plain: Mapping[str, str]
    encrypted: Mapping[str, str]
    given: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()
    salt: str = ""

    @property
    def name(self) -> str:
        """As the watcher's own files are called."""
        return f"{self.project}-{self.stack}"

    def directory(self, work_dir: Path) -> Path:
        """Where the watcher's own files are: beside the state, or in its work directory."""
        return self.state_dir or work_dir


def _yaml(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise ProgramBroken(f"cannot read {path.name}: {one_line(str(error))}") from None
    if document is not None and not isinstance(document, dict):
        raise ProgramBroken(f"cannot read {path.name}: it is no mapping")
    return document or {}


def read(program_dir: Path, stack: str, env: Mapping[str, str]) -> Workspace:
    """Raises ProgramBroken."""
    project = _yaml(program_dir / "Pulumi.yaml")
    name = project.get("name")
    if not isinstance(name, str) or not name:
        raise ProgramBroken("Pulumi.yaml names no project")
    short = stack.rpartition("/")[2]
    file = _yaml(program_dir / f"Pulumi.{short}.yaml")
    values = file.get("config")
    plain = {key: _scalar(row) for key, row in _defaults(project).items()}
    encrypted: dict[str, str] = {}
    given = set()
    for full, value in (values if isinstance(values, dict) else {}).items():
        prefix, _, key = str(full).partition(":")
        if prefix != name:
            continue
        given.add(key)
        if isinstance(value, dict) and "secure" in value:
            encrypted[key] = _scalar(value["secure"])
            plain.pop(key, None)
        else:
            plain[key] = _scalar(value)
    if encrypted and not any(file.get(key) for key in ("encryptionsalt", "encryptedkey", "secretsprovider")):
        # Pulumi would write a new salt, and nothing that was encrypted before could be read any more.
        raise ProgramBroken(
            f"Pulumi.{short}.yaml holds encrypted values and no encryptionsalt, so they can't be decrypted: "
            "put that line back as it was (it may be in your version control)"
        )
    backend = project.get("backend")
    configured = backend.get("url") if isinstance(backend, dict) else None
    url = env.get("PULUMI_BACKEND_URL", "").strip() or str(configured or "")
    known = project.get("config")
    return Workspace(
        name,
        short,
        state_directory(url, program_dir),
        plain,
        encrypted,
        frozenset(given),
        frozenset(map(str, known if isinstance(known, dict) else ())),
        str(file.get("encryptionsalt") or ""),
    )


def virtualenv(program_dir: Path) -> Path | None:
    """Where Pulumi.yaml says that the program's Python is, None where it doesn't. Raises ProgramBroken."""
    runtime = _yaml(program_dir / "Pulumi.yaml").get("runtime")
    options = runtime.get("options") if isinstance(runtime, dict) else None
    named = options.get("virtualenv") if isinstance(options, dict) else None
    return program_dir / named if isinstance(named, str) and named else None


def _defaults(project: Mapping[str, Any]) -> dict[str, Any]:
    config = project.get("config")
    rows = config.items() if isinstance(config, dict) else ()
    return {str(k): v["default"] for k, v in rows if isinstance(v, dict) and v.get("default") not in (None, "")}


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def state_directory(url: str, program_dir: Path) -> Path | None:
    """The directory of a file:// backend; relative ones stand beside Pulumi.yaml."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        return None
    path = Path(unquote(parts.netloc + parts.path)).expanduser()
    return path if path.is_absolute() else program_dir / path


Fingerprint = frozenset[tuple[str, int, int, int]]


def files_fingerprint(program_dir: Path) -> Fingerprint:
    """What the program's files and the stacks' config are now; cheap enough to take at every probe.

    (path, mtime, size, inode) of a module: links are followed, also those to directories, and one that leads elsewhere
    is a change. Of the YAML files what stands in them, but for the salt: Pulumi itself writes that.
    """
    found: set[tuple[str, int, int, int]] = set()
    pending, visited = [program_dir], set()
    while pending and len(found) < MOST_FILES:
        folder = pending.pop()
        try:
            seen = folder.stat()
            entries = list(folder.iterdir())
        except OSError:
            continue
        if (seen.st_dev, seen.st_ino) in visited:
            continue  # a link to a directory above
        visited.add((seen.st_dev, seen.st_ino))
        for entry in entries:
            if entry.name in NOT_WATCHED or entry.name.startswith("."):
                continue
            try:
                if entry.is_dir():
                    pending.append(entry)
                else:
                    found.update(_fingerprint(entry))
            except OSError:
                continue
    return frozenset(found)


def _fingerprint(path: Path) -> list[tuple[str, int, int, int]]:
    """One entry, or none for a file that doesn't matter. Raises OSError."""
    if path.suffix == ".py":
        seen = path.stat()
        return [(str(path), seen.st_mtime_ns, seen.st_size, seen.st_ino)]
    if not (path.name.startswith("Pulumi") and path.suffix in (".yaml", ".yml")):
        return []
    told = b"".join(line for line in path.read_bytes().splitlines(True) if not line.startswith(b"encryptionsalt:"))
    return [(str(path), zlib.crc32(told), len(told), 0)] if told.strip() else []
