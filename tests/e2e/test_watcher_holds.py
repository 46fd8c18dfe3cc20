"""Held jobs under a running watcher: left until their time, then put back as declared."""

import pytest

from tests.e2e.harness import Dkron, wait_until
from tests.e2e.test_acting import OURS, jobs
from tests.e2e.watcher_support import Watcher, shell_jobs

pytestmark = pytest.mark.slow
NAMES = ("a1", "a2")


def test_a_held_job_is_put_back_when_its_time_is_over(watcher: Watcher, dkron: Dkron) -> None:
    watcher.settle()
    watcher.start().wait_cycle("unchanged")
    code, told = jobs(
        watcher.project,
        *("hold", "a1", "--dkron", dkron.url, "--for", "2h", "--disable", "--reason", "an incident"),
    )
    assert code == 0, told
    watcher.wait_for("the hold", lambda e: e["event"] == "jobs.held")
    dkron.change("a2", schedule="@every 2h")
    repaired = watcher.wait_cycle("changed", after=len(watcher.events) - 1)
    assert repaired["updated"] == ["a2"]
    row = next(j for j in watcher.get("/api/status").json()["jobs"] if j["name"] == "a1")
    assert (row["state"], row["hold"]["reason"]) == ("held", "an incident")
    dkron.change("a1", metadata={**dkron.job("a1")["metadata"], "held_until": "2026-01-01T00:00:00Z"})
    watcher.wait_for("the repair", lambda e: e["event"] == "cycle.done" and "a1" in e["updated"])
    assert (dkron.job("a1")["disabled"], dkron.job("a1")["metadata"]) == (False, OURS)
    assert watcher.stop() == 0


def test_a_cycle_leaves_a_held_job_and_writes_a_new_declaration_with_the_hold_kept(
    watcher: Watcher, dkron: Dkron
) -> None:
    watcher.settle()
    assert jobs(watcher.project, *("freeze", "--dkron", dkron.url, "--for", "1d", "--reason", "an incident"))[0] == 0
    dkron.change("a1", schedule="@every 5h")
    watcher.once().ended(0, "unchanged")
    watcher.project.declare(*(text.replace("@every 1h", "@every 3h") for text in shell_jobs("a1")))
    done = watcher.once()
    assert done.ended(0, "changed")["updated"] == ["a1"]
    assert done.has("held.deleted")
    live = dkron.jobs()
    assert list(live) == ["a1"]
    assert (live["a1"]["schedule"], live["a1"]["metadata"]["hold_reason"]) == ("@every 3h", "an incident")


def test_a_job_that_is_switched_off_by_hand_is_repaired_and_hold_is_named(watcher: Watcher, dkron: Dkron) -> None:
    watcher.settle()
    dkron.change("a1", disabled=True)
    (drift,) = watcher.once().ended(0, "changed")["drift"]
    assert drift.startswith("a1 (disabled; switched off by hand: `python -m jobs hold a1 --disable`")
    wait_until(lambda: not dkron.job("a1")["disabled"], "the repair")
