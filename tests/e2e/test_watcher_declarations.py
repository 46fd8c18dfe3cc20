"""Declarations from outside of the program: a repository that grows, breaks and goes; a link that is swapped."""

import shutil
import signal
from pathlib import Path

import pytest

from tests.e2e.harness import Dkron
from tests.e2e.watcher_support import SHELL, Event, Watcher, is_up
from tests.git_server import origin

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not shutil.which("git"), reason="git is not here")]
NAMES = ()
HEAD = "from provider import JobSpec, shell\n"


def module(*names: str) -> str:
    jobs = ", ".join(SHELL.format(name=name) for name in names)
    return f"{HEAD}JOBS = [{jobs}]\n"


def test_the_watcher_follows_a_repository_and_survives_what_becomes_of_it(
    watcher: Watcher, dkron: Dkron, tmp_path: Path
) -> None:
    repository = origin(tmp_path / "remote")
    first = repository.commit(auth=module("a1", "a2"), geo=module("g1"))
    watcher.start(GIT_URL=repository.url)

    def forced(outcome: str) -> Event:
        after = len(watcher.events)
        watcher.send(signal.SIGHUP)
        return watcher.wait_cycle(outcome, after)

    assert watcher.wait_cycle("changed")["program"].endswith(f", jobs {first[:8]}")
    assert is_up(dkron, "a1", "a2", "g1")
    history = watcher.project.root.glob(".state/.pulumi/history/*/dev/*.history.json")
    assert any(f"jobs {first[:8]}" in path.read_text(encoding="utf-8") for path in history)
    second = repository.commit("--amend", auth=module("a1", "a3"), geo=module("g1"))
    assert second[:8] in forced("changed")["program"]
    assert (is_up(dkron, "a3"), is_up(dkron, "a2")) == (True, False)
    repository.commit(auth="\nJOBS = [", geo=module("g1"))
    assert "jobs/auth.py:2: SyntaxError" in forced("failed")["detail"]
    repository.commit(auth=module("a1", "a3"))
    assert "jobs/geo.py" in forced("refused")["detail"]
    repository.commit(auth=module("a1", "a3"), geo=module("g1"))
    assert "detail" not in forced("unchanged")
    shutil.rmtree(repository.bare)
    assert "went on with the declarations of" in forced("unchanged")["detail"]
    page = watcher.get("/").text
    assert "does not appear to be a git repository" in page
    assert 'watcher_git_fetches_total{result="failed"} 1.0' in watcher.get("/metrics").text
    assert is_up(dkron, "a1", "a3", "g1")


def test_a_swapped_link_starts_a_cycle_and_an_empty_directory_deletes_nothing(
    watcher: Watcher, dkron: Dkron, tmp_path: Path
) -> None:
    link = tmp_path / "current"

    def lead_to(name: str, **modules: str) -> None:
        folder = tmp_path / "versions" / name
        folder.mkdir(parents=True)
        for file, text in modules.items():
            (folder / f"{file}.py").write_text(text, encoding="utf-8")
        new = tmp_path / "new"
        new.symlink_to(folder)
        new.rename(link)

    lead_to("1", auth=module("a1"))
    watcher.start(JOBS_DIR=str(link)).wait_cycle("changed")
    after = len(watcher.events)
    lead_to("2", auth=module("a1", "a2"))
    assert watcher.wait_cycle("changed", after)["created"] == ["a2"]
    after = len(watcher.events)
    lead_to("3")
    assert "declares no job" in watcher.wait_cycle("refused", after)["detail"]
    assert is_up(dkron, "a1", "a2")
    watcher.project.env["JOBS_DIR"] = str(tmp_path / "versions" / "2")
    watcher.project.env["DKRON_URL"] = dkron.url
    assert "3 unchanged" in watcher.project.preview().ok().output
