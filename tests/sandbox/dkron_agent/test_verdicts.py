"""The recorded verdicts on schedules, names and time zones, asked over HTTP: accepted or not, with Dkron's words."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.paths import recorded
from tests.sandbox.dkron_agent.agents import Agent
from tests.sandbox.dkron_agent.recordings import differences, expanded

Entry = dict[str, Any]
Verdict = tuple[int, str | None]


def posted(agent: Agent, body: bytes) -> Verdict:
    answer = agent.call("POST", "/v1/jobs", body)
    return answer.status, None if answer.status == 201 else answer.text


def asked(agent: Agent, **job: Any) -> Verdict:
    """The verdict on a job; it is gone afterwards."""
    verdict = posted(agent, json.dumps({"disabled": True, "schedule": "@manually", **job}).encode())
    if verdict[0] == 201:
        agent.call("DELETE", f"/v1/jobs/{quote(job['name'])}")
    return verdict


def problems(entry: Entry, found: Verdict) -> list[str]:
    lines = [] if entry["status"] == found[0] else [f"status {found[0]}, recorded {entry['status']}: {found[1]}"]
    return lines or differences(entry["error"], found[1], "error")


def test_every_schedule_gets_the_recorded_verdict(agent: Agent) -> None:
    wrong = []
    for entry in recorded("schedules"):
        text = expanded(entry["schedule"])
        found = asked(agent, name=entry["name"], schedule=text, timezone=entry["timezone"])
        wrong += [f"{text!r:.100}: {line:.500}" for line in problems(entry, found)]
    assert not wrong, "\n".join(wrong)


def test_every_time_zone_gets_the_recorded_verdict(agent: Agent) -> None:
    wrong = []
    for entry in recorded("timezones"):
        if "server_TZ" in entry:
            continue
        found = asked(agent, name="z", schedule="0 0 3 * * *", timezone=entry["timezone"])
        wrong += [f"{entry['timezone']!r}: {line}" for line in problems(entry, found)]
        prefixed = entry["as_schedule_prefix"]
        if prefixed:
            found = asked(agent, name="z", schedule=prefixed["schedule"])
            wrong += [f"{prefixed['schedule']!r}: {line}" for line in problems(prefixed, found)]
    assert not wrong, "\n".join(wrong)


def test_every_name_gets_the_recorded_verdict(agent: Agent) -> None:
    wrong = []
    for entry in recorded("names"):
        if "raw_json_value" in entry:
            body = f'{{"disabled":true,"schedule":"@manually","name":{entry["raw_json_value"]}}}'.encode()
            found = posted(agent, body)
        else:
            found = asked(agent, name=expanded(entry["name"]))
        wrong += [f"{entry}: {line}" for line in problems(entry, found)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("text", ["0 0 3 * * *", "@every 1h", "@manually"])
def test_a_refused_job_is_not_stored(agent: Agent, text: str) -> None:
    before = agent.call("GET", "/v1/jobs").json()
    assert asked(agent, name="Not A Name", schedule=text)[0] == 400
    assert agent.call("GET", "/v1/jobs").json() == before
