"""The status page of a running watcher: on every pair of engine and server."""

import json

import pytest

from tests.e2e.harness import CANARY, PASSPHRASE, Dkron, wait_until
from tests.e2e.watcher_support import Watcher

pytestmark = pytest.mark.slow
NAMES = ("p1", "p2")


def test_the_page_tells_what_is_and_what_has_drifted(watcher: Watcher, dkron: Dkron) -> None:
    watcher.start(PROBE_INTERVAL_MS="3600000").wait_cycle("changed")
    page = watcher.get("/").text
    assert "All is well" in page
    assert "p1" in page
    status = watcher.get("/api/status").json()
    assert [(job["name"], job["state"]) for job in status["jobs"]] == [("p1", "in sync"), ("p2", "in sync")]
    assert status["cycles"][0]["created"] == ["p1", "p2"]
    dkron.change("p1", schedule="0 0 5 * * *")
    dkron.delete("p2")

    def seen() -> bool:
        states = {j["name"]: (j["state"], j["detail"]) for j in watcher.get("/api/status").json()["jobs"]}
        return states == {"p1": ("drifted", "schedule"), "p2": ("missing", "not in Dkron")}

    wait_until(seen, "the drift on the page")
    for text in (watcher.get("/").text, json.dumps(watcher.get("/api/status").json())):
        for forbidden in (CANARY, PASSPHRASE, str(watcher.project.root), ".pulumi"):
            assert forbidden not in text
