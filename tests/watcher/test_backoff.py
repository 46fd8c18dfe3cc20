import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.backoff import doubling, jittered


@pytest.mark.parametrize(("attempt", "delay"), [(-1, 0), (0, 0), (1, 5), (2, 10), (3, 20), (7, 300), (1_000_000, 300)])
def test_it_doubles_up_to_the_cap(attempt: int, delay: float) -> None:
    assert doubling(attempt, 5, 300) == delay


@given(st.integers(1, 10**9), st.floats(0.1, 100), st.floats(0.1, 1e6))
def test_it_never_passes_the_cap_and_never_shrinks(attempt: int, first: float, cap: float) -> None:
    assert 0 < doubling(attempt, first, cap) <= cap
    assert doubling(attempt, first, cap) <= doubling(attempt + 1, first, cap)


@given(st.floats(0, 1e6), st.floats(0, 0.999))
def test_jitter_takes_at_most_half(delay: float, chance: float) -> None:
    assert delay / 2 <= jittered(delay, chance) <= delay
