"""`python -m jobs release | delete | repost`: whose job, what is written, what is kept, what is said."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from commands.main import main
from provider.archive import Archive
from provider.job.declarations import Declarations
from provider.job.spec import JobSpec
from tests.commands.support import CANARY, OURS, SISTER, STRANGER, UNMARKED, job
from tests.fake_dkron import FakeDkron
from tests.web import as_text

Captured = pytest.CaptureFixture[str]
COMMANDS = [["release"], ["delete", "--yes"], ["repost"], ["run"], ["recreate", "--yes"]]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize("metadata", [SISTER, STRANGER, {}], ids=["sister", "stranger", "nobody"])
def test_a_job_that_is_not_ours_is_refused_and_not_touched(
    dkron: FakeDkron, capsys: Captured, command: list[str], metadata: Mapping[str, str]
) -> None:
    dkron.put(job("x", metadata))
    assert main([*command, "x"]) == 2
    assert "so nothing was done to it" in capsys.readouterr().err
    assert {request.method for request in dkron.asked} == {"GET"}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_name_that_nobody_holds_is_told(dkron: FakeDkron, capsys: Captured, command: list[str]) -> None:
    assert main([*command, "x"]) == 2
    assert capsys.readouterr().err == f'job "x" is not in Dkron at {dkron.url}, so there is nothing to do\n'


def test_the_stack_that_holds_a_job_is_chosen_by_an_option(dkron: FakeDkron, capsys: Captured) -> None:
    dkron.put(job("x", SISTER))
    assert main(["release", "x"]) == 2
    assert '"shop/prod", not to "shop/dev"' in capsys.readouterr().err
    assert main(["release", "--stack", "prod", "--dkron", dkron.url, "x"]) == 2, "the owner tag is dev's"
    Path("Pulumi.prod.yaml").write_text("config:\n  shop:ownerTag: us\n", encoding="utf-8")
    assert main(["release", "--stack", "prod", "--dkron", dkron.url, "x"]) == 0


@pytest.mark.parametrize("metadata", [{**OURS, "managed_retain": "true"}, UNMARKED], ids=["ours", "unmarked"])
def test_a_released_job_loses_tag_and_mark_and_nothing_else(
    dkron: FakeDkron, archive: Archive, capsys: Captured, metadata: Mapping[str, str]
) -> None:
    before = dkron.put(job("x", {**metadata, "team": "geo"}, retries=2))
    assert main(["release", "x"]) == 0
    assert dkron.jobs["x"] == {**before, "metadata": {"team": "geo"}}
    assert archive.entries("x")[0].job["metadata"] == {**metadata, "team": "geo"}
    assert capsys.readouterr().out.startswith('released "x": it stays in Dkron')


@pytest.mark.parametrize("command", [["release"], ["repost"], ["recreate", "--yes"]], ids=lambda command: command[0])
def test_a_field_that_only_a_newer_dkron_knows_stays(dkron: FakeDkron, command: list[str]) -> None:
    dkron.more = frozenset({"max_runtime"})
    dkron.put({**job("x"), "max_runtime": 60})
    assert main([*command, "x"]) == 0
    assert dkron.jobs["x"]["max_runtime"] == 60


def test_one_refused_job_holds_up_no_other(dkron: FakeDkron, capsys: Captured) -> None:
    dkron.put(job("a", STRANGER))
    dkron.put(job("b"))
    assert main(["release", "a", "gone", "b", "b"]) == 2
    assert dkron.jobs["b"]["metadata"] is None
    captured = capsys.readouterr()
    assert len(captured.err.splitlines()) == 2
    assert len(captured.out.splitlines()) == 1


@pytest.mark.parametrize("metadata", [OURS, UNMARKED], ids=["ours", "unmarked"])
def test_a_job_that_nobody_declares_is_deleted_and_kept(
    dkron: FakeDkron, archive: Archive, capsys: Captured, metadata: Mapping[str, str]
) -> None:
    dkron.put(job("x", metadata))
    assert main(["delete", "x", "--yes"]) == 0
    assert dkron.jobs == {}
    assert archive.entries("x")[0].why == "deleted"
    assert capsys.readouterr().out == 'deleted "x"; a copy is in .state/archive\n'


def test_a_declared_job_is_not_deleted(dkron: FakeDkron, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    dkron.put(job("x"))
    monkeypatch.setattr(
        "commands.act.gather", lambda: Declarations({"x": JobSpec(name="x", declared_at="jobs/x.py:3")})
    )
    assert main(["delete", "x", "--yes"]) == 2
    assert 'job "x" is declared at jobs/x.py:3, so it was not deleted: remove' in capsys.readouterr().err
    assert "x" in dkron.jobs


@pytest.mark.parametrize(("answer", "left"), [("y", []), ("Yes", []), ("n", ["x"]), ("", ["x"])])
def test_a_deletion_is_asked_for(
    dkron: FakeDkron, capsys: Captured, monkeypatch: pytest.MonkeyPatch, answer: str, left: list[str]
) -> None:
    dkron.put(job("x"))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin.readline", lambda: f"{answer}\n", raising=False)
    assert main(["delete", "x"]) == (2 if left else 0)
    assert list(dkron.jobs) == left
    assert capsys.readouterr().err.startswith(f'Delete job "x" from Dkron at {dkron.url}, with its history? [y/N] ')


@pytest.mark.parametrize("command", ["delete", "recreate"])
def test_without_a_terminal_nothing_is_deleted_unless_yes_is_given(
    dkron: FakeDkron, capsys: Captured, command: str
) -> None:
    dkron.put(job("x"))
    assert main([command, "x"]) == 2
    assert "nobody can be asked here; add --yes" in capsys.readouterr().err
    assert {request.method for request in dkron.asked} == {"GET"}


def test_the_question_says_what_a_copy_lacks(
    dkron: FakeDkron, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE")
    dkron.put(job("x"))
    assert main(["delete", "x"]) == 2
    assert "Without PULUMI_CONFIG_PASSPHRASE its copy will hold no secrets." in capsys.readouterr().err


def test_a_parent_is_not_deleted_and_its_children_are_named(dkron: FakeDkron, capsys: Captured) -> None:
    dkron.put(job("p"))
    dkron.put(job("c", parent_job="p"))
    assert main(["delete", "p", "--yes"]) == 2
    assert "it has children (c); delete those first" in capsys.readouterr().err


def test_a_job_is_written_again_although_nothing_differs(dkron: FakeDkron, archive: Archive, capsys: Captured) -> None:
    before = dkron.put(job("x", schedule="@every 1h"))
    dkron.put(job("y"))
    assert main(["repost", "x", "y"]) == 0
    assert dkron.writes == ["x", "y"]
    assert dkron.jobs["x"] == before
    assert capsys.readouterr().out == 'reposted "x"; its interval (@every) starts anew\nreposted "y"\n'
    assert archive.entries("x")[0].why == "reposted"


def test_all_jobs_of_the_stack_are_written_again_and_no_other(
    dkron: FakeDkron, archive: Archive, capsys: Captured
) -> None:
    for name, metadata in {"b": OURS, "a": OURS, "u": UNMARKED, "s": SISTER, "z": STRANGER}.items():
        dkron.put(job(name, metadata))
    assert main(["repost", "--all"]) == 0
    assert dkron.writes == ["a", "b"]
    assert archive.entries("a") == []
    dkron.jobs = {"z": dkron.jobs["z"]}
    capsys.readouterr()
    assert main(["repost", "--all"]) == 0
    assert "carries the mark of shop/dev, so nothing was reposted" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["repost"], ["repost", "x", "--all"], ["release"], ["delete", "x", "y"]])
def test_wrong_usage_is_exit_code_2(dkron: FakeDkron, arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert dkron.asked == []


def test_dkrons_refusal_is_told_without_a_secret(dkron: FakeDkron, capsys: Captured) -> None:
    dkron.put(job("x"))
    dkron.faults["POST /v1/jobs"] = as_text(f"no {CANARY}", 400)
    assert main(["repost", "x"]) == 2
    assert capsys.readouterr().err == 'Dkron refused job "x" (400: no [secret])\n'


def test_outside_a_program_nothing_is_done(
    dkron: FakeDkron, capsys: Captured, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert main(["release", "x", "--dkron", dkron.url]) == 2
    assert capsys.readouterr().err == "no Pulumi.yaml with a name is here: run this where the Pulumi program is\n"


def test_a_stack_that_names_no_dkron_is_told(dkron: FakeDkron, capsys: Captured) -> None:
    assert main(["release", "x", "--stack", "other"]) == 2
    assert capsys.readouterr().err.startswith("no Dkron is named")


def test_a_cluster_without_a_leader_is_not_written(dkron: FakeDkron, capsys: Captured) -> None:
    dkron.leader = None
    assert main(["release", "x"]) == 2
    assert "has no leader just now" in capsys.readouterr().err
