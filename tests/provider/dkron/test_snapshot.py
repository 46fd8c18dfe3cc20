from typing import Any

import pytest

from provider.dkron.cluster import FEW, SECOND_LOOK_AFTER_S, Word
from provider.dkron.snapshot import FRESH_AT_LEAST_S, FRESH_AT_MOST_S, MOST_LISTED, Snapshot
from provider.errors import NoLeader, NotConfirmed, TwoClusters, Unreachable
from provider.settings import DkronSettings

TAG = "ours"


class FakeClient:
    """Answers from lists of jobs, one for each request, and counts."""

    settings = DkronSettings(("http://d",))
    count: int | None = None
    heard: tuple[Word, ...] = (Word("http://d", leads=True, lists_ours=False),)

    def __init__(self, *lists: list[str], by_name: tuple[str, ...] = (), leader: str | None = "n1") -> None:
        self.lists, self.by_name, self.name = list(lists), by_name, leader
        self.calls: list[str] = []

    def leader(self) -> str | None:
        return self.name

    def require_leader(self) -> None:
        if self.name is None:
            raise NoLeader("nobody leads")

    def words(self, owner_tag: str) -> tuple[Word, ...]:
        assert owner_tag == TAG
        return self.heard

    def count_jobs(self) -> int | None:
        self.calls.append("count")
        return self.count

    def list_jobs(self, owner_tag: str | None = None) -> list[dict[str, Any]]:
        assert owner_tag in (TAG, None)
        self.calls.append("list" if owner_tag else "list of all")
        return [{"name": name} for name in self.lists.pop(0)]

    def get_job(self, name: str) -> dict[str, Any] | None:
        self.calls.append(name)
        return {"name": name, "asked": True} if name in self.by_name else None

    get_job_in_a_row = get_job

    def get_job_anywhere(self, _name: str) -> dict[str, Any] | None:
        return None


def snapshot(client: FakeClient) -> tuple[Snapshot, list[float]]:
    slept: list[float] = []
    return Snapshot(client, TAG, slept.append), slept  # type: ignore[arg-type]


def test_one_list_serves_all_reads() -> None:
    client = FakeClient(["a", "b", "c"])
    live, slept = snapshot(client)
    assert [live.job(name) for name in ("a", "b", "c", "a")] == [{"name": n} for n in ("a", "b", "c", "a")]
    assert (client.calls, slept) == (["list"], [])


def test_nothing_is_asked_before_the_first_question() -> None:
    client = FakeClient()
    snapshot(client)
    assert client.calls == []


def test_a_few_missing_jobs_are_asked_for_by_name() -> None:
    client = FakeClient(["a"], by_name=("late",))
    live, slept = snapshot(client)
    assert live.job("late") == {"name": "late", "asked": True}
    assert live.job("gone") is None
    assert (client.calls, slept) == (["list", "late", "gone"], [])


def test_many_missing_jobs_are_doubted_and_looked_for_once_more_after_a_pause() -> None:
    names = [f"j{n}" for n in range(10)]
    client = FakeClient([], names[:8])
    live, slept = snapshot(client)
    found = [live.job(name) is not None for name in names]
    assert found == [False] * FEW + [True] * (8 - FEW) + [False] * 2
    assert client.calls == ["list", *names[:FEW], "list", *names[8:]]
    assert slept == [SECOND_LOOK_AFTER_S]


def test_the_second_look_forgets_nothing_of_the_first() -> None:
    client = FakeClient(["a"], ["z"])
    live, _ = snapshot(client)
    for name in ("w", "x", "y", "z"):
        live.job(name)
    assert live.job("a") == {"name": "a"}
    assert live.job("z") == {"name": "z"}


def test_without_a_leader_nothing_is_believed() -> None:
    client = FakeClient(["a"], leader=None)
    live, _ = snapshot(client)
    with pytest.raises(NoLeader, match="nobody leads"):
        live.job("a")
    assert client.calls == []
    client.name = "n2"
    assert live.job("a") == {"name": "a"}


def test_a_leader_lost_before_the_second_look_is_an_error_and_not_a_gone_job() -> None:
    client = FakeClient([])
    live, _ = snapshot(client)
    for name in "xyz"[:FEW]:
        live.job(name)
    client.name = None
    with pytest.raises(NoLeader):
        live.job("w")


def test_an_outage_is_told_and_not_remembered() -> None:
    class Broken(FakeClient):
        down = True

        def list_jobs(self, owner_tag: str | None = None) -> list[dict[str, Any]]:
            if self.down:
                raise Unreachable("cannot reach Dkron")
            return super().list_jobs(owner_tag)

    client = Broken(["a"])
    live, _ = snapshot(client)
    with pytest.raises(Unreachable):
        live.job("a")
    client.down = False
    assert live.job("a") == {"name": "a"}


def test_a_few_writes_look_by_name_and_many_share_a_list_while_it_is_fresh() -> None:
    names = [f"j{n}" for n in range(8)]
    client = FakeClient(["j3", "j5"], ["j6"], by_name=("j1",))
    now = [100.0]
    live = Snapshot(client, TAG, clock=lambda: now[0])  # type: ignore[arg-type]
    found = [live.before_change(name) is not None for name in names[:6]]
    assert found == [False, True, False, True, False, True]
    assert client.calls == [*names[:FEW], "list", "j2", "j4"]
    now[0] += FRESH_AT_LEAST_S
    assert [live.before_change(name) is not None for name in names[6:]] == [True, False]
    assert client.calls == [*names[:FEW], "list", "j2", "j4", "list", "j7"]


def test_a_job_without_our_tag_is_in_no_list_and_is_seen_by_name() -> None:
    """A person took the tag off, of one job or of many: those are strangers' now, and none of them is gone."""
    names = [f"j{n}" for n in range(6)]
    client = FakeClient(["ours"], ["ours"], ["ours"], by_name=tuple(names))
    live, slept = snapshot(client)
    assert all(live.job(name) == {"name": name, "asked": True} for name in names)
    assert slept == [SECOND_LOOK_AFTER_S]
    assert all(live.before_change(name) == {"name": name, "asked": True} for name in names)


def test_what_a_new_job_meets_is_asked_for_by_name_where_it_is_not_ours() -> None:
    client = FakeClient(["ours"], by_name=("theirs",))
    live, _ = snapshot(client)
    found = [live.before_adoption(name) for name in ("ours", "theirs", "new")]
    assert found == [{"name": "ours"}, {"name": "theirs", "asked": True}, None]
    assert client.calls == ["list", "theirs", "new"]


NEW = [f"new{n}" for n in range(FEW + 3)]


def test_what_many_new_jobs_meet_is_seen_in_one_list_where_that_is_short() -> None:
    client = FakeClient(["ours"], ["ours", NEW[-1]])
    client.count = MOST_LISTED
    live, _ = snapshot(client)
    assert [live.before_adoption(name) for name in NEW] == [None] * (len(NEW) - 1) + [{"name": NEW[-1]}]
    assert client.calls == ["list", *NEW[:FEW], "count", "list of all"]


@pytest.mark.parametrize("count", [MOST_LISTED + 1, None])
def test_what_many_new_jobs_meet_is_asked_for_by_name_in_a_crowd(count: int | None) -> None:
    client = FakeClient(["ours"], by_name=(NEW[-1],))
    client.count = count
    live, _ = snapshot(client)
    assert [live.before_adoption(name) for name in NEW][-1] == {"name": NEW[-1], "asked": True}
    assert client.calls == ["list", *NEW[:FEW], "count", *NEW[FEW:]]


def test_the_list_of_the_reads_is_never_fresh_enough_for_a_write() -> None:
    client = FakeClient(["a"], ["b"])
    live = Snapshot(client, TAG, clock=lambda: 0.0)  # type: ignore[arg-type]
    assert live.job("a") is not None
    for name in "xyz"[:FEW]:
        live.before_change(name)
    assert live.before_change("b") == {"name": "b"}


def test_without_a_leader_no_list_is_believed_before_a_write() -> None:
    client = FakeClient(["a"], leader=None)
    live = Snapshot(client, TAG)  # type: ignore[arg-type]
    for name in "xyz"[:FEW]:
        live.before_change(name)
    with pytest.raises(NoLeader):
        live.before_change("a")
    client.name = "n1"
    assert live.before_change("a") == {"name": "a"}


@pytest.mark.parametrize(
    ("took", "believed", "again"),
    [
        (0.0, FRESH_AT_LEAST_S, FRESH_AT_LEAST_S),
        (0.01, FRESH_AT_LEAST_S, FRESH_AT_LEAST_S),
        (0.04, 0.8, 0.8),
        (0.5, FRESH_AT_MOST_S, 10.0),
        (2.0, 0.0, 40.0),
    ],
)
def test_a_list_is_believed_for_longer_if_it_is_dear_but_never_for_long(
    took: float, believed: float, again: float
) -> None:
    now = [0.0]

    class Slow(FakeClient):
        def list_jobs(self, owner_tag: str | None = None) -> list[dict[str, Any]]:
            now[0] += took
            return super().list_jobs(owner_tag)

    def looked_for(at: float) -> str:
        now[0] = at
        live.before_change("a")
        return client.calls[-1]

    client = Slow(["a"], ["a"])
    live = Snapshot(client, TAG, clock=lambda: now[0])  # type: ignore[arg-type]
    for name in "xyz"[:FEW]:
        live.before_change(name)
    assert looked_for(0.0) == ("list" if believed else "a")
    if believed:
        assert looked_for(believed - 0.001) == "list"
        assert client.calls.count("list") == 1
    if again > believed:
        assert looked_for(believed) == "a"
        assert looked_for(again - 0.001) == "a"
    looked_for(again)
    assert client.calls.count("list") == 2


def test_every_job_is_asked_for_by_name_before_it_is_created() -> None:
    client = FakeClient(by_name=("theirs",))
    live, _ = snapshot(client)
    names = [f"new{n}" for n in range(FEW + 2)]
    assert [live.before_create(name) for name in names] == [None] * len(names)
    assert live.before_create("theirs") == {"name": "theirs", "asked": True}
    assert client.calls == [*names, "theirs"]


class TwoServers(FakeClient):
    """Two addresses; each look at their leaders takes the next pair."""

    settings = DkronSettings(("http://a", "http://b"))

    def __init__(self, *leaders: dict[str, str]) -> None:
        super().__init__([], by_name=("x",))
        self.named = list(leaders)

    def leaders(self) -> dict[str, str]:
        return self.named.pop(0)

    def members(self) -> dict[str, frozenset[str]]:
        return {}


def test_servers_that_follow_different_leaders_are_refused_before_anything_is_read_or_written() -> None:
    apart = {"http://a": "prod-1", "http://b": "staging-1"}
    for ask in (Snapshot.job, Snapshot.before_create, Snapshot.before_change):
        client = TwoServers(apart, apart)
        live, slept = snapshot(client)
        with pytest.raises(TwoClusters, match="http://a follows prod-1, http://b follows staging-1"):
            ask(live, "x")
        assert (client.calls, slept) == ([], [SECOND_LOOK_AFTER_S])


@pytest.mark.parametrize(
    "looks",
    [
        [{"http://a": "n1", "http://b": "n1"}],
        [{"http://b": "n1"}],
        [{"http://a": "n1", "http://b": "n2"}, {"http://a": "n2", "http://b": "n2"}],
    ],
)
def test_servers_of_one_cluster_are_asked_once_also_in_an_election(looks: list[dict[str, str]]) -> None:
    live, _ = snapshot(TwoServers(*looks))
    assert live.before_create("x") == {"name": "x", "asked": True}
    assert live.before_change("x") == {"name": "x", "asked": True}


@pytest.mark.parametrize(
    "heard",
    [
        (Word("http://d", leads=False, lists_ours=False),),
        (Word("http://d", leads=True, lists_ours=False), Word("http://e", leads=False, lists_ours=True)),
        (),
    ],
)
def test_that_all_our_jobs_are_gone_is_not_believed_of_everybody(heard: tuple[Word, ...]) -> None:
    client = FakeClient(["a-strangers"])
    client.heard = heard
    live, _ = snapshot(client)
    with pytest.raises(NotConfirmed, match="so nothing was changed"):
        live.job("gone")


def test_a_server_that_lists_some_by_now_is_asked_for_the_list_again() -> None:
    client = FakeClient([], ["a", "b", "c"])
    client.heard = (Word("http://d", leads=True, lists_ours=True),)
    live, slept = snapshot(client)
    assert [live.job(name) for name in "abc"] == [{"name": name} for name in "abc"]
    assert (client.calls, slept) == (["list", "a", "list"], [])


def test_where_one_job_of_ours_is_listed_nobody_has_to_vouch_for_another() -> None:
    class Listing(FakeClient):
        def list_jobs(self, owner_tag: str | None = None) -> list[dict[str, Any]]:
            return [{"name": "a", "metadata": {"managed_by": owner_tag}}]

    client = Listing()
    client.heard = ()
    live, slept = snapshot(client)
    assert live.job("gone") is None
    assert slept == []


def test_a_job_that_another_server_holds_is_not_taken_for_absent_before_a_create() -> None:
    client = FakeClient()
    client.get_job_anywhere = lambda _name: {"name": _name}  # type: ignore[method-assign]
    live, _ = snapshot(client)
    assert live.before_create("theirs") == {"name": "theirs"}
