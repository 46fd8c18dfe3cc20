"""Where a command works: the project, the backend, the stack; and a stack's state, opened and closed.

The selected stack is kept in PULUMI_HOME, in a file of the sandbox's own.
"""

import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from .backend import Backend, StackFiles, write_atomically
from .console import NO_STACK, CliError, Refused
from .passphrase import PassphraseCrypter
from .project import NAME, Project, find_project
from .stack_config import StackConfig
from .state import Snapshot, checkpoint, parse_checkpoint


@dataclass
class Workspace:
    """The project of the current directory and its backend."""

    project: Project
    backend: Backend

    @classmethod
    def open(cls) -> "Workspace":
        project = find_project(Path.cwd())
        url = os.environ.get("PULUMI_BACKEND_URL") or project.backend_url
        if not url:
            raise CliError("no state backend: set PULUMI_BACKEND_URL=file://DIRECTORY, or backend.url in Pulumi.yaml")
        return cls(project, Backend(url))

    def _selection(self) -> tuple[Path, str, dict[str, str]]:
        """The file, our key in it, and what it says."""
        path = Path(os.environ.get("PULUMI_HOME") or "~/.pulumi").expanduser() / "sandbox-selected.json"
        found: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return path, f"{self.project.root} {self.backend.url}", found

    def selected(self) -> str:
        """The selected stack's name, "" if none is."""
        _, key, found = self._selection()
        return found.get(key, "")

    def select(self, name: str) -> None:
        path, key, found = self._selection()
        write_atomically(path, json.dumps(found | {key: name}))

    def files(self, name: str) -> StackFiles:
        """The files of a stack."""
        if not NAME.match(name):
            raise CliError(f"invalid stack name {name!r}: it may hold letters, digits, _ - and . only")
        return StackFiles(self.backend, self.project.name, name)

    def stack(self, name: str | None) -> "Stack":
        """An existing stack: the named one, PULUMI_STACK's, or the selected one."""
        name = name or os.environ.get("PULUMI_STACK") or self.selected()
        if not name:
            raise CliError("no stack selected; please use `pulumi stack select` or `pulumi stack init` to choose one")
        files = self.files(name)
        if not files.exists():
            raise CliError(f"no stack named '{name}' found", NO_STACK)
        return Stack(self.project, files, StackConfig.load(self.project, files.name))

    def create(self, name: str) -> StackFiles:
        """A new, empty stack with a salt of its own."""
        files = self.files(name)
        if files.exists():
            raise CliError(f"stack '{files.qualified}' already exists")
        Stack(self.project, files, StackConfig.load(self.project, files.name)).write(Snapshot())
        return files


@dataclass
class Stack:
    """An existing stack with its configuration."""

    project: Project
    files: StackFiles
    config: StackConfig

    @property
    def name(self) -> str:
        return self.files.name

    @cached_property
    def crypter(self) -> PassphraseCrypter:
        return self.config.crypter()

    def deployment(self) -> dict[str, Any]:
        """The state as it is in the file."""
        return parse_checkpoint(self.files.read())

    def snapshot(self, deployment: dict[str, Any] | None = None) -> Snapshot:
        """The state (or another deployment), opened with the salt that it names."""
        found = self.deployment() if deployment is None else deployment
        provider = found.get("secrets_providers") or {}
        if provider and provider.get("type") != "passphrase":
            raise Refused(f"the secrets provider {provider.get('type')!r}")
        salt = (provider.get("state") or {}).get("salt") or self.crypter.salt
        return Snapshot.from_json(found, self.crypter if salt == self.crypter.salt else PassphraseCrypter(salt))

    def write(self, snapshot: Snapshot) -> None:
        self.files.write(checkpoint(self.files.qualified, snapshot.to_json(self.crypter.salt, self.crypter)))
