"""A good job's inputs, variations of it, and the secret that must show up nowhere."""

import json
from typing import Any

CANARY = 'CANARY-"7e&é/ä+'  # what JSON, Go, URLs and base64 all write differently
OWNER = "d2-dkron-mgr"


def job(**changes: Any) -> dict[str, Any]:
    """The inputs of a job that is fine, with some fields changed; None leaves a field out."""
    good: dict[str, Any] = {
        "name": "geo-purge",
        "displayname": "Purge",
        "schedule": "0 0 2 * * *",
        "timezone": "UTC",
        "metadata": {"managed_by": OWNER},
        "retries": 2,
        "concurrency": "forbid",
        "executor": "http",
        "executor_config": http_config(),
    }
    return {key: value for key, value in {**good, **changes}.items() if value is not None}


def http_config(**changes: str | None) -> dict[str, str]:
    """The config of an http job that is fine, with some options changed; None leaves an option out."""
    good = {
        "method": "POST",
        "url": "http://gateway:5461/api/v1/geo/jobs/purge",
        "headers": json.dumps([f"X-Api-Key: {CANARY}"]),
        "timeout": "30",
        "expectCode": "200",
    }
    return {key: value for key, value in {**good, **changes}.items() if value is not None}
