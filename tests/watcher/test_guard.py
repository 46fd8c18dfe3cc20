import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.guard import Limits, judge

NAMES = [f"j{i}" for i in range(30)]


@pytest.mark.parametrize(
    ("deletes", "existing", "declared", "limit", "replaced", "why"),
    [
        (0, 0, 1, 5, 0, ""),
        (0, 8, 8, 0, 0, ""),
        (1, 8, 7, 5, 0, ""),
        (5, 8, 3, 5, 0, ""),
        (6, 8, 2, 5, 0, "delete 6 jobs, and MAX_DELETES is 5"),
        (1, 8, 7, 0, 0, "delete 1 jobs, and MAX_DELETES is 0"),
        (2, 2, 2, 5, 0, "all 2 managed jobs"),
        (1, 1, 1, 5, 0, "the only managed job"),
        (0, 0, 0, 5, 0, "declares no job at all"),
        (3, 3, 0, 5, 0, "declares no job at all"),
        (3, 9, 6, 5, 3, "delete 6 jobs"),
        (0, 5, 5, 5, 5, ""),
        (0, 6, 6, 5, 6, "delete 6 jobs"),
    ],
)
def test_what_is_refused(deletes: int, existing: int, declared: int, limit: int, replaced: int, why: str) -> None:
    verdict = judge(NAMES[:deletes], existing, declared, Limits(limit), replaced)
    assert verdict.safe == (not why)
    assert why in verdict.refusal
    assert not verdict.uses_allowance


def test_a_refusal_names_the_victims_and_the_way_out() -> None:
    told = judge(["b", "a", "c"], 9, 6, Limits(2)).refusal
    assert "would delete: a, b, c" in told
    assert told.endswith("`--once --allow-deletes 3`")
    assert "\n" not in told


def test_a_long_refusal_is_cut() -> None:
    told = judge(NAMES, 40, 10, Limits(5)).refusal
    assert "and 20 more" in told
    assert "j29" not in told


@pytest.mark.parametrize(("allowed", "safe"), [(5, False), (6, True), (7, True)])
def test_an_allowance_lifts_the_limit_up_to_its_number(allowed: int, safe: bool) -> None:
    verdict = judge(NAMES[:6], 9, 3, Limits(5, allowed))
    assert (verdict.safe, verdict.uses_allowance) == (safe, safe)


def test_an_allowance_that_is_not_needed_is_not_used() -> None:
    assert not judge(["a"], 9, 8, Limits(5, 9)).uses_allowance


@given(st.sets(st.sampled_from(NAMES)), st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
def test_nothing_above_the_limit_is_ever_safe(deletes: set[str], kept: int, declared: int, limit: int) -> None:
    verdict = judge(deletes, len(deletes) + kept, declared, Limits(limit))
    if verdict.safe:
        assert len(deletes) <= limit
        assert declared > 0
        assert not deletes or kept > 0
