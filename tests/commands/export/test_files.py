"""Files that jobs come from: what is in them, and one line for each that can't be read."""

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from commands.export import files
from provider.errors import SettingsError
from tests.commands.export.test_terraform import FLAT, state

JOB = {"name": "a", "schedule": "@daily"}


def written(path: Path, text: str | bytes) -> str:
    """A file with this text; its path."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


@pytest.mark.parametrize("text", [json.dumps([JOB]), json.dumps(JOB), "\ufeff" + json.dumps([JOB])])
def test_a_backup_is_a_list_of_jobs(text: str, tmp_path: Path) -> None:
    assert files.backup(written(tmp_path / "backup.json", text)).jobs == [JOB]


def test_standard_input_is_read_for_a_dash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(json.dumps([JOB]).encode())))
    assert files.backup("-").jobs == [JOB]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{", "is no JSON: Expecting property name enclosed in double quotes at line 1"),
        ("", "is no JSON: Expecting value at line 1"),
        (b"\xff\xfe", "is no UTF-8 text"),
        ('{"jobs": []}', "is no list of jobs, as GET /v1/jobs gives it"),
        ("5", "is no list of jobs, as GET /v1/jobs gives it"),
        ("[" * 100_000, "is no JSON that can be read"),
        ('[{"name": "a", "retries": ' + "9" * 5000 + "}]", "is no JSON that can be read"),
    ],
)
def test_what_is_no_backup_is_told_in_a_line(text: Any, line: str, tmp_path: Path) -> None:
    path = written(tmp_path / "backup.json", text)
    with pytest.raises(SettingsError) as caught:
        files.backup(path)
    (problem,) = caught.value.problems
    assert problem.startswith(f"--file {path} {line.partition(':')[0]}")


@pytest.mark.parametrize(("path", "reason"), [("/nowhere/x", "No such file or directory"), ("/", "Is a directory")])
def test_a_file_that_cannot_be_read_is_told(path: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=f"--crontab {path} can't be read: {reason}"):
        files.from_crontab(path, system=False, taken=())


def test_a_states_jobs_come_with_what_is_sensitive(tmp_path: Path) -> None:
    text = json.dumps(state(FLAT, sensitive=[[{"type": "get_attr", "value": "command"}]]))
    found = files.terraform_state(written(tmp_path / "terraform.tfstate", text))
    assert ([job["name"] for job in found.jobs], found.sensitive, found.live) == (["job1"], ["date"], True)


def test_what_is_no_state_is_told(tmp_path: Path) -> None:
    path = written(tmp_path / "terraform.tfstate", "[]")
    with pytest.raises(SettingsError, match=f"--terraform {path} is no Terraform state"):
        files.terraform_state(path)


def test_a_crontabs_jobs_are_in_no_dkron_yet(tmp_path: Path) -> None:
    found = files.from_crontab(written(tmp_path / "tab", "0 0 * * * /a\n"), system=False, taken=("a",))
    assert ([job["name"] for job in found.jobs], found.live) == (["a-2"], False)
