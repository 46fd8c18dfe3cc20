"""The server under clients that take their time or come in crowds, behind a path, with a login, over TLS."""

import base64
import http.client
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from tests.certificates import certificate
from tests.watcher.web.support import job, site
from watcher.front import Certificate, Front, Login
from watcher.web.page import pages
from watcher.web.server import MOST_CONNECTIONS, Answer, HttpServer, Request, Route


@pytest.fixture
def server() -> Iterator[HttpServer]:
    made = HttpServer(("127.0.0.1", 0), {"/healthz": lambda _request: Answer(200, b"ok\n")}, lambda _what: None)
    yield made
    made.close()


def ask(server: HttpServer) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", "/healthz")
    status = connection.getresponse().status
    connection.close()
    return status


def test_a_crowd_of_slow_clients_keeps_nobody_from_an_answer(server: HttpServer) -> None:
    before = psutil.Process().num_fds()
    slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(3 * MOST_CONNECTIONS)]
    for one in slow:
        one.sendall(b"GET /heal")
    assert ask(server) == 200
    # Ours, and of the server's at most as many as it serves at once.
    assert psutil.Process().num_fds() <= before + len(slow) + MOST_CONNECTIONS + 20
    assert slow[0].recv(1) == b"", "the oldest had to go"
    for one in slow:
        one.close()
    assert ask(server) == 200


def test_many_polls_leave_nothing_behind(server: HttpServer) -> None:
    ask(server)
    before = psutil.Process().num_fds()
    assert {ask(server) for _ in range(300)} == {200}
    assert psutil.Process().num_fds() <= before + MOST_CONNECTIONS


ROUTES: dict[str, Route] = {path: lambda _request: Answer(200, b"ok\n") for path in ("/healthz", "/readyz", "/metrics")}


def get(server: HttpServer, path: str, tls: ssl.SSLContext | None = None, login: str = "") -> http.client.HTTPResponse:
    headers = {"Authorization": "Basic " + base64.b64encode(login.encode()).decode()} if login else {}
    place = ("127.0.0.1", server.port)
    connection = http.client.HTTPSConnection(*place, context=tls) if tls else http.client.HTTPConnection(*place)
    connection.timeout = 30
    with closing(connection):
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer


@pytest.mark.parametrize("base", ["/dkron", "/a/b", "/jobs"])
def test_behind_a_path_the_links_of_the_page_lead_on_whether_the_proxy_strips_it_or_not(base: str) -> None:
    made = site(job("a b"))
    asked = pages(made.board, made.live, made.clock, made.clean, base)
    for html in (asked["/"](Request()), asked["/jobs/"](Request("a%20b?"))):
        links = [part.split(b'"')[0].decode() for part in html.body.split(b'href="')[1:]]
        links += [part.split(b'"')[0].decode() for part in html.body.split(b'action="')[1:]]
        assert links
        with closing(HttpServer(("127.0.0.1", 0), ROUTES | asked, pytest.fail, Front(base))) as server:
            for link in (*links, base, f"{base}/", f"{base}/healthz", f"{base}/?tz=UTC"):
                assert link.startswith(base)
                assert get(server, link).status == 200
                assert get(server, link.removeprefix(base) or "/").status == 200
            assert get(server, f"{base}x").status == 404
            assert get(server, f"{base}/x").status == 404


def test_behind_a_path_the_search_among_many_jobs_leads_on_too() -> None:
    made = site(*(job(f"j{number}") for number in range(501)))
    html = pages(made.board, made.live, made.clock, made.clean, "/dkron")["/"](Request()).body
    absolute = [part.split(b'"')[0] for mark in (b'href="/', b'action="/') for part in html.split(mark)[1:]]
    assert len(absolute) > 200
    assert {place.split(b"/")[0] for place in absolute} == {b"dkron"}


def test_with_a_login_only_the_probes_are_open() -> None:
    made = site(job("a"))
    asked = pages(made.board, made.live, made.clock, made.clean)
    front = Front("/healthz/x", Login("ann", lambda: "right"))
    with closing(HttpServer(("127.0.0.1", 0), ROUTES | asked, pytest.fail, front)) as server:
        for path in ("/", "/api/status", "/jobs/a", "/metrics", "/nothing", "/healthz/x", "/healthz/x/metrics"):
            refused = get(server, path)
            assert (refused.status, refused.headers["WWW-Authenticate"][:6]) == (401, "Basic ")
            assert get(server, path, login="ann:wrong").status == 401
            assert get(server, path, login="ann:right").status == (404 if path == "/nothing" else 200)
        for path in ("/healthz", "/readyz", "/healthz?x", "/healthz/x/readyz"):
            assert get(server, path).status == 200


def test_over_tls_a_silent_client_holds_nobody_up(tmp_path: Path) -> None:
    crt, key = certificate(tmp_path)
    trusting = ssl.create_default_context(cafile=str(crt))
    front = Front(certificate=Certificate(str(crt), str(key)))
    with closing(HttpServer(("127.0.0.1", 0), ROUTES, pytest.fail, front=front)) as server:
        before = psutil.Process().num_fds()
        silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(2 * MOST_CONNECTIONS)]
        assert get(server, "/healthz", trusting).status == 200
        assert psutil.Process().num_fds() <= before + len(silent) + MOST_CONNECTIONS + 20
        assert silent[0].recv(1) == b"", "the oldest had to go"
        for one in silent:
            one.close()
        plain = socket.create_connection(("127.0.0.1", server.port))
        plain.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert b"HTTP/" not in plain.recv(1000)
        plain.close()
        assert get(server, "/healthz", trusting).status == 200


def test_over_tls_a_new_certificate_is_shown_without_a_restart(tmp_path: Path) -> None:
    crt, key = certificate(tmp_path)
    (tmp_path / "new").mkdir()
    new_crt, new_key = certificate(tmp_path / "new")
    new_only = ssl.create_default_context(cafile=str(new_crt))
    told: list[str] = []
    front = Front(certificate=Certificate(str(crt), str(key)))
    with closing(HttpServer(("127.0.0.1", 0), ROUTES, told.append, front=front)) as server:
        with pytest.raises(ssl.SSLError):
            get(server, "/healthz", new_only)
        crt.write_bytes(new_crt.read_bytes())
        key.write_bytes(new_key.read_bytes())
        assert get(server, "/healthz", new_only).status == 200
    assert told == []
