import json
import os
from pathlib import Path
from typing import Any

import pytest

from watcher.recovery.soundness import has_pending
from watcher.recovery.state_files import (
    BAD,
    GOOD,
    MISSING,
    StateFiles,
    judged,
    take_over,
)

NOW = 1_700_000_000.0


def checkpoint(*names: str, **latest: Any) -> str:
    resources = [{"urn": n, "id": n} for n in names]
    return json.dumps({"version": 3, "checkpoint": {"stack": "s", "latest": {"resources": resources, **latest}}})


@pytest.fixture
def files(tmp_path: Path) -> StateFiles:
    result = StateFiles(tmp_path, "p", "dev")
    result.checkpoint.parent.mkdir(parents=True)
    result.history.mkdir(parents=True)
    result.backups.mkdir(parents=True)
    return result


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, MISSING),
        (checkpoint("a"), GOOD),
        (checkpoint(), GOOD),
        ('{"version":3,"checkpoint":{"latest":null}}', GOOD),
        ('{"version":3,"checkpoint":{}}', GOOD),
        ("", BAD),
        ("{}", BAD),
        ("[]", BAD),
        ("garbage", BAD),
        (checkpoint("a")[:40], BAD),
        ('{"checkpoint":{"latest":[]}}', BAD),
        ('{"checkpoint":{"latest":{"resources":{}}}}', BAD),
        ("[" * 100_000, BAD),
    ],
)
def test_which_checkpoints_pulumi_could_load(text: str | None, expected: str) -> None:
    assert judged(text)[0] == expected


def test_a_good_state_is_left_alone(files: StateFiles) -> None:
    files.checkpoint.write_text(checkpoint("a"))
    files.checkpoint.with_name("dev.json.attrs").write_text("{}")
    assert files.repair(NOW)[0] == []


def test_a_missing_state_is_left_missing(files: StateFiles) -> None:
    files.checkpoint.with_name("dev.json.bak").write_text(checkpoint("a"))
    assert files.repair(NOW)[0] == []
    assert not files.checkpoint.exists()


def test_a_bad_state_is_restored_from_the_backup_beside_it(files: StateFiles) -> None:
    files.checkpoint.write_bytes(b"\xff\xfe")
    files.checkpoint.with_name("dev.json.attrs").write_text("{}")
    files.checkpoint.with_name("dev.json.bak").write_text(checkpoint("a"))
    ((done,), _) = files.repair(NOW)
    assert done.remedy == "restored from dev.json.bak"
    assert files.checkpoint.read_text() == checkpoint("a")
    assert (files.checkpoint.parent / done.kept).read_bytes() == b"\xff\xfe"
    assert not files.checkpoint.with_name("dev.json.attrs").exists()


def test_the_newest_good_backup_is_taken(files: StateFiles) -> None:
    files.checkpoint.write_text("{")
    files.checkpoint.with_name("dev.json.bak").write_text("{")
    (files.backups / "dev.900.json").write_text(checkpoint("old"))
    (files.backups / "dev.1000.json").write_text(checkpoint("newer"))
    (files.history / "dev-2000.checkpoint.json").write_text("{")
    (files.history / "dev-2000.history.json").write_text("{}")
    ((done,), _) = files.repair(NOW)
    assert done.remedy == "restored from dev.1000.json"


def test_a_newer_copy_goes_before_the_backup_beside_the_state(files: StateFiles) -> None:
    """The one beside it is the state before the last run: what that run let go would come back, and be deleted."""
    files.checkpoint.write_text("{")
    beside = files.checkpoint.with_name("dev.json.bak")
    beside.write_text(checkpoint("older"))
    os.utime(beside, ns=(1000, 1000))
    (files.backups / "dev.900.json").write_text(checkpoint("oldest"))
    (files.history / "dev-1001.checkpoint.json").write_text(checkpoint("newest"))
    assert [path.name for path in files.candidates()] == ["dev-1001.checkpoint.json", "dev.json.bak", "dev.900.json"]
    ((done,), _) = files.repair(NOW)
    assert done.remedy == "restored from dev-1001.checkpoint.json"


def test_a_copy_of_the_very_state_that_is_bad_is_no_backup_however_it_is_written(files: StateFiles) -> None:
    files.checkpoint.write_text(checkpoint("a"))
    (files.backups / "dev.1000.json").write_text(json.dumps(json.loads(checkpoint("a")), indent=2))
    assert "starts empty" in files.restore(NOW).remedy


def test_without_a_good_backup_the_bad_state_is_only_set_aside(files: StateFiles) -> None:
    files.checkpoint.write_text("{")
    ((done,), _) = files.repair(NOW)
    assert "adopted" in done.remedy
    assert not files.checkpoint.exists()


def test_only_the_last_bad_files_are_kept(files: StateFiles) -> None:
    for i in range(8):
        files.checkpoint.write_text(f"bad {i}")
        files.repair(NOW + i)
    kept = sorted(p.read_text() for p in files.checkpoint.parent.glob("*.bad-*"))
    assert kept == [f"bad {i}" for i in range(3, 8)]


def test_cut_off_attributes_and_store_versions_are_removed(files: StateFiles) -> None:
    files.checkpoint.write_text(checkpoint("a"))
    files.checkpoint.with_name("dev.json.attrs").write_text("")
    (files.root / "meta.yaml").write_text("")
    (files.root / "meta.yaml.attrs").write_text("")
    problems = [r.problem for r in files.repair(NOW)[0]]
    assert problems == ["the store's meta.yaml is cut off", "dev.json.attrs is cut off"]
    assert files.repair(NOW)[0] == []


def test_pending_operations_are_seen(files: StateFiles) -> None:
    assert not has_pending(files.document())
    files.checkpoint.write_text(checkpoint("a"))
    assert not has_pending(files.document())
    files.checkpoint.write_text(checkpoint("a", pending_operations=[{"type": "creating"}]))
    assert has_pending(files.document())
    files.checkpoint.write_text("[]")
    assert not has_pending(files.document())


# -- taking pending creates over


def pending(kind: str = "creating", **resource: Any) -> dict[str, Any]:
    inputs = {"name": "job-b", "schedule": "@daily"}
    return {
        "type": kind,
        "resource": {"urn": "urn:b", "type": "Job", "inputs": inputs, "provider": "urn:p::1", **resource},
    }


def exported(*operations: dict[str, Any]) -> dict[str, Any]:
    resources = [{"urn": "urn:p", "id": "1"}, {"urn": "urn:a", "id": "a"}]
    return {
        "version": 3,
        "deployment": {"manifest": {}, "resources": resources, "pending_operations": list(operations)},
    }


def test_a_pending_create_becomes_a_resource_with_the_jobs_name_as_its_id() -> None:
    document, taken, dropped = take_over(exported(pending()))
    assert (taken, dropped) == (["job-b"], [])
    deployment = document["deployment"]
    assert "pending_operations" not in deployment
    assert [r["urn"] for r in deployment["resources"]] == ["urn:p", "urn:a", "urn:b"]
    assert deployment["resources"][2]["id"] == "job-b"
    assert deployment["resources"][2]["outputs"] == {"name": "job-b", "schedule": "@daily"}


@pytest.mark.parametrize(
    "operation",
    [
        pending("updating"),
        pending("deleting"),
        pending(urn="urn:a"),
        pending(provider="urn:unknown::2"),
        pending(inputs={}),
        {"type": "creating", "resource": None},
    ],
)
def test_any_other_pending_operation_is_only_dropped(operation: dict[str, Any]) -> None:
    document, taken, dropped = take_over(exported(operation))
    assert taken == []
    assert len(dropped) == 1
    assert len(document["deployment"]["resources"]) == 2


def test_two_creates_of_one_resource_are_taken_once() -> None:
    assert take_over(exported(pending(), pending()))[1] == ["job-b"]


@pytest.mark.parametrize("document", [None, [], {}, {"deployment": 1}])
def test_what_is_no_exported_stack_is_refused(document: Any) -> None:
    with pytest.raises(ValueError, match="exported"):
        take_over(document)
