"""The recorded scenarios of jobs that were run by hand, replayed: the same requests, outcomes and counters.

What an executor says of its failure is in its own words, so only what the job itself put out is compared. What came of
time, crashes and families of jobs is in test_running.py.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from tests.paths import recorded
from tests.sandbox.dkron_agent.agents import Agent, programs
from tests.sandbox.dkron_agent.recordings import differences, expanded
from tests.sandbox.dkron_agent.sink import Seen, Sink, certificate

Scenario = dict[str, Any]

NOT_REPLAYED = {
    "timeout-default": "takes 30 s",
    "tls-https-to-http": "takes 10 s",
    "tls-http-to-https": "which end of the connection fails first is chance",
    "hdr-accept-encoding": "the packed bytes carry the time of packing",
    "shell-mem-limit": "memory is not watched",
    "shell-mem-limit-timeout": "memory is not watched",
}
SLOW = {"retry-slow-failure", "timeout-1s"}
# Headers that the transport adds or drops as it likes.
TRANSPORT = ("host", "user-agent", "connection", "content-length", "accept-encoding", "referer")
# What the http executor says before the answer, and where its failure's own words end.
REMARK = re.compile(r"^(Config|Warning|Error): .*\n|^received response .*\n", re.MULTILINE)
SHORTENED = re.compile(r"echo (x ?).*\.\.\. \((\d+) characters\)")


def by_hand() -> list[Scenario]:
    found = []
    for one in recorded("firing"):
        manual = one.get("job", {}).get("schedule") == "@manually" and isinstance(one.get("run"), list)
        if manual and not one["id"].startswith("crash-") and one["id"] not in NOT_REPLAYED:
            found.append(one)
    return found


def one_run(name: str) -> list[Scenario]:
    """The cases of shell_executor.json or http_executor.json in the shape of firing.json."""
    return [
        {
            "id": case["job"]["name"],
            "job": case["job"],
            "post_status": case["post_status"],
            "run": [{"status": case["run_status"]}],
            "executions": case["executions"],
            "job_after": case.get("after", {}),
            "requests_seen": [
                {"request_line": f"{one['method']} {one['path']} HTTP/1.1", **one} for one in case.get("sent", [])
            ],
        }
        for case in recorded(name)["cases"]
    ]


def scenarios() -> list[Any]:
    every = [*by_hand(), *one_run("shell_executor"), *one_run("http_executor")]
    return [pytest.param(one, id=one["id"], marks=[pytest.mark.slow] if one["id"] in SLOW else []) for one in every]


def test_what_is_not_replayed_is_recorded_and_most_is_replayed() -> None:
    assert NOT_REPLAYED.keys() | SLOW <= {one["id"] for one in recorded("firing")}
    assert len(scenarios()) > 200


class Stage:
    """An agent, the servers that its jobs call, and how the recording's addresses translate to them."""

    def __init__(self, agent: Agent, folder: Path) -> None:
        self.agent = agent
        known = certificate(folder / "known.pem", for_loopback=True)
        other = certificate(folder / "other.pem", for_loopback=False)
        self.plain, self.tls, self.elsewhere = Sink(), Sink(known), Sink(other)
        self._words = {
            "127.0.0.1:8799": f"127.0.0.1:{self.plain.port}",
            "127.0.0.1:8797": f"127.0.0.1:{self.tls.port}",
            "127.0.0.1:8796": f"127.0.0.1:{self.elsewhere.port}",
            "127.0.0.1:23100": f"127.0.0.1:{self.plain.port}",
            "data/tls/cert.pem": str(known),
            "data/tls/cert2.pem": str(other),
            "/usr/bin/python3": sys.executable,
        }

    def close(self) -> None:
        for sink in (self.plain, self.tls, self.elsewhere):
            sink.close()

    def here(self, value: Any) -> Any:
        """The recorded value with the addresses of this test."""
        text = json.dumps(expanded(value))
        for old, new in self._words.items():
            text = text.replace(old, new)
        return json.loads(text)

    def run(self, scenario: Scenario) -> Iterator[str]:
        """Run the scenario; what is not as recorded."""
        for sink in (self.plain, self.tls, self.elsewhere):
            sink.seen.clear()
            sink.says_fine = scenario["id"].startswith("h-")
        job = self.here(scenario["job"])
        shortened = SHORTENED.fullmatch((job.get("executor_config") or {}).get("command", ""))
        if shortened:
            job["executor_config"]["command"] = "echo " + shortened[1] * ((int(shortened[2]) - 5) // len(shortened[1]))
        assert self.agent.call("POST", "/v1/jobs", job).status == scenario["post_status"]
        for run in scenario["run"]:
            assert self.agent.call("POST", f"/v1/jobs/{job['name']}/run").status == run["status"]
        yield from differences(self.wanted(scenario), self.requests(), "requests")
        yield from self.executions(scenario, job["name"])
        after = {key: value for key, value in scenario["job_after"].items() if not key.startswith("last_")}
        found = self.agent.job(job["name"])
        yield from differences(after, {key: found[key] for key in after}, "job")

    def wanted(self, scenario: Scenario) -> list[Any]:
        seen = [one for one in self.here(scenario["requests_seen"]) if one["request_line"]]
        lines = [one["request_line"].split(" ") for one in seen]
        return [meaning(line[0], line[1], one["headers"], one["body"]) for line, one in zip(lines, seen, strict=True)]

    def requests(self) -> list[Any]:
        seen: list[Seen] = self.plain.seen + self.tls.seen + self.elsewhere.seen
        return [meaning(one.method, one.path, one.headers, one.body) for one in seen]

    def executions(self, scenario: Scenario, name: str) -> Iterator[str]:
        found = self.agent.executions(name)
        wanted = self.here(scenario["executions"])
        for both in (found, wanted):
            # Attempts that begin within the same instant may be listed in either order.
            both.sort(key=lambda one: (one.get("group", 0), one.get("attempt", 1)))
        if [one["success"] for one in found] != [one["success"] for one in wanted]:
            yield f"executions: {found!r:.500}, recorded {wanted!r:.500}"
            return
        for old, new in zip(wanted, found, strict=True):
            if scenario["job"].get("executor_config", {}).get("command") == "env":
                added = {line for line in old["output"].split("\n") if "=" in line and not line.startswith("PLUGIN_")}
                yield from (f"environment: {line} is missing" for line in added - {*new["output"].split("\n")})
            elif not SHORTENED.match(scenario["job"].get("executor_config", {}).get("command", "")):
                yield from differences(put_out(old), put_out(new), "output")
            yield from differences(old.get("attempt", 1), new["attempt"] if "attempt" in old else 1, "attempt")


def put_out(execution: dict[str, Any]) -> str:
    """The output without the executor's own words; of a failure, all but its first line."""
    output = execution.get("output") or ""
    rest = output if execution["success"] else output.partition("\n")[2]
    return REMARK.sub("", rest)


def meaning(method: str, target: str, headers: list[Any], body: str) -> dict[str, Any]:
    """A request without what its transport adds; of the headers, those that the job can set."""
    own = {name.lower(): utf8(value) for name, value in headers if name.lower() not in TRANSPORT}
    return {"method": method, "target": unquote(target), "headers": own, "body": body}


def utf8(value: str) -> str:
    """A header's value, which one of the recordings and the sink give byte by byte."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


@pytest.fixture(scope="module", params=programs())
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("firing")
    with Agent(request.param, folder / "data", name="f1") as agent:
        made = Stage(agent, folder)
        yield made
        made.close()


@pytest.mark.parametrize("scenario", scenarios())
def test_a_job_does_what_was_recorded(stage: Stage, scenario: Scenario) -> None:
    wrong = list(stage.run(scenario))
    assert not wrong, f"{scenario.get('note', scenario['id'])}\n" + "\n".join(wrong)


# All but the tag "zone", which the recorded nodes had from their command lines.
TAGGED = [case for case in recorded("nodes")["cases"] if "tags" in case and "zone" not in (case["tags"] or {})]


@pytest.mark.parametrize("case", TAGGED, ids=lambda case: str(case["tags"]))
def test_tags_select_the_node_or_leave_the_job_without_one(stage: Stage, case: Scenario) -> None:
    """Recorded on three nodes; each is one of many here, so what counts is whether the first of them would run it."""
    stage.plain.seen.clear()
    config = {"method": "GET", "url": f"http://127.0.0.1:{stage.plain.port}/ok"}
    stage.agent.post("tagged", tags=case["tags"], executor="http", executor_config=config)
    assert stage.agent.call("POST", "/v1/jobs/tagged/run").status == case["run_status"]
    assert len(stage.plain.seen) == min(1, case["requests"])
