"""The health of jobs that really fire: on the real server and the sandbox's, reckoned with a clock that is held."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dev.say import ROOT
from provider.dkron.client import DkronClient
from provider.job.executions import moment
from provider.settings import DEFAULT_OWNER_TAG, DkronSettings
from tests.e2e.harness import Dkron, proxy_before, wait_until
from watcher.dkron.runs import Runs

pytestmark = pytest.mark.slow
HOURS = timedelta(hours=2)


@pytest.fixture
def client(dkron: Dkron) -> Iterator[DkronClient]:
    made = DkronClient(DkronSettings((dkron.url,)))
    yield made
    made.close()


def post(dkron: Dkron, name: str, command: str, schedule: str = "@every 1s", **fields: Any) -> None:
    config = {"command": command, **fields.pop("config", {})}
    metadata = {"managed_by": DEFAULT_OWNER_TAG}
    dkron.post(name=name, schedule=schedule, executor="shell", executor_config=config, metadata=metadata, **fields)


def follow(client: DkronClient, runs: Runs, at: datetime) -> dict[str, str]:
    """One look as the watcher takes it, at a time of the test's choice."""
    runs.note(client.list_jobs(DEFAULT_OWNER_TAG), at)
    runs.ask(client, at)
    return {name: health.state.value for name, health in runs.found.items()}


def now() -> datetime:
    return datetime.now(UTC)


def status(dkron: Dkron, at: datetime | None = None) -> tuple[int, str]:
    when = ["--at", at.isoformat()] if at else []
    done = subprocess.run(
        [sys.executable, "-m", "jobs", "status", "--dkron", dkron.url, *when],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "OWNER_TAG": DEFAULT_OWNER_TAG},
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.mark.sandbox_too
def test_jobs_that_run_that_fail_and_that_do_so_three_times(dkron: Dkron, client: DkronClient) -> None:
    post(dkron, "runs", "true")
    post(dkron, "never", "false")
    wait_until(lambda: dkron.job("runs")["success_count"] and dkron.job("never")["error_count"] >= 2, "the first runs")
    runs = Runs()
    assert follow(client, runs, now()) == {"never": "failing", "runs": "ok"}
    post(dkron, "runs", "false")
    wait_until(lambda: dkron.job("runs")["error_count"] == 1, "the first failure", 20)
    assert follow(client, runs, now())["runs"] in ("failed", "failing")
    wait_until(lambda: dkron.job("runs")["error_count"] >= 4, "three failures more")
    assert follow(client, runs, now())["runs"] == "failing"
    code, text = status(dkron)
    assert code == 1
    assert "never succeeded" in text
    assert "times in a row" in text


def test_all_is_well_on_the_command_line_with_exit_code_0(dkron: Dkron, client: DkronClient) -> None:
    post(dkron, "runs", "true", "@every 1h")
    dkron.run("runs")
    code, text = status(dkron)
    assert (code, text.splitlines()[-1]) == (0, "1 job, all is well")
    code, text = status(dkron, now() + HOURS)
    assert code == 1
    assert "1 job, 1 overdue" in text


def test_a_job_that_hangs_past_its_limit_is_stuck_and_one_without_a_limit_runs(
    dkron: Dkron, client: DkronClient
) -> None:
    # What it starts in a session of its own outlives the kill, and holds the output that Dkron waits for.
    post(dkron, "hangs", "setsid sleep 30 & wait", config={"shell": "true", "timeout": "1s"}, concurrency="forbid")
    post(dkron, "endless", "sleep 30", concurrency="forbid")

    def under_way() -> bool:
        return {execution["job_name"] for execution in client.busy()} == {"hangs", "endless"}

    runs = Runs()
    follow(client, runs, now())
    wait_until(under_way, "both runs")
    started = {execution["job_name"]: moment(execution["started_at"]) for execution in client.busy()}
    assert follow(client, runs, now() + HOURS) == {"endless": "running", "hangs": "stuck"}
    assert runs.found["hangs"].since == started["hangs"]
    assert not runs.found["hangs"].lost


def test_a_forbid_job_whose_run_was_lost_to_a_kill_is_stuck_while_others_go_on(own_dkron: Dkron) -> None:
    client, runs = DkronClient(DkronSettings((own_dkron.url,))), Runs()
    post(own_dkron, "stuck", "sleep 600", concurrency="forbid")
    post(own_dkron, "goes-on", "true")
    follow(client, runs, now())
    own_dkron.await_a_stored_run("stuck")
    own_dkron.stop()
    client.close()
    own_dkron.start()
    client = DkronClient(DkronSettings((own_dkron.url,)))
    before = own_dkron.job("goes-on")["success_count"]
    wait_until(lambda: own_dkron.job("goes-on")["success_count"] >= before + 3, "ticks after the restart")
    skipped = own_dkron.job("stuck")
    assert (skipped["success_count"], skipped["error_count"]) == (0, 0)
    assert client.busy() == [] or all(e["job_name"] != "stuck" for e in client.busy())
    found = follow(client, runs, now() + HOURS)
    assert found["stuck"] == "stuck"
    assert runs.found["stuck"].lost
    client.close()


def test_a_job_that_dkron_stored_and_never_scheduled_is_overdue(dkron: Dkron) -> None:
    """A proxy stands in for the fault: it lists a job that the server doesn't have."""
    post(dkron, "runs", "true")
    lost = {**dkron.job("runs"), "name": "unscheduled", "success_count": 0, "last_success": None}
    with proxy_before(dkron.url) as proxy:
        client, runs = DkronClient(DkronSettings((proxy.url,))), Runs()
        proxy.hook = lambda _method, path, _body: (
            (200, json.dumps([*dkron.jobs().values(), lost]).encode()) if path.startswith("/v1/jobs?") else None
        )
        follow(client, runs, now())
        wait_until(lambda: dkron.job("runs")["success_count"], "a run of the other")
        assert follow(client, runs, now() + HOURS)["unscheduled"] == "overdue"
        client.close()


def test_the_look_at_many_jobs_costs_no_request_of_its_own(dkron: Dkron) -> None:
    for number in range(60):
        post(dkron, f"job-{number}", "true", "0 0 3 * * *", disabled=number % 2 == 0)
    with proxy_before(dkron.url) as proxy:
        client, runs = DkronClient(DkronSettings((proxy.url,))), Runs()
        for _ in range(3):
            follow(client, runs, now())
        client.close()
        assert [path.partition("?")[0] for _, path, _ in proxy.requests] == ["/v1/jobs"] * 3
