"""The http executor: sends a job's request the way Dkron does, byte for byte, and judges the answer its way.

Recorded: firing.json wire-*, hdr-*, out-*, expect*, timeout-*, tls-*, crash-*. Its quirks are the point: a header
value is cut at its second colon, and an item without a colon kills this executor until the agent restarts. It writes
the request itself, because no client library sends these headers in this order.
"""

import base64
import gzip
import http.client
import re
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

from . import gojson, goregexp, gourl, transport

Config = Mapping[str, str]

_OWN_PLACE = ("Host", "User-Agent", "Content-Length", "Transfer-Encoding", "Trailer")  # never taken from `headers`
_OF_A_BODY = ("Content-Encoding", "Content-Language", "Content-Location", "Content-Type")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_MAX_REDIRECTS = 10


class _Died(Exception):
    """A header item without a colon: the executor's process is gone."""


class _Failed(Exception):
    """The execution failed; the message is Dkron's."""


@dataclass(slots=True)
class _Request:
    method: str
    url: gourl.Url
    headers: dict[str, str]
    body: bytes
    referer: str = ""

    def head(self, url: gourl.Url) -> bytes:
        own = {name: value for name, value in self.headers.items() if name not in _OWN_PLACE}
        if self.referer:
            own.setdefault("Referer", self.referer)
        if url.credentials and "Authorization" not in own:
            own["Authorization"] = "Basic " + base64.b64encode(url.credentials.encode()).decode()
        lines = [f"{self.method} {url.target} HTTP/1.1", f"Host: {url.host}"]
        agent = self.headers.get("User-Agent", "Go-http-client/1.1")
        lines += [f"User-Agent: {agent}"] if agent else []
        if not self.referer:  # recorded: out-redirect-*
            lines.append("Connection: close")
        if self.body or self.method in ("POST", "PUT", "PATCH"):
            lines.append(f"Content-Length: {len(self.body)}")
        lines += [f"{name}: {value}" for name, value in sorted(own.items())]
        if self.unpack:
            lines.append("Accept-Encoding: gzip")
        return "\r\n".join([*lines, "", ""]).encode()

    @property
    def unpack(self) -> bool:
        own = self.headers.get("Accept-Encoding") or self.headers.get("Range")
        return not own and self.method != "HEAD"

    @property
    def verb(self) -> str:
        return self.method[:1].upper() + self.method[1:].lower()


@dataclass(slots=True)
class HttpExecutor:
    """Called with the job's name and config; answers the output and why it failed, if it did."""

    _socket_name: str = ""  # set once the executor has died: the pipe that nobody answers any more
    _clients: set[tuple[str | None, ...]] = field(default_factory=set)

    def __call__(self, _job: str, config: Config) -> tuple[bytes, str | None]:
        if self._socket_name:
            dial = f"transport: error while dialing: dial unix {self._socket_name}: connect: connection refused"
            return b"", f'rpc error: code = Unavailable desc = connection error: desc = "{dial}"'
        output = bytearray()
        try:
            self._execute(config, output)
        except _Died:
            self._socket_name = f"/tmp/plugin{secrets.randbelow(10**10)}"  # noqa: S108 - a name in a message, no file
            reset = f"read unix @->{self._socket_name}: read: connection reset by peer"
            return b"", f"rpc error: code = Unavailable desc = error reading from server: {reset}"
        except (_Failed, gourl.BadUrl, transport.Trouble) as error:
            return bytes(output), str(error)
        return bytes(output), None

    def _execute(self, config: Config, output: bytearray) -> None:
        if config.get("debug"):
            pairs = ", ".join(f"{_quoted(key)}:{_quoted(value)}" for key, value in sorted(config.items()))
            output += f"Config: map[string]string{{{pairs}}}\n".encode()
        for name in ("url", "method"):
            if not config.get(name):
                raise _Failed(f"{name} is empty")
        method = config["method"]
        if not _TOKEN.fullmatch(method):
            raise _Failed(f"net/http: invalid method {_quoted(method)}")
        url = gourl.parse(config["url"])
        headers = _headers(config.get("headers", ""), output)
        client, warnings = transport.client(config)
        if client.key not in self._clients:
            self._clients.add(client.key)
            output += "".join(f"Warning: {warning}.\n" for warning in warnings).encode()
        request = _Request(method, url, headers, config.get("body", "").encode())
        status, body = _follow(request, client)
        output += body
        if config.get("expectCode") and f"{status}," not in config["expectCode"] + ",":
            raise _Failed("received response code does not match the expected code")
        if config.get("expectBody") and not goregexp.search(config["expectBody"], body.decode(errors="dkron")):
            raise _Failed("received response body did not match the expected body")


def _quoted(text: str) -> str:
    return gojson.encode(text).decode().replace("\\u003c", "<").replace("\\u003e", ">").replace("\\u0026", "&")


def _headers(text: str, output: bytearray) -> dict[str, str]:
    """What is sent of the `headers` list; what can't be read is left out with a warning (recorded: hdr-*)."""
    items: list[object] = []
    if text:
        try:
            found = gojson.decode(text.encode(), alone=True)
        except gojson.JsonError:
            found = {}
        items = found if isinstance(found, list) and not isinstance(found, gojson.Pairs) else []
        wrong = [item for item in items if not (item is None or gojson.kind(item) == "string")]
        if wrong or not (found is None or gojson.kind(found) == "array") or isinstance(found, dict):
            output += b"Error: parsing headers failed\n"
    headers: dict[str, str] = {}
    for item in items:
        if isinstance(item, str) and not isinstance(item, gojson.Number) and item:
            name, *values = item.split(":")
            if not values:
                raise _Died
            headers[_canonical(name)] = values[0].strip()
    return headers


def _canonical(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-")) if _TOKEN.fullmatch(name) else name


def _follow(request: _Request, client: transport.Client) -> tuple[int, bytes]:
    """Send, follow redirects as Dkron does, and read the answer: its status and unpacked body."""
    deadline = transport.Deadline(client.timeout)
    shown = request.url.shown
    for _sent in range(_MAX_REDIRECTS):
        try:
            response, connection = _send(request, client, deadline)
        except transport.Trouble as error:
            raise _Failed(f"{request.verb} {_quoted(shown)}: {error}") from None
        with connection:
            location = response.getheader("Location")
            if response.status not in (301, 302, 303, 307, 308) or not location:
                return response.status, _read(request, response, connection, deadline)
        shown = location
        request = _redirected(request, response.status, location)
    raise _Failed(f"{request.verb} {_quoted(shown)}: stopped after {_MAX_REDIRECTS} redirects")


def _redirected(request: _Request, status: int, location: str) -> _Request:
    url = request.url.join(location)
    headers = dict(request.headers)
    there, here = url.hostname, request.url.hostname
    if there != here and not there.endswith(f".{here}"):
        headers = {name: headers[name] for name in headers if name not in ("Authorization", "Cookie", "Cookie2")}
    keep = status in (307, 308)
    if not keep:
        headers = {name: headers[name] for name in headers if name not in _OF_A_BODY}
    method = request.method if keep or request.method in ("GET", "HEAD") else "GET"
    referer = "" if request.url.scheme == "https" != url.scheme else request.url.text.partition("#")[0]
    if request.url.userinfo:
        referer = referer.replace(f"{request.url.userinfo}@", "", 1)
    return _Request(method, url, headers, request.body if keep else b"", referer)


def _send(
    request: _Request, client: transport.Client, deadline: transport.Deadline
) -> tuple[http.client.HTTPResponse, socket.socket]:
    for name, value in request.headers.items():
        if not _TOKEN.fullmatch(name):
            raise transport.Trouble(f"net/http: invalid header field name {_quoted(name)}")
        if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value):
            raise transport.Trouble(f"net/http: invalid header field value for {_quoted(name)}")
    if request.url.scheme not in ("http", "https"):
        raise transport.Trouble(f"unsupported protocol scheme {_quoted(request.url.scheme)}")
    if not request.url.host:
        raise transport.Trouble("http: no Host in request URL")
    connection = transport.connect(request.url, client, deadline)
    try:
        with transport.explained(connection):
            connection.sendall(request.head(request.url) + request.body)
            connection.settimeout(deadline.left())
            response = http.client.HTTPResponse(connection, method=request.method)
            response.begin()
    except BaseException:
        connection.close()
        raise
    return response, connection


def _read(
    request: _Request, response: http.client.HTTPResponse, connection: socket.socket, deadline: transport.Deadline
) -> bytes:
    parts = []
    try:
        while True:
            connection.settimeout(deadline.left())
            part = response.read1(65_536)
            if not part:
                break
            parts.append(part)
    except (TimeoutError, transport.Trouble):
        late = "context deadline exceeded (Client.Timeout or context cancellation while reading body)"
        raise _Failed(late) from None
    except (http.client.IncompleteRead, OSError):
        raise _Failed("unexpected EOF") from None
    body = b"".join(parts)
    if request.unpack and response.getheader("Content-Encoding", "").lower() == "gzip" and body:
        try:
            return gzip.decompress(body)
        except (OSError, EOFError):
            raise _Failed("gzip: invalid header") from None
    return body
