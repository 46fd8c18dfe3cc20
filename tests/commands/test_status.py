"""`python -m jobs status` against a server that holds jobs which run, and which don't."""

from collections.abc import Callable
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from commands.main import main

MINE, THEIRS = {"managed_by": "d2-dkron-mgr"}, {"managed_by": "them"}
AT = ["--at", "2026-11-26T12:00Z"]
Serve = Callable[..., list[str]]


def job(name: str, ok: str | None = None, bad: str | None = None, **fields: Any) -> dict[str, Any]:
    return {
        "name": name,
        "schedule": "0 30 2 * * *",
        "status": "running",
        "next": "2026-11-20T02:30:00Z",
        "last_success": ok,
        "last_error": bad,
        "success_count": 40 if ok else 0,
        "error_count": 212 if bad else 0,
        "disabled": False,
        "metadata": MINE,
        "concurrency": "forbid",
        **fields,
    }


@pytest.fixture
def serve(httpserver: HTTPServer) -> Serve:
    def start(*jobs: dict[str, Any], executions: Any = (), busy: Any = ()) -> list[str]:
        httpserver.expect_request("/v1/leader").respond_with_json({"Name": "n1"})
        httpserver.expect_request("/v1/jobs").respond_with_json(list(jobs))
        httpserver.expect_request("/v1/busy").respond_with_json(list(busy))
        for each in jobs:
            httpserver.expect_request(f"/v1/jobs/{each['name']}/executions").respond_with_json(list(executions))
        return ["status", "--dkron", httpserver.url_for("").rstrip("/")]

    return start


def test_jobs_in_trouble_come_first_and_the_exit_code_is_1(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    jobs = [
        job("auth-well", "2026-11-26T02:30:02Z"),
        job("auth-cleanup-invitations", bad="2026-11-26T03:00:31Z", schedule="0 0 3 * * *"),
        job("auth-purge-sessions", "2026-11-19T02:30:02Z"),
        job("not-ours", "2026-11-01T02:30:02Z", metadata=THEIRS),
    ]
    assert main([*serve(*jobs), *AT]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("auth-purge-sessions       overdue since 02:30, 6 days")
    assert lines[2].startswith("auth-cleanup-invitations  failed 212 times, never succeeded")
    assert lines[3].split() == ["auth-well", "ok", "2026-11-26", "02:30:02", "-"]
    assert lines[-1] == "3 jobs, 1 overdue, 1 failing"


def test_all_is_well_and_the_exit_code_is_0(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*serve(job("a", "2026-11-26T02:30:02Z"), job("off", disabled=True)), *AT]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 jobs, all is well"


def test_held_jobs_are_named_and_another_stacks_jobs_are_left_out(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    hold = {"held_until": "2026-11-26T14:00:00Z", "hold_reason": "an\nincident", "held_by": "ann"}
    held = job("off", disabled=True, metadata={**MINE, "managed_in": "dkron-jobs/dev", **hold})
    theirs = job("theirs", "2026-11-01T02:30:02Z", metadata={**MINE, "managed_in": "dkron-jobs/prod"})
    assert main([*serve(held, theirs), *AT]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2] == "off: held until 2026-11-26 14:00:00 UTC by ann, switched off: an incident"
    assert lines[-1] == "1 job, all is well, 1 held"


def test_a_lost_run_and_three_failures_are_found_in_the_executions(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    started = {"started_at": "2026-11-25T02:30:00Z"}
    failed = [
        {"started_at": f"2026-11-{day}T02:30:00Z", "finished_at": f"2026-11-{day}T02:30:31Z", "group": day}
        for day in (26, 25, 24)
    ]
    stuck = job("stuck", "2026-11-24T02:30:02Z")
    failing = job("failing", "2026-11-23T02:30:02Z", "2026-11-26T02:30:31Z")
    assert main([*serve(stuck, failing, executions=[*failed, started]), *AT]) == 1
    text = capsys.readouterr().out
    assert "stuck since 02:30, 1 day: Dkron takes a lost run for unfinished" in text
    assert "failed 3 times in a row" in text


def test_a_run_that_a_server_is_at_is_no_trouble(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    busy = [{"job_name": "long", "started_at": "2026-11-26T02:30:00Z"}]
    assert main([*serve(job("long", "2026-11-25T02:30:02Z"), busy=busy), *AT]) == 0
    assert "running since 02:30, 9 hours" in capsys.readouterr().out


def test_a_dkron_that_cannot_be_read_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--dkron", "http://127.0.0.1:1"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
