"""The jobs that are measured: as those of `jobs/` are, and as many as BENCH_JOBS says. Laid out as `jobs/declared.py`.

All of them run once a year, on the first of January: none runs while it measures.
"""

import os
from dataclasses import replace

from jobs._service import service_job
from provider.job.spec import JobSpec


def declarations(count: int, changed: bool) -> list[JobSpec]:
    """`count` jobs; `changed` is another display name of the first."""
    found = []
    for number in range(count):
        schedule = f"{number % 60} {number // 60 % 60} 3 1 1 *"
        title = f"Job {number} of the benchmark" + (", changed" if changed and number == 0 else "")
        job = service_job("bench", f"bench-job-{number:05d}", schedule=schedule, displayname=title)
        found.append(replace(job, owner="team", tags={"dc": "dc1:1"}))
    return found


JOBS = declarations(int(os.environ.get("BENCH_JOBS") or 0), bool(os.environ.get("BENCH_CHANGED")))
