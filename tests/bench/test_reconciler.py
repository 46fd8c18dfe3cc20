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


@pytest.fixture
def dkron() -> Iterator[FakeDkron]:
    with FakeDkron() as server:
        yield server


def declared(count: int, changed: bool = False) -> list[dict[str, Any]]:
    """The jobs as the benchmark declares them; no server is needed for that."""
    return Site(Path(), count, {}, {}).left("change" if changed else "create")


def test_it_creates_what_is_missing(dkron: FakeDkron) -> None:
    assert reconciler.reconcile(dkron.url, declared(3)) == {"create": 3}
    assert set(dkron.jobs) == {f"bench-job-0000{number}" for number in range(3)}


def test_it_writes_nothing_when_nothing_differs(dkron: FakeDkron) -> None:
    reconciler.reconcile(dkron.url, declared(3))
    dkron.asked.clear()
    assert reconciler.reconcile(dkron.url, declared(3)) == {}
    assert [request.method for request in dkron.asked] == ["GET", "GET"]


def test_it_writes_only_what_was_declared_anew(dkron: FakeDkron) -> None:
    reconciler.reconcile(dkron.url, declared(3))
    assert reconciler.reconcile(dkron.url, declared(3, changed=True)) == {"update": 1}
    assert dkron.jobs["bench-job-00000"]["displayname"].endswith(", changed")


def test_it_repairs_what_was_changed_by_hand(dkron: FakeDkron) -> None:
    reconciler.reconcile(dkron.url, declared(3))
    dkron.put({**dkron.jobs["bench-job-00001"], "retries": 5})
    assert reconciler.reconcile(dkron.url, declared(3)) == {"update": 1}
    assert dkron.jobs["bench-job-00001"]["retries"] == 2


def test_it_deletes_its_own_orphans_and_leaves_foreign_jobs_alone(dkron: FakeDkron) -> None:
    dkron.put({"name": "untagged", "schedule": "@every 1h"})
    dkron.put({"name": "theirs", "schedule": "@every 1h", "metadata": {"managed_by": "someone"}})
    reconciler.reconcile(dkron.url, declared(2))
    assert reconciler.reconcile(dkron.url, declared(1)) == {"delete": 1}
    assert set(dkron.jobs) == {"untagged", "theirs", "bench-job-00000"}


def test_as_a_script_it_tells_what_it_did(dkron: FakeDkron, tmp_path: Path) -> None:
    file = tmp_path / "declared.json"
    file.write_text(json.dumps(declared(2)), encoding="utf-8")
    command = [sys.executable, reconciler.__file__, dkron.url, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout) == {"create": 2}
