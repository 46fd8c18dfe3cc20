"""What may be asked of a repository, how git is called, and what its answers mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.repository import Repository, environment, is_commit, patterns, reason, tip, total_size

COMMIT, OTHER = "a" * 40, "b" * 40


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example/team/jobs.git",
        "https://me@git.example:8443/jobs",
        "http://127.0.0.1:9/x",
        "ssh://git@git.example/jobs",
        "git@git.example:team/jobs.git",
        "file:///srv/jobs.git",
    ],
)
def test_an_address_of_git_is_taken(url: str) -> None:
    assert Repository(url).problems(with_token=url.startswith("https")) == []


@pytest.mark.parametrize(
    ("url", "with_token", "problem"),
    [
        ("/srv/jobs.git", False, "must look like https://"),
        ("ext::sh -c x", False, "must look like https://"),
        ("https:///x", False, "must look like https://"),
        ("https://a:99999/x", False, "must look like https://"),
        ("https://a/x y", False, "must look like https://"),
        ("--upload-pack=x", False, "must look like https://"),
        ("https://me:pass@git.example/x", False, "must hold no password: use GIT_TOKEN_FILE"),
        ("http://git.example/x", True, "is http://, over which everybody could read GIT_TOKEN: use https://"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_without_it(url: str, with_token: bool, problem: str) -> None:
    (told,) = Repository(url).problems(with_token)
    assert told.startswith(f"GIT_URL {problem}")
    assert "pass@" not in told


@pytest.mark.parametrize("ref", ["-x", "a b", "a:b", "*", "a..b", "/a", "a^", "x\ny"])
def test_what_is_no_branch_is_told(ref: str) -> None:
    told = Repository("file:///x", ref).problems(with_token=False)
    assert told == ["GIT_REF must be a branch, a tag or a whole commit"]


@pytest.mark.parametrize("folder", ["/jobs", "../jobs", "a/../.."])
def test_a_directory_outside_of_the_repository_is_told(folder: str) -> None:
    assert "GIT_DIR" in Repository("file:///x", folder=folder).problems(with_token=False)[0]


def test_a_whole_commit_is_known_as_one() -> None:
    assert Repository("file:///x", COMMIT).commit == COMMIT
    assert Repository("file:///x", COMMIT[:8]).commit == ""
    assert is_commit("c" * 64)


# -- calling git


def test_git_gets_what_it_needs_and_nothing_else() -> None:
    ours = {"PATH": "/bin", "https_proxy": "http://p", "SERVICE_KEY": "k", "GIT_DIR": "jobs", "GIT_TRACE": "1"}
    given = environment(Repository("https://h/x"), ours, "t0ken")
    assert (given["PATH"], given["https_proxy"], given["GIT_TERMINAL_PROMPT"]) == ("/bin", "http://p", "0")
    assert {"SERVICE_KEY", "GIT_DIR", "GIT_TRACE", "GIT_ASKPASS"}.isdisjoint(given)
    assert [name for name, value in given.items() if "t0ken" in value] == ["GIT_TOKEN"]
    assert given["GIT_CONFIG_KEY_3"] == "credential.https://h.helper"


@pytest.mark.parametrize(
    ("url", "token", "names_user"), [("https://h/x", "t", 1), ("https://me@h/x", "t", 0), ("ssh://h/x", "t", 0)]
)
def test_the_helper_answers_for_the_repositorys_own_host_only(url: str, token: str, names_user: int) -> None:
    given = environment(Repository(url), {}, token)
    config = [value for name, value in given.items() if name.startswith("GIT_CONFIG_")]
    assert sum("credential.https://h.helper" in value for value in config) == url.startswith("https")
    assert sum("username=x-access-token" in value for value in config) == names_user


def test_a_ways_of_ones_own_to_ssh_stay() -> None:
    assert environment(Repository("ssh://h/x"), {"GIT_SSH_COMMAND": "ssh -i k"}, "")["GIT_SSH_COMMAND"] == "ssh -i k"
    assert "BatchMode" in environment(Repository("ssh://h/x"), {}, "")["GIT_SSH_COMMAND"]


# -- its answers


def test_a_branch_comes_before_a_tag_and_a_tag_is_its_commit() -> None:
    rows = [f"{OTHER}\trefs/tags/v1", f"{COMMIT}\trefs/tags/v1^{{}}", f"{COMMIT}\tHEAD", "no row", "x\trefs/heads/v2"]
    assert tip("\n".join(rows), "v1") == ("refs/tags/v1", COMMIT)
    assert tip("\n".join([*rows, f"{OTHER}\trefs/heads/v1"]), "v1") == ("refs/heads/v1", OTHER)
    assert tip("\n".join(rows), "") == ("HEAD", COMMIT)
    assert tip(f"{COMMIT}\trefs/pull/1/head", "refs/pull/1/head") == ("refs/pull/1/head", COMMIT)
    assert tip("\n".join(rows), "v2") is None
    assert tip(f"{COMMIT}\trefs/heads/team/main", "main") is None


@given(st.text(), st.text())
def test_any_answer_gives_a_commit_or_nothing(listed: str, ref: str) -> None:
    found = tip(listed, ref)
    assert found is None or (is_commit(found[1]) and found[0] in patterns(ref))
    assert total_size(listed) >= 0


def test_sizes_are_added_up() -> None:
    listed = f"100644 blob {COMMIT}    1200\tjobs/a b.py\n160000 commit {COMMIT}       -\tsub\n100644 blob x 34\ty\n"
    assert total_size(listed) == 1234


@pytest.mark.parametrize(
    ("stderr", "told"),
    [
        ("warning: redirecting\nfatal: repository 'x' not found\n", "repository 'x' not found"),
        ("ssh: connect refused\nfatal: Could not read\n", "ssh: connect refused"),
        ("remote: no\x1b[31m access\n", "no [31m access"),
        (" \n", "git gave no reason"),
    ],
)
def test_the_reason_is_what_was_said_first(stderr: str, told: str) -> None:
    assert reason(stderr) == told
