"""`python -m jobs restore`: which copy, what is shown of it, what is written, and what is refused."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from commands.main import main
from provider.archive import Archive
from tests.commands.support import CANARY, SISTER, STRANGER, job
from tests.fake_dkron import FakeDkron, as_stored

Captured = pytest.CaptureFixture[str]
COMMAND = ["restore", "x", "--yes"]
START = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
def copies(dkron: FakeDkron, tmp_path: Path) -> FakeDkron:
    """Two copies of x, an hour apart: retries 1, then 2."""
    for number in (1, 2):
        moment = START + timedelta(hours=number)
        archive = Archive(tmp_path / ".state" / "archive", "correct horse", now=lambda moment=moment: moment)  # type: ignore[misc]
        archive.keep({**as_stored(job("x", retries=number)), "success_count": 9}, "deleted")
    return dkron


def test_the_last_copy_is_written_without_what_dkron_counts(copies: FakeDkron, capsys: Captured) -> None:
    assert main(COMMAND) == 0
    assert copies.jobs["x"]["retries"] == 2
    assert copies.jobs["x"]["success_count"] == 0
    assert CANARY in copies.jobs["x"]["executor_config"]["headers"]
    captured = capsys.readouterr()
    assert captured.out.startswith('restored "x" as it was at 2026-11-26T14:00:00Z; declare it or `release` it, else')
    assert "    retries: 2\n" in captured.err
    assert 'headers: ["X-Api-Key: [secret]"]' in captured.err
    assert CANARY not in captured.out + captured.err


def test_an_earlier_copy_is_chosen_by_a_time(copies: FakeDkron) -> None:
    assert main([*COMMAND, "--at", "2026-11-26T13:59Z"]) == 0
    assert copies.jobs["x"]["retries"] == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--at", "2026-11-26"], "; there are copies of 2026-11-26T13:00:00Z, 2026-11-26T14:00:00Z"),
        (["--at", "noon"], '--at: "noon" is no date'),
    ],
)
def test_a_time_without_a_copy_is_told(copies: FakeDkron, capsys: Captured, arguments: list[str], words: str) -> None:
    assert main([*COMMAND, *arguments]) == 2
    assert words in capsys.readouterr().err
    assert copies.writes == []


def test_a_job_without_a_copy_is_told(dkron: FakeDkron, capsys: Captured) -> None:
    assert main(COMMAND) == 2
    assert capsys.readouterr().err == 'there is no copy of job "x" in .state/archive\n'


def test_what_is_overwritten_is_kept_too(copies: FakeDkron, archive: Archive) -> None:
    copies.put(job("x", retries=5))
    assert main(COMMAND) == 0
    assert copies.jobs["x"]["retries"] == 2
    assert archive.entries("x")[-1].job["retries"] == 5


def test_a_copy_that_is_live_already_is_not_written(copies: FakeDkron, capsys: Captured) -> None:
    copies.put(job("x", retries=2))
    assert main(COMMAND) == 2
    assert "so there is nothing to do" in capsys.readouterr().err
    assert copies.writes == []


@pytest.mark.parametrize("metadata", [SISTER, STRANGER], ids=["sister", "stranger"])
def test_a_job_that_is_not_ours_is_not_overwritten(
    copies: FakeDkron, capsys: Captured, metadata: dict[str, str]
) -> None:
    copies.put(job("x", metadata))
    assert main(COMMAND) == 2
    assert "so nothing was done to it" in capsys.readouterr().err
    assert copies.writes == []


def test_an_adoption_is_undone(dkron: FakeDkron, archive: Archive, capsys: Captured) -> None:
    archive.keep(as_stored(job("x", STRANGER)), "overwritten")
    dkron.put(job("x"))
    assert main(COMMAND) == 0
    assert dkron.jobs["x"]["metadata"] == STRANGER
    assert capsys.readouterr().out.endswith("; it doesn't carry our tag and mark\n")


def test_a_copy_without_its_secrets_is_not_written(dkron: FakeDkron, tmp_path: Path, capsys: Captured) -> None:
    Archive(tmp_path / ".state" / "archive").keep(as_stored(job("x")), "deleted")
    assert main(COMMAND) == 2
    assert "holds no secrets, because there was no PULUMI_CONFIG_PASSPHRASE" in capsys.readouterr().err
    assert dkron.writes == []


def test_a_wrong_passphrase_is_one_line(copies: FakeDkron, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "wrong")
    assert main(COMMAND) == 2
    assert "is sealed by another passphrase" in capsys.readouterr().err


def test_without_a_terminal_it_is_shown_and_not_written(copies: FakeDkron, capsys: Captured) -> None:
    assert main(["restore", "x"]) == 2
    err = capsys.readouterr().err
    assert 'job "x" as it was at 2026-11-26T14:00:00Z, before it was deleted:' in err
    assert "add --yes" in err
    assert copies.writes == []


def test_a_deletion_is_undone(dkron: FakeDkron) -> None:
    before = dkron.put(job("x", retries=4))
    assert main(["delete", "x", "--yes"]) == 0
    assert main(COMMAND) == 0
    assert dkron.jobs["x"] == before
