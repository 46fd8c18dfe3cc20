"""A stateless reconciler: lists the jobs with our tag, writes those that differ, deletes those that nobody declares.

`python reconciler.py URL FILE`: FILE holds the declared jobs as JSON. It keeps no state, previews and refuses nothing,
and is here to be measured beside the program.
"""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import requests

OURS = {"metadata[managed_by]": "d2-dkron-mgr"}
TIMEOUT_S = 30
Job = dict[str, Any]


def differs(declared: Job, live: Job) -> bool:
    """Whether a declared field is not live; Dkron answers null for an empty map."""
    return any((live.get(name) or None) != (value or None) for name, value in declared.items())


def reconcile(url: str, declared: list[Job]) -> Counter[str]:
    """Makes the jobs with our tag equal to `declared`, and counts the changes. Raises requests.RequestException."""
    counts: Counter[str] = Counter()
    with requests.Session() as session:
        session.trust_env = False

        def ask(method: str, path: str, **more: Any) -> Any:
            answer = session.request(method, url + path, timeout=TIMEOUT_S, **more)
            answer.raise_for_status()
            return answer.json()

        ask("GET", "/v1/leader")
        live = {job["name"]: job for job in ask("GET", "/v1/jobs", params=OURS)}
        for job in declared:
            found = live.pop(job["name"], None)
            if found is None or differs(job, found):
                ask("POST", "/v1/jobs", json=job)
                counts["create" if found is None else "update"] += 1
        for name in live:
            ask("DELETE", f"/v1/jobs/{name}")
            counts["delete"] += 1
    return counts


if __name__ == "__main__":
    done = reconcile(sys.argv[1], json.loads(Path(sys.argv[2]).read_text(encoding="utf-8")))
    sys.stdout.write(json.dumps(done) + "\n")
