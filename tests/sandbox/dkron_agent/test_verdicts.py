"""The recorded verdicts on schedules, names and time zones, asked over HTTP: accepted or refused."""

import json
from typing import Any
from urllib.parse import quote

from tests.paths import recorded
from tests.sandbox.dkron_agent.agents import Agent
from tests.sandbox.dkron_agent.recordings import expanded


def asked(agent: Agent, **fields: Any) -> int:
    """The status of a job's POST; it is gone afterwards."""
    status = agent.call("POST", "/v1/jobs", {"disabled": True, "schedule": "@manually", **fields}).status
    if status == 201:
        agent.call("DELETE", f"/v1/jobs/{quote(fields['name'])}")
    return status


def test_every_schedule_gets_the_recorded_verdict(agent: Agent) -> None:
    wrong = []
    for entry in recorded("schedules"):
        text = expanded(entry["schedule"])
        status = asked(agent, name=expanded(entry["name"]), schedule=text, timezone=entry["timezone"])
        wrong += [] if status == entry["status"] else [f"{text!r:.100}: {status}, recorded {entry['status']}"]
    assert not wrong, "\n".join(wrong)


def test_every_time_zone_gets_the_recorded_verdict(agent: Agent) -> None:
    wrong = []
    for entry in recorded("timezones"):
        if "server_TZ" in entry:
            continue
        name, prefixed = entry["timezone"], entry["as_schedule_prefix"]
        if asked(agent, name="z", schedule="0 0 3 * * *", timezone=expanded(name)) != entry["status"]:
            wrong.append(f"{name!r:.100} as the field")
        if prefixed and asked(agent, name="z", schedule=expanded(prefixed["schedule"])) != prefixed["status"]:
            wrong.append(f"{name!r:.100} as a prefix")
    assert not wrong, "\n".join(wrong)


def test_every_name_gets_the_recorded_verdict(agent: Agent) -> None:
    wrong = []
    for entry in recorded("names"):
        name = entry["raw_json_value"] if "raw_json_value" in entry else json.dumps(expanded(entry["name"]))
        body = f'{{"disabled":true,"schedule":"@manually","name":{name}}}'.encode()
        status = agent.call("POST", "/v1/jobs", body).status
        wrong += [] if status == entry["status"] else [f"{name:.100}: {status}, recorded {entry['status']}"]
    assert not wrong, "\n".join(wrong)
