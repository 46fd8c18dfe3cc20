"""Where a command works: the project, the backend, the stack; and opening a stack with its config and secrets.

The selected stack and the login are kept in PULUMI_HOME as the real CLI keeps them.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .backend import Backend, StackFiles, write_atomically
from .errors import NO_STACK, CliError
from .passphrase import PassphraseCrypter
from .project import NAME, Project, StackConfig, find_project
from .state import Snapshot, parse_checkpoint
from .values import Secret, Value


def home() -> Path:
    return Path(os.environ.get("PULUMI_HOME") or "~/.pulumi").expanduser()


def login(url: str) -> None:
    Backend(url).open()
    known = _read_json(home() / "credentials.json")
    for key, value in (("accessTokens", ""), ("accounts", {"lastValidatedAt": "0001-01-01T00:00:00Z"})):
        known.setdefault(key, {})[url] = value
    write_atomically(home() / "credentials.json", json.dumps(known | {"current": url}, indent=4))


def backend_url(project: Project | None) -> str:
    """PULUMI_BACKEND_URL, else the project's own, else the login's; CliError when there is none."""
    found = os.environ.get("PULUMI_BACKEND_URL") or (project.backend_url if project else "")
    found = found or str(_read_json(home() / "credentials.json").get("current") or "")
    if not found:
        raise CliError("no state backend: set PULUMI_BACKEND_URL=file://DIRECTORY or run `pulumi login file://...`")
    return found


@dataclass
class Workspace:
    """The project of the current directory and its backend."""

    project: Project
    backend: Backend

    @classmethod
    def open(cls) -> Workspace:
        project = find_project(Path.cwd())
        backend = Backend(backend_url(project))
        backend.open()
        return cls(project, backend)

    def _settings(self) -> Path:
        digest = hashlib.sha1(str(self.project.file).encode(), usedforsecurity=False).hexdigest()
        return home() / "workspaces" / f"{self.project.name}-{digest}-workspace.json"

    def selected(self) -> str:
        """The selected stack's name, "" if none is."""
        stacks = _read_json(self._settings()).get("stacks") or {}
        return str(stacks.get(self.backend.url) or "").rpartition("/")[2]

    def select(self, name: str) -> None:
        settings = _read_json(self._settings())
        stacks = settings.setdefault("stacks", {})
        stacks.pop(self.backend.url, None)
        if name:
            stacks[self.backend.url] = f"organization/{self.project.name}/{name}"
        write_atomically(self._settings(), json.dumps(settings, indent=4))

    def files(self, name: str) -> StackFiles:
        """The files of a stack, named plainly or as organization/PROJECT/NAME."""
        *owner, short = name.split("/")
        if owner and owner not in (["organization"], ["organization", self.project.name]):
            raise CliError(f"the stack {name!r} isn't one of the project {self.project.name!r}")
        if not NAME.match(short):
            raise CliError(f"invalid stack name {short!r}: it may hold letters, digits, _ - and . only")
        return self.backend.stack(self.project.name, short)

    def stack(self, name: str | None) -> StackFiles:
        """An existing stack: the named one, PULUMI_STACK's, or the selected one."""
        name = name or os.environ.get("PULUMI_STACK") or self.selected()
        if not name:
            raise CliError("no stack selected; please use `pulumi stack select` or `pulumi stack init` to choose one")
        files = self.files(name)
        if not files.exists():
            raise CliError(f"no stack named '{name}' found", NO_STACK)
        return files

    def create(self, name: str) -> StackFiles:
        """A new, empty stack with a salt of its own."""
        files = self.files(name)
        if files.exists():
            raise CliError(f"stack '{files.qualified}' already exists")
        config = StackConfig.load(self.project, files.name)
        crypter = crypter_of(config)
        snapshot = Snapshot(secrets_provider=secrets_provider(crypter))
        files.write(snapshot.checkpoint(files.qualified, crypter))
        return files


def crypter_of(config: StackConfig) -> PassphraseCrypter:
    """The stack's crypter; makes the salt, and writes it into the stack's file, when there is none yet."""
    if config.salt:
        return PassphraseCrypter(config.salt)
    crypter = PassphraseCrypter.create()
    config.set_salt(crypter.salt)
    return crypter


def secrets_provider(crypter: PassphraseCrypter) -> dict[str, Any]:
    return {"type": "passphrase", "state": {"salt": crypter.salt}}


def load_snapshot(text: str, crypter: PassphraseCrypter) -> Snapshot:
    """The snapshot in a state file's text, ready to be written with `crypter`."""
    return open_deployment(parse_checkpoint(text) or {}, crypter)


def open_deployment(deployment: dict[str, Any], crypter: PassphraseCrypter) -> Snapshot:
    """A deployment with its secrets opened by the salt it names; `crypter` closes them again."""
    provider = deployment.get("secrets_providers") or {}
    if provider and provider.get("type") != "passphrase":
        raise CliError(f"the sandbox Pulumi doesn't support the secrets provider {provider.get('type')!r}")
    salt = (provider.get("state") or {}).get("salt") or crypter.salt
    own = salt == crypter.salt
    snapshot = Snapshot.from_json(deployment, crypter if own else PassphraseCrypter(salt))
    if not own:
        for resource in [*snapshot.resources, *(item for _, item in snapshot.pending)]:
            _forget_ciphertexts(resource.inputs)
            _forget_ciphertexts(resource.outputs)
    snapshot.secrets_provider = secrets_provider(crypter)
    return snapshot


def _forget_ciphertexts(value: Value) -> None:
    if isinstance(value, Secret):
        value.ciphertext = ""
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _forget_ciphertexts(item)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise CliError(f"could not read {path}: {error}") from None
    return found if isinstance(found, dict) else {}
