import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from provider.archive import MOST_COPIES, Archive, directory_from, masked, passphrase_from
from tests.provider.examples import CANARY, http_config, job

START = datetime(2026, 11, 26, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def archive(folder: Path, passphrase: str = "pass") -> Archive:
    return Archive(folder / "archive", passphrase, now=Clock())


def test_a_copy_is_the_whole_job_sealed(tmp_path: Path) -> None:
    kept = archive(tmp_path)
    live = {**job(), "success_count": 41}
    kept.keep(live, "deleted")
    (copy,) = kept.entries("geo-purge")
    assert (copy.job, copy.why, copy.masked) == (live, "deleted", False)
    assert copy.at == START + timedelta(seconds=1)
    (path,) = kept.directory.iterdir()
    assert CANARY not in path.read_text(encoding="utf-8")
    assert path.stat().st_mode & 0o777 == 0o600
    assert kept.directory.stat().st_mode & 0o777 == 0o700


def test_without_a_passphrase_secrets_are_masked_and_the_rest_is_kept(tmp_path: Path) -> None:
    kept = archive(tmp_path, passphrase="")
    kept.keep(job(), "deleted")
    (copy,) = kept.entries("geo-purge")
    assert copy.masked
    assert copy.job == job(executor_config={**http_config(), "headers": "[secret]", "url": "[secret]"})


def test_masking_leaves_what_can_be_no_secret() -> None:
    shown = masked(
        {
            "name": "a",
            "retries": 2,
            "processors": {"log": {"token": "t0k"}},
            "executor_config": {"method": "POST"},
            "metadata": {"managed_by": "us", "managed_in": "shop/dev", "note": "n0te"},
        }
    )
    assert shown == {
        "name": "a",
        "retries": 2,
        "processors": {"log": {"token": "[secret]"}},
        "executor_config": {"method": "POST"},
        "metadata": {"managed_by": "us", "managed_in": "shop/dev", "note": "[secret]"},
    }


def test_the_copies_of_a_job_come_oldest_first(tmp_path: Path) -> None:
    kept = archive(tmp_path)
    for name in ("first", "second", "third"):
        kept.keep(job(displayname=name), "overwritten")
    kept.keep(job(name="geo"), "deleted")
    assert [copy.job["displayname"] for copy in kept.entries("geo-purge")] == ["first", "second", "third"]
    assert kept.entries("purge") == []


def test_names_that_no_file_can_have_are_kept_too(tmp_path: Path) -> None:
    kept = archive(tmp_path)
    kept.keep(job(name="../up/_x"), "deleted")
    assert [copy.name for copy in kept.entries("../up/_x")] == ["../up/_x"]
    assert kept.entries("x") == []


def test_only_the_last_copies_are_kept(tmp_path: Path) -> None:
    kept = archive(tmp_path, passphrase="")
    for n in range(MOST_COPIES + 3):
        kept.keep(job(name=f"job-{n}"), "deleted")
    assert len(list(kept.directory.iterdir())) == MOST_COPIES
    assert kept.entries("job-2") == []
    assert len(kept.entries("job-3")) == 1


def test_another_passphrase_is_told_in_one_line(tmp_path: Path) -> None:
    archive(tmp_path).keep(job(), "deleted")
    with pytest.raises(ValueError, match=r'^the copy of job "geo-purge" is sealed by another passphrase: set PULUMI'):
        archive(tmp_path, "other").entries("geo-purge")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"at": "never"}', '{"name": "geo-purge"}'])
def test_a_file_that_was_cut_short_is_no_copy(tmp_path: Path, text: str) -> None:
    kept = archive(tmp_path)
    kept.keep(job(), "deleted")
    (kept.directory / "20270101T000000.000000Z_geo-purge.json").write_text(text, encoding="utf-8")
    assert len(kept.entries("geo-purge")) == 1


def test_a_copy_that_can_not_be_written_is_one_warning(tmp_path: Path) -> None:
    (tmp_path / "archive").write_text("in the way", encoding="utf-8")
    warned: list[str] = []
    kept = Archive(tmp_path / "archive", "", warned.append)
    kept.keep(job(), "deleted")
    kept.keep(job(), "deleted")
    (line,) = warned
    assert line.startswith(f"no copy of a job could be kept in {tmp_path / 'archive'}: ")


def test_the_environment_tells_the_directory_and_the_passphrase(tmp_path: Path) -> None:
    secret = tmp_path / "passphrase"
    secret.write_text("from a file\n", encoding="utf-8")
    assert directory_from({}) == Path(".state/archive")
    assert directory_from({"DKRON_JOBS_ARCHIVE": "/x"}) == Path("/x")
    assert passphrase_from({}) == ""
    assert passphrase_from({"PULUMI_CONFIG_PASSPHRASE": "p", "PULUMI_CONFIG_PASSPHRASE_FILE": os.devnull}) == "p"
    assert passphrase_from({"PULUMI_CONFIG_PASSPHRASE_FILE": str(secret)}) == "from a file"
    assert passphrase_from({"PULUMI_CONFIG_PASSPHRASE_FILE": str(tmp_path / "none")}) == ""
