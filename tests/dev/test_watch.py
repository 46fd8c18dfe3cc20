"""`make watch` becomes the watcher, with the tools and the Dkron that were found for it."""

import os
import sys
from pathlib import Path

import pytest

import dev.__main__ as command
from dev.say import ROOT
from dev.tools import Tool
from watcher.secrets import PUBLIC_PASSPHRASE
from watcher.setting_table import TABLE


class Became(Exception):
    """What the process would have become: (argv, environment)."""


@pytest.fixture
def become(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[list[str], dict[str, str]]:
    def execve(path: str, argv: list[str], env: dict[str, str]) -> None:
        assert path == argv[0]
        raise Became(argv, env)

    for row in TABLE:
        monkeypatch.delenv(row.name, raising=False)
        monkeypatch.delenv(f"{row.name}_FILE", raising=False)
    monkeypatch.setattr(command, "ensure_dkron", lambda: "http://127.0.0.1:8888")
    monkeypatch.setattr(command, "choose_pulumi", lambda: Tool(tmp_path / "pulumi", sandbox=False))
    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Became) as caught:
        command.watch()
    assert Path.cwd() == ROOT
    argv, env = caught.value.args
    return argv, env


def test_it_becomes_the_watcher(become: tuple[list[str], dict[str, str]]) -> None:
    assert become[0] == [sys.executable, "-m", "watcher"]


def test_it_gets_the_dkron_and_the_pulumi_that_were_found(
    become: tuple[list[str], dict[str, str]], tmp_path: Path
) -> None:
    env = become[1]
    assert env["DKRON_URL"] == "http://127.0.0.1:8888"
    assert env["PATH"].startswith(f"{tmp_path}{os.pathsep}")


def test_it_gets_the_dev_stacks_passphrase_and_a_log_for_people(become: tuple[list[str], dict[str, str]]) -> None:
    env = become[1]
    assert (env["STACK"], env["LOG_FORMAT"]) == (command.STACK, "text")
    assert env["PULUMI_CONFIG_PASSPHRASE"] == PUBLIC_PASSPHRASE
