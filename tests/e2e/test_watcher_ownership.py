"""The watcher among other writers: a server that changes what is written, what is left on purpose, two clusters."""

import json

import pytest

from tests.e2e.harness import Dkron, Proxy, proxy_before
from tests.e2e.watcher_support import Watcher

pytestmark = pytest.mark.slow
NAMES = ("a1", "a2")
URN = "urn:pulumi:dev::dkron-jobs::pulumi-python:dynamic/dkron:Job::"


def set_owner(proxy: Proxy) -> None:
    """The proxy writes its own owner into every job, as some gateways do."""

    def hook(method: str, path: str, body: bytes) -> tuple[int, bytes] | None:
        if method != "POST" or not body:
            return None
        answer = proxy.forward(method, path, json.dumps({**json.loads(body), "owner": "gateway"}).encode())
        return (answer.status_code, answer.content) if answer is not None else None

    proxy.hook = hook


OWNED = 'JobSpec(name="a1", schedule="@every 1h", owner="team", executor=shell("true"), tags={"dc": "dc1:1"})'


def test_a_field_that_a_server_sets_itself_is_told_once_and_then_left_alone(watcher: Watcher, dkron: Dkron) -> None:
    watcher.project.declare(OWNED)
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


def test_servers_of_two_clusters_are_refused_in_one_line(watcher: Watcher, dkron: Dkron, own_dkron: Dkron) -> None:
    watcher.settle()
    before = dkron.jobs()
    dkron.delete("a2")
    done = watcher.once(DKRON_URL=f"{dkron.url},{own_dkron.url}").ended(1, "failed")
    assert "dkronUrl names servers of different clusters" in done["detail"]
    assert "no member in common" in done["detail"]
    assert (dkron.jobs(), own_dkron.jobs()) == ({"a1": before["a1"]}, {})


def test_that_all_jobs_are_gone_is_not_believed_of_a_server_that_does_not_lead(watcher: Watcher, dkron: Dkron) -> None:
    watcher.settle()
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


HEAD = """import pulumi
from provider import Job, shell

"""
TYPED = 'Job("{name}", schedule="@every 1h", executor=shell("{command}"), {more})\n'


def typed(name: str, more: str = "", command: str = "/bin/true") -> str:
    return TYPED.format(name=name, more=more, command=command)


def options(text: str) -> str:
    return f"opts=pulumi.ResourceOptions({text})"


def test_a_protected_job_that_is_declared_no_longer_stops_nothing_else(
    pair: tuple[str, str], watcher: Watcher, dkron: Dkron
) -> None:
    if pair[0] != "real":
        pytest.skip("the sandbox's pulumi has no --exclude")
    program = watcher.project.program
    kept = typed("kept", options("protect=True"))
    program(HEAD + kept + typed("gone") + typed("stays") + typed("more"))
    watcher.once().ended(0, "changed")
    program(HEAD + typed("stays", command="/bin/other") + typed("more") + typed("new"))
    first = watcher.once()
    done = first.ended(0, "changed")
    assert (done["created"], done["updated"], done["deleted"]) == (["new"], ["stays"], ["gone"])
    (told,) = [e for e in first.events if e["event"] == "job.protected"]
    assert told["detail"].startswith('job "kept" is protected, and the program no longer declares it so')
    assert watcher.once().ended(0, "unchanged")
    assert watcher.once().ended(0, "unchanged")
    assert "kept" in dkron.jobs()
    watcher.project.run("state", "unprotect", "--yes", "--stack", "dev", f"{URN}kept").ok()
    assert watcher.once(MAX_DELETES="5").ended(0, "changed")["deleted"] == ["kept"]


@pytest.mark.sandbox_too
def test_what_is_left_on_purpose_is_not_deleted_as_a_stray_afterwards(watcher: Watcher, dkron: Dkron) -> None:
    program = watcher.project.program
    kept = typed("kept", options("retain_on_delete=True"))
    program(HEAD + kept + typed("forgotten") + typed("stays") + typed("more"))
    watcher.once().ended(0, "changed")
    watcher.project.run("state", "delete", "--yes", "--stack", "dev", f"{URN}forgotten").ok()
    program(HEAD + typed("stays") + typed("more"))
    watcher.once()
    for _ in range(2):
        last = watcher.once().ended(0, "unchanged")
    assert last["deleted"] == []
    assert set(dkron.jobs()) == {"kept", "forgotten", "stays", "more"}
    assert "it was taken out of the state on purpose" in watcher.once("--report").stdout
