"""The watcher among other writers: a server that changes what is written, what is left on purpose, two clusters."""

import json

import pytest

from tests.e2e.harness import Dkron, Proxy, proxy_before
from tests.e2e.watcher_support import Watcher

pytestmark = pytest.mark.slow
NAMES = ("a1", "a2")


def set_owner(proxy: Proxy) -> None:
    """The proxy writes its own owner into every job, as some gateways do."""

    def hook(method: str, path: str, body: bytes) -> tuple[int, bytes] | None:
        if method != "POST" or not body:
            return None
        answer = proxy.forward(method, path, json.dumps({**json.loads(body), "owner": "gateway"}).encode())
        return (answer.status_code, answer.content) if answer is not None else None

    proxy.hook = hook


def owned(owner: str) -> str:
    return f'JobSpec(name="a1", schedule="@every 1h", owner="{owner}", executor=shell("true"), tags={{"dc": "dc1:1"}})'


def test_a_field_that_a_server_sets_itself_is_told_once_and_then_left_alone(watcher: Watcher, dkron: Dkron) -> None:
    watcher.project.declare(owned("team"))
    with proxy_before(dkron.url) as proxy:
        set_owner(proxy)
        watcher.env["DKRON_URL"] = proxy.url
        rounds = [watcher.once() for _ in range(3)]
        assert [done.cycle["drift"] for done in rounds] == [[], ["a1 (owner)"], ["a1 (owner)"]]
        assert [done.has("field.unkept") for done in rounds] == [False, False, True]
        assert watcher.once().ended(0, "unchanged")
        assert "= a1  not compared, as it doesn't stay as written: owner" in watcher.once("--report").stdout
        # Everything else of the job is still kept true.
        dkron.change("a1", schedule="@every 2h")
        assert watcher.once().ended(0, "changed")["drift"] == ["a1 (schedule)"]
        assert dkron.job("a1")["schedule"] == "@every 1h"
        assert watcher.once().ended(0, "unchanged")
        # Another declaration is compared anew.
        watcher.project.declare(owned("others"))
        assert watcher.once().ended(0, "changed")["updated"] == ["a1"]
        assert watcher.once().ended(0, "changed")["drift"] == ["a1 (owner)"]


def test_servers_of_two_clusters_are_refused_in_one_line(watcher: Watcher, dkron: Dkron, own_dkron: Dkron) -> None:
    watcher.once().ended(0, "changed")
    before = dkron.jobs()
    dkron.delete("a2")
    done = watcher.once(DKRON_URL=f"{dkron.url},{own_dkron.url}").ended(1, "failed")
    assert "dkronUrl names servers of different clusters" in done["detail"]
    assert "no member in common" in done["detail"]
    assert (dkron.jobs(), own_dkron.jobs()) == ({"a1": before["a1"]}, {})


def test_that_all_jobs_are_gone_is_not_believed_of_a_server_that_does_not_lead(watcher: Watcher, dkron: Dkron) -> None:
    watcher.once().ended(0, "changed")
    before = dkron.jobs()
    with proxy_before(dkron.url) as proxy:

        def cut_off(method: str, path: str, _body: bytes) -> tuple[int, bytes] | None:
            if path == "/v1/isleader":
                return 404, b'"I am a follower"'
            if method == "GET" and path.startswith("/v1/jobs"):
                return (404, b"") if path.startswith("/v1/jobs/") else (200, b"[]")
            return None

        proxy.hook = cut_off
        done = watcher.once(DKRON_URL=proxy.url).ended(1, "failed")
        assert "lists none of our jobs and is not the leader" in done["detail"]
        assert [m for m, _, _ in proxy.requests if m != "GET"] == []
    assert dkron.jobs() == before
    dkron.clear()
    assert watcher.once().ended(0, "changed")["created"] == ["a1", "a2"]
