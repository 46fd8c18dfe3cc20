"""The programs of the recorded sessions: JOBS_WANTED names the variant, {name: changes} as JSON, or "types"."""

import json
import os
from typing import Any

import pulumi

provider = "gASVJgAAAAAAAACMDHByb3ZpZGVyLmpvYpSMC0pvYlByb3ZpZGVylJOUKYGUfZRiLg=="  # an instance, pickled by reference
config = pulumi.Config()
key = config.require_secret("serviceKey")


def job(name: str, props: dict[str, Any]) -> pulumi.CustomResource:
    return pulumi.CustomResource("pulumi-python:dynamic/dkron:Job", name, {"__provider": provider, **props})


def http_job(name: str, changes: dict[str, Any]) -> pulumi.CustomResource:
    job_name = changes.get("name", name)
    executor_config = key.apply(
        lambda text: {
            "expectCode": "200",
            "headers": json.dumps([f"X-Api-Key: {text}"]),
            "method": "POST",
            "timeout": "30000",
            "url": f"http://gw/{job_name}",
        }
    )
    props = {
        "concurrency": "forbid",
        "disabled": False,
        "displayname": name,
        "executor": "http",
        "executor_config": executor_config,
        "metadata": {"managed_by": "d2-dkron-mgr"},
        "name": name,
        "retries": 2,
        "schedule": "0 0 2 * * *",
        "timezone": "UTC",
    }
    return job(name, props | changes)


def every_kind_of_value() -> None:
    first = http_job("a1", {})
    job(
        "typ",
        {
            "disabled": False,
            "displayname": first.id.apply(lambda identity: f"after {identity}"),
            "executor": "http",
            "executor_config": {"headers": key.apply(lambda text: json.dumps([f"K: {text}"])), "url": "http://x"},
            "metadata": {"n": "1"},
            "name": "typ",
            "retries": 3,
            "schedule": "@every 1h",
            "x_big": 2**53 + 1,
            "x_el": [],
            "x_empty": {},
            "x_float": 0.5,
            "x_int": 7,
            "x_list": [1, None, "a", {"k": None, "s": key}],
            "x_none": None,
            "x_sec_unk": pulumi.Output.secret(first.id),
            "x_unk": first.urn,
        },
    )


wanted = json.loads(os.environ["JOBS_WANTED"])
if wanted == "types":
    every_kind_of_value()
else:
    for name, changes in wanted.items():
        http_job(name, changes)
