"""The jobs that are measured: as those of `jobs/` are, and as many as BENCH_JOBS says. Laid out as `jobs/declared.py`.

All of them run once a day, at BENCH_HOUR, which the benchmark sets far enough away: none runs while it measures.
"""

import os

from provider.job.executors import http
from provider.job.references import secret, setting
from provider.job.spec import JobSpec


def declarations(count: int, changed: bool, hour: int) -> list[JobSpec]:
    """`count` jobs; `changed` is another display name of the first."""
    return [
        JobSpec(
            name=f"bench-job-{number:05d}",
            displayname=f"Job {number} of the benchmark" + (", changed" if changed and number == 0 else ""),
            schedule=f"{number % 60} {number // 60 % 60} {hour} * * *",
            timezone="UTC",
            owner="team",
            concurrency="forbid",
            retries=2,
            tags={"dc": "dc1:1"},
            executor=http(
                setting("gatewayUrl") + f"/api/v1/bench/jobs/job-{number:05d}",
                method="POST",
                headers={"X-Api-Key": secret("serviceKey")},
                timeout=30,
                expect_code=200,
            ),
        )
        for number in range(count)
    ]


JOBS = declarations(
    int(os.environ.get("BENCH_JOBS") or 0),
    bool(os.environ.get("BENCH_CHANGED")),
    int(os.environ.get("BENCH_HOUR") or 0),
)
