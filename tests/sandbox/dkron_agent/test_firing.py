"""The recorded scenarios of jobs that fired, replayed: the same requests on the wire, the same executions and counters.

Those that start a job by hand are data; what came of time, crashes and families of jobs is in test_running.py.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.paths import recorded
from tests.sandbox.dkron_agent.agents import SANDBOX, Agent, real_dkron
from tests.sandbox.dkron_agent.recordings import differences, long_text
from tests.sandbox.dkron_agent.recordings import expanded as spelled
from tests.sandbox.dkron_agent.sink import Sink, certificate

Scenario = dict[str, Any]

NOT_REPLAYED = {
    "timeout-default": "takes 30 s; test_executors.py holds the default",
    "tls-https-to-http": "takes 10 s",
    "tls-http-to-https": "which end of the connection fails first is chance",
    "hdr-accept-encoding": "the packed bytes carry the time of packing",
    "shell-mem-limit": "memory is not watched",
    "shell-mem-limit-timeout": "memory is not watched",
}
SLOW = {"retry-slow-failure", "timeout-1s"}
_COUNTED = ("success_count", "error_count", "status", "disabled", "next")


def scenarios() -> list[Any]:
    found = []
    for one in recorded("firing"):
        manual = one.get("job", {}).get("schedule") == "@manually" and isinstance(one.get("run"), list)
        if manual and not one["id"].startswith("crash-") and one["id"] not in NOT_REPLAYED:
            found.append(pytest.param(one, id=one["id"], marks=[pytest.mark.slow] if one["id"] in SLOW else []))
    return found


def test_what_is_not_replayed_is_recorded_and_most_is_replayed() -> None:
    assert NOT_REPLAYED.keys() | SLOW <= {one["id"] for one in recorded("firing")}
    assert len(scenarios()) > 120


class Stage:
    """An agent, the servers that its jobs call, and how the recording's addresses translate to them."""

    def __init__(self, agent: Agent, folder: Path) -> None:
        self.agent = agent
        known = certificate(folder / "known.pem", for_loopback=True)
        other = certificate(folder / "other.pem", for_loopback=False)
        self.plain, self.tls, self.elsewhere = Sink(), Sink(known), Sink(other)
        self._words = {
            "127.0.0.1:8799": f"127.0.0.1:{self.plain.port}",
            "localhost:8798": f"localhost:{self.plain.port}",
            "127.0.0.1:8797": f"127.0.0.1:{self.tls.port}",
            "127.0.0.1:8796": f"127.0.0.1:{self.elsewhere.port}",
            "data/tls/cert.pem": str(known),
            "data/tls/cert2.pem": str(other),
            "/usr/bin/python3": sys.executable,
        }

    def close(self) -> None:
        for sink in (self.plain, self.tls, self.elsewhere):
            sink.close()

    def here(self, value: Any) -> Any:
        """The recorded value with the addresses of this test."""
        text = json.dumps(value)
        for old, new in self._words.items():
            text = text.replace(old, new)
        return json.loads(text)

    def run(self, scenario: Scenario) -> list[str]:
        """Run the scenario; what is not as recorded."""
        for sink in (self.plain, self.tls, self.elsewhere):
            sink.seen.clear()
        job = self.here({key: whole(value) for key, value in scenario["job"].items()})
        name = job["name"]
        assert self.agent.call("POST", "/v1/jobs", job).status == scenario["post_status"]
        for run in scenario["run"]:
            assert self.agent.call("POST", f"/v1/jobs/{name}/run").status == run["status"]
        listed = self.agent.call("GET", f"/v1/jobs/{name}/executions?_sort=started_at&_order=ASC").json()
        return [*self.requests(scenario), *self.executions(scenario, listed), *self.counters(scenario, name)]

    def requests(self, scenario: Scenario) -> list[str]:
        wanted = [one for one in self.here(spelled(scenario["requests_seen"])) if one["request_line"]]
        seen = self.plain.seen + self.tls.seen + self.elsewhere.seen
        if len(seen) != len(wanted):
            return [f"{len(seen)} requests, recorded {len(wanted)}"]
        lines = []
        for old, new in zip(wanted, seen, strict=True):
            lines += differences(old["request_line"], new.line, "request line")
            lines += differences(old["headers"], [list(pair) for pair in new.headers], "headers")
            lines += differences(old["body"], new.body, "body")
        return lines

    def executions(self, scenario: Scenario, listed: list[dict[str, Any]]) -> list[str]:
        wanted = self.here(scenario["executions"])
        # Attempts that begin within the same instant may be listed in either order.
        wanted, listed = (sorted(found, key=lambda e: (e["group"], e["attempt"])) for found in (wanted, listed))
        keys = ("success", "attempt", "output")
        old = [{key: one.get(key) for key in keys} for one in wanted]
        new = [{key: one.get(key) for key in keys} for one in listed]
        groups = len({one["group"] for one in listed})
        lines = [] if groups == len({one["group"] for one in wanted}) else [f"{groups} groups"]
        return lines + differences(old, new, "executions")

    def counters(self, scenario: Scenario, name: str) -> list[str]:
        wanted = scenario["job_after"]
        found = self.agent.call("GET", f"/v1/jobs/{name}").json()
        lines = [line for key in _COUNTED for line in differences(wanted[key], found[key], key)]
        for key in ("last_success", "last_error"):
            lines += differences(wanted[key] is None, found[key] is None, f"{key} is null")
        return lines


def whole(value: Any) -> Any:
    """A job's field with all markers spelled out."""
    if isinstance(value, dict) and "$long" in value:
        return long_text(value)
    if isinstance(value, dict) and "$repeat" not in value:
        return {key: whole(item) for key, item in value.items()}
    return spelled(value)


def programs() -> list[Any]:
    real = real_dkron()
    absent = pytest.mark.skipif(real is None, reason="no real dkron on PATH")
    return [pytest.param(str(SANDBOX), id="sandbox"), pytest.param(real, id="real", marks=[absent, pytest.mark.e2e])]


@pytest.fixture(scope="module", params=programs())
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("firing")
    with Agent(request.param, folder / "data", name="f1") as agent:
        made = Stage(agent, folder)
        yield made
        made.close()


@pytest.mark.parametrize("scenario", scenarios())
def test_a_job_does_what_was_recorded(stage: Stage, scenario: Scenario) -> None:
    wrong = stage.run(scenario)
    assert not wrong, f"{scenario['note']}\n" + "\n".join(wrong)
