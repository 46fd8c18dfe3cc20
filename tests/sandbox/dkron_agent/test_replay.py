"""The recorded exchanges, replayed in order: the same status, kind of body, fields and effects.

They depend on one another, so one test replays all of them and reports every one that differs. The recording left
some steps out (a run in the background, a clean-up between groups); `_STEPS` makes them up from what came after.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.e2e.harness import wait_until
from tests.paths import recorded
from tests.sandbox.dkron_agent.agents import SANDBOX, Agent, Answer, programs
from tests.sandbox.dkron_agent.recordings import body_of, differences, expanded

Entry = dict[str, Any]

# What this stand-in does not have (it answers 501), or what the recording does not hold enough to repeat.
OUT_OF_SCOPE = {
    **dict.fromkeys(["a08-root-html", "a09-root-json", "a16-ui"], "the UI"),
    "a15-debug-vars": "the debug page",
    **{f"k{number:02d}": "restore" for number in range(1, 25) if number not in (18, 20)},
    **{f"p{number}": "leave" for number in range(16, 21)},
    **dict.fromkeys(
        ["n13-edge-run", "n13b-edge-executions", "n14-edge-delete", "n15-edge-get-after"],
        "a job too large for the message to the node that runs it: needs that node",
    ),
}
# Held to their statuses only.
OWN_WORDS = {
    **dict.fromkeys(
        ["e94c-starts-at-offset-24", "p02-year-10000", "p12-year-negative"],
        "a date is echoed in UTC here, in its own offset there: one of them can't be written",
    ),
    "h29-no-executor-executions": "why the execution failed",
}
REFUSED = ["a08-root-html", "a15-debug-vars", "a16-ui", "k01-restore", "p16-leave"]
MEASURED = {"o00-create-1000", "o06-delete-1000"}  # a thousand requests in one entry: a step here
HEADERS = ("x-total-count", "location")


# Python 3.12 reads JSON to a fixed depth; before and after, a program can say how deep.
if sys.version_info[:2] == (3, 12):
    OUT_OF_SCOPE["ea7-deep-nesting"] = "JSON nested deeper than this Python reads"


def in_scope(entry: Entry) -> bool:
    return not {entry["id"], entry["id"].partition("-")[0]} & (OUT_OF_SCOPE.keys() | MEASURED)


def test_every_exception_names_a_recorded_exchange() -> None:
    ids = {entry["id"] for entry in recorded("http")}
    assert OUT_OF_SCOPE.keys() <= ids | {one.partition("-")[0] for one in ids}
    assert ids >= MEASURED | OWN_WORDS.keys()


class Replay:
    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.entries = {entry["id"]: entry for entry in recorded("http")}
        self.ids: dict[str, str] = {}  # recorded execution id -> ours
        self.background: list[threading.Thread] = []

    def answer(self, entry: Entry) -> Answer:
        request = entry["request"]
        if "raw_request" in request:
            return self.agent.raw(request["raw_request"].encode("latin-1"))
        if entry["id"] == "n19-many-metadata":
            metadata = {f"k{number:05d}": "v" for number in range(10_000)}
            return self.agent.call("POST", "/v1/jobs", {**request["json"], "metadata": metadata})
        path, query = expanded(request["path"]), expanded(request["query"])
        for old, new in self.ids.items():
            path = path.replace(old, new)
        if isinstance(query, dict):
            query = "&".join(f"{quote(key)}={quote(value)}" for key, value in query.items())
        target = path if query is None else f"{path}?{query}"
        headers = {name: expanded(value) for name, value in request.get("headers", {}).items()}
        return self.agent.call(request["method"], target, body_of(request), headers)

    def wrong(self, entry: Entry) -> Iterator[str]:
        """What is not as recorded."""
        wanted, found = entry["response"], self.answer(entry)
        if found.status != wanted["status"]:
            yield f"status {found.status}, recorded {wanted['status']}: {found.body[:300]!r}"
            return
        for name in HEADERS:
            if wanted.get("headers") and name in wanted["headers"]:
                yield from differences(expanded(wanted["headers"][name]), found.headers.get(name), name)
        if entry["id"] in OWN_WORDS:
            return
        if "json" in wanted:
            yield from differences(*self._bodies(entry["id"], expanded(wanted["json"]), found.json()), "body")
        elif wanted.get("text") == "" and found.body:
            yield f"a body, recorded none: {found.body[:300]!r}"

    def _bodies(self, name: str, was: Any, body: Any) -> tuple[Any, Any]:
        if name == "j04-executions":
            self.ids = {old["id"]: new["id"] for old, new in zip(was, body, strict=True)}
        if name == "j06-executions-limit":  # the last three bytes of "out" and "err", whichever came last
            for one in (*body, *was):
                one["output"] = one["output"].replace("ut", "rr")
        return was, body

    def clear(self) -> None:
        while names := [job["name"] for job in self.agent.call("GET", "/v1/jobs").json()]:
            for name in names:
                self.agent.call("DELETE", f"/v1/jobs/{quote(name)}")

    def ran(self, job: str) -> None:
        finished = lambda: any(one["finished_at"][:4] != "0001" for one in self.agent.executions(job))  # noqa: E731
        wait_until(finished, f"{job} ran")

    def run_behind(self, job: str) -> None:
        self.background.append(threading.Thread(target=self.agent.run, args=(job,)))
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
            self.agent.post(
                **{key: value for key, value in job.items() if key not in ("id", "next") and value is not None}
            )

    def thousand(self) -> None:
        self.clear()
        shape = self.entries["o00-create-1000"]["request"]["json"]
        for number in range(1000):
            metadata = {"i": str(number), "mod": str(number % 10)}
            self.agent.post(**{**shape, "name": f"job-{number:04d}", "metadata": metadata})


_L_X = {"metadata": {"a b": "c d", "a.b": "x&y", "a]b": "1", "é": "ü"}}
_SHELL = {"schedule": "@every 9h", "executor": "shell", "executor_config": {"command": "/bin/true"}}

# What happened, unrecorded, before the exchange of that id.
_STEPS: dict[str, Callable[[Replay], None]] = {
    "g11-prefix-executions": lambda replay: replay.agent.run("pre", "prefix"),
    "g20-get-eph-fail": lambda replay: replay.agent.run("ephf"),
    "h31-runoncreate-executions": lambda replay: replay.ran("roc"),
    "h33-get-roc2": lambda replay: replay.ran("roc2"),
    "j04-executions": lambda replay: replay.agent.run("ex", "ex", "ex"),
    "j11-busy": lambda replay: replay.run_behind("rn"),
    "j14-busy-after": lambda replay: replay.settle(),
    "l01-list": lambda replay: replay.listed(),
    "l48-metadata-space": lambda replay: replay.agent.post("l-x", disabled=True, **_L_X),
    "m14-encoded-slash-run": lambda replay: replay.agent.post("m-run", **_SHELL),
    "o01-list-1000": lambda replay: replay.thousand(),
    "p01-ok-job": lambda replay: replay.clear(),
}


@pytest.mark.parametrize("program", programs())
def test_the_recorded_exchanges_come_out_the_same(program: Path, tmp_path: Path) -> None:
    wrong = []
    with Agent(program, tmp_path / "data") as agent:
        replay = Replay(agent)
        for entry in filter(in_scope, recorded("http")):
            if entry["id"] in _STEPS:
                _STEPS[entry["id"]](replay)
            wrong += [f"{entry['id']} ({entry['note']}): {line}" for line in replay.wrong(entry)]
    assert not wrong, "\n".join(wrong)


def test_what_it_has_not_got_answers_501_and_names_itself(tmp_path: Path) -> None:
    entries = {entry["id"]: entry for entry in recorded("http")}
    with Agent(SANDBOX, tmp_path / "data") as agent:
        for name in REFUSED:
            request = entries[name]["request"]
            answer = agent.call(request["method"], request["path"])
            assert (answer.status, name) == (501, name)
            assert f"{request['method']} {request['path']} is not part of this stand-in".encode() in answer.body
