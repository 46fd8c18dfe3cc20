"""Where a cycle's declarations come from, and what becomes of a change of them."""

import shutil
from pathlib import Path

import pytest

from tests.git_server import Origin, origin
from tests.watcher.support import World, job, steady, world
from watcher.loop import Loop
from watcher.pulumi.child import Finished
from watcher.repository import Repository
from watcher.status import CycleReport, Outcome, Reason


def run(w: World, reason: Reason = Reason.FORCED) -> CycleReport:
    report = w.cycle.run(reason)
    assert report is not None
    return report


def lay(folder: Path, **modules: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return folder


def swap(link: Path, target: Path) -> None:
    """As git-sync does it."""
    new = link.with_name("new")
    new.symlink_to(target)
    new.rename(link)


# -- JOBS_DIR


def test_without_it_runs_are_told_nothing(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    run(w)
    assert dict(w.cli.handed) == {}


def test_a_link_is_followed_once_for_a_whole_cycle(tmp_path: Path) -> None:
    one, two = lay(tmp_path / "1", a="x = 1"), lay(tmp_path / "2", a="x = 2")
    link = tmp_path / "current"
    link.symlink_to(one)
    w = world(tmp_path / "p", job("a"), jobs_dir=str(link))
    loop = Loop(w.tools, w.cycle, w.board)
    seen = []

    def swapped() -> Finished:
        swap(link, two)
        seen.append(dict(w.cli.handed))
        return steady("a")

    w.cli.previews = [swapped, steady("a")]
    report = loop.once(Reason.START)
    assert report is not None
    assert report.outcome is Outcome.UNCHANGED, "what the link leads to now is the next cycle's"
    assert seen == [{"JOBS_DIR": str(link), "DKRON_JOBS_FROM": str(one)}]
    assert loop._look_around() is Reason.FORCED
    second = loop.once(Reason.FORCED)
    assert second is not None
    assert w.cli.handed["DKRON_JOBS_FROM"] == str(two)
    assert second.revision != report.revision
    assert loop._look_around() is None


@pytest.mark.parametrize("inside", [False, True])
def test_a_file_that_changes_while_it_is_previewed_is_judged_anew(tmp_path: Path, inside: bool) -> None:
    folder = lay((tmp_path / "p" if inside else tmp_path) / "decl", a="x = 1")
    w = world(tmp_path / "p", job("a"), jobs_dir="decl" if inside else str(folder))

    def changed() -> Finished:
        lay(folder, a="x = 22")
        return steady("a")

    w.cli.previews = [changed, steady("a")]
    assert run(w).outcome is Outcome.RETRY
    assert run(w).outcome is Outcome.UNCHANGED


def test_a_directory_that_comes_later_starts_a_cycle(tmp_path: Path) -> None:
    w = world(tmp_path / "p", job("a"), jobs_dir=str(tmp_path / "volume"))
    loop = Loop(w.tools, w.cycle, w.board)
    loop.once(Reason.START)
    assert loop._look_around() is None
    lay(tmp_path / "volume", a="x = 1")
    assert loop._look_around() is Reason.FORCED


def test_a_config_map_that_changes_starts_a_cycle(tmp_path: Path) -> None:
    mount = tmp_path / "mount"
    lay(mount / "..1", a="x = 1")
    (mount / "..data").symlink_to("..1")
    (mount / "a.py").symlink_to("..data/a.py")
    w = world(tmp_path / "p", job("a"), jobs_dir=str(mount))
    loop = Loop(w.tools, w.cycle, w.board)
    loop.once(Reason.START)
    assert w.cli.handed["DKRON_JOBS_FROM"] == str(mount / "..1")
    assert loop._look_around() is None
    lay(mount / "..2", a="x = 2")
    swap(mount / "..data", Path("..2"))
    assert loop._look_around() is Reason.FORCED


def test_the_commit_of_a_checkout_that_somebody_else_keeps_is_told(tmp_path: Path) -> None:
    git = tmp_path / "sync" / ".git"
    git.mkdir(parents=True)
    (git / "HEAD").write_text("0123456789abcdef0123456789abcdef01234567")
    w = world(tmp_path / "p", job("a"), jobs_dir=str(lay(tmp_path / "sync" / "jobs", a="x = 1")))
    assert run(w).revision.endswith(", jobs 01234567")


# -- GIT_URL


@pytest.fixture
def repository(tmp_path: Path) -> Origin:
    if not shutil.which("git"):
        pytest.skip("git is not here")
    return origin(tmp_path / "remote")


def watching(tmp_path: Path, repository: Origin, folder: str = "jobs") -> World:
    return world(tmp_path / "p", job("a"), git=Repository(repository.url, folder=folder))


def fetches(w: World) -> dict[str, float]:
    found = [sample for metric in w.tools.metrics.fetches.collect() for sample in metric.samples]
    return {s.labels["result"]: s.value for s in found if s.name.endswith("_total")}


def test_a_cycle_goes_by_the_newest_commit_and_tells_it(tmp_path: Path, repository: Origin) -> None:
    first = repository.commit(a="x = 1")
    w = watching(tmp_path, repository)
    report = run(w)
    assert report.revision.endswith(f", jobs {first[:8]}")
    assert (w.cli.handed["JOBS_DIR"], Path(w.cli.handed["DKRON_JOBS_FROM"]).name) == ("jobs", "jobs")
    second = repository.commit(a="x = 2")
    assert second[:8] in run(w, Reason.INTERVAL).revision
    assert fetches(w) == {"new": 2}
    w.tools.metrics.observe(report, 0)
    assert f'watcher_program_info{{revision="{report.revision}"}} 1.0' in w.tools.metrics.text().decode()


def test_a_new_commit_costs_one_cycle(tmp_path: Path, repository: Origin) -> None:
    repository.commit(a="x = 1")
    w = watching(tmp_path, repository)
    loop = Loop(w.tools, w.cycle, w.board)
    loop.once(Reason.START)
    repository.commit(a="x = 2")
    loop.once(Reason.INTERVAL)
    assert loop._look_around() is None


def test_a_repair_of_drift_does_not_wait_for_git_unless_nothing_else_comes(tmp_path: Path, repository: Origin) -> None:
    repository.commit(a="x = 1")
    w = watching(tmp_path, repository)
    run(w)
    repository.commit(a="x = 2")
    run(w, Reason.DRIFT)
    assert fetches(w) == {"new": 1}
    w.clock.seconds += 300
    run(w, Reason.DRIFT)
    assert fetches(w) == {"new": 2}


def test_a_failed_fetch_goes_on_with_the_last_good_checkout_and_tells(tmp_path: Path, repository: Origin) -> None:
    commit = repository.commit(a="x = 1")
    w = watching(tmp_path, repository)
    assert run(w).detail == ""
    repository.bare.rename(tmp_path / "away")
    report = run(w)
    assert report.outcome is Outcome.UNCHANGED
    assert report.detail.startswith(f"went on with the declarations of {commit[:8]}: git could not fetch: ")
    (line,) = [event for event in w.events if event["event"] == "git.failed"]
    assert "does not appear to be a git repository" in line["why"]
    w.cycle.close()
    again = watching(tmp_path, repository)
    assert commit[:8] in run(again).detail, "also after a restart"
    again.cycle.close()
    (tmp_path / "away").rename(repository.bare)
    assert run(w).detail == ""
    assert fetches(w) == {"new": 1, "failed": 1, "same": 1}


def test_where_nothing_was_ever_fetched_nothing_runs(tmp_path: Path, repository: Origin) -> None:
    shutil.rmtree(repository.bare)
    w = watching(tmp_path, repository)
    report = run(w)
    assert report.outcome is Outcome.FAILED
    assert report.detail.startswith("no declarations yet: git could not fetch: ")
    assert w.cli.calls == []


def test_the_whole_repository_may_be_the_directory(tmp_path: Path, repository: Origin) -> None:
    repository.commit(a="x = 1")
    w = watching(tmp_path, repository, folder=".")
    run(w)
    assert w.cli.handed["JOBS_DIR"] == "jobs"


def test_a_stop_while_it_fetches_tells_nothing(tmp_path: Path, repository: Origin) -> None:
    repository.commit(a="x = 1")
    w = watching(tmp_path, repository)
    run(w)
    w.control.stop()
    assert w.cycle.run(Reason.FORCED) is None
    assert "git.failed" not in w.names()
