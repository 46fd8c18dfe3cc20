"""The status page of a running watcher: on every pair of engine and server."""

import json
import signal

import pytest

from tests.e2e.harness import CANARY, PASSPHRASE, Dkron, wait_until
from tests.e2e.watcher_support import Watcher
from tests.web import Answer, Web

pytestmark = pytest.mark.slow
NAMES = ("p1", "p2")


@pytest.mark.sandbox_too
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


def test_the_page_the_data_and_the_metrics_tell_how_the_jobs_run(watcher: Watcher, dkron: Dkron) -> None:
    watcher.settle()
    watcher.start().wait_cycle("unchanged")
    dkron.run("p1")

    def followed() -> bool:
        return 'watcher_job_health{job="p1",state="ok"} 1.0' in watcher.get("/metrics").text

    wait_until(followed, "the run in the metrics")
    health = {job["name"]: job["health"]["words"] for job in watcher.get("/api/status").json()["jobs"]}
    assert health == {"p1": "ok", "p2": "not due yet"}
    page = watcher.get("/jobs/p1")
    assert page.status_code == 200
    assert 'badge good">good' in page.text
    assert watcher.get("/jobs/nobody").status_code == 404
    assert CANARY not in page.text


def test_a_refusal_is_told_to_whoever_notify_names(watcher: Watcher, dkron: Dkron) -> None:
    with Web(lambda _request: Answer()) as receiver:
        told = {"NOTIFY": f"json://127.0.0.1:{receiver.port}/{CANARY}", "PUBLIC_URL": "http://jobs.example"}
        watcher.start(**told).wait_cycle("changed")
        watcher.project.declare()
        watcher.send(signal.SIGHUP)
        watcher.wait_cycle("refused")
        wait_until(lambda: receiver.asked, "the message")
        message = receiver.asked[0].json()["message"]
        assert message.startswith("a change was refused: ")
        assert message.endswith("http://jobs.example/")
        assert watcher.stop() == 0
        watcher.start(**told)
        watcher.wait_cycle("refused", after=len(watcher.events))
        assert watcher.stop() == 0
        assert len(receiver.asked) == 1
