"""The recorded exchanges, replayed in order: the same status, content type, headers and body.

They depend on one another, so one test replays all of them and reports every one that differs. The recording left
some steps out (a run in the background, a clean-up between groups); `_STEPS` makes them up from what came after.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.paths import recorded
from tests.sandbox.dkron_agent.agents import SANDBOX, Agent, Answer, real_dkron, wait_until
from tests.sandbox.dkron_agent.recordings import body_of, differences, expanded

Entry = dict[str, Any]

# What this stand-in does not have (it answers 501), or what the recording does not hold enough to repeat.
OUT_OF_SCOPE = {
    **dict.fromkeys(["a08-root-html", "a09-root-json", "a16-ui"], "the UI"),
    "a15-debug-vars": "the debug page",
    **{f"k{number:02d}": "restore" for number in range(1, 25) if number not in (18, 20)},
    **{f"p{number}": "leave" for number in range(16, 21)},
    **dict.fromkeys(["n13-edge-run", "n13b-edge-executions", "n14-edge-delete", "n15-edge-get-after"],
                    "a job too large for the message to the node that runs it: needs that node"),
}  # fmt: skip
REFUSED = ["a08-root-html", "a15-debug-vars", "a16-ui", "k01-restore", "p16-leave"]
MEASURED = {"o00-create-1000", "o06-delete-1000"}  # a thousand requests in one entry: a step here


def in_scope(entry: Entry) -> bool:
    return not {entry["id"], entry["id"].partition("-")[0]} & (OUT_OF_SCOPE.keys() | MEASURED)


def test_every_exception_names_a_recorded_exchange() -> None:
    ids = {entry["id"] for entry in recorded("http")}
    assert OUT_OF_SCOPE.keys() <= ids | {one.partition("-")[0] for one in ids}
    assert ids >= MEASURED


class Replay:
    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.entries = {entry["id"]: entry for entry in recorded("http")}
        self.ids: dict[str, str] = {}  # recorded execution id -> ours
        self.background: list[threading.Thread] = []

    def target(self, request: dict[str, Any]) -> str:
        path: str = expanded(request["path"])
        query = expanded(request["query"])
        if isinstance(query, dict):
            query = "&".join(f"{quote(key)}={quote(value)}" for key, value in query.items())
        for old, new in self.ids.items():
            path = path.replace(old, new)
        return path + (f"?{query}" if query is not None else "")

    def answer(self, entry: Entry) -> Answer:
        request = entry["request"]
        if "raw_request" in request:
            return self.agent.raw(request["raw_request"].encode("latin-1"))
        body = body_of(request)
        if entry["id"] == "n19-many-metadata":
            return self.agent.call("POST", "/v1/jobs", many_metadata())
        headers = {name: expanded(value) for name, value in request.get("headers", {}).items()}
        return self.agent.call(request["method"], self.target(request), body, headers)

    def wrong(self, entry: Entry) -> list[str]:
        """What is not as recorded."""
        wanted, found = entry["response"], self.answer(entry)
        lines = [] if found.status == wanted["status"] else [f"status {found.status}, recorded {wanted['status']}"]
        if (found.content_type or None) != (wanted["content_type"] or None):
            lines.append(f"content type {found.content_type}, recorded {wanted['content_type']}")
        for name, value in (wanted.get("headers") or {}).items():
            if name not in ("content-length", "transfer-encoding"):
                lines += differences(value, found.headers.get(name), name)
        if lines:
            return [*lines, found.text[:300]]
        if "json" in wanted:
            body, was = found.json(), _unmarked(wanted["json"])
            if entry["id"] == "j06-executions-limit":  # the last three bytes of "out" and "err", whichever came last
                for one in (*body, *was):
                    one["output"] = one["output"].replace("ut", "rr")
            lines = differences(was, body, "body")
            if entry["id"] == "j04-executions":
                self.ids = {old["id"]: new["id"] for old, new in zip(wanted["json"], body, strict=True)}
        elif isinstance(wanted.get("text"), str):
            lines = [] if found.text == wanted["text"] else [f"text {found.text!r}, recorded {wanted['text']!r}"]
        if wanted.get("bytes") == 601:  # the one ?pretty answer whose size can't vary
            lines += [] if len(found.body) == 601 else [f"{len(found.body)} bytes"]
        return lines

    def post(self, name: str, **fields: Any) -> None:
        assert self.agent.call("POST", "/v1/jobs", {"name": name, **fields}).status == 201

    def clear(self) -> None:
        while names := [job["name"] for job in self.agent.call("GET", "/v1/jobs").json()]:
            for name in names:
                self.agent.call("DELETE", f"/v1/jobs/{quote(name)}")

    def executed(self, job: str, number: int) -> bool:
        found = self.agent.call("GET", f"/v1/jobs/{job}/executions").json()
        return sum(not one["finished_at"].startswith("0001") for one in found) >= number

    def run(self, *jobs: str) -> None:
        for job in jobs:
            assert self.agent.call("POST", f"/v1/jobs/{job}/run").status == 200

    def run_behind(self, job: str) -> None:
        self.background.append(threading.Thread(target=self.run, args=(job,)))
        self.background[-1].start()
        wait_until(lambda: self.agent.call("GET", "/v1/busy").json(), f"{job} runs")

    def settle(self) -> None:
        for thread in self.background:
            thread.join()
        wait_until(lambda: self.agent.call("GET", "/v1/busy").json() == [], "nothing runs")

    def listed(self) -> None:
        """The jobs of the list's group, made from the list."""
        self.clear()
        for job in self.entries["l01-list"]["response"]["json"]:
            fields = {key: value for key, value in job.items() if key not in ("id", "next") and value is not None}
            self.post(fields.pop("name"), **fields)

    def thousand(self) -> None:
        self.clear()
        shape = self.entries["o00-create-1000"]["request"]["json"]
        for number in range(1000):
            config = {**shape["executor_config"], "url": f"http://127.0.0.1:9/{number}"}
            metadata = {"i": str(number), "mod": str(number % 10)}
            self.post(**{**shape, "name": f"job-{number:04d}", "executor_config": config, "metadata": metadata})


def many_metadata() -> dict[str, Any]:
    return {
        "name": "n-k",
        "schedule": "@manually",
        "disabled": True,
        "metadata": {f"k{i:05d}": "v" for i in range(10_000)},
    }


def _unmarked(value: Any) -> Any:
    """Repeats spelled out; the markers that `differences` knows stay."""
    if isinstance(value, dict) and value.keys() & {"$long", "$list", "$keys"}:
        return value
    if isinstance(value, dict) and not value.keys() & {"$repeat", "$concat"}:
        return {key: _unmarked(item) for key, item in value.items()}
    return [_unmarked(item) for item in value] if isinstance(value, list) else expanded(value)


_L_X = {"metadata": {"a b": "c d", "a.b": "x&y", "a]b": "1", "é": "ü"}}
_SHELL = {"schedule": "@every 9h", "executor": "shell", "executor_config": {"command": "/bin/true"}}

# What happened, unrecorded, before the exchange of that id.
_STEPS: dict[str, Callable[[Replay], None]] = {
    "g11-prefix-executions": lambda replay: replay.run("pre", "prefix"),
    "g20-get-eph-fail": lambda replay: replay.run("ephf"),
    "h31-runoncreate-executions": lambda replay: wait_until(lambda: replay.executed("roc", 1), "roc ran"),
    "h33-get-roc2": lambda replay: wait_until(lambda: replay.executed("roc2", 1), "roc2 ran"),
    "j04-executions": lambda replay: replay.run("ex", "ex", "ex"),
    "j11-busy": lambda replay: replay.run_behind("rn"),
    "j14-busy-after": lambda replay: replay.settle(),
    "l01-list": lambda replay: replay.listed(),
    "l48-metadata-space": lambda replay: replay.post("l-x", schedule="@manually", disabled=True, **_L_X),
    "m14-encoded-slash-run": lambda replay: replay.post("m-run", **_SHELL),
    "o01-list-1000": lambda replay: replay.thousand(),
    "p01-ok-job": lambda replay: replay.clear(),
}


def programs() -> list[Any]:
    real = real_dkron()
    absent = pytest.mark.skipif(real is None, reason="no real dkron on PATH")
    return [pytest.param(str(SANDBOX), id="sandbox"), pytest.param(real, id="real", marks=[absent, pytest.mark.e2e])]


@pytest.mark.parametrize("program", programs())
def test_the_recorded_exchanges_come_out_the_same(program: str, tmp_path: Path) -> None:
    wrong = []
    with Agent(program, tmp_path / "data") as agent:
        replay = Replay(agent)
        for entry in recorded("http"):
            if in_scope(entry):
                if entry["id"] in _STEPS:
                    _STEPS[entry["id"]](replay)
                wrong += [f"{entry['id']} ({entry['note']}): {line}" for line in replay.wrong(entry)]
    assert not wrong, "\n".join(wrong)


def test_what_it_has_not_got_answers_501_and_names_itself(tmp_path: Path) -> None:
    entries = {entry["id"]: entry for entry in recorded("http")}
    with Agent(str(SANDBOX), tmp_path / "data") as agent:
        for name in REFUSED:
            request = entries[name]["request"]
            answer = agent.call(request["method"], request["path"])
            assert (answer.status, name) == (501, name)
            assert answer.text.startswith(f"{request['method']} {request['path']} is not part of this stand-in")
