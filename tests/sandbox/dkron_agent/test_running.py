"""What comes of time, families, crashes and restarts (recorded: firing.json sched-*, child-*, crash-*; nodes.json)."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import wait_until
from tests.paths import recorded
from tests.sandbox.dkron_agent.agents import SANDBOX, Agent
from tests.sandbox.dkron_agent.sink import Sink

CHILDREN = {one["id"]: one for one in recorded("firing") if one["id"].startswith("child-")}
FAMILIES = {key: value for case in recorded("nodes")["cases"] for key, value in case.items()}
COUNTED = ("success_count", "error_count", "status")


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink()
    yield made
    made.close()


def http(sink: Sink, target: str, **config: str) -> dict[str, Any]:
    return {
        "executor": "http",
        "executor_config": {"method": "GET", "url": f"http://127.0.0.1:{sink.port}{target}", **config},
    }


def shell(command: str) -> dict[str, Any]:
    return {"executor": "shell", "executor_config": {"command": command}}


def count(sink: Sink, word: str) -> int:
    return sum(word in one.path for one in sink.seen)


@pytest.mark.parametrize("scenario", CHILDREN.values(), ids=CHILDREN)
def test_a_child_runs_when_it_was_recorded_to(agent: Agent, sink: Sink, scenario: dict[str, Any]) -> None:
    name = scenario["id"]
    lines = [one[1] if isinstance(one, list) else one["request_line"] for one in scenario["requests"]]
    targets = [line.split(" ")[1] for line in lines]
    child = next((target for target in targets if target.endswith("child")), "/ok?child")
    retries = len(targets) - 1 if "partial" in name else 0
    agent.post(f"{name}-p", retries=retries, **http(sink, targets[0], expectCode="200"))
    fields = http(sink, child, expectCode="200")
    agent.post(f"{name}-c", schedule="", parent_job=f"{name}-p", disabled=scenario["child"]["disabled"], **fields)
    agent.run(f"{name}-p")
    assert [one.path for one in sink.seen] == targets
    for role in ("parent", "child"):
        found = agent.job(f"{name}-{role[0]}")
        assert {key: found[key] for key in COUNTED} == {key: scenario[role][key] for key in COUNTED}
    assert len(agent.executions(f"{name}-c")) == len(scenario["child_executions"])


@pytest.mark.parametrize(("command", "what"), [("true", "success"), ("false", "failure")])
def test_an_ephemeral_job_is_gone_after_its_first_success_only(agent: Agent, command: str, what: str) -> None:
    agent.post("once", ephemeral=True, **shell(command))
    agent.run("once")
    assert agent.call("GET", "/v1/jobs/once").status == FAMILIES[f"ephemeral_after_{what}"]


def test_only_the_newest_hundred_executions_are_kept(agent: Agent) -> None:
    agent.post("many", executor="nosuch")
    agent.run(*["many"] * 103)
    assert len(agent.executions("many")) == 100
    assert agent.job("many")["error_count"] == 103


def test_runs_by_hand_do_not_mind_forbid(agent: Agent, sink: Sink) -> None:
    agent.post("together", concurrency="forbid", **http(sink, "/wait"))
    threads = [threading.Thread(target=agent.run, args=("together",)) for _ in range(3)]
    for thread in threads:
        thread.start()
    sink.wait_for(lambda seen: len(seen) == 3, "three runs at once")
    assert len(agent.call("GET", "/v1/busy").json()) == 3
    sink.released.set()
    for thread in threads:
        thread.join()
    assert agent.job("together")["success_count"] == 3


def test_a_forbidden_second_run_is_dropped_and_comes_with_a_later_tick(agent: Agent, sink: Sink) -> None:
    agent.post("alone", schedule="@every 1s", concurrency="forbid", **http(sink, "/wait"))
    agent.post("clock", schedule="@every 1s", **http(sink, "/tick"))
    sink.wait_for(lambda _seen: count(sink, "tick") >= 3, "three ticks")
    assert count(sink, "wait") == 1
    sink.released.set()
    sink.wait_for(lambda _seen: count(sink, "wait") >= 2, "another run")
    for name in ("alone", "clock"):
        assert agent.call("DELETE", f"/v1/jobs/{name}").status == 200


def test_a_header_item_without_a_colon_kills_the_http_executor_until_a_restart(tmp_path: Path, sink: Sink) -> None:
    agent = Agent(SANDBOX, tmp_path / "data")
    with agent:
        agent.post("bad", **http(sink, "/ok", headers='["X-Api-Key"]'))
        agent.post("good", **http(sink, "/ok"))
        agent.post("shell", **shell("/bin/echo still"))
        agent.run("bad", "good", "shell")
        assert [agent.executions(name)[0]["success"] for name in ("bad", "good", "shell")] == [False, False, True]
        assert sink.seen == []
    with agent:
        agent.run("good")
        assert [one.path for one in sink.seen] == ["/ok"]


def test_acknowledged_writes_outlive_a_kill(tmp_path: Path) -> None:
    agent = Agent(SANDBOX, tmp_path / "data")
    agent.start()
    agent.post(
        "kept",
        starts_at="2030-01-02T03:04:05.123456789Z",
        metadata={"a": "b"},
        processors={"log": {"forward": "true"}},
        **shell("/bin/echo hi"),
    )
    agent.post("gone")
    agent.run("kept")
    assert agent.call("DELETE", "/v1/jobs/gone").status == 200
    agent.post("last", schedule="@every 1h")
    before = (agent.call("GET", "/v1/jobs").json(), agent.executions("kept"))
    agent.stop(signal.SIGKILL)
    with agent:
        assert (agent.call("GET", "/v1/jobs").json(), agent.executions("kept")) == before


def test_after_a_kill_in_the_middle_of_a_run_a_forbid_job_is_stuck_until_it_is_created_anew(
    tmp_path: Path, sink: Sink
) -> None:
    agent = Agent(SANDBOX, tmp_path / "data")
    agent.start()
    stuck: dict[str, Any] = {"schedule": "@every 1s", "concurrency": "forbid", **http(sink, "/wait?stuck")}
    agent.post("stuck", **stuck)
    sink.wait_for(bool, "the first run")
    wait_until(lambda: agent.call("GET", "/v1/busy").json(), "it is stored as running")
    agent.stop(signal.SIGKILL)
    with agent:
        assert agent.executions("stuck")[0]["finished_at"] == "0001-01-01T00:00:00Z"
        assert agent.call("GET", "/v1/busy").json() == []
        agent.post("free", schedule="@every 1s", **http(sink, "/free"))
        sink.wait_for(lambda _seen: count(sink, "free") >= 3, "three ticks")
        assert count(sink, "stuck") == 1
        assert agent.call("DELETE", "/v1/jobs/stuck").status == 200
        agent.post("stuck", **stuck)
        sink.wait_for(lambda _seen: count(sink, "stuck") == 2, "created anew, it fires")


def test_next_is_shown_in_the_servers_own_zone(tmp_path: Path) -> None:
    """Recorded: timezones.json, the entries with server_TZ."""
    with Agent(SANDBOX, tmp_path / "data", environment={"TZ": "America/New_York"}) as agent:
        agent.post("z", schedule="0 0 3 * * *", timezone="Asia/Tokyo", disabled=True)
        assert agent.job("z")["next"][11:] in ("07:00:00Z", "08:00:00Z")


def test_a_term_signal_ends_it_cleanly_and_a_second_agent_keeps_out(tmp_path: Path) -> None:
    for _ in range(3):
        agent = Agent(SANDBOX, tmp_path / "data").start()  # it answers before its main thread has come to rest
        with pytest.raises(AssertionError, match="is used by another agent"):
            Agent(SANDBOX, tmp_path / "data").start()
        assert agent.stop(signal.SIGTERM) == os.EX_OK
