"""What is missing is told before anything runs."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from provider.errors import SettingsError
from tests.e2e.harness import lay_program
from tests.watcher.support import settings
from watcher.needs import require
from watcher.repository import Repository
from watcher.settings import WatcherSettings

PROJECT = "name: p\nconfig:\n  dkronUrl: {type: string, default: ''}\n"


def chosen(folder: Path, env: dict[str, str] | None = None, stack: str = "dev") -> WatcherSettings:
    folder.mkdir(exist_ok=True)
    (folder / "Pulumi.yaml").write_text(PROJECT)
    return replace(settings(folder, stack=stack), env=env or {})


def problems(told: WatcherSettings) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        require(told)
    return list(caught.value.problems)


def test_a_stack_without_a_file_is_told_with_the_files_that_there_are(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.prod.yaml").write_text("config: {}\n")
    told = problems(chosen(tmp_path, stack="nope"))
    assert told[0] == 'STACK is "nope", and there is no Pulumi.nope.yaml (there are: prod)'
    assert told[1].startswith("dkronUrl is not set")
    assert "(there are: none)" in problems(chosen(tmp_path / "empty"))[0]


def test_every_problem_of_the_stacks_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  p:dkronUrl: ftp://x\n  p:adopt: perhaps\n")
    told = problems(chosen(tmp_path))
    assert [problem.split(" ")[0] for problem in told] == ["dkronUrl", "adopt"]


def test_what_is_encrypted_or_in_the_environment_is_there(tmp_path: Path) -> None:
    encrypted = "encryptionsalt: v1:x\nconfig:\n  p:dkronUrl: {secure: v1:x}\n  p:dkronToken: {secure: v1:y}\n"
    (tmp_path / "Pulumi.dev.yaml").write_text(encrypted)
    require(chosen(tmp_path))
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {}\n")
    require(chosen(tmp_path, {"DKRON_URL": "http://a"}))


def test_a_file_that_cannot_be_read_is_left_to_the_cycle(tmp_path: Path) -> None:
    told = chosen(tmp_path)
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {")
    require(told)


def test_what_the_declarations_refer_to_is_told_with_the_rest(tmp_path: Path) -> None:
    lay_program(tmp_path / "program")
    told = replace(settings(tmp_path / "program"), env={**os.environ, "SERVICE_KEY": ""})
    names = [problem.split(" ")[0] for problem in problems(told)[1:]]
    assert names == ["dkronUrl", "gatewayUrl", "serviceKey"]
    assert "--secret serviceKey" in problems(told)[-1]
    given = {"DKRON_URL": "http://a", "GATEWAY_URL": "http://b", "SERVICE_KEY": "k"}
    require(replace(told, env={**os.environ, **given}))


def test_declarations_that_are_broken_are_left_to_the_cycle(tmp_path: Path) -> None:
    lay_program(tmp_path / "program")
    (tmp_path / "program" / "jobs" / "broken.py").write_text("JOBS = [")
    require(
        replace(
            settings(tmp_path / "program"),
            env={**os.environ, "DKRON_URL": "http://a", "GATEWAY_URL": "x", "SERVICE_KEY": "k"},
        )
    )


def test_declarations_that_are_not_fetched_yet_are_left_to_the_cycle(tmp_path: Path) -> None:
    lay_program(tmp_path / "program")
    told = settings(tmp_path / "program", git=Repository("file:///x"))
    require(replace(told, env={**os.environ, "DKRON_URL": "http://a", "SERVICE_KEY": ""}))


def test_those_of_another_directory_are_looked_at_there(tmp_path: Path) -> None:
    lay_program(tmp_path / "program")
    (tmp_path / "decl").mkdir()
    env = {**os.environ, "DKRON_URL": "http://a", "JOBS_DIR": str(tmp_path / "decl")}
    require(replace(settings(tmp_path / "program"), env=env))
