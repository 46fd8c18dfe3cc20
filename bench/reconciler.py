"""A stateless reconciler: lists the jobs, writes those that differ, deletes those of ours that nobody declares.

`python reconciler.py URL FILE`: FILE holds the declared jobs as JSON. It keeps no state, previews nothing, refuses
nothing but a stranger's job, and is here to be measured beside the program.
"""

import json
import sys
from pathlib import Path
from typing import Any

import requests

OWNER = "bench-reconciler"
TIMEOUT_S = 30
Job = dict[str, Any]


def ours(job: Job) -> bool:
    return (job.get("metadata") or {}).get("managed_by") == OWNER


def differs(declared: Job, live: Job) -> bool:
    """Whether a declared field is not live; Dkron answers null for an empty map."""
    return any((live.get(name) or None) != (value or None) for name, value in declared.items())


def reconcile(url: str, declared: list[Job]) -> dict[str, int]:
    """Makes Dkron equal to `declared`. Raises requests.RequestException, and ValueError for a stranger's job."""
    counts = {"create": 0, "update": 0, "delete": 0}
    with requests.Session() as session:
        session.trust_env = False

        def ask(method: str, path: str, body: Job | None = None) -> Any:
            answer = session.request(method, url + path, json=body, timeout=TIMEOUT_S)
            answer.raise_for_status()
            return answer.json()

        ask("GET", "/v1/leader")
        live = {job["name"]: job for job in ask("GET", "/v1/jobs")}
        for job in declared:
            wanted = {**job, "metadata": {**(job.get("metadata") or {}), "managed_by": OWNER}}
            found = live.pop(job["name"], None)
            if found is not None and not ours(found):
                raise ValueError(f'job "{job["name"]}" is not ours')
            if found is None or differs(wanted, found):
                ask("POST", "/v1/jobs", wanted)
                counts["create" if found is None else "update"] += 1
        for name in [name for name, job in live.items() if ours(job)]:
            ask("DELETE", f"/v1/jobs/{name}")
            counts["delete"] += 1
    return counts


if __name__ == "__main__":
    done = reconcile(sys.argv[1], json.loads(Path(sys.argv[2]).read_text(encoding="utf-8")))
    sys.stdout.write(json.dumps({what: count for what, count in done.items() if count}) + "\n")
