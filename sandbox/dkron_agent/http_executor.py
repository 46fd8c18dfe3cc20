"""The http executor: sends a job's request as Dkron does, and judges the answer its way.

Recorded: http_executor.json, firing.json wire-*, hdr-*, out-*, expect*, timeout-*, tls-*, crash-*. Its quirks are the
point: a header value is cut at its second colon, and an item without a colon kills this executor until the agent
restarts. The transport is urllib3's, and so are the words of most errors.
"""

import base64
import json
import re
import ssl
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import unquote, urljoin

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.util import SKIP_HEADER, parse_url

Config = Mapping[str, str]
Headers = dict[str, str]

_NEVER_SENT: Final = ("Host", "Content-Length", "Transfer-Encoding", "Trailer")
_OF_A_BODY: Final = ("Content-Encoding", "Content-Language", "Content-Location", "Content-Type")
_OF_A_HOST: Final = ("Authorization", "Cookie")
_TRUE: Final = ("1", "t", "T", "TRUE", "true", "True")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_MOST_REQUESTS: Final = 10
_DEFAULT_TIMEOUT: Final = 30  # seconds
_LONGEST: Final = 10**8  # seconds; a socket takes no more, and nobody waits three years


class _Died(Exception):
    """A header item without a colon: the executor's process is gone."""


class _Failed(Exception):
    """Why the execution failed."""


class HttpExecutor:
    """Called with the job's name and config; answers the output and why it failed, if it did."""

    def __init__(self) -> None:
        self._dead = False

    def __call__(self, _job: str, config: Config) -> tuple[bytes, str | None]:
        if self._dead:
            return b"", "rpc error: code = Unavailable desc = connect: connection refused"
        output = bytearray()
        try:
            _execute(config, output)
        except _Died:
            self._dead = True
            return b"", "rpc error: code = Unavailable desc = error reading from server"
        except (_Failed, HTTPError) as error:
            return bytes(output), str(error)
        return bytes(output), None


def _execute(config: Config, output: bytearray) -> None:
    if config.get("debug"):
        output += f"Config: {json.dumps(dict(config), ensure_ascii=False)}\n".encode()
    for name in ("url", "method"):
        if not config.get(name):
            raise _Failed(f"{name} is empty")
    if not _TOKEN.fullmatch(config["method"]):
        raise _Failed(f'net/http: invalid method "{config["method"]}"')
    headers = _headers(config.get("headers", ""), output)
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name) or _CONTROL.search(value):
            raise _Failed(f'net/http: invalid header field "{name}"')
    timeout = _timeout(config.get("timeout", ""), output)
    with urllib3.PoolManager(ssl_context=_tls(config, output), timeout=urllib3.Timeout(timeout)) as pool:
        status, body = _follow(pool, config, headers)
    output += body
    if config.get("expectCode") and f"{status}," not in config["expectCode"] + ",":
        raise _Failed("received response code does not match the expected code")
    if config.get("expectBody") and not _matches(config["expectBody"], body.decode(errors="replace")):
        raise _Failed("received response body did not match the expected body")


def _warn(output: bytearray, warning: str) -> None:
    output += f"Warning: {warning}.\n".encode()


def _headers(text: str, output: bytearray) -> Headers:
    """What is sent of the `headers` list, the last of each name; what can't be read is left out (recorded: hdr-*)."""
    try:
        items = json.loads(text or "[]") or []
    except ValueError:
        items = ""
    if not isinstance(items, list) or not all(isinstance(item, str | None) for item in items):
        output += b"Error: parsing headers failed\n"
    headers: Headers = {}
    for item in items if isinstance(items, list) else []:
        if isinstance(item, str) and item:
            name, *values = item.split(":")
            if not values:
                raise _Died
            headers[name.title() if _TOKEN.fullmatch(name) else name] = values[0].strip()
    return headers


def _timeout(text: str, output: bytearray) -> int | None:
    """Seconds, None for no limit."""
    if not re.fullmatch(r"[+-]?\d+", text, re.ASCII):
        if text:
            _warn(output, f'invalid timeout value: "{text}" not understood, using default value of {_DEFAULT_TIMEOUT}')
        return _DEFAULT_TIMEOUT
    return min(int(text), _LONGEST) if int(text) > 0 else None


def _tls(config: Config, output: bytearray) -> ssl.SSLContext:
    context = ssl.create_default_context()
    verify = config.get("tlsNoVerifyPeer", "")
    if verify in _TRUE:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif verify and verify.lower() not in ("0", "f", "false"):
        _warn(output, f"not disabling certificate validation: {verify} is neither true nor false")
    try:
        if config.get("tlsCertificateFile"):
            context.load_cert_chain(config["tlsCertificateFile"], config.get("tlsCertificateKeyFile"))
    except (OSError, ValueError) as error:
        _warn(output, f"not using client certificate: {error}")
    try:
        if config.get("tlsRootCAsFile"):
            context.load_verify_locations(config["tlsRootCAsFile"])
    except (OSError, ValueError) as error:
        _warn(output, f"using system root CAs instead of configured CAs: {error}")
    return context


def _follow(pool: urllib3.PoolManager, config: Config, headers: Headers) -> tuple[int, bytes]:
    """Send, follow redirects as Dkron does, and read the answer: its status and unpacked body."""
    method, url, body = config["method"], config["url"], config.get("body", "").encode()
    for _sent in range(_MOST_REQUESTS):
        # A packed answer is unpacked unless the job itself asked for one.
        unpack = "Accept-Encoding" not in headers
        answer = pool.urlopen(
            method, _checked(url), body=body or None, headers=dict(_on_the_wire(url, headers)), retries=False,
            redirect=False, decode_content=unpack,
        )  # fmt: skip
        location = answer.headers.get("Location")
        if answer.status not in _REDIRECTS or not location:
            return answer.status, answer.data
        if answer.status not in (307, 308):
            method = method if method in ("GET", "HEAD") else "GET"
            body = b""
            headers = {name: value for name, value in headers.items() if name not in _OF_A_BODY}
        before, url = url, urljoin(url, location)
        if parse_url(before).host != parse_url(url).host:
            headers = {name: value for name, value in headers.items() if name not in _OF_A_HOST}
    raise _Failed(f'{method.title()} "{url}": stopped after {_MOST_REQUESTS} redirects')


def _checked(url: str) -> str:
    """The URL. Raises _Failed for one that can't be called."""
    if _CONTROL.search(url):
        raise _Failed(f"parse {json.dumps(url)}: net/url: invalid control character in URL")
    parts = parse_url(url)
    if parts.scheme not in ("http", "https") or not parts.host:
        raise _Failed(f'unsupported protocol scheme or no host in "{url}"')
    return url


def _on_the_wire(url: str, headers: Headers) -> Iterator[tuple[str, str]]:
    yield "User-Agent", headers.get("User-Agent", "Go-http-client/1.1") or SKIP_HEADER
    yield "Connection", "close"
    yield "Accept-Encoding", "gzip"
    credentials = parse_url(url).auth
    if credentials:
        yield "Authorization", "Basic " + base64.b64encode(unquote(credentials).encode()).decode()
    for name, value in headers.items():
        if name not in (*_NEVER_SENT, "User-Agent"):
            yield name, value.encode().decode("latin-1")


def _matches(pattern: str, text: str) -> bool:
    """Does the pattern match anywhere in the text? No as well when Dkron could not compile it: it knows no look-around
    and no back references. Its `$` is the very end."""
    if re.search(r"\(\?<?[=!]|\\[1-9]", pattern):
        return False
    pattern = re.sub(r"(\\.|\[\^?\]?[^\]]*\])|\$", lambda match: match[1] or r"\Z", pattern)
    try:
        return re.search(pattern, text, re.ASCII) is not None
    except re.error:
        return False
