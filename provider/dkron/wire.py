"""One request to one server of a cluster: connections that are kept alive, a deadline, a bounded body.

At most eight requests are under way at once, and so there are at most eight sessions, whatever threads ask; fewer where
the servers fail at writes (see `pace`). A server that dribbles is cut off when the time of the whole answer is over.
What an answer means is `client`'s to say.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Self

import requests
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ReadTimeoutError
from urllib3.util.retry import Retry

from ..errors import BadAnswer, TimedOut, Unreachable
from ..settings import DkronSettings
from ..text import one_line
from .deadline import Deadline, under_way
from .pace import Pace

MAX_REQUESTS_AT_ONCE = 8
CONNECT_TIMEOUT_S = 3.0
WHOLE_ANSWER_TIMES = 3  # the whole answer may take so many times what the next byte may
CHUNK = 65536


@dataclass(frozen=True, slots=True)
class Answer:
    """A server's answer. `url` is the server's configured address, `total` its X-Total-Count, "" where it has none.

    `retry_after_s`: what its Retry-After asks for, 0.0 where it has none.
    """

    status_code: int
    content: bytes
    url: str
    total: str = ""
    retry_after_s: float = 0.0


class Wire:
    """The connections to the servers of one cluster. Safe to share by threads."""

    def __init__(self, settings: DkronSettings, tell: Callable[[str], None] = lambda _line: None) -> None:
        self.settings = settings
        self.pace = Pace(MAX_REQUESTS_AT_ONCE, tell)
        self._lock = threading.Lock()
        self._idle: list[requests.Session] = []

    def close(self) -> None:
        """Closes the connections that no request is using."""
        with self._lock:
            sessions, self._idle = self._idle, []
        for session in sessions:
            session.close()

    def send(
        self, server: int, method: str, path: str, params: dict[str, str] | None = None, body: Any = None
    ) -> Answer:
        """Raises Unreachable, TimedOut, and BadAnswer for a body that is too large."""
        with self.pace.turn() as turn:
            if method == "GET":  # a server that can't write may read as before
                return self._send(server, method, path, params, body)
            try:
                answer = self._send(server, method, path, params, body)
            except TimedOut:
                turn.failed = True
                raise
            paused = answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
            turn.failed = answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR and not paused
            return answer

    def _send(self, server: int, method: str, path: str, params: dict[str, str] | None, body: Any) -> Answer:
        url = self.settings.urls[server]
        deadline = Deadline(self.settings.timeout_s * WHOLE_ANSWER_TIMES)
        try:
            with self._session() as session, deadline:
                response = session.request(
                    method,
                    url + path,
                    params=params,
                    json=body,
                    timeout=(CONNECT_TIMEOUT_S, self.settings.timeout_s),
                    allow_redirects=False,
                    stream=True,
                )
                with response:
                    content = self._content(response, url, path)
                if deadline.passed:  # what was cut off may look like a whole answer
                    raise TimeoutError
                total, retry_after = (response.headers.get(name, "") for name in ("X-Total-Count", "Retry-After"))
                return Answer(response.status_code, content, url, total, _seconds(retry_after))
        except requests.exceptions.SSLError as error:
            why = f"TLS failed ({_cause(error)}); see dkronCaFile and dkronCertFile"
            raise Unreachable(f"cannot reach Dkron at {url}: {why}") from None
        except OSError as error:  # requests' exceptions are OSErrors, and a CA file that has gone raises a plain one
            # In the middle of a body a time-out comes wrapped.
            slow = any(isinstance(e, requests.exceptions.ReadTimeout | ReadTimeoutError) for e in (error, *error.args))
            if slow or deadline.passed:
                limit = deadline.seconds if deadline.passed else self.settings.timeout_s
                raise TimedOut(f"Dkron at {url} did not answer {method} {path} within {limit:g} s") from None
            why = f"{_cause(error)}; is it running, and is dkronUrl right?"
            raise Unreachable(f"cannot reach Dkron at {url}: {why}") from None

    def _content(self, response: requests.Response, url: str, path: str) -> bytes:
        limit = self.settings.max_answer_mb * 1024 * 1024
        chunks: list[bytes] = []
        size = 0
        for chunk in response.iter_content(CHUNK):
            size += len(chunk)
            if size > limit:
                raise BadAnswer(
                    f"the answer of {url} for {path} is larger than {self.settings.max_answer_mb} MB; "
                    "set dkronMaxAnswerMb if it must be"
                )
            chunks.append(chunk)
        return b"".join(chunks)

    @contextmanager
    def _session(self) -> Iterator[requests.Session]:
        """A session that nobody else uses meanwhile; the last one used first, because its connection is warm."""
        with self._lock:
            session = self._idle.pop() if self._idle else None
        session = session or self._new_session()
        try:
            yield session
        finally:
            with self._lock:
                self._idle.append(session)

    def _new_session(self) -> requests.Session:
        session = requests.Session()
        # No proxy, netrc or CA bundle from the environment: the credentials are the configured ones, or none.
        session.trust_env = False
        session.verify = self.settings.ca_file or True
        if self.settings.cert_file:
            session.cert = (self.settings.cert_file, self.settings.key_file)
        session.headers["Accept"] = "application/json"
        session.headers["Accept-Encoding"] = "identity"
        if self.settings.token:
            session.headers["Authorization"] = f"Bearer {self.settings.token}"
        elif self.settings.user:
            session.auth = HTTPBasicAuth(self.settings.user.encode(), self.settings.password.encode())
        # GET only, and only where the kept-alive connection had been closed meanwhile.
        again = _Once(
            total=1, connect=0, allowed_methods={"GET"}, status=0, redirect=0, respect_retry_after_header=False
        )
        adapter = HTTPAdapter(max_retries=again)
        adapter.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        return session


class _Once(Retry):
    """Tries a second time, but not after a time-out: that would take twice the time and end as another error."""

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: Any = None,
        error: Exception | None = None,
        _pool: Any = None,
        _stacktrace: Any = None,
    ) -> Self:
        deadline = under_way.deadline
        if isinstance(error, ReadTimeoutError) or (error is not None and deadline is not None and deadline.passed):
            raise error
        return super().increment(method, url, response, error, _pool, _stacktrace)


class _Watched(HTTPConnection):
    """A connection that tells the deadline of its socket."""

    def getresponse(self) -> Any:
        if under_way.deadline is not None and self.sock is not None:
            under_way.deadline.watch(self.sock)
        return super().getresponse()


class _WatchedSecure(_Watched, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _WatchedSecure


def _cause(error: BaseException) -> str:
    """The innermost reason of a requests exception, on one line: "Connection refused", "Name or service not known"."""
    reason: Any = error
    while True:
        inner = getattr(reason, "reason", None) or reason.__cause__ or reason.__context__
        if not isinstance(inner, BaseException) or inner is reason:
            break
        reason = inner
    return one_line(getattr(reason, "strerror", None) or str(reason) or type(reason).__name__)


def _seconds(text: str) -> float:
    """A Retry-After in seconds; 0.0 for a date or nonsense, which no server here sends."""
    return float(text) if text.isascii() and text.isdigit() and len(text) <= 9 else 0.0
