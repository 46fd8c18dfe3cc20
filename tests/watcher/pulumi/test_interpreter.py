"""A broken virtual environment is one line with the way out, and mended it is no trouble any more."""

from pathlib import Path

import pytest

from tests.watcher.support import World, job, preview, steady, step, up, world
from watcher.pulumi.child import Finished
from watcher.pulumi.workspace import virtualenv
from watcher.status import Outcome, Reason

PROJECT = "name: dkron-jobs\nbackend: {url: 'file://./.state'}\nruntime: {name: python, options: {virtualenv: .venv}}\n"
NO_PYTHON = "failed to discover package requirements: fork/exec .venv/bin/python: no such file or directory"


def program(tmp_path: Path, *previews: Finished) -> World:
    (tmp_path / "Pulumi.yaml").write_text(PROJECT)
    w = world(tmp_path, job("a"))
    w.cli.previews = list(previews)
    return w


def put_python(tmp_path: Path, script: str, mode: int = 0o755) -> None:
    path = tmp_path / ".venv" / "bin" / "python"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(mode)


def ended(w: World) -> tuple[Outcome, str]:
    report = w.cycle.run(Reason.INTERVAL)
    assert report is not None
    return report.outcome, report.detail


FAILED = Finished("preview", 255, 1.0, "", f"error: {NO_PYTHON}")


def test_a_python_that_is_gone_is_told_and_the_next_cycle_after_its_return_is_good(tmp_path: Path) -> None:
    w = program(tmp_path, FAILED, FAILED, steady("a"))
    outcome, detail = ended(w)
    assert outcome is Outcome.FAILED
    assert detail.startswith(
        "the virtual environment .venv has no Python that can be started: make it again (`make setup`"
    )
    put_python(tmp_path, "exit 0", 0o644)
    assert "no Python that can be started" in ended(w)[1]
    put_python(tmp_path, "exit 0")
    assert ended(w) == (Outcome.UNCHANGED, "")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (
            "echo Traceback >&2; echo \"ModuleNotFoundError: No module named 'pulumi'\" >&2; exit 1",
            "No module named 'pulumi'",
        ),
        ("exit 3", "exit code 3"),
    ],
)
@pytest.mark.parametrize("run", [FAILED, Finished("preview", 1, 1.0, ""), preview(errors=("could not load provider",))])
def test_an_sdk_that_cannot_be_loaded_is_told(tmp_path: Path, script: str, said: str, run: Finished) -> None:
    put_python(tmp_path, script)
    outcome, detail = ended(program(tmp_path, run))
    assert outcome is Outcome.FAILED
    assert detail.startswith("the virtual environment .venv can't load Pulumi's SDK (")
    assert f"{said}): make it again" in detail


def test_where_python_is_whole_the_run_s_own_words_stand(tmp_path: Path) -> None:
    put_python(tmp_path, "exit 0")
    assert ended(program(tmp_path, FAILED)) == (Outcome.FAILED, NO_PYTHON)


def test_a_failure_of_ours_is_not_asked_about(tmp_path: Path) -> None:
    put_python(tmp_path, "touch asked; exit 1")
    w = program(tmp_path, preview(errors=("Dkron is down [dkron-jobs:soft]",)))
    assert ended(w) == (Outcome.FAILED, "Dkron is down")
    assert not (tmp_path / "asked").exists()


def test_an_up_that_finds_it_broken_says_so(tmp_path: Path) -> None:
    w = program(tmp_path, preview(step("create", "b", None, {})))
    w.cli.ups = [up(failed=(("b", "could not load provider"),))]
    assert "no Python that can be started" in ended(w)[1]


@pytest.mark.parametrize(
    "text",
    ["name: p\n", "name: p\nruntime: python\n", "runtime: {name: python}\n", "runtime: {options: {virtualenv: ''}}\n"],
)
def test_a_program_that_names_none_has_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "Pulumi.yaml").write_text(text)
    assert virtualenv(tmp_path) is None
