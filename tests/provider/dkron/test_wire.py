"""The wire against sockets that misbehave: what a real server never does, and a proxy in front of one may."""

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psutil
import pytest

from provider.dkron.client import DkronClient
from provider.dkron.wire import MAX_REQUESTS_AT_ONCE, Wire
from provider.errors import BadAnswer, TimedOut, Unreachable
from provider.settings import DkronSettings

Speak = Callable[[socket.socket, threading.Event], None]


@contextmanager
def server(speak: Speak) -> Iterator[str]:
    """A socket server whose every connection is `speak`'s, once a request has arrived; yields its address."""
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0), backlog=200)

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            while connection.recv(65536):
                speak(connection, over)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        over.set()
        listener.close()


def dribble(text: bytes, after: int) -> Speak:
    """Sends `after` bytes at once and the others one by one, each in time for a limit that is only about the next."""

    def speak(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(text[:after])
        for byte in text[after:]:
            if over.wait(0.05):
                return
            connection.sendall(bytes([byte]))

    return speak


def at_once(*, body: bytes, head: bytes = b"", status: str = "200 OK") -> Speak:
    length = str(len(body)).encode()
    text = b"HTTP/1.1 " + status.encode() + b"\r\nContent-Length: " + length + b"\r\n" + head + b"\r\n" + body
    return lambda connection, _over: connection.sendall(text)


BODY = b"[" + b" " * 5000 + b"]"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
PLAIN = HEAD + b"Content-Length: 5002\r\n\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"138a\r\n"


@pytest.mark.parametrize(
    ("text", "after"), [(PLAIN + BODY, len(PLAIN)), (CHUNKED + BODY, len(CHUNKED)), (HEAD + b"X: " + BODY, len(HEAD))]
)
def test_an_answer_that_dribbles_is_cut_off_at_the_deadline(text: bytes, after: int) -> None:
    with server(dribble(text, after)) as url:
        wire = Wire(DkronSettings((url,), timeout_s=0.3))
        with pytest.raises(TimedOut, match=r"did not answer GET /v1/jobs within 0\.9 s"):
            wire.send(0, "GET", "/v1/jobs")
        wire.close()


def test_a_body_that_unpacks_to_more_than_the_limit_is_refused() -> None:
    packed = gzip.compress(b" " * 3_000_000)
    with server(at_once(body=packed, head=b"Content-Encoding: gzip\r\n")) as url:
        wire = Wire(DkronSettings((url,), max_answer_mb=2))
        with pytest.raises(BadAnswer, match="larger than 2 MB; set dkronMaxAnswerMb"):
            wire.send(0, "GET", "/v1/jobs")
        assert len(Wire(DkronSettings((url,), max_answer_mb=3)).send(0, "GET", "/v1/jobs").content) == 3_000_000


def test_nothing_packed_is_asked_for() -> None:
    seen: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            seen.append(connection.recv(65536))
            connection.sendall(PLAIN + BODY)

    thread = threading.Thread(target=serve)
    thread.start()
    wire = Wire(DkronSettings((f"http://127.0.0.1:{listener.getsockname()[1]}",)))
    assert wire.send(0, "GET", "/v1/jobs").content == BODY
    thread.join()
    wire.close()
    listener.close()
    assert b"Accept-Encoding: identity\r\n" in seen[0]


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000])
def test_json_that_nests_without_end_is_a_bad_answer(body: bytes) -> None:
    with server(at_once(body=body)) as url:
        client = DkronClient(DkronSettings((url,)))
        with pytest.raises(BadAnswer, match="is no JSON"):
            client.list_jobs()
        client.close()


def test_threads_that_come_and_go_leave_no_descriptor_behind() -> None:
    with server(at_once(body=b"[]")) as url:
        client = DkronClient(DkronSettings((url,)))

        def ask(times: int) -> None:
            threads = [threading.Thread(target=client.list_jobs) for _ in range(times)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        ask(40)
        client.close()
        before = psutil.Process().num_fds()
        for _ in range(10):
            ask(20)
        # Both ends of at most eight connections are in this process.
        assert psutil.Process().num_fds() <= before + 2 * MAX_REQUESTS_AT_ONCE
        client.close()


@pytest.mark.parametrize(("head", "total"), [(b"X-Total-Count: 7\r\n", "7"), (b"", "")])
def test_an_answer_tells_how_many_there_are_of_what_it_shows_a_page_of(head: bytes, total: str) -> None:
    with server(at_once(body=b"[]", head=head)) as url:
        answer = Wire(DkronSettings((url,))).send(0, "GET", "/v1/jobs")
    assert (answer.status_code, answer.total, answer.url) == (200, total, url)


def test_a_connection_that_ends_early_is_unreachable() -> None:
    def speak(connection: socket.socket, _over: threading.Event) -> None:
        connection.sendall(PLAIN + b"[")
        connection.close()

    with server(speak) as url, pytest.raises(Unreachable, match="cannot reach Dkron at"):
        Wire(DkronSettings((url,))).send(0, "GET", "/v1/jobs")


@pytest.mark.parametrize(
    ("value", "seconds"), [(b"7", 7.0), (b"", 0.0), (b"soon", 0.0), (b"-1", 0.0), (b"9999999999", 0.0)]
)
def test_a_retry_after_is_read_in_seconds(value: bytes, seconds: float) -> None:
    with server(at_once(body=b"", head=b"Retry-After: " + value + b"\r\n", status="503 Busy")) as url:
        answer = Wire(DkronSettings((url,))).send(0, "GET", "/v1/jobs")
    assert (answer.status_code, answer.retry_after_s, answer.url) == (503, seconds, url)
