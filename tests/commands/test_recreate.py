"""`python -m jobs recreate`: children first, all or nothing, and no job left out whatever fails."""

import signal

import pytest

from commands import recreate
from commands.main import main
from provider.archive import Archive
from tests.commands.support import SISTER, STRANGER, UNMARKED, job
from tests.fake_dkron import SERVER_FIELDS, FakeDkron
from tests.web import Answer, Request, as_text

Captured = pytest.CaptureFixture[str]
COMMAND = ["recreate", "p", "--yes"]


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recreate, "PAUSE_S", 0.0)


@pytest.fixture
def family(dkron: FakeDkron) -> FakeDkron:
    """p, its children a and b, and c below b."""
    for name, parent in {"p": "", "a": "p", "b": "p", "c": "b"}.items():
        dkron.put(job(name, parent_job=parent))
        dkron.jobs[name]["success_count"] = 7
    return dkron


def changes(dkron: FakeDkron) -> list[str]:
    """What was deleted and posted, in order."""
    names = {"POST": lambda one: f"+{one.json()['name']}", "DELETE": lambda one: f"-{one.path.rpartition('/')[2]}"}
    return [names[request.method](request) for request in dkron.asked if request.method in names]


def test_a_job_comes_back_with_the_same_fields_and_new_counters(
    dkron: FakeDkron, archive: Archive, capsys: Captured
) -> None:
    before = dkron.put(job("p", retries=3, disabled=True))
    before["error_count"] = 4
    assert main(COMMAND) == 0
    assert changes(dkron) == ["-p", "+p"]
    assert dkron.jobs["p"] == {**before, **SERVER_FIELDS}
    assert archive.entries("p")[0].why == "recreated"
    assert capsys.readouterr().out == 'recreated "p"\n'


def test_children_are_deleted_before_their_parent_and_posted_after_it(
    family: FakeDkron, archive: Archive, capsys: Captured
) -> None:
    parents = {name: one["parent_job"] for name, one in family.jobs.items()}
    assert main(COMMAND) == 0
    assert changes(family) == ["-c", "-b", "-a", "-p", "+p", "+a", "+b", "+c"]
    assert {name: one["parent_job"] for name, one in family.jobs.items()} == parents
    assert all(archive.entries(name) for name in parents)
    assert capsys.readouterr().out == 'recreated "p" and its children (a, b, c)\n'


@pytest.mark.parametrize("metadata", [SISTER, STRANGER, UNMARKED], ids=["sister", "stranger", "unmarked"])
@pytest.mark.parametrize("whose", ["p", "c"])
def test_no_job_is_deleted_if_one_of_the_family_is_not_ours(
    family: FakeDkron, capsys: Captured, whose: str, metadata: dict[str, str]
) -> None:
    family.jobs[whose]["metadata"] = metadata
    assert main(COMMAND) == 2
    assert f'job "{whose}" ' in capsys.readouterr().err
    assert changes(family) == []


def test_a_job_that_is_its_own_ancestor_is_told(dkron: FakeDkron, capsys: Captured) -> None:
    dkron.put(job("p", parent_job="q"))
    dkron.put(job("q", parent_job="p"))
    assert main(COMMAND) == 2
    assert 'job "p" is its own ancestor' in capsys.readouterr().err
    assert changes(dkron) == []


def test_if_one_deletion_fails_those_that_are_gone_are_posted_again(family: FakeDkron, capsys: Captured) -> None:
    before = sorted(family.jobs)
    family.faults["DELETE /v1/jobs/p"] = as_text("no", 500)
    assert main(COMMAND) == 2
    assert sorted(family.jobs) == before
    assert changes(family) == ["-c", "-b", "-a", "-p", "+p", "+a", "+b", "+c"]
    err = capsys.readouterr().err
    assert "posted again, because not all could be deleted: p, a, b, c" in err


def test_a_stranger_who_takes_a_name_meanwhile_is_not_deleted(family: FakeDkron) -> None:
    answer = family.answer

    def taken_over(request: Request) -> Answer:
        if request.method == "DELETE" and request.path.endswith("/b"):
            family.jobs["a"]["metadata"] = STRANGER
        return answer(request)

    family.answer = taken_over
    assert main(COMMAND) == 2
    assert family.jobs["a"]["metadata"] == STRANGER
    assert changes(family) == ["-c", "-b", "+b", "+c"]


def test_a_post_that_fails_is_tried_again(family: FakeDkron, monkeypatch: pytest.MonkeyPatch) -> None:
    answer, failures = family.answer, iter([as_text("no", 500)] * 3)
    family.answer = lambda request: (next(failures, None) if request.method == "POST" else None) or answer(request)
    before = sorted(family.jobs)
    assert main(COMMAND) == 0
    assert sorted(family.jobs) == before


def test_what_is_missing_in_the_end_is_named(family: FakeDkron, archive: Archive, capsys: Captured) -> None:
    family.faults["POST /v1/jobs"] = as_text("no", 500)
    assert main(COMMAND) == 2
    assert "MISSING in Dkron now: p a b c; `pulumi up` or" in capsys.readouterr().err
    assert all(archive.entries(name) for name in "pabc")


def test_an_interrupt_between_deletion_and_post_loses_no_job(family: FakeDkron) -> None:
    answer = family.answer

    def interrupted(request: Request) -> Answer:
        if request.method == "DELETE":
            signal.raise_signal(signal.SIGINT)
        return answer(request)

    family.answer = interrupted
    before, handler = sorted(family.jobs), signal.getsignal(signal.SIGINT)
    assert main(COMMAND) == 0
    assert sorted(family.jobs) == before
    assert signal.getsignal(signal.SIGINT) is handler
