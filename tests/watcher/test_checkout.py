"""Checkouts of a real repository, over file:// and over git's own server on loopback."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.git_server import Origin, origin, serving
from watcher.checkout import Checkouts, NotFetched
from watcher.clock import Control, SystemClock
from watcher.logs import Redactor
from watcher.repository import Repository

TOKEN = "t0ken-of-mine-0123456789"

pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="git is not here")
Maker = Callable[..., Checkouts]


@pytest.fixture
def repository(tmp_path: Path) -> Origin:
    return origin(tmp_path / "remote")


@pytest.fixture
def control() -> Iterator[Control]:
    clock = SystemClock()
    yield Control(clock)
    clock.close()


@pytest.fixture
def make(tmp_path: Path, repository: Origin, control: Control) -> Maker:
    def made(env: dict[str, str] | None = None, **changes: Any) -> Checkouts:
        wanted = replace(Repository(repository.url), **changes)
        return Checkouts(wanted, tmp_path / "work", {**os.environ, **(env or {})}, control, Redactor())

    return made


def failure(checkouts: Checkouts) -> str:
    with pytest.raises(NotFetched) as caught:
        checkouts.fetch()
    return str(caught.value)


def texts(folder: Path) -> dict[str, str]:
    return {path.stem: path.read_text() for path in folder.iterdir()}


def test_each_commit_has_a_place_of_its_own(make: Maker, repository: Origin) -> None:
    first = repository.commit(a="1")
    checkouts = make()
    assert checkouts.last() is None
    one = checkouts.fetch()
    assert (one.commit, texts(one.folder), one.new) == (first, {"a": "1"}, True)
    assert not checkouts.fetch().new
    second = repository.commit(b="2")
    two = checkouts.fetch()
    assert (two.commit, texts(two.folder)) == (second, {"b": "2"})
    assert texts(one.folder) == {"a": "1"}, "who reads the one before may finish"
    repository.commit(b="3")
    checkouts.fetch()
    assert not one.folder.exists()
    assert not list(two.folder.parents[1].glob(".new-*"))
    assert not list(two.folder.parent.glob(".git"))
    assert (checkouts.directory.stat().st_mode & 0o777) == 0o700


def test_another_process_begins_with_the_last_good_one(make: Maker, repository: Origin) -> None:
    commit = repository.commit(a="1")
    make().fetch()
    shutil.rmtree(repository.bare)
    found = make().last()
    assert found is not None
    assert found.commit == commit
    assert make(ref="other").last() is None, "that is another source"
    (make().directory / "current").write_text("../../etc")
    assert make().last() is None


def test_a_rewritten_history_is_followed(make: Maker, repository: Origin) -> None:
    repository.commit(a="1")
    repository.commit(a="2")
    make().fetch()
    commit = repository.commit("--amend", a="3")
    found = make().fetch()
    assert (found.commit, texts(found.folder)) == (commit, {"a": "3"})


def test_a_branch_that_is_deleted_is_told_and_the_last_good_one_stays(make: Maker, repository: Origin) -> None:
    repository.commit(a="1")
    repository.git("branch", "release")
    checkouts = make(ref="release")
    commit = checkouts.fetch().commit
    repository.git("branch", "-D", "release")
    assert failure(checkouts) == 'the repository has no branch or tag "release" (GIT_REF)'
    found = checkouts.last()
    assert found is not None
    assert found.commit == commit


def test_a_tag_and_a_whole_commit_can_be_named(make: Maker, repository: Origin) -> None:
    commit = repository.commit(a="1")
    repository.git("tag", "--annotate", "v1", "-m", "x")
    repository.commit(a="2")
    assert make(ref="v1").fetch().commit == commit
    assert make(ref=commit).fetch().commit == commit
    assert "not our ref" in failure(make(ref="0" * 40))


@pytest.mark.parametrize("content", ["x" * 2_000_000, os.urandom(1_000_000).hex()], ids=["packed small", "large"])
def test_a_repository_that_is_too_large_is_refused_and_removed(make: Maker, repository: Origin, content: str) -> None:
    repository.commit(a=content)
    checkouts = make(most_mb=1)
    assert failure(checkouts) == "the repository is larger than 1 MB (GIT_MAX_MB)"
    assert list(checkouts.directory.iterdir()) == []


def test_a_directory_that_is_not_in_it_is_told(make: Maker, repository: Origin) -> None:
    assert failure(make()) == "the repository has no commit"
    commit = repository.commit(a="1")
    told = f"the repository has no directory elsewhere (GIT_DIR) at {commit[:8]}"
    assert failure(make(folder="elsewhere")) == told
    assert "jobs/a.py (GIT_DIR)" in failure(make(folder="jobs/a.py"))
    assert {path.name for path in make(folder=".").fetch().folder.iterdir()} == {"jobs"}


def test_no_hook_of_the_machine_and_no_other_protocol_is_used(make: Maker, repository: Origin, tmp_path: Path) -> None:
    repository.commit(a="1")
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "post-checkout").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    (hooks / "post-checkout").chmod(0o755)
    (tmp_path / ".gitconfig").write_text(f"[core]\nhooksPath = {hooks}\n")
    make({"HOME": str(tmp_path)}).fetch()
    assert not (tmp_path / "ran").exists()
    assert "not allowed" in failure(make(url=f"ext::touch {tmp_path}/ran"))


def test_a_place_that_cannot_be_written_is_told(make: Maker, repository: Origin, tmp_path: Path) -> None:
    repository.commit(a="1")
    (tmp_path / "work").write_text("a file")
    assert failure(make()).startswith(f"cannot use {tmp_path}/work/git/")


def test_a_stop_ends_git(make: Maker, repository: Origin, control: Control) -> None:
    repository.commit(a="1")
    control.stop()
    os.mkfifo(repository.bare / "hold")  # whoever reads it waits for ever
    slow = f"sh -c 'cat {repository.bare}/hold'"
    assert failure(make({"GIT_SSH_COMMAND": slow}, url="ssh://127.0.0.1/x")) == "it was stopped"


# -- over HTTP


def test_it_works_over_smart_http_and_the_token_stays_in_memory(
    make: Maker, repository: Origin, tmp_path: Path
) -> None:
    commit = repository.commit(a="1")
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    with serving(repository) as server:
        server.password = TOKEN
        checkouts = make({"GIT_TOKEN_FILE": str(tmp_path / "token")}, url=server.url)
        assert checkouts.fetch().commit == commit
        assert server.logins
        assert checkouts.redactor(f"x {TOKEN}") == "x [secret]"
        second = repository.commit(a="2")
        (tmp_path / "token").write_text("wrong-token-0123456789")
        told = failure(checkouts)
        assert "Authentication failed" in told
        server.password = "rotated-token-0123456789"
        (tmp_path / "token").write_text(server.password)
        assert checkouts.fetch().commit == second
    stored = [path.read_text("utf-8", "replace") for path in (tmp_path / "work").rglob("*") if path.is_file()]
    assert stored
    assert not [text for text in stored if TOKEN in text]


def test_without_a_token_nobody_is_asked_for_one(make: Maker, repository: Origin, tmp_path: Path) -> None:
    repository.commit(a="1")
    with serving(repository) as server:
        server.password = TOKEN
        assert "could not read Username" in failure(make(url=server.url))
        gone = failure(make({"GIT_TOKEN_FILE": f"{tmp_path}/gone"}, url=server.url))
        assert gone == f"GIT_TOKEN_FILE: cannot read {tmp_path}/gone: No such file or directory"
    assert "Failed to connect" in failure(make(url=server.url))
