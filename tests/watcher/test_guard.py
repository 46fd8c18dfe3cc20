"""What the guard refuses, by table and by property."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.bound import DEFAULT, Bound, parse_bound
from watcher.guard import Limits, Proposal, judge

NAMES = [f"j{i}" for i in range(30)]


def limits(count: int, allowed: int | None = None) -> Limits:
    return Limits(Bound(count, shown=str(count)), allowed_deletes=allowed)


@pytest.mark.parametrize(
    ("deletes", "existing", "declared", "limit", "replaced", "why"),
    [
        (0, 0, 1, 5, 0, ""),
        (0, 8, 8, 0, 0, ""),
        (1, 8, 7, 5, 0, ""),
        (5, 8, 3, 5, 0, ""),
        (6, 8, 2, 5, 0, "delete 6 jobs, and MAX_DELETES is 5 ("),
        (1, 8, 7, 0, 0, "delete 1 job, and MAX_DELETES is 0 ("),
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
    verdict = judge(Proposal(NAMES[:deletes], existing, declared, replaced), limits(limit))
    assert verdict.safe == (not why)
    assert why in verdict.refusal
    assert not verdict.uses_allowance


@pytest.mark.parametrize(("existing", "most"), [(2, 1), (3, 1), (5, 1), (6, 2), (8, 2), (12, 4), (15, 5), (1000, 5)])
def test_by_default_a_third_may_go_and_five_at_most(existing: int, most: int) -> None:
    for count in range(existing):
        verdict = judge(Proposal([f"j{i}" for i in range(count)], existing, existing - count), Limits())
        assert verdict.safe == (count <= most)


def test_a_limit_holds_over_an_hour_and_does_not_shrink_with_what_went() -> None:
    def after(recent: int, count: int) -> str:
        return judge(Proposal(NAMES[:count], 12 - recent, 12, recent_deletes=recent), Limits()).refusal

    assert after(3, 1) == ""
    assert "delete 2 jobs after 3 in the last hour, and MAX_DELETES is 5 or a third" in after(3, 2)
    assert "(here 4)" in after(3, 2)
    assert after(9, 0) == ""


@pytest.mark.parametrize(("deletes", "safe"), [(["a"], False), (["b"], True), ([], True)])
def test_a_module_that_lost_its_jobs_is_refused_where_they_would_go(deletes: list[str], safe: bool) -> None:
    verdict = judge(Proposal(deletes, 9, 8, lost={"jobs/geo.py": ("a",)}), limits(5))
    assert verdict.safe == safe
    if not safe:
        assert verdict.refusal.startswith("jobs/geo.py declares no job any more (would delete: a)")
        assert judge(Proposal(deletes, 9, 8, lost={"jobs/geo.py": ("a",)}), limits(5, 1)).allowed_deletes


def test_updates_are_limited_only_where_that_is_wanted() -> None:
    many = Proposal((), 9, 9, updates=NAMES[:9])
    assert judge(many, Limits()).safe
    limited = Limits(max_updates=parse_bound("50%"))
    told = judge(many, limited).refusal
    assert told.startswith("it would update 9 jobs, and MAX_UPDATES is 50% (here 4) (would update: j0, j1")
    assert told.endswith("`python -m watcher --once --allow-updates 9`")
    assert judge(Proposal((), 9, 9, updates=NAMES[:4]), limited).safe
    assert "after 2 in the last hour" in judge(Proposal((), 9, 9, updates=NAMES[:3], recent_updates=2), limited).refusal
    verdict = judge(many, Limits(max_updates=Bound(1), allowed_updates=9))
    assert (verdict.safe, verdict.allowed_updates, verdict.allowed_deletes) == (True, True, False)


def test_an_allowance_for_deletions_allows_no_update() -> None:
    both = Proposal(NAMES[:6], 20, 14, updates=NAMES[10:])
    verdict = judge(both, Limits(max_updates=Bound(1), allowed_deletes=6))
    assert "would update" in verdict.refusal


def test_some_deletions_need_a_persons_word_in_any_case() -> None:
    asked = Proposal(["x"], 9, 8, asked=True)
    assert "only a person" in judge(asked, limits(5)).refusal
    assert judge(asked, limits(5, 1)).allowed_deletes


def test_a_refusal_names_the_victims_and_the_way_out() -> None:
    told = judge(Proposal(["b", "a", "c"], 9, 6), limits(2)).refusal
    assert "would delete: a, b, c" in told
    assert told.endswith("`python -m watcher --once --allow-deletes 3`")
    assert "\n" not in told
    assert "refused" not in told


def test_a_long_refusal_is_cut() -> None:
    told = judge(Proposal(NAMES, 40, 10), limits(5)).refusal
    assert "and 20 more" in told
    assert "j29" not in told


@pytest.mark.parametrize(("allowed", "safe"), [(5, False), (6, True), (7, True)])
def test_an_allowance_lifts_the_limit_up_to_its_number(allowed: int, safe: bool) -> None:
    verdict = judge(Proposal(NAMES[:6], 9, 3), limits(5, allowed))
    assert (verdict.safe, verdict.uses_allowance) == (safe, safe)


def test_an_allowance_that_is_not_needed_is_not_used() -> None:
    assert not judge(Proposal(["a"], 9, 8), limits(5, 9)).uses_allowance


@given(st.sets(st.sampled_from(NAMES)), st.integers(0, 30), st.integers(0, 30), st.integers(0, 30), st.integers(0, 9))
def test_nothing_above_the_limit_is_ever_safe(
    deletes: set[str], kept: int, declared: int, limit: int, recent: int
) -> None:
    verdict = judge(Proposal(deletes, len(deletes) + kept, declared, recent_deletes=recent), limits(limit))
    if verdict.safe:
        assert not deletes or len(deletes) + recent <= limit
        assert declared > 0
        assert not deletes or kept > 0


# -- limits as people write them


@pytest.mark.parametrize(
    ("text", "managed", "most"),
    [
        ("5", 100, 5),
        ("0", 100, 0),
        ("20%", 100, 20),
        ("20%", 8, 1),
        ("20 %", 10, 2),
        ("0%", 100, 0),
        ("100%", 3, 3),
        ("1%", 3, 1),
        ("50%", 0, 1),
    ],
)
def test_a_bound_is_a_number_or_a_share(text: str, managed: int, most: int) -> None:
    assert parse_bound(text).of(managed) == most
    assert parse_bound(text).shown == text


@pytest.mark.parametrize("text", ["", "%", "x", "-1", "1.5", "120%", "٣", "9999999999"])
def test_anything_else_is_no_bound(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_bound(text)


def test_a_bound_without_limits_lets_everything_pass() -> None:
    assert Bound().of(7) == 7
    assert DEFAULT.of(8) == 2
