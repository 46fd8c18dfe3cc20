"""Servers of one cluster or of two, and who is believed when everything seems to be gone."""

import pytest

from provider.dkron.cluster import Word, apart, doubt, is_all_gone, lost_many

A, B = "http://a", "http://b"


@pytest.mark.parametrize(
    ("leaders", "members", "why"),
    [
        ({}, {}, ""),
        ({A: "n1", B: "n1"}, {A: {"n1 x:1"}, B: {"n1 x:1", "n2 x:2"}}, ""),
        ({A: "n1", B: "s1"}, {}, "http://a follows n1, http://b follows s1"),
        # Two clusters whose leaders have one name, and a server that knows no leader.
        ({A: "n1", B: "n1"}, {A: {"n1 x:1"}, B: {"n1 y:1"}}, "http://b and http://a have no member in common"),
        ({A: "n1"}, {A: {"n1 x:1"}, B: {"s1 y:1"}}, "http://b and http://a have no member in common"),
        ({A: "n1", B: "n1"}, {A: {"n1 x:1"}, B: set()}, ""),
    ],
)
def test_servers_are_apart_if_they_follow_different_leaders_or_share_no_member(
    leaders: dict[str, str], members: dict[str, set[str]], why: str
) -> None:
    assert apart(leaders, members) == why


LEADER = Word(A, leads=True, lists_ours=False)
FOLLOWER = Word(A, leads=False, lists_ours=False)
HOLDER = Word(B, leads=False, lists_ours=True)


def test_the_leaders_own_node_or_two_servers_are_believed() -> None:
    assert is_all_gone([LEADER])
    assert is_all_gone([FOLLOWER, FOLLOWER])
    assert not is_all_gone([FOLLOWER])
    assert not is_all_gone([])
    assert not is_all_gone([LEADER, HOLDER])


def test_a_doubt_is_told_with_the_way_out() -> None:
    alone = doubt([FOLLOWER], "n1")
    assert alone.startswith('http://a lists none of our jobs and is not the leader "n1", so nothing was changed: ')
    assert alone.endswith("name another server of the cluster in dkronUrl as well")
    assert "but http://b lists some" in doubt([LEADER, HOLDER], "n1")


@pytest.mark.parametrize(
    ("expected", "seen", "doubted"),
    [("abcd", "", True), ("abcd", "cd", False), ("abcde", "xyz", True), ("", "abcdefg", False), ("ab", "", False)],
)
def test_a_list_that_lost_more_than_a_few_jobs_is_doubted(expected: str, seen: str, doubted: bool) -> None:
    assert lost_many(expected, seen) is doubted
