"""A small HTTP/1.1 server: keep-alive, threads, and the answers of Dkron's server to what is no proper request.

The standard library's handler can't take the 64 KB header lines and paths that Dkron takes (recorded: http.json n01,
n16-n18, m34-m38), so this one reads requests itself. It knows no routes.
"""

import http
import re
import socketserver
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_to_bytes

_MAX_HEAD: Final = 2**20 + 4096  # bytes; recorded: n01, n02
_MAX_BODY: Final = 64 * 2**20
TEXT: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    target: str  # as sent: path and query
    path: str  # decoded
    query: str  # as sent
    headers: dict[str, str]  # names in lower case
    body: bytes = b""


@dataclass(slots=True)
class Response:
    status: int
    body: bytes = b""
    content_type: str = ""
    headers: dict[str, str] = field(default_factory=dict)


class _Bad(Exception):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.response = Response(status, text.encode(), TEXT)


class Server(socketserver.ThreadingTCPServer):
    """Calls `answer` for every request, in the connection's own thread."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], answer: Callable[[Request], Response]) -> None:
        self.answer = answer
        super().__init__(address, _Connection)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - the base class calls it
        """A client that goes away in the middle of an answer is no news; anything else is a fault of this server."""
        if not isinstance(sys.exception(), ConnectionError):
            traceback.print_exc()


class _Connection(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Server

    def handle(self) -> None:
        while self._one():
            pass

    def _one(self) -> bool:
        """Read and answer one request; is the connection kept?"""
        try:
            read = self._read()
            if read is None:
                return False
            request, keep = read
        except _Bad as error:
            self._write(error.response, keep=False)
            return False
        self._write(self.server.answer(request), keep=keep, silent=request.method == "HEAD")
        return keep

    def _read(self) -> tuple[Request, bool] | None:
        left = _MAX_HEAD
        lines: list[str] = []
        while True:
            line = self.rfile.readline(left + 1)
            left -= len(line)
            if left < 0:
                raise _Bad(431, "431 Request Header Fields Too Large")
            if not line:
                return None
            if line in (b"\r\n", b"\n"):
                break
            lines.append(line.decode("latin-1").rstrip("\r\n"))
        match = re.fullmatch(r"([!-~]+) ([!-~\x80-\xff]+) HTTP/(1)\.([01])", lines[0] if lines else "")
        if match is None:
            raise _Bad(400, "400 Bad Request")
        headers: dict[str, str] = {}
        for header in lines[1:]:
            name, colon, value = header.partition(":")
            if not colon:
                raise _Bad(400, "400 Bad Request")
            headers.setdefault(name.lower(), value.strip())
        newer = match[4] == "1"
        if newer and "host" not in headers:
            raise _Bad(400, "400 Bad Request: missing required Host header")
        path, query = _split(match[2])
        request = Request(match[1], match[2], path, query, headers, self._body(headers))
        connection = headers.get("connection", "").lower()
        return request, connection == "keep-alive" or (newer and connection != "close")

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self._chunks()
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > _MAX_BODY:
            raise _Bad(400, "400 Bad Request")
        return self.rfile.read(int(length))

    def _chunks(self) -> bytes:
        parts: list[bytes] = []
        while True:
            size = self.rfile.readline(1024).partition(b";")[0].strip()
            if not re.fullmatch(rb"[0-9a-fA-F]{1,8}", size) or int(size, 16) > _MAX_BODY:
                raise _Bad(400, "400 Bad Request")
            if int(size, 16) == 0:
                while self.rfile.readline(1024).strip():
                    pass
                return b"".join(parts)
            parts.append(self.rfile.read(int(size, 16)))
            self.rfile.readline(3)

    def _write(self, response: Response, *, keep: bool, silent: bool = False) -> None:
        reason = http.HTTPStatus(response.status).phrase
        lines = [f"HTTP/1.1 {response.status} {reason}"]
        lines += [f"Content-Type: {response.content_type}"] if response.content_type else []
        lines += [f"{name}: {value}" for name, value in response.headers.items()]
        lines.append(f"Content-Length: {len(response.body)}")
        lines += [] if keep else ["Connection: close"]
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape"))
        self.wfile.write(b"" if silent else response.body)
        self.wfile.flush()


def _split(target: str) -> tuple[str, str]:
    """The decoded path and the query as sent. A full URL is taken, too."""
    bare = re.sub(r"^[a-zA-Z]+://[^/?]*", "", target)
    path, _mark, query = bare.partition("?")
    if re.search(r"%(?![0-9a-fA-F]{2})", path):
        raise _Bad(400, "400 Bad Request")
    return unquote_to_bytes(path.encode("latin-1")).decode("utf-8", "surrogateescape"), query
