"""The web server: the standard library's, with the limits and the refusals of Dkron's.

Dkron takes lines of 64 KB and more, and a body in chunks (recorded: http.json n01-n18, m34-m38). It knows no routes.
"""

import http.client
import re
import socketserver
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Final
from urllib.parse import unquote_to_bytes

_MAX_LINE: Final = 2**20  # bytes
TEXT: Final = "text/plain; charset=utf-8"

# The longest header line that the standard library's parser takes; it has no argument for that.
setattr(http.client, "_MAXLINE", _MAX_LINE)  # noqa: B010


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    target: str  # as sent: path and query
    path: str  # decoded
    query: str  # as sent
    body: bytes = b""


@dataclass(slots=True)
class Response:
    status: int
    body: bytes = b""
    content_type: str = ""
    headers: dict[str, str] = field(default_factory=dict)


class Server(socketserver.ThreadingTCPServer):
    """Calls `answer` for every request, in the connection's own thread."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], answer: Callable[[Request], Response]) -> None:
        self.answer = answer
        super().__init__(address, _Connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle of an answer is no news; anything else is a fault of this server."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.1"  # so that a first line that is none is answered like any other
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Server

    def handle_one_request(self) -> None:
        """In place of the base class's: a longer first line, and one way for all methods."""
        self.raw_requestline = self.rfile.readline(_MAX_LINE)
        if not self.raw_requestline:
            self.close_connection = True
        elif self.parse_request():
            self._answer()
        self.wfile.flush()

    def _answer(self) -> None:
        path, _mark, query = self.path.partition("?")
        hostless = not self.headers["Host"] and self.request_version == "HTTP/1.1"
        try:
            body = self._body()
        except ValueError:
            body = None
        if body is None or hostless or re.search(r"%(?![0-9a-fA-F]{2})", path):
            self.send_error(400)
        else:
            decoded = unquote_to_bytes(path.encode("latin-1")).decode(errors="replace")
            self._send(self.server.answer(Request(self.command, self.path, decoded, query, body)))

    def _body(self) -> bytes:
        """Raises ValueError for a length that is none."""
        if "Transfer-Encoding" not in self.headers:
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        body = b""
        while size := int(self.rfile.readline(1024).partition(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline(3)
        self.rfile.readline(1024)
        return body

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """What the parser refuses, as Dkron's server words it; the connection ends."""
        self.close_connection = True
        self._send(Response(code, f"{code} {http.client.responses[code]}".encode(), TEXT, {"Connection": "close"}))

    def _send(self, response: Response) -> None:
        self.send_response_only(response.status)
        headers = {"Content-Type": response.content_type, **response.headers, "Content-Length": str(len(response.body))}
        for name, value in headers.items():
            if value:
                self.send_header(name, value.encode().decode("latin-1"))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)
