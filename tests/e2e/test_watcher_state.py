"""Faults of what is below the watcher: the disk, the database that holds the state, a cluster that loses its leader."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.e2e.cluster import Cluster
from tests.e2e.harness import Dkron, Project, proxy_before, tool, wait_until
from tests.e2e.watcher_support import Watcher, is_up, shell_jobs, watched_project
from tests.postgres import Postgres, server
from tests.processes import end_processes_of

pytestmark = pytest.mark.slow
NAMES = ("a1", "a2", "a3")


# -- what a person's crashed run leaves behind


@pytest.mark.sandbox_too
def test_creates_that_were_pending_are_taken_over(watcher: Watcher, dkron: Dkron) -> None:
    project = watcher.project
    watcher.once()
    with proxy_before(dkron.url) as proxy:
        proxy.delay_writes(4)
        project.declare(*shell_jobs(*NAMES, "late"))
        project.env["DKRON_URL"] = proxy.url
        process = project.start("up", "--yes", "--skip-preview", "--stack", "dev")
        wait_until(lambda: proxy.count("POST"), "a write")
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        end_processes_of(project.root)
        wait_until(lambda: is_up(dkron, "late"), "the write that was under way")
    assert '"pending_operations"' in watcher.checkpoint.read_text()
    assert watcher.locks(), "the killed run left its lock"
    # The declaration goes, so that only the record of the pending create knows of the job.
    project.declare(*shell_jobs(*NAMES))
    done = watcher.once()
    assert done.has("lock.cleared"), done.stderr
    assert done.has("state.pending_taken_over"), done.stderr
    assert done.code == 0, done.stderr
    assert '"pending_operations"' not in watcher.checkpoint.read_text()
    assert set(dkron.jobs()) == set(NAMES)
    assert watcher.once().ended(0, "unchanged")


# -- the disk


@pytest.fixture
def small_disk(watcher: Watcher) -> Iterator[Path]:
    """The project's state on a disk of two megabytes."""
    state = watcher.project.root / ".state"
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(state)]
    mounted = subprocess.run(command, check=False, capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("mounting a small disk needs root")
    yield state
    subprocess.run(["umount", "--lazy", str(state)], check=True)


def fill(disk: Path) -> Path:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return filler


def test_a_full_disk_is_told_and_survived(watcher: Watcher, dkron: Dkron, small_disk: Path) -> None:
    watcher.settle()
    dkron.delete("a1")
    filler = fill(small_disk)
    full = watcher.once()
    assert full.code == 1, full.stderr
    assert "no space left on device" in full.cycle["detail"].lower()
    filler.unlink()
    # What could not be written of a lock is taken for one for some seconds.
    wait_until(lambda: watcher.once().code == 0, "a cycle that does its work")
    assert is_up(dkron, *NAMES)
    assert watcher.locks() == []
    assert watcher.once().ended(0, "unchanged")


def test_a_read_only_state_is_told_and_survived(watcher: Watcher, dkron: Dkron, small_disk: Path) -> None:
    watcher.settle()
    dkron.delete("a1")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    done = watcher.once()
    assert "Read-only file system" in done.ended(1, "failed")["detail"]
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert watcher.once().ended(0, "changed")
    assert is_up(dkron, *NAMES)


# -- the state in PostgreSQL


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    with server() as started:
        yield started


def on_postgres(watcher: Watcher, postgres: Postgres) -> Watcher:
    if watcher.project.pulumi.parent.name == "bin" and "sandbox" in watcher.project.pulumi.parts:
        pytest.skip("the sandbox keeps its state in files only")
    watcher.env["PULUMI_BACKEND_URL"] = postgres.url
    return watcher


def test_a_state_in_postgresql_survives_its_restart_in_the_middle_of_an_up(
    watcher: Watcher, dkron: Dkron, postgres: Postgres
) -> None:
    on_postgres(watcher, postgres)
    assert watcher.once().ended(0, "changed")
    with proxy_before(dkron.url) as proxy:
        proxy.delay_writes(4)
        watcher.project.declare(*shell_jobs(*NAMES, "a4"))
        watcher.start(DKRON_URL=proxy.url, RECONCILE_INTERVAL_MS="3000")
        wait_until(lambda: proxy.count("POST"), "a write")
        postgres.stop()
        postgres.start()
        proxy.pass_on()
        watcher.wait_for("a good cycle", lambda e: e["event"] == "cycle.done" and e["outcome"] == "unchanged")
    assert is_up(dkron, *NAMES, "a4")


def test_a_lock_in_postgresql_of_a_dead_run_of_ours_is_cleared(
    watcher: Watcher, dkron: Dkron, postgres: Postgres
) -> None:
    on_postgres(watcher, postgres)
    with proxy_before(dkron.url) as proxy:
        proxy.delay_writes(4)
        watcher.start(DKRON_URL=proxy.url)
        wait_until(lambda: proxy.count("POST"), "a write")
        watcher.stop(signal.SIGKILL)
        proxy.pass_on()
        done = watcher.once(DKRON_URL=proxy.url)
    assert done.has("run.leftovers_ended"), done.stderr
    assert done.has("lock.cleared"), done.stderr
    assert done.code == 0, done.stderr
    assert is_up(dkron, *NAMES)


# -- a cluster


@pytest.fixture
def cluster(pair: tuple[str, str], tmp_path: Path) -> Iterator[Cluster]:
    if pair[1] != "real":
        pytest.skip("a cluster needs the real dkron")
    cluster = Cluster(tmp_path / "cluster")
    yield cluster
    cluster.stop()


def test_a_leader_lost_in_the_middle_of_an_up_is_survived(
    pair: tuple[str, str], cluster: Cluster, tmp_path: Path
) -> None:
    cluster.start()
    pulumi = tool("pulumi", pair[0])
    assert pulumi is not None
    names = [f"job{i}" for i in range(12)]
    project: Project = watched_project(pulumi, tmp_path / "project", ",".join(cluster.urls), *names)
    watcher = Watcher(project, tmp_path / "watcher.log")
    try:
        watcher.start(RECONCILE_INTERVAL_MS="5000", LEADER_WAIT_MS="20000")
        wait_until(lambda: any(jobs(url) for url in cluster.urls), "a job")
        cluster.kill_leader()
        watcher.wait_for("a good cycle", lambda e: e["event"] == "cycle.done" and e["outcome"] == "unchanged")
        survivors = [cluster.url_of(number) for number in cluster.running]
        assert len(survivors) == 2
        wait_until(lambda: all(jobs(url) == set(names) for url in survivors), "every job on every survivor")
    finally:
        watcher.close()
        end_processes_of(project.root)


def jobs(url: str) -> set[str]:
    return {job["name"] for job in requests.get(f"{url}/v1/jobs", timeout=5).json()}
