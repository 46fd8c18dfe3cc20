"""What comes of time, families, crashes and restarts (recorded: firing.json sched-*, child-*, crash-*)."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.paths import recorded
from tests.sandbox.dkron_agent.agents import SANDBOX, Agent, wait_until
from tests.sandbox.dkron_agent.sink import Sink

CHILDREN = {one["id"]: one for one in recorded("firing") if one["id"].startswith("child-")}
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


def posted(agent: Agent, name: str, **fields: Any) -> None:
    answer = agent.call("POST", "/v1/jobs", {"name": name, **fields})
    assert answer.status == 201, answer.text


def run(agent: Agent, name: str) -> None:
    assert agent.call("POST", f"/v1/jobs/{name}/run").status == 200


def job(agent: Agent, name: str) -> dict[str, Any]:
    found = agent.call("GET", f"/v1/jobs/{name}").json()
    assert isinstance(found, dict)
    return found


def executions(agent: Agent, name: str) -> list[dict[str, Any]]:
    found = agent.call("GET", f"/v1/jobs/{name}/executions").json()
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("scenario", CHILDREN.values(), ids=CHILDREN)
def test_a_child_runs_when_it_was_recorded_to(agent: Agent, sink: Sink, scenario: dict[str, Any]) -> None:
    name, lines = scenario["id"], [line for _after, line in _requests(scenario)]
    own = [line.split(" ")[1] for line in lines]
    child = next((target for target in own if target.endswith("child")), "/ok?child")
    posted(agent, f"{name}-p", schedule="@manually", retries=len(own) - 1 if "partial" in name else 0,
           **http(sink, own[0], expectCode="200"))  # fmt: skip
    posted(agent, f"{name}-c", parent_job=f"{name}-p", disabled=scenario["child"]["disabled"],
           **http(sink, child, expectCode="200"))  # fmt: skip
    run(agent, f"{name}-p")
    assert [seen.line for seen in sink.seen] == lines
    for role, suffix in (("parent", "p"), ("child", "c")):
        found = job(agent, f"{name}-{suffix}")
        assert {key: found[key] for key in COUNTED} == {key: scenario[role][key] for key in COUNTED}
    assert len(executions(agent, f"{name}-c")) == len(scenario["child_executions"])


def _requests(scenario: dict[str, Any]) -> list[tuple[float, str]]:
    return [
        (one[0], one[1]) if isinstance(one, list) else (one["after_s"], one["request_line"])
        for one in scenario["requests"]
    ]


def test_only_the_newest_hundred_executions_are_kept(agent: Agent) -> None:
    posted(agent, "many", schedule="@manually", executor="nosuch")
    for _ in range(103):
        run(agent, "many")
    assert len(executions(agent, "many")) == 100
    assert job(agent, "many")["error_count"] == 103


def test_runs_by_hand_do_not_mind_forbid(agent: Agent, sink: Sink) -> None:
    posted(agent, "together", schedule="@manually", concurrency="forbid", **http(sink, "/wait"))
    threads = [threading.Thread(target=run, args=(agent, "together")) for _ in range(3)]
    for thread in threads:
        thread.start()
    sink.wait_for(lambda seen: len(seen) == 3, "three runs at once")
    assert len(agent.call("GET", "/v1/busy").json()) == 3
    sink.released.set()
    for thread in threads:
        thread.join()
    assert job(agent, "together")["success_count"] == 3


def test_a_job_fires_by_its_schedule_and_goes_on(agent: Agent, sink: Sink) -> None:
    posted(agent, "ticks", schedule="@every 1s", **http(sink, "/ok"))
    sink.wait_for(lambda seen: len(seen) >= 2, "two ticks")
    wait_until(lambda: job(agent, "ticks")["success_count"] >= 2, "two counted")
    agent.call("DELETE", "/v1/jobs/ticks")


def test_a_forbidden_second_run_is_dropped_and_comes_with_a_later_tick(agent: Agent, sink: Sink) -> None:
    posted(agent, "alone", schedule="@every 1s", concurrency="forbid", **http(sink, "/wait"))
    posted(agent, "clock", schedule="@every 1s", **http(sink, "/tick"))
    sink.wait_for(lambda seen: sum("tick" in one.line for one in seen) >= 3, "three ticks")
    assert sum("wait" in one.line for one in sink.seen) == 1
    sink.released.set()
    sink.wait_for(lambda seen: sum("wait" in one.line for one in seen) >= 2, "another run")
    for name in ("alone", "clock"):
        agent.call("DELETE", f"/v1/jobs/{name}")


def test_a_header_item_without_a_colon_kills_the_http_executor_until_a_restart(tmp_path: Path, sink: Sink) -> None:
    agent = Agent(str(SANDBOX), tmp_path / "data")
    with agent:
        posted(agent, "bad", schedule="@manually", **http(sink, "/ok", headers='["X-Api-Key"]'))
        posted(agent, "good", schedule="@manually", **http(sink, "/ok"))
        posted(agent, "shell", schedule="@manually", executor="shell", executor_config={"command": "/bin/echo still"})
        for name in ("bad", "good", "shell"):
            run(agent, name)
        assert "error reading from server" in executions(agent, "bad")[0]["output"]
        assert "connect: connection refused" in executions(agent, "good")[0]["output"]
        assert executions(agent, "shell")[0]["output"] == "still\n"
        assert agent.call("GET", "/health").json() == {"status": "healthy"}
        assert sink.seen == []
    with agent:
        run(agent, "good")
        assert [one.line for one in sink.seen] == ["GET /ok HTTP/1.1"]


def test_acknowledged_writes_outlive_a_kill(tmp_path: Path) -> None:
    agent = Agent(str(SANDBOX), tmp_path / "data")
    agent.start().ready()
    posted(agent, "kept", schedule="@manually", executor="shell", executor_config={"command": "/bin/echo hi"},
           starts_at="2030-01-02T03:04:05.123456789Z", metadata={"a": "b"},
           processors={"log": {"forward": "true"}})  # fmt: skip
    posted(agent, "gone", schedule="@manually")
    run(agent, "kept")
    assert agent.call("DELETE", "/v1/jobs/gone").status == 200
    posted(agent, "last", schedule="@every 1h")
    before = (agent.call("GET", "/v1/jobs").json(), executions(agent, "kept"))
    agent.stop(signal.SIGKILL)
    with agent:
        assert (agent.call("GET", "/v1/jobs").json(), executions(agent, "kept")) == before


def test_after_a_kill_in_the_middle_of_a_run_a_forbid_job_is_stuck_and_an_allow_job_goes_on(
    tmp_path: Path, sink: Sink
) -> None:
    agent = Agent(str(SANDBOX), tmp_path / "data")
    agent.start().ready()
    posted(agent, "stuck", schedule="@every 1s", concurrency="forbid", **http(sink, "/wait?stuck"))
    sink.wait_for(bool, "the first run")
    wait_until(lambda: agent.call("GET", "/v1/busy").json(), "it is stored as running")
    agent.stop(signal.SIGKILL)
    with agent:
        assert executions(agent, "stuck")[0]["finished_at"] == "0001-01-01T00:00:00Z"
        assert agent.call("GET", "/v1/busy").json() == []
        posted(agent, "free", schedule="@every 1s", **http(sink, "/free"))
        sink.wait_for(lambda seen: sum("free" in one.line for one in seen) >= 3, "three ticks")
        assert sum("stuck" in one.line for one in sink.seen) == 1
        assert agent.call("DELETE", "/v1/jobs/stuck").status == 200
        posted(agent, "stuck", schedule="@every 1s", concurrency="forbid", **http(sink, "/wait?stuck"))
        sink.wait_for(lambda seen: sum("stuck" in one.line for one in seen) == 2, "created anew, it fires")


def test_without_a_leader_it_reads_and_refuses_to_write(tmp_path: Path) -> None:
    """As recorded of the node that was left alone: cluster.json, minority_leader_left."""
    switch = tmp_path / "no-leader"
    with Agent(str(SANDBOX), tmp_path / "data", environment={"SANDBOX_DKRON_NO_LEADER_FILE": str(switch)}) as agent:
        posted(agent, "here", schedule="@manually")
        switch.touch()
        answers = {
            "leader": agent.call("GET", "/v1/leader"),
            "isleader": agent.call("GET", "/v1/isleader"),
            "POST": agent.call("POST", "/v1/jobs", {"name": "new", "schedule": "@manually"}),
            "invalid": agent.call("POST", "/v1/jobs", {"name": "New", "schedule": "@manually"}),
            "DELETE": agent.call("DELETE", "/v1/jobs/here"),
            "run": agent.call("POST", "/v1/jobs/here/run"),
            "toggle": agent.call("POST", "/v1/jobs/here/toggle"),
            "busy": agent.call("GET", "/v1/busy"),
            "health": agent.call("GET", "/health"),
            "get": agent.call("GET", "/v1/jobs/here"),
        }
        assert {name: answer.status for name, answer in answers.items()} == {
            "leader": 500, "isleader": 404, "POST": 500, "invalid": 400, "DELETE": 404, "run": 404, "toggle": 422,
            "busy": 200, "health": 200, "get": 200,
        }  # fmt: skip
        assert answers["leader"].text == "null"
        assert answers["isleader"].json() == "I am a follower"
        assert answers["POST"].text == "failed to exit idle mode: passthrough: received empty target in Build()"
        assert [one["name"] for one in agent.call("GET", "/v1/jobs").json()] == ["here"]
        switch.unlink()
        assert agent.call("GET", "/v1/leader").status == 200
        assert agent.call("DELETE", "/v1/jobs/here").status == 200


def test_next_is_shown_in_the_servers_own_zone(tmp_path: Path) -> None:
    """Recorded: timezones.json, the entries with server_TZ."""
    with Agent(str(SANDBOX), tmp_path / "data", environment={"TZ": "America/New_York"}) as agent:
        posted(agent, "z", schedule="0 0 3 * * *", timezone="Asia/Tokyo", disabled=True)
        assert job(agent, "z")["next"][11:] in ("07:00:00Z", "08:00:00Z")


def test_a_term_signal_at_any_moment_ends_it(tmp_path: Path) -> None:
    for _ in range(5):
        agent = Agent(str(SANDBOX), tmp_path / "data").start()  # it answers before its main thread has come to rest
        assert agent.stop(signal.SIGTERM) == os.EX_OK


def test_a_term_signal_ends_it_cleanly_and_a_second_agent_keeps_out(tmp_path: Path) -> None:
    agent = Agent(str(SANDBOX), tmp_path / "data")
    agent.start().ready()
    other = Agent(str(SANDBOX), tmp_path / "data")
    with pytest.raises(AssertionError, match="is used by another agent"):
        other.start()
    assert agent.stop(signal.SIGTERM) == os.EX_OK
