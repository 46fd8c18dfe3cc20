"""What the recordings do not hold, learned from asking the real dkron the same: odd commands, headers, redirects."""

from collections.abc import Iterator

import pytest

from sandbox.dkron_agent import shell_executor, transport
from sandbox.dkron_agent.http_executor import HttpExecutor
from tests.sandbox.dkron_agent.sink import Sink


@pytest.mark.parametrize(
    ("command", "output"),
    [
        ('echo "a b" c', "a b c\n"),
        ("echo 'a\\b'", "a\\b\n"),
        ("echo a\\ b", "a b\n"),
        ('echo "\\n\\"x"', 'n"x\n'),
        ("echo a; echo b", "a\n"),
        ("echo a>b", "a\n"),
        ("echo `date`", "`date`\n"),
        ("echo $(date)", "$(date)\n"),
        ('echo a""b', "ab\n"),
        ("echo a#b #c", "a#b #c\n"),
    ],
)
def test_a_command_without_a_shell_is_split_as_in_dkron(command: str, output: str) -> None:
    assert shell_executor.execute("j", {"command": command}) == (output.encode(), None)


@pytest.mark.parametrize(
    ("config", "error"),
    [
        ({"command": 'echo "a'}, "invalid command line string"),
        ({"command": "echo (a)"}, "invalid command line string"),
        ({"command": "; echo"}, "shell: Command missing"),
        ({"command": "nosuchprogramx"}, 'exec: "nosuchprogramx": executable file not found in $PATH'),
        ({"command": "/etc/passwd"}, "fork/exec /etc/passwd: permission denied"),
        ({"command": "echo a\0b"}, "fork/exec echo: invalid argument"),
        ({"command": "kill -15 $$", "shell": "true"}, "signal: terminated"),
        ({"command": "cat", "payload": "aGVsbG8"}, "illegal base64 data at input byte 4"),
        ({"command": "cat", "payload": "aGVsbG8=="}, "illegal base64 data at input byte 8"),
        ({"command": "cat", "payload": "aG=VsbG8="}, "illegal base64 data at input byte 2"),
        ({"command": "true", "su": "root:nosuch"}, "group: unknown group nosuch"),
        ({"command": "true", "su": ":x"}, "user: unknown user "),
    ],
)
def test_a_command_that_cannot_run_says_why(config: dict[str, str], error: str) -> None:
    assert shell_executor.execute("j", config) == (b"", error)


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink()
    yield made
    made.close()


def sent(sink: Sink, target: str, **config: str) -> tuple[str, list[list[str]]]:
    """The output, and the job's own headers of each request."""
    url = f"http://127.0.0.1:{sink.port}{target}"
    output, error = HttpExecutor()("j", {"method": "GET", "url": url, **config})
    assert error is None
    usual = ("Host", "User-Agent", "Connection", "Content-Length")
    own = [[f"{name}: {value}" for name, value in seen.headers if name not in usual] for seen in sink.seen]
    return output.decode(), own


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        ('["X-A:1"] x', ["Accept-Encoding: gzip"]),
        ('[null,"X-A:1"]', ["X-A: 1", "Accept-Encoding: gzip"]),
        ('["Range:bytes=0-1"]', ["Range: bytes=0-1"]),
        ('["Accept-Encoding:"]', ["Accept-Encoding: ", "Accept-Encoding: gzip"]),
    ],
)
def test_headers_go_out_as_from_dkron(sink: Sink, headers: str, own: list[str]) -> None:
    _output, requests = sent(sink, "/ok", headers=headers)
    assert [[line if line[-1] != ":" else f"{line} " for line in one] for one in requests] == [own]


def test_a_redirect_without_its_body_drops_what_describes_the_body(sink: Sink) -> None:
    _output, requests = sent(
        sink, "/redirect/302/ok", method="POST", body="q", headers='["Content-Type:x","X-B:c","Referer:mine"]'
    )
    assert requests[1] == ["Referer: mine", "X-B: c", "Accept-Encoding: gzip"]


@pytest.mark.parametrize(
    ("text", "seconds", "warned"),
    [("", 30, 0), ("5", 5, 0), ("+5", 5, 0), ("0", None, 0), ("-1", None, 0), ("30000", 30_000, 0), ("1s", 30, 1),
     ("99999999999999999999", 30, 1), ("999999999999", 10**8, 0)],
)  # fmt: skip
def test_a_timeout_is_whole_seconds_or_thirty(text: str, seconds: float | None, warned: int) -> None:
    client, warnings = transport.client({"timeout": text})
    assert (client.timeout, len(warnings)) == (seconds, warned)
