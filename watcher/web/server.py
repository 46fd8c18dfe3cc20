"""The HTTP side: a table of paths, each a function that answers. GET and HEAD only; it never waits for a cycle.

It waits for no cycle, so a hung loop can't hang it, and shows no exception to a stranger. What `front` says holds for
every path: below which one the page lies, who may see it, and over which certificate.
"""

import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET6, SHUT_RDWR, socket
from typing import Any

from watcher.clock import Clock
from watcher.front import Front
from watcher.metrics import Metrics, Scraped
from watcher.status import Board

TEXT = "text/plain; charset=utf-8"
READ_TIMEOUT_S = 10
MOST_CONNECTIONS = 64
PLAIN = Front()
OPEN = frozenset({"/healthz", "/readyz"})  # for probes, which know no password
LOG_IN = {"WWW-Authenticate": 'Basic realm="dkron-jobs", charset="UTF-8"'}


@dataclass(frozen=True, slots=True)
class Answer:
    """One response."""

    status: int
    body: bytes
    content_type: str = TEXT
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """What a route may go by. `query`: what stands after the "?"; for a path that ends in "/" it is "NAME?QUERY", with
    the name that is asked for below it. `accept`: the header, "" where there is none."""

    query: str = ""
    accept: str = ""


Route = Callable[[Request], Answer]


def health_routes(
    board: Board, metrics: Metrics, clock: Clock, clean: Callable[[str], str], brief: bool = False
) -> dict[str, Route]:
    """/healthz, /readyz, /metrics. `clean` takes out of a reason what a stranger must not read; `brief`: no reason."""

    def healthz(_request: Request) -> Answer:
        if board.now.healthy(clock.monotonic()):
            return Answer(200, b"ok\n")
        return Answer(503, b"no cycle was attempted for three intervals\n")

    def readyz(_request: Request) -> Answer:
        now = board.now
        if now.last is None:
            return Answer(503, b"no cycle has ended yet\n")
        reason = "" if brief else clean(now.last.detail)
        line = now.last.outcome.value + (f": {reason}" if reason else "")
        return Answer(200 if now.ready else 503, f"{line}\n".encode())

    return {"/healthz": healthz, "/readyz": readyz, "/metrics": partial(scraped, metrics)}


def scraped(metrics: Scraped, request: Request) -> Answer:
    return Answer(200, metrics.text(request.accept), metrics.content_type(request.accept))


class _Handler(BaseHTTPRequestHandler):
    """Looks the path up; anything else is 404 or 405."""

    routes: Mapping[str, Route]
    on_error: Callable[[str], None]
    front: Front
    timeout = READ_TIMEOUT_S
    server_version = "dkron-jobs"
    sys_version = ""

    def do_GET(self) -> None:
        try:
            answer = self._answer()
        except Exception as error:  # noqa: BLE001 - a bug of a page must not take the server down
            self.on_error(f"{self.path.partition('?')[0]}: {type(error).__name__}: {error}")
            answer = Answer(500, b"internal error\n")
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _answer(self) -> Answer:
        path, _, query = self.path.partition("?")
        base, login = self.front.base, self.front.login
        # A proxy may take its own path off, or pass it on.
        short = path.removeprefix(base) if base and f"{path}/".startswith(f"{base}/") else path
        if login and short not in OPEN and not login.admits(self.headers.get("Authorization", "")):
            return Answer(401, b"log in\n", headers=LOG_IN)
        found = self._found(short or "/", query)
        if found is None and short != path:
            found = self._found(path, query)
        return found or Answer(404, b"not found\n")

    def _found(self, path: str, query: str) -> Answer | None:
        route = self.routes.get(path)
        folder, _, below = path.rpartition("/")
        if route is None and folder and below:
            route, query = self.routes.get(f"{folder}/"), f"{below}?{query}"
        return route(Request(query, self.headers.get("Accept", ""))) if route else None

    do_HEAD = do_GET  # noqa: N815 - the base class names it

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """The default page quotes the request; this one doesn't."""
        status = 405 if code == HTTPStatus.NOT_IMPLEMENTED else code
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Probes come every few seconds: they aren't logged."""


class _Server(ThreadingHTTPServer):
    """Serves a limited number of connections at once: the oldest one goes when another one comes.

    So slow clients, however many, keep neither a probe from its answer nor the cycle from its descriptors.
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64
    front: Front
    on_error: Callable[[str], None]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._lock = threading.Lock()
        self._open: dict[socket, None] = {}  # in order of arrival
        super().__init__(*arguments, **options)

    def get_request(self) -> tuple[Any, Any]:
        """A new connection. Of TLS nothing is spoken yet: a silent client must not hold the others up."""
        request, client = super().get_request()
        if self.front.certificate is not None:
            context = self.front.certificate.context(self.on_error)
            request = context.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
        return request, client

    def finish_request(self, request: Any, client_address: Any) -> None:
        """On the connection's own thread."""
        if isinstance(request, ssl.SSLSocket):
            request.settimeout(READ_TIMEOUT_S)  # of the whole handshake
            request.do_handshake()
        super().finish_request(request, client_address)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Before the connection gets its thread."""
        with self._lock:
            oldest = next(iter(self._open)) if len(self._open) >= MOST_CONNECTIONS else None
            if oldest is not None:
                del self._open[oldest]
                with suppress(OSError):
                    # Its thread then ends, and closes it. The plain socket's: a TLS socket's own would forget its
                    # session while that thread reads.
                    socket.shutdown(oldest, SHUT_RDWR)
            self._open[request] = None
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """At the connection's end."""
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is no event."""


class HttpServer:
    """Serves `routes` on a thread of its own, as `front` says.

    Raises OSError where the address can't be had.
    """

    def __init__(
        self,
        address: tuple[str, int],
        routes: Mapping[str, Route],
        on_error: Callable[[str], None],
        front: Front = PLAIN,
    ) -> None:
        common = {"on_error": staticmethod(on_error), "front": front}
        handler = type("Handler", (_Handler,), {"routes": dict(routes), **common})
        family = {"address_family": AF_INET6} if ":" in address[0] else {}
        self._server = type("Server", (_Server,), {**common, **family})(address, handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), name="http", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=2)
