"""The commands that run nothing: stacks, configuration, and how mistakes on the command line are told."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.engine.cli import main
from sandbox.engine.project import find_project

from .harness import CANARY, PASSPHRASE, World

Pulumi = Callable[..., str]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(tmp_path)
    for key in os.environ:
        if key.startswith("PULUMI_"):
            monkeypatch.delenv(key)
    for key in ("PULUMI_HOME", "PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE"):
        monkeypatch.setenv(key, world.env()[key])
    monkeypatch.chdir(world.project)
    return world


@pytest.fixture
def pulumi(world: World, capsys: pytest.CaptureFixture[str]) -> Pulumi:
    """Runs a command in this process; gives its output, or its error when `code` isn't 0."""

    def run(*arguments: str, code: int = 0) -> str:
        assert world.project.exists()
        ended = main(arguments)
        said = capsys.readouterr()
        assert ended == code, said.err
        return said.err if code else said.out

    return run


def test_it_says_what_it_is(pulumi: Pulumi, capsys: pytest.CaptureFixture[str]) -> None:
    assert pulumi("version") == (
        "3.260.0+sandbox (sandbox: a stand-in for the Pulumi CLI and engine, for development and tests only)\n"
    )
    assert main(["stack", "ls"]) == 0
    assert "a stand-in" in capsys.readouterr().err.splitlines()[0]


def test_a_stack_lives_from_init_to_rm(pulumi: Pulumi, world: World) -> None:
    pulumi("stack", "init", "dev")
    assert "already exists" in pulumi("stack", "init", "dev", code=1)
    pulumi("stack", "select", "--create", "other")
    listed = json.loads(pulumi("stack", "ls", "--json"))
    assert [(item["name"], item["current"]) for item in listed] == [("dev", False), ("other", True)]
    pulumi("stack", "select", "dev")
    assert pulumi("stack", "output", "--json") == "{}\n"
    assert "no stack named 'none' found" in pulumi("stack", "select", "none", code=6)
    assert "--yes must be passed" in pulumi("stack", "rm", code=1)
    assert pulumi("stack", "rm", "--yes") == "Stack 'dev' has been removed!\n"
    assert not (world.project / "Pulumi.dev.yaml").exists()
    assert "no stack selected" in pulumi("stack", "output", code=1)


def test_configuration_is_set_shown_and_removed(pulumi: Pulumi, world: World) -> None:
    pulumi("stack", "init", "dev")
    file = world.project / "Pulumi.dev.yaml"
    assert file.read_text(encoding="utf-8").count("\n") == 1, "nothing but the salt"
    pulumi("config", "set", "targetDir", "/tmp/with: colon")
    pulumi("config", "set", "tiny:token", CANARY, "--secret")
    pulumi("config", "set", "flag", "yes")
    pulumi("config", "set", "number", "-1")
    text = file.read_text(encoding="utf-8")
    assert "encryptionsalt: v1:" in text
    assert CANARY not in text
    assert pulumi("config", "get", "targetDir") == "/tmp/with: colon\n"
    assert pulumi("config", "get", "token") == f"{CANARY}\n"
    assert (pulumi("config", "get", "flag"), pulumi("config", "get", "number")) == ("yes\n", "-1\n")
    assert "--secret to keep it" in pulumi("config", "set", "token", "x", code=1)
    pulumi("config", "rm", "token")
    pulumi("config", "rm", "token")
    assert "not found for stack 'dev'" in pulumi("config", "get", "token", code=1)
    assert "--path" in pulumi("config", "set", "--path", "a.b", code=1)
    file.write_text(file.read_text(encoding="utf-8") + "# ours\n", encoding="utf-8")
    assert "in which a # may begin a comment" in pulumi("config", "set", "flag", "no", code=1)
    assert file.read_text(encoding="utf-8").endswith("# ours\n")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("up", "--no-such-flag"), 1, "--no-such-flag"),
        (("nonsense",), 1, 'unknown command "nonsense" for "pulumi"'),
        (("state", "repair", "--yes"), 1, 'unknown command "state repair" for "pulumi"'),
        (("stack", "ls", "extra"), 1, "extra"),
        (("up", "--refresh=maybe"), 1, "--refresh"),
        (("up", "--non-interactive"), 2, "must be passed in to proceed"),
        (("up", "--yes", "--stack", "none"), 6, "no stack named 'none' found"),
        (("up", "--yes"), 1, "no stack selected"),
        (("stack", "init"), 1, "missing stack name"),
        (("stack", "init", "a b"), 1, "invalid stack name"),
    ],
)
def test_mistakes_are_one_clear_line(pulumi: Pulumi, arguments: tuple[str, ...], code: int, words: str) -> None:
    said = pulumi(*arguments, code=code)
    assert words in said
    assert "Traceback" not in said


def test_a_missing_project_is_told(pulumi: Pulumi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert "no Pulumi.yaml project file found" in pulumi("stack", "ls", code=1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: tiny\nruntime: [", "invalid YAML file"),
        ("- a list", "isn't a mapping"),
        ("runtime: python", "missing a valid 'name'"),
        ("name: tiny\nruntime: nodejs", "a runtime other than python"),
        ("name: tiny\nruntime: {name: python, options: {typechecker: mypy}}", "these runtime options"),
        ("name: tiny\nruntime: {name: python, options: {toolchain: poetry}}", "these runtime options"),
    ],
)
def test_a_broken_project_file_is_told(pulumi: Pulumi, world: World, text: str, words: str) -> None:
    (world.project / "Pulumi.yaml").write_text(text, encoding="utf-8")
    assert words in pulumi("stack", "ls", code=1)


def test_the_program_runs_in_the_environment_that_the_project_names(tmp_path: Path) -> None:
    for options, python in (
        ("{virtualenv: env}", "env/bin/python"),
        ("{toolchain: uv}", ".venv/bin/python"),
        ("{toolchain: pip}", sys.executable),
    ):
        text = f"name: tiny\nruntime: {{name: python, options: {options}}}\nbackend: {{url: 'file://./.state'}}\n"
        (tmp_path / "Pulumi.yaml").write_text(text, encoding="utf-8")
        project = find_project(tmp_path)
        assert (project.python, project.backend_url) == (str(tmp_path / python), f"file://{tmp_path}/.state")


def test_defaults_of_the_schema_count_as_set(pulumi: Pulumi, world: World) -> None:
    schema = {"flag": {"type": "boolean", "default": True}, "short": 5, "key": {"value": "x"}}
    text = f"name: tiny\nruntime: python\nconfig: {json.dumps(schema)}\n"
    (world.project / "Pulumi.yaml").write_text(text, encoding="utf-8")
    pulumi("stack", "init", "dev")
    assert [pulumi("config", "get", key) for key in schema] == ["true\n", "5\n", "x\n"]


def test_a_wrong_or_missing_passphrase_is_told(pulumi: Pulumi, monkeypatch: pytest.MonkeyPatch) -> None:
    pulumi("stack", "init", "dev")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", PASSPHRASE + "!")
    assert "incorrect passphrase" in pulumi("preview", code=1)
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE")
    assert "passphrase must be set" in pulumi("preview", code=1)
    assert pulumi("stack", "output", "--json") == "{}\n"


def test_an_import_that_is_no_export_is_refused(pulumi: Pulumi, world: World) -> None:
    pulumi("stack", "init", "dev")
    before = json.loads(pulumi("stack", "export"))
    foreign = {"urn": "urn:pulumi:prod::tiny::t::tiny-prod", "type": "t", "custom": False}
    child = foreign | {"urn": "urn:pulumi:dev::tiny::t::x", "parent": "urn:pulumi:dev::tiny::t::y"}
    for text, words in (
        ("", "isn't an exported stack"),
        ('{"version": 9, "deployment": {}}', "version 9 isn't supported"),
        (exported(foreign), "belongs to a different stack"),
        (exported(child), "snapshot integrity failure"),
        (exported({**foreign, "taint": True}), "doesn't support taint"),
    ):
        (world.folder / "import.json").write_text(text, encoding="utf-8")
        assert words in pulumi("stack", "import", "--file", str(world.folder / "import.json"), code=1)
    assert json.loads(pulumi("stack", "export")) == before
    assert "/nowhere" in pulumi("stack", "import", "--file", "/nowhere", code=1)


def exported(*resources: dict[str, Any]) -> str:
    return json.dumps({"version": 3, "deployment": {"resources": resources}})


def test_a_resource_is_taken_out_of_the_state_unless_something_needs_it(pulumi: Pulumi, world: World) -> None:
    pulumi("stack", "init", "dev")
    a, b = ({"urn": f"urn:pulumi:dev::tiny::t::{name}", "type": "t", "custom": False} for name in "ab")
    (world.folder / "import.json").write_text(exported(a, b | {"dependencies": [a["urn"]]}), encoding="utf-8")
    pulumi("stack", "import", "--file", str(world.folder / "import.json"))
    assert "No such resource" in pulumi("state", "delete", "nothing", "--yes", code=1)
    assert "depend on it" in pulumi("state", "delete", str(a["urn"]), "--yes", code=1)
    pulumi("state", "delete", str(b["urn"]), "--yes")
    assert json.loads(pulumi("stack", "export"))["deployment"]["resources"] == [a]
