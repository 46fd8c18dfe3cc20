"""The server under clients that take their time, or come in crowds."""

import http.client
import socket
from collections.abc import Iterator

import psutil
import pytest

from watcher.web.server import MOST_CONNECTIONS, Answer, HttpServer


@pytest.fixture
def server() -> Iterator[HttpServer]:
    made = HttpServer(("127.0.0.1", 0), {"/healthz": lambda: Answer(200, b"ok\n")}, lambda _what: None)
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
