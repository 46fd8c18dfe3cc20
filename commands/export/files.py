"""Jobs from a file: a backup of Dkron's, a crontab, a Terraform state. Gives them in the form that Dkron uses.

It reads the file and nothing else, and never shows what stands in it.
"""

import json
import sys
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from commands.export import crontab, terraform
from provider.errors import SettingsError

STANDARD_INPUT: Final = "-"


@dataclass(slots=True)
class Found:
    """What a source holds. `jobs`: not judged yet, of any kind; `against`: why one can't be declared, by its name;
    `notes`: one line each; `sensitive`: texts that are secrets for certain; `live`: whether Dkron may have them."""

    jobs: list[Any]
    against: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    sensitive: list[str] = field(default_factory=list)
    live: bool = True


def backup(path: str) -> Found:
    """What `GET /v1/jobs` gave. Raises SettingsError."""
    document = _json("--file", path)
    if isinstance(document, dict) and "name" in document:
        document = [document]
    if not isinstance(document, list):
        raise SettingsError([f"--file {path} is no list of jobs, as GET /v1/jobs gives it"])
    return Found(document)


def terraform_state(path: str) -> Found:
    """The Dkron jobs that Terraform manages. Raises SettingsError."""
    try:
        pairs = list(terraform.jobs_in(_json("--terraform", path)))
    except terraform.NoState as error:
        raise SettingsError([f"--terraform {path} {error}"]) from None
    return Found([job for job, _ in pairs], sensitive=[text for _, texts in pairs for text in texts])


def from_crontab(path: str, system: bool, taken: Collection[str]) -> Found:
    """The entries of a crontab; `taken`: names of other jobs. Raises SettingsError."""
    found = crontab.read(_text("--crontab", path), system=system, taken=taken)
    return Found(list(found.jobs), found.against, found.notes, live=False)


def _json(option: str, path: str) -> Any:
    text = _text(option, path)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise SettingsError([f"{option} {path} is no JSON: {error.msg} at line {error.lineno}"]) from None
    except (ValueError, RecursionError):
        # A number of thousands of digits, or lists a thousand deep.
        raise SettingsError([f"{option} {path} is no JSON that can be read"]) from None


def _text(option: str, path: str) -> str:
    try:
        data = sys.stdin.buffer.read() if path == STANDARD_INPUT else Path(path).read_bytes()
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError([f"{option} {path} is no UTF-8 text"]) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no such file"
        raise SettingsError([f"{option} {path} can't be read: {reason}"]) from None
