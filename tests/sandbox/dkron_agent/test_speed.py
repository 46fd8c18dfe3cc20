"""Is it fast enough for the tests and benchmarks that run on it? Measures and prints; the bounds are generous."""

import contextlib
import http.client
import json
import os
import time
from pathlib import Path
from typing import Any

from tests.sandbox.dkron_agent.agents import SANDBOX, Agent

JOBS = 1000
UPSERTS_S, LIST_S = 5.0, 0.1  # what it must do on two idle cores
SLACK = 4  # a busy machine is no fault: the bounds that are asserted are this much wider


def job(number: int) -> bytes:
    config = {"method": "POST", "url": f"http://127.0.0.1:9/{number}", "timeout": "30", "expectCode": "200"}
    fields: dict[str, Any] = {"name": f"job-{number:04d}", "schedule": "0 0 3 * * *", "executor": "http"}
    return json.dumps({**fields, "metadata": {"i": str(number)}, "executor_config": config}).encode()


def measure(port: int) -> tuple[float, float]:
    """Seconds for a thousand upserts on one connection, and for one list of them (the best of five)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with contextlib.closing(connection):
        begun = time.perf_counter()
        for number in range(JOBS):
            connection.request("POST", "/v1/jobs", job(number))
            response = connection.getresponse()
            response.read()
            assert response.status == 201
        upserts = time.perf_counter() - begun
        lists = []
        for _ in range(5):
            begun = time.perf_counter()
            connection.request("GET", "/v1/jobs")
            response = connection.getresponse()
            assert response.getheader("X-Total-Count") == str(JOBS)
            assert response.read().endswith(b"}]")
            lists.append(time.perf_counter() - begun)
    return upserts, min(lists)


def test_a_thousand_jobs_are_stored_and_listed_in_good_time(tmp_path: Path) -> None:
    with Agent(str(SANDBOX), tmp_path / "data") as agent:
        upserts, listed = measure(agent.port)
    print(f"\n{JOBS} upserts {upserts:.2f} s, list of {JOBS} {listed * 1000:.1f} ms, {os.cpu_count()} cores")
    assert upserts < UPSERTS_S * SLACK
    assert listed < LIST_S * SLACK
