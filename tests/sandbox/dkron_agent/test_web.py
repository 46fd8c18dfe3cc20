"""The server under the API: kept connections, odd bodies, requests that are none."""

import http.client
import socket

import pytest

from tests.sandbox.dkron_agent.agents import Agent

JOB = b'{"name":"w","schedule":"@manually"}'


def test_a_connection_is_kept_for_the_next_request(agent: Agent) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", agent.port, timeout=60)
    connection.connect()
    kept = connection.sock
    for _ in range(3):
        connection.request("POST", "/v1/jobs", JOB)
        response = connection.getresponse()
        assert (response.status, bool(response.read())) == (201, True)
        assert connection.sock is kept
    connection.close()


def test_a_client_that_asks_first_is_told_to_go_on(agent: Agent) -> None:
    head = b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    with socket.create_connection(("127.0.0.1", agent.port), timeout=60) as connection:
        connection.sendall(head % len(JOB))
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(JOB)
        assert connection.recv(100).startswith(b"HTTP/1.1 201 Created\r\n")


@pytest.mark.parametrize(
    "request_",
    [
        b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
        b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /v1/jobs HTTP/1.1\r\nHost\r\n\r\n",
        b"GET /v1/jobs HTTP/2.0\r\nHost: x\r\n\r\n",
        b"\r\n",
    ],
)
def test_a_request_that_is_none_is_a_400_and_ends_the_connection(agent: Agent, request_: bytes) -> None:
    answer = agent.raw(request_)
    assert (answer.status, answer.text, answer.headers["connection"]) == (400, "400 Bad Request", "close")


def test_a_full_url_is_taken_as_a_path(agent: Agent) -> None:
    answer = agent.raw(b"GET http://x/v1/isleader HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.json() == "I am a leader"


def test_a_redirect_keeps_the_query(agent: Agent) -> None:
    assert agent.call("GET", "/v1/jobs/?q=a").headers["location"] == "/v1/jobs?q=a"
