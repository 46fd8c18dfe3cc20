"""Pulumi.yaml: what the project is, and which Python runs its program."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .console import CliError, Refused

NAME = re.compile(r"^[A-Za-z0-9_.-]{1,100}$")


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

    def full_key(self, key: str) -> str:
        return key if ":" in key else f"{self.name}:{key}"


def find_project(root: Path) -> Project:
    """The project of that folder. CliError if there is none or it isn't valid."""
    if not (root / "Pulumi.yaml").is_file():
        raise CliError(f"no Pulumi.yaml project file found in {root}")
    data = load_yaml(root / "Pulumi.yaml")
    name = str(data.get("name") or "")
    if not NAME.match(name):
        raise CliError(f"could not load {root / 'Pulumi.yaml'}: project is missing a valid 'name' attribute")
    config = (data.get("config") or {}).items()
    url = (data.get("backend") or {}).get("url") or ""
    return Project(
        name=name,
        root=root,
        python=_python(data.get("runtime"), root),
        program=root / (data.get("main") or "."),
        schema={f"{name}:{key}": value if isinstance(value, dict) else {"default": value} for key, value in config},
        refresh_always=(data.get("options") or {}).get("refresh") == "always",
        # A relative path begins at the project, from wherever the CLI is called.
        backend_url=f"file://{root / url[7:]}" if url.startswith("file://.") else url,
    )


def _python(runtime: Any, root: Path) -> str:
    """The interpreter of the virtual environment that `runtime.options` names; ours if they name none."""
    if isinstance(runtime, str):
        runtime = {"name": runtime}
    if not isinstance(runtime, dict) or runtime.get("name") != "python":
        raise Refused("a runtime other than python")
    options = runtime.get("options") or {}
    toolchain = options.get("toolchain", "pip")
    if options.keys() - {"virtualenv", "toolchain"} or toolchain not in ("pip", "uv"):
        raise Refused(f"these runtime options: {options}")
    environment = options.get("virtualenv") or (".venv" if toolchain == "uv" else "")
    return str(root / environment / "bin" / "python") if environment else sys.executable


def load_yaml(path: Path) -> dict[str, Any]:
    """Raises CliError and OSError."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise CliError(f"could not load {path}: invalid YAML file: {' '.join(str(error).split())}") from None
    if not isinstance(data, dict):
        raise CliError(f"could not load {path}: invalid YAML file: it isn't a mapping")
    return data
