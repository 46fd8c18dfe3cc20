"""`python -m jobs run`: what it waits for, what it tells, and its exit codes."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from commands import run_once
from commands.main import main
from tests.commands.support import CANARY, job
from tests.fake_dkron import FakeDkron
from tests.web import Answer, Request, as_json, as_text

Captured = pytest.CaptureFixture[str]
Run = Callable[..., None]


def attempt(success: bool, number: int = 1, group: int = 5, node: str = "n1", **fields: Any) -> dict[str, Any]:
    began, ended = f"2026-11-26T12:00:{number:02}Z", f"2026-11-26T12:00:{number:02}.5Z"
    return {
        "started_at": began, "finished_at": ended, "success": success, "attempt": number, "group": group,
        "node_name": node, "output": "said so\n", **fields,
    }  # fmt: skip


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_once, "PAUSE_S", 0.001)


@pytest.fixture
def run(dkron: FakeDkron) -> Run:
    """Sets what is seen once the job was asked to run: at each look one step more, the last one for ever."""

    def set_up(*steps: list[dict[str, Any]], answer: Answer | None = None, holds: bool = False, **fields: Any) -> None:
        dkron.put(job("x", **fields))
        others, left, told = dkron.answer, list(steps), threading.Event()
        asked = threading.Event()

        def reply(request: Request) -> Answer:
            if request.method == "POST":
                asked.set()
                if holds:
                    told.wait(30)
                return answer or as_json({"name": "x"})
            if "/executions" not in request.path:
                return others(request)
            if not asked.is_set():
                return as_json([attempt(False, group=1)])
            shown = left.pop(0) if len(left) > 1 else left[0]
            if len(left) == 1:
                told.set()
            return as_json([*reversed(shown), attempt(False, group=1)])

        dkron.answer = reply

    return set_up


def test_attempts_are_told_as_they_end_and_the_last_one_decides(run: Run, capsys: Captured) -> None:
    first, second = attempt(False, output=f"no {CANARY}\x1b[31m\nbye"), attempt(True, 2)
    running = {**second, "finished_at": "0001-01-01T00:00:00Z", "success": False}
    run([], [first], [first, running], [first, second], holds=True, retries=1)
    assert main(["run", "x", "--wait"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        '"x" failed on n1, attempt 1, 0.5 s',
        "    no [secret] [31m",
        "    bye",
        '"x" succeeded on n1, attempt 2, 0.5 s',
        "    said so",
        '"x" succeeded',
    ]


def test_a_run_that_fails_is_exit_code_1(run: Run, capsys: Captured) -> None:
    run([attempt(False), attempt(False, 2)], retries=1)
    assert main(["run", "x", "--wait"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == '"x" failed on n1'


def test_a_run_that_fails_on_one_of_two_nodes_has_failed(run: Run, capsys: Captured) -> None:
    run([attempt(True), attempt(False, node="n2")])
    assert main(["run", "x", "--wait"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == '"x" failed on n2'


def test_another_run_that_begins_later_is_not_taken_for_it(run: Run) -> None:
    run([attempt(True), attempt(False, 7, group=9)])
    assert main(["run", "x", "--wait"]) == 0


def test_without_waiting_it_ends_when_the_run_has_begun(run: Run, capsys: Captured) -> None:
    running = attempt(False, finished_at="0001-01-01T00:00:00Z")
    run([], [running])
    assert main(["run", "x"]) == 0
    assert capsys.readouterr().out == '"x" was started on n1\n'


def test_a_node_that_tries_again_is_named_once(run: Run, capsys: Captured) -> None:
    run([attempt(False), attempt(False, 2)])
    assert main(["run", "x"]) == 0
    assert capsys.readouterr().out == '"x" was started on n1\n'


def test_a_lost_answer_is_made_up_for_by_the_executions(run: Run) -> None:
    running = attempt(False, finished_at="0001-01-01T00:00:00Z")
    run([], *[[running]] * 30, [attempt(True)], answer=as_text("gateway time-out", 504))
    assert main(["run", "x", "--wait"]) == 0


def test_an_attempt_that_never_ends_counts_as_failed_once_dkron_has_answered(run: Run) -> None:
    run([attempt(False, finished_at="0001-01-01T00:00:00Z")])
    assert main(["run", "x", "--wait"]) == 1


@pytest.mark.parametrize(
    ("answer", "fields", "words"),
    [
        (
            Answer(404),
            {},
            "no node has its tags, or Dkron stored it and does not schedule it (`python -m jobs repost x`",
        ),
        (Answer(404), {"disabled": True}, "Dkron runs no job that is disabled"),
        (as_text("no", 401), {}, "refuses the credentials (401)"),
        (as_text("no", 500), {}, "Dkron failed at running job"),
    ],
)
@pytest.mark.parametrize("wait", [[], ["--wait"]], ids=["", "wait"])
def test_a_job_that_dkron_does_not_run_is_exit_code_2(
    run: Run, capsys: Captured, wait: list[str], answer: Answer, fields: dict[str, Any], words: str
) -> None:
    run([], answer=answer, **fields)
    assert main(["run", "x", *wait]) == 2
    assert words in capsys.readouterr().err


def test_a_run_that_leaves_no_execution_is_told(run: Run, capsys: Captured) -> None:
    run([])
    assert main(["run", "x", "--wait"]) == 2
    assert "but no run of it is to be seen" in capsys.readouterr().err


def test_an_ephemeral_job_that_has_gone_has_succeeded(run: Run, dkron: FakeDkron, capsys: Captured) -> None:
    run([], ephemeral=True)
    others = dkron.answer

    def gone(request: Request) -> Answer:
        if request.method == "POST":
            del dkron.jobs["x"]
        return others(request)

    dkron.answer = gone
    assert main(["run", "x", "--wait"]) == 0
    assert "Dkron deleted it because it is ephemeral" in capsys.readouterr().out


def test_the_request_is_sent_once(run: Run, dkron: FakeDkron) -> None:
    run([attempt(True)], answer=as_text("no", 500))
    assert main(["run", "x", "--wait"]) == 0
    assert dkron.paths("POST") == ["/v1/jobs/x"]


def test_without_a_leader_nothing_is_run(dkron: FakeDkron, capsys: Captured) -> None:
    dkron.put(job("x"))
    answer = dkron.answer

    def loses_its_leader(request: Request) -> Answer:
        if "/executions" in request.path:
            dkron.leader = None
            return as_json([])
        return answer(request)

    dkron.answer = loses_its_leader
    assert main(["run", "x"]) == 2
    assert "has no leader just now" in capsys.readouterr().err
    assert dkron.paths("POST") == []
