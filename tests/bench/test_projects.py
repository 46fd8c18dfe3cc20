"""The programs are run as the watcher runs them, and nothing of the shell's settings reaches them."""

import json
from pathlib import Path

import pytest

from bench.errors import BenchError
from bench.measure import Cost, Run
from bench.projects import Project, changes, checked, clean_environment, commands, lay_floor, lay_ours, our_settings
from watcher.pulumi.cli import run_environment


def test_preview_and_up_are_the_watchers() -> None:
    found = commands()
    assert found["preview"] == [
        "preview", "--json", "--refresh", "--run-program", "--non-interactive", "--stack", "dev",
    ]  # fmt: skip
    assert found["up"] == [
        "up", "--yes", "--skip-preview", "--non-interactive", "--refresh", "--run-program", "--continue-on-error",
        "--json", "--stack", "dev",
    ]  # fmt: skip
    assert found["destroy"][0] == "destroy"


def test_no_setting_of_the_shell_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DKRON_URL", "SERVICE_KEY_FILE", "PULUMI_STACK", "OWNER_TAG", "MAX_DELETES", "BENCH_JOBS"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("ORDINARY", "1")
    names = set(clean_environment())
    assert "ORDINARY" in names
    assert not names & {"DKRON_URL", "SERVICE_KEY_FILE", "PULUMI_STACK", "OWNER_TAG", "MAX_DELETES", "BENCH_JOBS"}


def test_ours_has_the_benchmarks_declarations_and_no_others(tmp_path: Path) -> None:
    project = Project(tmp_path / "ours", tmp_path / "pulumi", our_settings("http://127.0.0.1:1"))
    lay_ours(project.root)
    assert [path.name for path in sorted((project.root / "jobs").glob("[a-z]*.py"))] == ["declared.py"]
    assert (project.root / "__main__.py").is_file()
    assert (project.root / "provider" / "job_provider.py").is_file()
    assert project.environment["DKRON_URL"] == "http://127.0.0.1:1"
    assert run_environment(project.environment) == project.environment


def test_the_floor_has_the_same_virtual_environment(tmp_path: Path) -> None:
    ours, floor = tmp_path / "ours", tmp_path / "floor"
    lay_ours(ours)
    lay_floor(floor)
    assert (ours / ".venv").resolve() == (floor / ".venv").resolve()
    assert {path.name for path in floor.iterdir()} - {"__pycache__"} == {
        "__main__.py", "nothing.py", "Pulumi.yaml", ".venv", ".state",
    }  # fmt: skip


def test_a_failed_run_is_told_with_the_end_of_its_output() -> None:
    lines = "\n".join(map(str, range(100)))
    with pytest.raises(BenchError, match=r"^floor up: ended with exit code 255$") as caught:
        checked(Run(Cost(1.0), 255, lines, "the reason\n"), "floor up")
    assert caught.value.tail.endswith("99the reason")
    assert len(caught.value.tail.splitlines()) < 30


def test_the_changes_of_a_preview_are_in_its_one_object() -> None:
    assert changes(json.dumps({"steps": [], "changeSummary": {"same": 9, "update": 1}}, indent=2)) == {"update": 1}


def test_the_changes_of_an_up_are_in_its_last_event() -> None:
    events = [{"sequence": 1}, {"summaryEvent": {"resourceChanges": {"create": 9, "same": 1}}}, {"cancelEvent": {}}]
    assert changes("\n".join(map(json.dumps, events))) == {"create": 9}


def test_output_without_counts_is_refused() -> None:
    with pytest.raises(BenchError, match="no counts"):
        changes("error: no such thing")
