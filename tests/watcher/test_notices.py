"""What people are told: one message for each event and cause, again after a day, and when it is over."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from provider.job.health import Health, State
from tests.watcher.web.support import NOW
from watcher.notices import AGAIN_S, FLOOD, Notice, of_cycles, of_jobs, to_tell
from watcher.pulumi.changes import Drift, Failure
from watcher.status import CycleReport, Outcome, Reason, Snapshot
from watcher.targets import JOB, KINDS, PERSON, PLAN, RECOVERED

AT = datetime.fromtimestamp(NOW, UTC)


def plain(text: str) -> str:
    return text


def snapshot(outcome: Outcome, good_ago: float = 0.0, **fields: Any) -> Snapshot:
    report = CycleReport(1, Reason.INTERVAL, outcome, NOW, 1.0, **fields)
    return Snapshot("dev", NOW - 10_000, 300, last_good=NOW - good_ago, consecutive_failures=3, cycles=(report,))


def texts(outcome: Outcome, good_ago: float = 0.0, **fields: Any) -> list[str]:
    return [notice.text for notice in of_cycles(snapshot(outcome, good_ago, **fields), NOW, plain).values()]


def test_a_good_cycle_and_one_that_failed_just_now_are_no_news() -> None:
    assert texts(Outcome.UNCHANGED, 10_000) == []
    assert texts(Outcome.NO_LEADER, 600) == []
    assert of_cycles(Snapshot("dev", 0, 300), NOW, plain) == {}


def test_a_failure_is_told_after_two_intervals_and_a_refusal_at_once() -> None:
    assert texts(Outcome.NO_LEADER, 601, detail="away") == ["no good cycle for 3 tries, no_leader: away"]
    (refused,) = texts(Outcome.REFUSED, detail="12 deletions\nand more")
    assert "12 deletions and more" in refused
    assert "--allow-deletes" in refused


def test_a_job_that_needs_a_person_is_told_at_once() -> None:
    failures = (Failure("a", "owned by them"), Failure("", "the run failed"))
    assert texts(Outcome.FAILED, failures=failures) == ["job a needs a person: owned by them"]


def test_repaired_drift_is_told_with_its_fields() -> None:
    drift = (Drift("a", "changed", ("disabled",)), Drift("b", "gone", ()))
    assert texts(Outcome.CHANGED, drift=drift) == [
        "job a was changed by hand (disabled) and brought back",
        "job b was changed by hand (gone) and brought back",
    ]


def test_a_change_set_that_waits_is_told_once_and_again_when_it_is_another() -> None:
    waiting = ("- c", "~ a (schedule)", *(f"+ j{n}" for n in range(5)))
    planned = of_cycles(snapshot(Outcome.PLANNED, detail="7 changes wait: frozen", waiting=waiting), NOW, plain)
    (notice,) = planned.values()
    assert notice.text.splitlines() == [
        "7 changes wait: frozen",
        *("- c", "~ a (schedule)", "+ j0", "+ j1", "+ j2"),
        "and 2 more",
    ]
    messages, told = to_tell(planned, {}, KINDS, KINDS, NOW)
    assert [message.kind for message in messages] == [PLAN]
    assert to_tell(planned, told, KINDS, KINDS, NOW + 60)[0] == []
    other = of_cycles(snapshot(Outcome.PLANNED, detail="1 change waits", waiting=("- c",)), NOW, plain)
    assert [message.text for message in to_tell(other, told, KINDS, KINDS, NOW)[0]] == ["1 change waits\n- c"]
    assert to_tell({}, told, KINDS, KINDS, NOW)[0] == []


def test_drift_that_is_repaired_while_the_rest_waits_is_told() -> None:
    drift = (Drift("a", "changed", ("disabled",), switched_off=True),)
    told = texts(Outcome.PLANNED, drift=drift, waiting=("- c",), detail="1 change waits")
    assert "job a was changed by hand (disabled; switched off by hand: `python -m jobs hold a --disable`" in told[1]


def test_a_single_failure_of_a_job_is_not_told() -> None:
    healths = {
        "failed": Health(State.FAILED, AT),
        "ok": Health(State.OK),
        "late": Health(State.OVERDUE, AT),
        "m1": Health(State.OK, missed=AT),
        "m2": Health(State.OK, missed=AT),
    }
    found = of_jobs(healths, NOW)
    assert list(found) == ["job late overdue", "jobs missed"]
    assert found["jobs missed"].text == "2 jobs missed a run while Dkron was down"


LATE = {"job a overdue": Notice(JOB, "a", "job a overdue")}
STUCK = {"job a stuck": Notice(JOB, "a", "job a stuck")}


def test_one_message_for_an_event_again_after_a_day_and_one_when_it_is_over() -> None:
    messages, told = to_tell(LATE, {}, KINDS, KINDS, NOW)
    assert [m.text for m in messages] == ["job a overdue"]
    messages, told = to_tell(LATE, told, KINDS, KINDS, NOW + AGAIN_S - 1)
    assert messages == []
    messages, told = to_tell(LATE, told, KINDS, KINDS, NOW + AGAIN_S)
    assert [m.text for m in messages] == ["still: job a overdue"]
    messages, told = to_tell(STUCK, told, KINDS, KINDS, NOW + AGAIN_S + 1)
    assert [m.text for m in messages] == ["job a stuck"]
    assert set(told) == {"job a stuck"}
    messages, told = to_tell({}, told, KINDS, KINDS, NOW + AGAIN_S + 2)
    assert [(m.kind, m.text) for m in messages] == [(RECOVERED, "over: job a stuck")]
    assert told == {}


def test_a_clock_that_was_set_back_by_a_day_silences_nobody_for_two() -> None:
    _, told = to_tell(LATE, {}, KINDS, KINDS, NOW)
    assert to_tell(LATE, told, KINDS, KINDS, NOW - 5)[0] == []
    messages, told = to_tell(LATE, told, KINDS, KINDS, NOW - AGAIN_S)
    assert [m.text for m in messages] == ["still: job a overdue"]
    assert to_tell(LATE, told, KINDS, KINDS, NOW - AGAIN_S + 60)[0] == []


def test_nothing_is_over_while_it_is_not_judged() -> None:
    _, told = to_tell(LATE, {}, KINDS, KINDS, NOW)
    assert to_tell({}, told, {PERSON}, KINDS, NOW) == ([], told)


def test_what_is_not_wanted_is_not_told_and_drift_has_no_end() -> None:
    assert to_tell(LATE, {}, KINDS, {PERSON}, NOW) == ([], {})
    _, told = to_tell(LATE, {}, KINDS, KINDS, NOW)
    assert to_tell({}, told, KINDS, {JOB}, NOW) == ([], {})
    drift = {"drift 1 a": Notice("drift", "a", "job a was changed")}
    messages, told = to_tell(drift, {}, KINDS, KINDS, NOW)
    assert len(messages) == 1
    assert to_tell({}, told, KINDS, KINDS, NOW) == ([], {})


def test_a_flood_is_one_message() -> None:
    many = of_jobs({f"j{number}": Health(State.OVERDUE, AT) for number in range(300)}, NOW)
    messages, told = to_tell(many, {}, KINDS, KINDS, NOW)
    assert len(messages) == 1
    assert messages[0].text.startswith("300 messages at once:\n- job j0 overdue")
    assert messages[0].text.endswith("- and 295 more")
    assert len(told) == 300
    assert to_tell(many, told, KINDS, KINDS, NOW + 60) == ([], told)


@given(st.lists(st.sets(st.sampled_from("abcdefgh")), max_size=30))
def test_every_message_is_told_once_and_every_end_has_a_beginning(steps: list[set[str]]) -> None:
    told: Any = {}
    open_: set[str] = set()
    for number, names in enumerate(steps):
        current = {f"job {name}": Notice(JOB, name, name) for name in names}
        before = set(open_)
        messages, told = to_tell(current, told, KINDS, KINDS, NOW + number)
        assert set(told) == set(current)
        changed = len(names ^ before)
        assert len(messages) == (changed if changed <= FLOOD else 1)
        open_ = set(names)


def test_a_strangers_text_is_cleaned_and_cut() -> None:
    failures = (Failure("a", "s3cret\x1b[2J" + "x" * 900),)
    last = snapshot(Outcome.FAILED, failures=failures)
    (notice,) = of_cycles(last, NOW, lambda text: text.replace("s3cret", "[secret]")).values()
    assert notice.text.startswith("job a needs a person: [secret] [2J")
    assert len(notice.text) < 400
