"""Pulumi.yaml and Pulumi.STACK.yaml: what the project is, and its configuration with the schema's defaults.

Stack files are edited line by line, so that comments and order survive `config set`. Values are texts, as Pulumi
has them; structured values are refused.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from .errors import CliError, Refused
from .passphrase import PassphraseCrypter

NAME = re.compile(r"^[A-Za-z0-9_.-]{1,100}$")
_TYPES = ("string", "boolean", "integer", "array", "object")


@dataclass(frozen=True)
class Project:
    """A found Pulumi.yaml. `schema` maps full keys (project:key) to the declared entry, a mapping."""

    name: str
    root: Path
    python: str
    program: Path
    schema: dict[str, dict[str, Any]]
    refresh_always: bool
    backend_url: str
    stack_config_dir: Path

    @property
    def file(self) -> Path:
        return self.root / "Pulumi.yaml"


def find_project(start: Path) -> Project:
    """The project of `start` or the nearest folder above it. CliError if there is none or it isn't valid."""
    for folder in (start, *start.parents):
        if (folder / "Pulumi.yaml").is_file():
            return _load_project(folder)
    raise CliError(
        f"no Pulumi.yaml project file found (searching upwards from {start}). If you have not created a project yet, "
        "use `pulumi new` to do so"
    )


def _load_project(root: Path) -> Project:
    data = _load_yaml(root / "Pulumi.yaml")
    name = str(data.get("name") or "")
    runtime = data.get("runtime")
    if not NAME.match(name):
        raise CliError(f"could not load {root / 'Pulumi.yaml'}: project is missing a valid 'name' attribute")
    if isinstance(runtime, str):
        runtime = {"name": runtime}
    if not isinstance(runtime, dict) or runtime.get("name") != "python":
        raise Refused("a runtime other than python")
    options = runtime.get("options") or {}
    for key in options:
        if key not in ("virtualenv", "toolchain"):
            raise Refused(f"the runtime option {key}")
    python = sys.executable
    if options.get("virtualenv"):
        python = str(root / options["virtualenv"] / "bin" / "python")
    return Project(
        name,
        root,
        python,
        root / (data.get("main") or "."),
        {key if ":" in key else f"{name}:{key}": _entry(value) for key, value in (data.get("config") or {}).items()},
        (data.get("options") or {}).get("refresh") == "always",
        str((data.get("backend") or {}).get("url") or ""),
        root / (data.get("stackConfigDir") or "."),
    )


def _entry(value: Any) -> dict[str, Any]:
    entry = value if isinstance(value, dict) else {"default": value}
    if entry.get("type", "string") not in _TYPES:
        raise CliError(f"Pulumi.yaml: a config type must be one of {', '.join(_TYPES)}, not {entry['type']!r}")
    return entry


@dataclass
class StackConfig:
    """The configuration of one stack. `values` maps full keys to texts, `secure` to ciphertexts."""

    path: Path
    values: dict[str, str] = field(default_factory=dict)
    secure: dict[str, str] = field(default_factory=dict)
    salt: str = ""

    @classmethod
    def load(cls, project: Project, stack: str) -> StackConfig:
        """What Pulumi.STACK.yaml says; empty if there is no such file."""
        config = cls(project.stack_config_dir / f"Pulumi.{stack}.yaml")
        data = _load_yaml(config.path) if config.path.exists() else {}
        for key in ("secretsprovider", "encryptedkey", "environment"):
            if data.get(key) and data[key] != "passphrase":
                raise Refused(f"{key} in {config.path.name}")
        config.salt = str(data.get("encryptionsalt") or "")
        for key, value in (data.get("config") or {}).items():
            full = key if ":" in key else f"{project.name}:{key}"
            if isinstance(value, dict) and list(value) == ["secure"]:
                config.secure[full] = str(value["secure"])
            elif isinstance(value, dict | list):
                config.values[full] = json.dumps(value, separators=(",", ":"))
                if '"secure":' in config.values[full]:
                    raise Refused(f"secrets inside of structured configuration ({full})")
            else:
                config.values[full] = text_of(value)
        return config

    def resolved(self, project: Project, crypter: PassphraseCrypter | None) -> dict[str, str]:
        """All values in clear, the schema's defaults included."""
        found = dict(self.values)
        for key, ciphertext in self.secure.items():
            if crypter is None:
                raise CliError(f"{self.path.name} has secrets but no encryptionsalt")
            found[key] = crypter.decrypt(ciphertext)
        for key, entry in project.schema.items():
            default = entry.get("value", entry.get("default"))
            if key not in found and default is not None:
                found[key] = text_of(default)
        return found

    def validate(self, project: Project, stack: str, found: dict[str, str]) -> None:
        """CliError for what the schema requires and the stack lacks, in the real CLI's words."""
        own = f"{project.name}:"
        missing = sorted(key.removeprefix(own) for key in project.schema if key not in found and key.startswith(own))
        if missing:
            quoted = [f"'{key}'" for key in missing]
            words = quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
            plural = "s" if len(missing) > 1 else ""
            raise CliError(f"Stack '{stack}' is missing configuration value{plural} {words}")
        for key, entry in sorted(project.schema.items()):
            if "type" not in entry:
                continue
            place = f"Stack '{stack}' with configuration key '{key.removeprefix(own)}'"
            if entry.get("secret") and key not in self.secure:
                raise CliError(f"{place} must be encrypted as it's secret")
            if not _fits(entry["type"], found[key]):
                raise CliError(f"{place} must be of type '{entry['type']}'")

    def set(self, key: str, value: str, *, secure: bool) -> None:
        """Writes one value into the file, in place if the key is there."""
        shown = yaml.safe_dump(value, default_style="" if _plain_scalar(value) else '"', width=1 << 30)
        scalar = shown.splitlines()[0]
        lines = [f"  {key}:", f"    secure: {scalar}"] if secure else [f"  {key}: {scalar}"]
        self._edit(key, lines)

    def remove(self, key: str) -> None:
        self._edit(key, [])

    def set_salt(self, salt: str) -> None:
        self.salt = salt
        text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        kept = [line for line in text.splitlines() if not line.startswith("encryptionsalt:")]
        self._write([f"encryptionsalt: {salt}", *kept])

    def _edit(self, key: str, new: list[str]) -> None:
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        names = (key, key.partition(":")[2])
        head = next((at for at, line in enumerate(lines) if re.match(r"config:\s*(\{\s*\})?\s*(#.*)?$", line)), None)
        if head is None:
            head = len(lines)
            lines.append("config:")
        lines[head] = re.sub(r"\{\s*\}", "", lines[head]).rstrip()
        end = next((at for at in range(head + 1, len(lines)) if re.match(r"[^\s#]", lines[at])), len(lines))
        pattern = re.compile(rf"\s+[\"']?({'|'.join(re.escape(name) for name in names)})[\"']?:(\s|$)")
        start = next((at for at in range(head + 1, end) if pattern.match(lines[at])), None)
        if start is None:
            lines[end:end] = new
        else:
            indent = len(lines[start]) - len(lines[start].lstrip())
            stop = start + 1
            while stop < end and re.match(rf"\s{{{indent + 1},}}\S", lines[stop]):
                stop += 1
            lines[start:stop] = new
        if lines[-1].startswith("config:"):
            lines.pop()
        self._write(lines)

    def _write(self, lines: list[str]) -> None:
        try:
            self.path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        except OSError as error:
            raise CliError(f"could not write {self.path}: {error.strerror}") from None


def text_of(value: Any) -> str:
    """A YAML value as the text that Pulumi makes of it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, separators=(",", ":"))


def _plain_scalar(value: str) -> bool:
    """Does YAML read the bare text back as the same text?"""
    try:
        return bool(value) and "\n" not in value and text_of(yaml.safe_load(value)) == value
    except yaml.YAMLError:
        return False


def _fits(kind: str, value: str) -> bool:
    if kind == "boolean":
        return value in ("true", "false")
    if kind == "integer":
        return re.fullmatch(r"[+-]?\d+", value) is not None
    if kind in ("array", "object"):
        try:
            return isinstance(json.loads(value), list if kind == "array" else dict)
        except ValueError:
            return False
    return True


def _load_yaml(path: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise CliError(f"could not load {path}: invalid YAML file: {' '.join(str(error).split())}") from None
    except OSError as error:
        raise CliError(f"could not load {path}: {error.strerror}") from None
    if not isinstance(data, dict):
        raise CliError(f"could not load {path}: invalid YAML file: it isn't a mapping")
    return data
