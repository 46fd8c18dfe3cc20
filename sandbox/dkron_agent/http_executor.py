"""The http executor: sends a job's request as Dkron does, and judges the answer its way.

Recorded: http_executor.json, firing.json wire-*, hdr-*, out-*, expect*, timeout-*, tls-*, crash-*. Its quirks are the
point: a header value is cut at its second colon, and an item without a colon kills this executor until the agent
restarts. Sending, redirects and TLS are left to requests, and so are the words of most errors.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import re2
import requests
import urllib3

from provider.job.config import TRUE
from provider.job.http_executor import go_regexp_problem

Config = Mapping[str, str]

_NEVER_SENT: Final = ("Host", "Content-Length", "Transfer-Encoding", "Trailer")
_USUAL: Final = {"User-Agent": "Go-http-client/1.1", "Connection": "close", "Accept-Encoding": "gzip"}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_MOST_REDIRECTS: Final = 9
_DEFAULT_TIMEOUT: Final = 30  # seconds
_LONGEST: Final = 10**8  # seconds; a socket takes no more, and nobody waits three years

urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # a job may ask for no verification


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
        except (_Failed, requests.RequestException) as error:
            return bytes(output), str(error)
        return bytes(output), None


def _execute(config: Config, output: bytearray) -> None:
    for name in ("url", "method"):
        if not config.get(name):
            raise _Failed(f"{name} is empty")
    if not _TOKEN.fullmatch(config["method"]) or _CONTROL.search(config["url"]):
        raise _Failed("invalid method, or a control character in the url")
    headers = _headers(config.get("headers", ""), output)
    answer = _send(config, headers, _timeout(config.get("timeout", ""), output))
    output += answer.content
    if config.get("expectCode") and f"{answer.status_code}," not in config["expectCode"] + ",":
        raise _Failed("received response code does not match the expected code")
    if config.get("expectBody") and not _matches(config["expectBody"], answer.content.decode(errors="replace")):
        raise _Failed("received response body did not match the expected body")


def _headers(text: str, output: bytearray) -> dict[str, str]:
    """What is sent of the `headers` list, the last of each name; what can't be read is left out (recorded: hdr-*)."""
    try:
        items = json.loads(text or "[]") or []
    except ValueError:
        items = {}
    if not isinstance(items, list) or not all(isinstance(item, str | None) for item in items):
        output += b"Error: parsing headers failed\n"
    headers: dict[str, str] = {}
    for item in items if isinstance(items, list) else []:
        if isinstance(item, str) and item:
            name, *values = item.split(":")
            if not values:
                raise _Died
            if not _TOKEN.fullmatch(name) or _CONTROL.search(values[0].strip()):
                raise _Failed(f'net/http: invalid header field "{name}"')
            headers[name.title()] = values[0].strip()
    return headers


def _timeout(text: str, output: bytearray) -> int | None:
    """Seconds, None for no limit."""
    if re.fullmatch(r"[+-]?\d+", text, re.ASCII):
        return min(int(text), _LONGEST) if int(text) > 0 else None
    if text:
        output += f'Warning: invalid timeout value: "{text}" not understood, using {_DEFAULT_TIMEOUT}.\n'.encode()
    return _DEFAULT_TIMEOUT


def _send(config: Config, headers: dict[str, str], timeout: int | None) -> requests.Response:
    """Raises RequestException."""
    own = {name: value.encode() for name, value in headers.items() if name not in _NEVER_SENT}
    request = requests.Request(config["method"], config["url"], {**_USUAL, **own}, data=config.get("body", "").encode())
    prepared = request.prepare()
    prepared.method = config["method"]  # as it is written, and not in capitals
    roots = config.get("tlsRootCAsFile", "")
    known = roots if roots and Path(roots).is_file() else True  # a file that is missing counts as none
    verify = False if config.get("tlsNoVerifyPeer") in TRUE else known
    with requests.Session() as session:
        session.trust_env = False  # no proxy, no ~/.netrc
        session.max_redirects = _MOST_REDIRECTS
        return session.send(prepared, timeout=timeout, verify=verify)


def _matches(pattern: str, text: str) -> bool:
    """Does the pattern match anywhere in the text? No as well when Dkron could not compile it."""
    return go_regexp_problem(pattern) is None and re2.search(pattern, text) is not None
