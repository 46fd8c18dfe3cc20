"""The stateless reconciler does its work, or a comparison with it would mean nothing."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench import reconciler
from bench.systems import Site
from tests.fake_dkron import FakeDkron

ZERO = {"create": 0, "update": 0, "delete": 0}


@pytest.fixture
def dkron() -> Iterator[FakeDkron]:
    with FakeDkron() as server:
        yield server


def declared(count: int, changed: bool = False) -> list[dict[str, Any]]:
    """The jobs as the benchmark declares them; no server is needed for that."""
    return Site(Path(), None, count, 3).left("change" if changed else "create")  # type: ignore[arg-type]


def test_it_creates_what_is_missing_with_its_own_tag(dkron: FakeDkron) -> None:
    assert reconciler.reconcile(dkron.url, declared(3)) == {**ZERO, "create": 3}
    assert {job["metadata"]["managed_by"] for job in dkron.jobs.values()} == {reconciler.OWNER}


def test_it_writes_nothing_when_nothing_differs(dkron: FakeDkron) -> None:
    reconciler.reconcile(dkron.url, declared(3))
    dkron.asked.clear()
    assert reconciler.reconcile(dkron.url, declared(3)) == ZERO
    assert [(r.method, r.path) for r in dkron.asked] == [("GET", "/v1/leader"), ("GET", "/v1/jobs")]


def test_it_writes_only_what_was_declared_anew(dkron: FakeDkron) -> None:
    reconciler.reconcile(dkron.url, declared(3))
    assert reconciler.reconcile(dkron.url, declared(3, changed=True)) == {**ZERO, "update": 1}
    assert dkron.jobs["bench-job-00000"]["displayname"].endswith(", changed")


def test_it_repairs_what_was_changed_by_hand(dkron: FakeDkron) -> None:
    reconciler.reconcile(dkron.url, declared(3))
    dkron.put({**dkron.jobs["bench-job-00001"], "retries": 5})
    assert reconciler.reconcile(dkron.url, declared(3)) == {**ZERO, "update": 1}
    assert dkron.jobs["bench-job-00001"]["retries"] == 2


def test_it_deletes_its_own_orphans_and_leaves_foreign_jobs_alone(dkron: FakeDkron) -> None:
    dkron.put({"name": "untagged", "schedule": "@every 1h"})
    dkron.put({"name": "theirs", "schedule": "@every 1h", "metadata": {"managed_by": "someone"}})
    reconciler.reconcile(dkron.url, declared(2))
    assert reconciler.reconcile(dkron.url, declared(1)) == {**ZERO, "delete": 1}
    assert set(dkron.jobs) == {"untagged", "theirs", "bench-job-00000"}


def run(dkron: FakeDkron, tmp_path: Path, jobs: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "declared.json"
    file.write_text(json.dumps(jobs), encoding="utf-8")
    command = [sys.executable, reconciler.__file__, dkron.url, str(file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_as_a_script_it_tells_what_it_did(dkron: FakeDkron, tmp_path: Path) -> None:
    done = run(dkron, tmp_path, declared(2))
    assert (done.returncode, json.loads(done.stdout)) == (0, {"create": 2})


def test_a_strangers_job_of_a_declared_name_is_not_overwritten(dkron: FakeDkron, tmp_path: Path) -> None:
    dkron.put({"name": "bench-job-00000", "schedule": "@every 1h", "displayname": "theirs"})
    done = run(dkron, tmp_path, declared(1))
    assert done.returncode == 1
    assert 'job "bench-job-00000" is not ours' in done.stderr
    assert dkron.jobs["bench-job-00000"]["displayname"] == "theirs"
