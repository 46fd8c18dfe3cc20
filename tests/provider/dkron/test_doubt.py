import pytest

from provider.dkron.doubt import lost_many


@pytest.mark.parametrize(
    ("expected", "seen", "doubt"),
    [("abcd", "", True), ("abcd", "cd", False), ("abcde", "xyz", True), ("", "abcdefg", False), ("ab", "", False)],
)
def test_a_list_that_lost_more_than_a_few_jobs_is_doubted(expected: str, seen: str, doubt: bool) -> None:
    assert lost_many(expected, seen) is doubt
