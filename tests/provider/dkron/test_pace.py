import threading
from contextlib import ExitStack

from hypothesis import given
from hypothesis import strategies as st

from provider.dkron.pace import Pace


def together(pace: Pace, outcomes: list[bool]) -> None:
    """So many requests at once, all of which end; True: one failed. The first to begin ends last."""
    with ExitStack() as stack:
        for failed in outcomes:
            stack.enter_context(pace.turn()).failed = failed


def test_after_a_failure_half_as_many_are_sent_at_once_and_later_as_many_as_before() -> None:
    pace = Pace(8)
    together(pace, [False] * 7 + [True])
    assert pace.limit == 5  # four, and one more for those of the eight that did well
    told = [pace.limit]
    for _ in range(40):
        together(pace, [False])
        told.append(pace.limit)
    assert told == sorted(told)
    assert told[-1] == 8


def test_requests_that_fail_together_halve_once() -> None:
    pace = Pace(8)
    together(pace, [True] * 8)
    assert pace.limit == 4
    together(pace, [True] * 4)
    together(pace, [True] * 2)
    together(pace, [True])
    assert pace.limit == 1


def test_one_request_that_fails_alone_is_no_load() -> None:
    told: list[str] = []
    pace = Pace(8, told.append)
    together(pace, [True])
    assert (pace.limit, told) == (8, [])


def test_a_request_that_says_nothing_of_the_load_changes_nothing() -> None:
    pace = Pace(8)
    together(pace, [True] * 8)
    for _ in range(40):
        with pace.turn():
            pass
    assert pace.limit == 4


def test_it_is_told_once() -> None:
    told: list[str] = []
    pace = Pace(8, told.append)
    for _ in range(3):
        together(pace, [True] * pace.limit)
    assert told == ["Dkron fails or is slow with 8 requests at once: fewer are sent until it is well again"]


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 8))
def test_there_is_always_a_turn_and_never_more_than_the_most(outcomes: list[bool], most: int) -> None:
    pace = Pace(most)
    while outcomes:
        count = min(pace.limit, len(outcomes))
        together(pace, outcomes[:count])
        outcomes = outcomes[count:]
        assert 1 <= pace.limit <= most


def test_a_request_waits_for_its_turn() -> None:
    pace, done = Pace(1), threading.Event()

    def second() -> None:
        with pace.turn():
            done.set()

    with pace.turn():
        thread = threading.Thread(target=second)
        thread.start()
        assert not done.is_set()
    thread.join(60)
    assert done.is_set()
