"""Where the house rules are read from, and that check and preview hold to them."""

from pathlib import Path

import pytest

from commands.main import main
from provider.errors import SettingsError
from provider.house import house_rules
from provider.job.declarations import Declarations
from provider.job.executors import shell
from provider.job.house_rules import HouseRules
from provider.job.spec import JobSpec

RULES = '[tool.dkron-jobs.rules]\nowner = "error"\ntags = "warning"\n'


@pytest.mark.parametrize(
    "text", [None, "", "[tool.ruff]\n", "[tool.dkron-jobs.tested]\nrules = 1\n", "dkron-jobs = 'rules'"]
)
def test_without_a_table_there_is_no_rule(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "pyproject.toml").write_text(text)
    assert house_rules(tmp_path) == HouseRules()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[tool.dkron-jobs.rules\n", "pyproject.toml can't be read: Expected ']'"),
        ("[tool.dkron-jobs]\nrules = 3", "pyproject.toml, [tool.dkron-jobs.rules]: must be a table"),
        ("[tool.dkron-jobs.rules]\nowners = 'error'", "pyproject.toml, [tool.dkron-jobs.rules]: owners: there is no"),
    ],
)
def test_a_table_that_can_not_be_read_is_one_line(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        house_rules(tmp_path)
    (line,) = caught.value.problems
    assert line.startswith(problem.partition("Expected")[0])


def test_the_check_holds_to_the_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job = JobSpec(name="a", schedule="@daily", executor=shell("true"), declared_at="jobs/a.py:1")
    monkeypatch.setattr("commands.main.gather", lambda: Declarations({"a": job}))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text(RULES)
    assert main(["check"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        'warning: jobs/a.py:1: job "a": house rule tags: declares no tags; ALL_NODES says every node [rule-tags]',
        'jobs/a.py:1: job "a": house rule owner: has no owner',
    ]
    monkeypatch.setenv("DEFAULT_TAGS", "dc=dc1:1")
    assert main(["check"]) == 1
    assert "rule-tags" not in capsys.readouterr().err
    (tmp_path / "pyproject.toml").write_text("[tool.dkron-jobs.rules]\nowner = 3\n")
    assert main(["check"]) == 2
    assert capsys.readouterr().err == (
        'pyproject.toml, [tool.dkron-jobs.rules]: owner: must be "error" or "warning", not 3\n'
    )
