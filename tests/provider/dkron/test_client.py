import base64
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from provider import errors
from provider.dkron.client import DkronClient
from provider.dkron.cluster import Word
from provider.dkron.wire import MAX_REQUESTS_AT_ONCE
from provider.settings import DkronSettings
from provider.text import LONGEST_QUOTE
from tests.certificates import certificate
from tests.provider.examples import CANARY, job
from tests.web import Answer, Request, Web, as_json, as_text

LEADER = as_json({"Name": "n1", "Status": 1})
NO_LEADER = as_json(None, 500)  # recorded: cluster.json
GONE = Answer(404)
PATIENCE_S = 20.0  # longer than any test takes: it only matters where a time-out is tested
HASTE_S = 0.2

Routes = dict[str, Answer]


def member(name: str, status: int = 1, **tags: str) -> dict[str, Any]:
    """One node as Dkron lists it (recorded)."""
    every = {"dc": "dc1", "region": "global", "role": "dkron", "rpc_addr": "127.0.0.31:6868"}
    return {"Name": name, "Addr": "127.0.0.31", "Port": 8946, "Tags": {**every, **tags}, "Status": status}


def serving(routes: Routes) -> Callable[[Request], Answer]:
    """Answers "METHOD path" as told, the leader's name for /v1/leader, and 404 for the rest."""

    def answer(request: Request) -> Answer:
        found = routes.get(f"{request.method} {request.path}") or routes.get(request.path)
        return found or (LEADER if request.path == "/v1/leader" else GONE)

    return answer


@pytest.fixture
def web() -> Iterator[Callable[..., Web]]:
    opened: list[Web] = []

    def open_web(
        routes: Routes | None = None, answer: Callable[[Request], Answer] | None = None, **options: Any
    ) -> Web:
        made = Web(answer or serving(routes or {}), **options)
        opened.append(made)
        return made.__enter__()

    yield open_web
    for made in opened:
        made.close()


@pytest.fixture
def client() -> Iterator[Callable[..., DkronClient]]:
    made: list[DkronClient] = []

    def make(*webs: Web | str, **options: Any) -> DkronClient:
        urls = tuple(w if isinstance(w, str) else w.url for w in webs)
        made.append(DkronClient(DkronSettings(urls, **{"timeout_s": PATIENCE_S, **options})))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def dead() -> str:
    """An address where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


WebOf = Callable[..., Web]
ClientOf = Callable[..., DkronClient]

# -- the good answers


def test_the_leader_is_named(web: WebOf, client: ClientOf) -> None:
    assert client(web()).leader() == "n1"


def test_each_server_s_own_leader_is_told(web: WebOf, client: ClientOf, dead: str) -> None:
    first, lost, other = web(), web({"/v1/leader": NO_LEADER}), web({"/v1/leader": as_json({"Name": "s1"})})
    assert client(first, dead, lost, other).leaders() == {first.url: "n1", other.url: "s1"}


def test_each_server_s_own_members_and_words_are_told(web: WebOf, client: ClientOf, dead: str) -> None:
    member = {"Name": "n1", "Addr": "10.0.0.1", "Port": 8946, "Tags": {"rpc_addr": "10.0.0.1:6868"}}
    ours = "GET /v1/jobs?metadata%5Bmanaged_by%5D=ours"
    leader = web({"/v1/members": as_json([member]), "/v1/isleader": as_json("I am a leader"), ours: as_json([])})
    other = web({"/v1/members": as_json(None), ours: as_json([{"name": "a"}])})
    mute = web({"/v1/members": as_json(None, 403)})
    one = client(leader, dead, other, mute)
    assert one.members() == {leader.url: {"n1 10.0.0.1:8946 10.0.0.1:6868"}, other.url: frozenset()}
    assert one.words("ours") == [
        Word(leader.url, leads=True, lists_ours=False),
        Word(other.url, leads=False, lists_ours=True),
    ]


def test_a_job_is_looked_for_on_the_other_servers(web: WebOf, client: ClientOf, dead: str) -> None:
    stale, holder = web(), web({"GET /v1/jobs/a": as_json({"name": "a"})})
    one = client(stale, dead, holder)
    assert one.get_job_in_a_row("a") is None
    assert one.get_job_anywhere("a") == {"name": "a"}
    assert one.get_job_anywhere("b") is None
    assert client(holder).get_job_anywhere("a") is None


def test_a_job_to_create_is_looked_for_by_name_and_the_leader_asked_for_once(web: WebOf, client: ClientOf) -> None:
    server = web({"GET /v1/jobs/there": as_json({"name": "there"})})
    one = client(server)
    assert [one.get_job_in_a_row(name) for name in ("a", "b", "there")] == [None, None, {"name": "there"}]
    assert [request.path for request in server.asked] == ["/v1/jobs/a", "/v1/leader", "/v1/jobs/b", "/v1/jobs/there"]


@pytest.mark.parametrize("answer", [NO_LEADER, as_json({}), as_json({"Name": ""}), as_json("n1"), Answer(503)])
def test_no_leader_is_none_and_no_error(web: WebOf, client: ClientOf, answer: Answer) -> None:
    assert client(web({"/v1/leader": answer})).leader() is None


@pytest.mark.parametrize(("status", "seconds"), [(503, 7.0), (429, 7.0), (429, 0.0)])
def test_a_server_that_asks_to_wait_is_told_from_one_without_a_leader(
    web: WebOf, client: ClientOf, status: int, seconds: float
) -> None:
    headers = {"Retry-After": f"{seconds:g}"} if seconds else {}
    busy = web({"/v1/leader": Answer(status, b"", headers)})
    with pytest.raises(errors.Paused, match=rf"asks to wait \({status}\)") as caught:
        client(busy).leader()
    assert caught.value.retry_after_s == seconds
    assert client(busy).leaders() == {}
    assert client(busy, web()).leader() is not None


def test_the_list_is_asked_for_whole_or_by_owner(web: WebOf, client: ClientOf) -> None:
    server = web(
        {
            "/v1/jobs": as_json([{"name": "a"}, "rubbish", {"name": "b"}]),
            "/v1/jobs?metadata%5Bmanaged_by%5D=us": as_json([{"name": "a"}]),
        }
    )
    assert client(server).list_jobs() == [{"name": "a"}, {"name": "b"}]
    assert client(server).list_jobs("us") == [{"name": "a"}]


@pytest.mark.parametrize(
    ("name", "path"), [("geo-purge", "geo-purge"), ("été", "%C3%A9t%C3%A9"), ("a/b?c", "a%2Fb%3Fc"), ("a..", "a..")]
)
def test_a_job_is_asked_for_by_its_name_and_nothing_else(web: WebOf, client: ClientOf, name: str, path: str) -> None:
    server = web({f"/v1/jobs/{path}": as_json({"name": name})})
    assert client(server).get_job(name) == {"name": name}
    assert server.paths("GET") == [f"/v1/jobs/{path}"]


def test_an_upsert_posts_the_job_as_json(web: WebOf, client: ClientOf) -> None:
    server = web({"POST /v1/jobs": as_json({}, 201)})
    client(server).upsert_job(job())
    assert server.asked[0].json() == job()
    assert server.asked[0].headers["Content-Type"] == "application/json"


def test_a_delete_and_a_run_go_to_the_job_s_own_path(web: WebOf, client: ClientOf) -> None:
    server = web({"DELETE /v1/jobs/a": as_json({}), "POST /v1/jobs/a": as_json({})})
    assert client(server).delete_job("a") is True
    client(server).run_job("a")
    asked = [(r.method, r.path) for r in server.asked if r.path != "/v1/leader"]
    assert asked == [("DELETE", "/v1/jobs/a"), ("POST", "/v1/jobs/a")]


def test_a_run_whose_connection_breaks_is_not_sent_to_another_server(web: WebOf, client: ClientOf) -> None:
    broken, other = (web({"POST /v1/jobs/a": answer}) for answer in (Answer(200, b"{}", cut=True), as_json({})))
    with pytest.raises(errors.Unreachable):
        client(broken, other).run_job("a")
    assert [r.path for r in other.asked] == []
    with pytest.raises(errors.NoLeader):
        client(web({"/v1/leader": NO_LEADER})).run_job("a")


def test_executions_come_newest_first_and_without_their_output_if_not_wanted(web: WebOf, client: ClientOf) -> None:
    sorted_by = "_sort=started_at&_order=DESC"
    server = web(
        {
            f"/v1/jobs/a%2Fb/executions?{sorted_by}&output_size_limit=0": as_json([{"id": "2"}, "rubbish"]),
            f"/v1/jobs/a%2Fb/executions?{sorted_by}": as_json([{"id": "1"}]),
            "/v1/busy": as_json([{"job_name": "a"}]),
        }
    )
    assert client(server).executions("a/b") == [{"id": "2"}]
    assert client(server).executions("a/b", with_output=True) == [{"id": "1"}]
    assert client(server).busy() == [{"job_name": "a"}]
    assert client(server).executions("gone") == []
    with pytest.raises(errors.BadAnswer, match="no list"):
        client(web({"/v1/busy": as_json({})})).busy()


def test_an_address_with_a_path_is_kept(web: WebOf, client: ClientOf) -> None:
    server = web({"/dkron/v1/jobs/a": as_json({"name": "a"})})
    assert client(f"{server.url}/dkron").get_job("a") == {"name": "a"}


# -- what a 404 means


def test_a_404_is_gone_when_a_leader_vouches_for_it(web: WebOf, client: ClientOf) -> None:
    server = web()
    assert client(server).get_job("a") is None
    assert server.paths("GET") == ["/v1/jobs/a", "/v1/leader"]


def test_a_404_without_a_leader_is_no_leader_and_never_gone(web: WebOf, client: ClientOf) -> None:
    one = client(web({"/v1/leader": NO_LEADER}))
    with pytest.raises(errors.NoLeader):
        one.get_job("a")
    with pytest.raises(errors.NoLeader):
        one.delete_job("a")


def test_a_404_of_the_list_is_an_error(web: WebOf, client: ClientOf) -> None:
    with pytest.raises(errors.Rejected, match="404"):
        client(web()).list_jobs()


def test_a_delete_of_a_missing_job_says_so(web: WebOf, client: ClientOf) -> None:
    assert client(web()).delete_job("a") is False


@pytest.mark.parametrize(
    ("live", "words"),
    [
        ({"name": "a", "dependent_jobs": ["b", "c"]}, r"has children \(b, c\); delete those first"),
        ({"name": "a", "dependent_jobs": None}, "did not say why; try again"),
    ],
)
def test_a_delete_that_leaves_the_job_is_refused_with_the_reason(
    web: WebOf, client: ClientOf, live: dict[str, Any], words: str
) -> None:
    with pytest.raises(errors.DeleteRefused, match=words) as caught:
        client(web({"DELETE /v1/jobs/a": GONE, "GET /v1/jobs/a": as_json(live)})).delete_job("a")
    assert caught.value.status == 404


def test_a_404_with_words_on_a_post_is_a_refusal(web: WebOf, client: ClientOf) -> None:
    server = web({"POST /v1/jobs": as_text("specified parent job not found", 404)})  # recorded: f01
    with pytest.raises(errors.Rejected, match=r'job "geo-purge" \(404: specified parent job not found\)'):
        client(server).upsert_job(job())
    assert server.paths("GET") == []


# -- every bad answer is one error, on one line


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (as_text("Job validation failed: x\n.", 400), errors.Rejected, r"\(400: Job validation failed: x \.\)"),
        (as_text("no", 401), errors.Unauthorised, "refuses the credentials (401)"),
        (as_text("no", 403), errors.Unauthorised, "set dkronToken, or dkronUser and dkronPassword"),
        (as_text("New job submissions are currently paused", 503), errors.Paused, "submissions are currently paused"),
        (as_text("slow down", 429), errors.Paused, 'asks to wait before job "geo-purge" (429: slow down)'),
        (as_text("context deadline exceeded", 500), errors.ServerFault, "(500: context deadline exceeded)"),
        (Answer(502), errors.ServerFault, "(502)"),
        (as_text("grpc: received message larger than max (5 vs. 4)", 500), errors.Rejected, "larger than max"),
        (Answer(301, b"", {"Location": "https://elsewhere/"}), errors.BadAnswer, "redirects"),
        (Answer(307, b"", {"Location": "/v1/jobs/"}), errors.BadAnswer, "redirects"),
        (as_text("<html>", 200, "text/html"), errors.BadAnswer, "which no Dkron does"),
        (Answer(418), errors.Rejected, "(418)"),
    ],
)
def test_each_bad_answer_to_an_upsert_is_its_own_error(
    web: WebOf, client: ClientOf, answer: Answer, kind: type[errors.DkronError], words: str
) -> None:
    server = web({"POST /v1/jobs": answer})
    with pytest.raises(kind) as caught:
        client(server).upsert_job(job())
    text = str(caught.value)
    assert words.replace("\\", "") in text
    assert text.isprintable()
    assert caught.value.status == answer.status
    assert len(server.paths("POST")) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (as_text("no", 401), errors.Unauthorised),
        (Answer(302, b"", {"Location": "http://127.0.0.1:1/"}), errors.BadAnswer),
        (as_text("bad", 400), errors.Rejected),
        (Answer(500), errors.ServerFault),
        (as_text("<html>login</html>", 200, "text/html"), errors.BadAnswer),
        (Answer(200), errors.BadAnswer),
        (as_json({"name": "a"}), errors.BadAnswer),  # a list was asked for
    ],
)
def test_each_bad_answer_to_the_list_is_its_own_error(
    web: WebOf, client: ClientOf, answer: Answer, kind: type[errors.DkronError]
) -> None:
    with pytest.raises(kind) as caught:
        client(web({"/v1/jobs": answer})).list_jobs()
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(301, b"", {"Location": "https://elsewhere/"}), errors.BadAnswer),
        (as_text("no", 401), errors.Unauthorised),
        (as_text("404 page not found", 404), errors.Rejected),
        (as_text("<html>", 200, "text/html"), errors.BadAnswer),
        (Answer(200), errors.BadAnswer),
    ],
)
def test_an_address_that_is_no_dkron_s_is_told_and_not_taken_for_a_lost_leader(
    web: WebOf, client: ClientOf, answer: Answer, kind: type[errors.DkronError]
) -> None:
    with pytest.raises(kind):
        client(web({"/v1/leader": answer})).leader()


@pytest.mark.parametrize("status", [301, 307, 400])
def test_a_delete_or_a_run_that_was_not_done_is_an_error(web: WebOf, client: ClientOf, status: int) -> None:
    server = web({"/v1/jobs/a": Answer(status, b"", {"Location": "/x"})})
    with pytest.raises(errors.DkronError):
        client(server).delete_job("a")
    with pytest.raises(errors.DkronError):
        client(server).run_job("a")


def test_an_empty_answer_to_a_read_names_the_cure(web: WebOf, client: ClientOf) -> None:
    server = web({"/v1/jobs": Answer(200), "/v1/jobs/poison": Answer(200)})  # recorded: p03, p04
    for ask in (client(server).list_jobs, lambda: client(server).get_job("poison")):
        with pytest.raises(errors.BadAnswer, match="outside the years 0 to 9999; delete that job by name"):
            ask()


def test_a_job_that_is_no_object_is_a_bad_answer(web: WebOf, client: ClientOf) -> None:
    with pytest.raises(errors.BadAnswer, match="with no job"):
        client(web({"/v1/jobs/a": as_json(["a"])})).get_job("a")


def test_redirects_are_not_followed_with_the_credentials(web: WebOf, client: ClientOf) -> None:
    other = web()
    server = web({"/v1/jobs/a": Answer(302, b"", {"Location": f"{other.url}/v1/jobs/a"})})
    with pytest.raises(errors.BadAnswer, match="set dkronUrl to the address behind it"):
        client(server, token="t0ken").get_job("a")
    assert other.asked == []


# -- nothing there, no answer in time


def test_where_nothing_listens_the_reason_is_plain(client: ClientOf, dead: str) -> None:
    for ask in (client(dead).leader, client(dead).list_jobs, lambda: client(dead).upsert_job(job())):
        with pytest.raises(errors.Unreachable) as caught:
            ask()
        way_out = "is it running, and is dkronUrl right?"
        assert str(caught.value) == f"cannot reach Dkron at {dead}: Connection refused; {way_out}"


@pytest.mark.parametrize("hang", ["head", "body"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_answer_in_time_is_a_time_out_and_is_not_tried_again(
    web: WebOf, client: ClientOf, method: str, hang: str
) -> None:
    server = web({"/v1/jobs": Answer(201 if method == "POST" else 200, b"[]", hang=hang)})
    one = client(server, timeout_s=HASTE_S)
    with pytest.raises(errors.TimedOut, match=rf"did not answer {method} /v1/jobs within 0.2 s"):
        one.list_jobs() if method == "GET" else one.upsert_job(job())
    assert len(server.asked) == 1


def test_an_answer_that_breaks_off_is_unreachable(web: WebOf, client: ClientOf) -> None:
    server = web({"/v1/jobs": Answer(200, b"[1,2,3]", cut=True)})
    with pytest.raises(errors.Unreachable):
        client(server).list_jobs()


def test_what_speaks_no_http_is_unreachable(client: ClientOf) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk() -> None:
            for _ in range(2):  # a read is tried twice
                connection, _ = listener.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(b"SSH-2.0-OpenSSH\r\n")

        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        with pytest.raises(errors.Unreachable) as caught:
            client(f"http://127.0.0.1:{listener.getsockname()[1]}").list_jobs()
        thread.join(30)
    assert str(caught.value).isprintable()


# -- several servers


def test_the_next_server_is_asked_when_the_first_is_dead(web: WebOf, client: ClientOf, dead: str) -> None:
    server = web({"/v1/jobs": as_json([]), "POST /v1/jobs": as_json({}, 201)})
    assert client(dead, server).leader() == "n1"
    assert client(dead, server).list_jobs() == []
    assert client(dead, server).get_job("a") is None
    assert client(dead, server).delete_job("a") is False
    client(dead, server).upsert_job(job())
    assert server.paths("POST") == ["/v1/jobs"]


def test_the_server_that_answered_is_asked_first_from_then_on(web: WebOf, client: ClientOf) -> None:
    first, second = web({"/v1/leader": NO_LEADER, "/v1/jobs/a": GONE}), web({"/v1/jobs/a": as_json({"name": "a"})})
    one = client(first, second)
    for _ in range(3):
        assert one.get_job("a") == {"name": "a"}
    assert len(first.asked) == 2  # the job, the leader
    assert len(second.asked) == 3


@pytest.mark.parametrize("answer", [GONE, Answer(500), as_text("failed to exit idle mode", 500)])
def test_a_server_without_a_leader_is_passed_over(web: WebOf, client: ClientOf, answer: Answer) -> None:
    first = web({"/v1/leader": NO_LEADER, "/v1/jobs": answer, "/v1/jobs/a": answer})
    second = web(
        {
            "GET /v1/jobs": as_json([]),
            "POST /v1/jobs": as_json({}, 201),
            "DELETE /v1/jobs/a": as_json({}),
            "GET /v1/jobs/a": as_json({"name": "a"}),
        }
    )
    assert client(first, second).list_jobs() == []
    assert client(first, second).get_job("a") == {"name": "a"}
    assert client(first, second).delete_job("a") is True
    client(first, second).upsert_job(job())
    assert client(first, second).leader() == "n1"
    assert len(second.paths("POST")) == 1


def test_no_leader_anywhere_is_told_as_such(web: WebOf, client: ClientOf) -> None:
    def one() -> DkronClient:
        return client(*(web({"/v1/leader": NO_LEADER, "/v1/jobs": Answer(500)}) for _ in range(2)))

    assert one().leader() is None
    with pytest.raises(errors.NoLeader, match=r"http://.*,http://.* has no leader just now, so nothing was changed"):
        one().require_leader()
    for ask in (
        lambda: one().get_job("a"),
        lambda: one().list_jobs(),
        lambda: one().upsert_job(job()),
        lambda: one().delete_job("a"),
    ):
        with pytest.raises(errors.NoLeader, match="has no leader just now"):
            ask()


def test_all_dead_tells_of_the_first(client: ClientOf, dead: str) -> None:
    with pytest.raises(errors.Unreachable, match=dead):
        client(dead, "http://127.0.0.1:1").list_jobs()


def test_one_dead_and_one_without_a_leader_has_no_leader_to_name(web: WebOf, client: ClientOf, dead: str) -> None:
    server = web({"/v1/leader": NO_LEADER})
    with pytest.raises(errors.DkronError):
        client(dead, server).leader()
    with pytest.raises(errors.NoLeader):
        client(dead, server).get_job("a")


def test_a_write_that_timed_out_is_not_sent_elsewhere(web: WebOf, client: ClientOf) -> None:
    slow, other = web({"/v1/jobs": Answer(201, hang="head")}), web({"/v1/jobs": as_json({}, 201)})
    with pytest.raises(errors.TimedOut):
        client(slow, other, timeout_s=HASTE_S).upsert_job(job())
    assert other.asked == []


def test_a_read_that_timed_out_is(web: WebOf, client: ClientOf) -> None:
    slow, other = web({"/v1/jobs": Answer(200, hang="head")}), web({"/v1/jobs": as_json([])})
    # The other server answers at once; only the slow one runs into the time-out, however slow this machine is.
    assert client(slow, other, timeout_s=2.0).list_jobs() == []


def test_a_refusal_is_believed_and_not_tried_elsewhere(web: WebOf, client: ClientOf) -> None:
    first, second = web({"/v1/jobs": as_text("bad", 400)}), web({"/v1/jobs": as_json({}, 201)})
    with pytest.raises(errors.Rejected):
        client(first, second).upsert_job(job())
    assert second.asked == []


def test_a_paused_server_is_told_though_others_may_not_be(web: WebOf, client: ClientOf) -> None:
    with pytest.raises(errors.Paused):
        client(web({"/v1/jobs": as_text("paused", 503)}), web()).upsert_job(job())


def test_an_error_names_the_server_that_made_it(web: WebOf, client: ClientOf, dead: str) -> None:
    server = web({"/v1/jobs": as_text("no", 401)})
    with pytest.raises(errors.Unauthorised, match=server.url):
        client(dead, server).list_jobs()


# -- credentials


def test_without_credentials_none_are_sent_whatever_the_shell_says(
    web: WebOf, client: ClientOf, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login u password p\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    server = web()
    client(server).leader()
    assert "Authorization" not in server.asked[0].headers


@pytest.mark.parametrize(
    ("options", "header"),
    [
        ({"token": "t0ken"}, "Bearer t0ken"),
        ({"user": "ops", "password": "pä:ss"}, "Basic " + base64.b64encode("ops:pä:ss".encode()).decode()),
    ],
)
def test_credentials_are_sent_with_every_request(
    web: WebOf, client: ClientOf, options: dict[str, str], header: str
) -> None:
    server = web({"POST /v1/jobs": as_json({}, 201)})
    one = client(server, **options)
    one.leader()
    one.upsert_job(job())
    assert [request.headers["Authorization"] for request in server.asked] == [header] * 2


def echoes(secret: str) -> list[str]:
    """How Dkron, Go or a proxy may quote a request."""
    body = json.dumps({"executor_config": {"headers": json.dumps([f"X-Api-Key: {secret}"])}})
    basic = base64.b64encode(f"ops:{secret}".encode()).decode()
    return [secret, body, json.dumps(body), base64.b64encode(secret.encode()).decode(), f"Authorization: Basic {basic}"]


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("status", [400, 500, 503, 404])
@pytest.mark.parametrize("kind", ["text/plain; charset=utf-8", "text/plain"])
def test_no_echo_of_a_secret_gets_into_an_error(
    web: WebOf, client: ClientOf, number: int, status: int, kind: str
) -> None:
    said = f"cannot parse {echoes(CANARY)[number]}" + "x" * 400
    server = web({"POST /v1/jobs": as_text(said, status, kind)})
    one = client(server, user="ops", password=CANARY)
    with pytest.raises(errors.DkronError) as caught:
        one.upsert_job(job(), [CANARY])
    text = str(caught.value)
    assert "[secret]" in text
    assert "CANARY" not in text
    for form in echoes(CANARY):
        assert form[:12] not in text or form.startswith(("{", '"{', "Authorization"))


def test_a_secret_at_the_place_of_the_cut_is_not_cut_into_view(web: WebOf, client: ClientOf) -> None:
    server = web({"POST /v1/jobs": as_text("x" * (LONGEST_QUOTE - 6) + CANARY, 400)})
    with pytest.raises(errors.Rejected) as caught:
        client(server).upsert_job(job(), [CANARY])
    assert "CANA" not in str(caught.value)


# -- TLS


def test_a_proxy_with_its_own_ca_is_trusted_by_the_file_alone(
    web: WebOf, client: ClientOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crt, key = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)
    server = web(tls=context)
    assert client(server, ca_file=str(crt)).leader() == "n1"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(crt))  # the shell's own bundle doesn't count
    with pytest.raises(errors.Unreachable, match=r"TLS failed .*; see dkronCaFile and"):
        client(server).leader()


def test_a_proxy_that_wants_our_certificate_gets_it(web: WebOf, client: ClientOf, tmp_path: Path) -> None:
    crt, key = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)
    context.load_verify_locations(crt)
    context.verify_mode = ssl.CERT_REQUIRED
    server = web(tls=context)
    ours = {"ca_file": str(crt), "cert_file": str(crt), "key_file": str(key)}
    assert client(server, **ours).leader() == "n1"
    with pytest.raises(errors.Unreachable) as caught:
        client(server, ca_file=str(crt)).leader()
    assert "\n" not in str(caught.value)
    key.unlink()
    with pytest.raises(errors.Unreachable):
        client(server, **ours).leader()


def test_a_ca_file_that_is_none_is_one_line(web: WebOf, client: ClientOf, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for path in (tmp_path / "ca.pem", tmp_path / "nosuch.pem"):
        with pytest.raises(errors.DkronError) as caught:
            client("https://127.0.0.1:1", ca_file=str(path)).leader()
        assert str(caught.value).isprintable()


# -- connections


def test_a_connection_is_kept_for_many_requests(web: WebOf, client: ClientOf) -> None:
    server = web({"POST /v1/jobs": as_json({}, 201), "/v1/jobs": as_json([])})
    one = client(server)
    for _ in range(5):
        one.list_jobs()
        one.upsert_job(job())
        one.get_job("a")
    assert len(server.connections) == 1


def test_a_kept_connection_that_the_server_has_closed_is_no_error(web: WebOf, client: ClientOf) -> None:
    server = web({"/v1/jobs": Answer(200, b"[]", {"Connection": "close"})})
    one = client(server)
    for _ in range(3):
        assert one.list_jobs() == []


def test_a_closed_client_can_be_used_again(web: WebOf, client: ClientOf) -> None:
    server = web()
    one = client(server)
    one.leader()
    one.close()
    assert one.leader() == "n1"
    assert len(server.connections) == 2


def test_never_more_than_eight_requests_are_under_way(web: WebOf, client: ClientOf) -> None:
    lock, full, go = threading.Lock(), threading.Event(), threading.Event()
    running: list[int] = [0]
    most: list[int] = [0]

    def answer(_request: Request) -> Answer:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
            if running[0] == MAX_REQUESTS_AT_ONCE:
                full.set()
        go.wait(PATIENCE_S)
        with lock:
            running[0] -= 1
        return as_json([])

    one = client(web(answer=answer))
    threads = [threading.Thread(target=one.list_jobs) for _ in range(3 * MAX_REQUESTS_AT_ONCE)]
    for thread in threads:
        thread.start()
    assert full.wait(PATIENCE_S)
    go.set()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert most == [MAX_REQUESTS_AT_ONCE]


def nodes_of(web: Callable[..., Web], *members: object) -> list[str | None]:
    with_leader = web({"/v1/members": as_json(list(members))})
    client = DkronClient(DkronSettings((with_leader.url,)))
    try:
        return [tags.get("zone") for tags in client.nodes()]
    finally:
        client.close()


def test_the_nodes_are_those_that_are_alive_servers_and_agents_alike(web: Callable[..., Web]) -> None:
    server, agent = member("n0", zone="z0", server="true"), member("w1", zone="z1")
    assert nodes_of(web, server, agent, member("w2", status=4, zone="z2"), member("w3", status=3)) == ["z0", "z1"]


def test_a_node_of_another_region_than_the_servers_runs_no_job_of_theirs(web: Callable[..., Web]) -> None:
    server = member("n0", zone="z0", server="true")
    assert nodes_of(web, server, member("w1", region="far")) == ["z0"]
    assert nodes_of(web, server, member("m0", region="far", server="true")) == []


def test_members_that_are_none_are_left_out(web: Callable[..., Web]) -> None:
    assert nodes_of(web, {"Name": "x", "Status": 1}, "text", {"Tags": None, "Status": 1}) == []
