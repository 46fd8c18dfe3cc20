"""Is an executor's config one that runs as written? The options of http and shell, checked as Dkron's own plugins read
them; Dkron itself checks next to nothing at POST (recorded: e37-e47). Any other executor's config passes. Pure.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from ..schedule.moments import duration
from ..schedule.text import Refused
from .executors import HTTP_OPTIONS, SHELL_OPTIONS
from .spec import UNKNOWN

Config = Mapping[str, str]
Finding = tuple[str, str]

BOOLEANS: Final = frozenset({"1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"})  # Go's
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_STATUS = re.compile(r"[1-9][0-9]{2}", re.ASCII)
_MEMORY = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(|B|BYTES|KB?|MB?|GB?|TB?)", re.ASCII)
_MEMORY_UNITS: Final = {"": 1, "B": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
# Near misses of option names, which Dkron would ignore without a word.
_MEANT: Final = {
    "tlsNoVerify": "tlsNoVerifyPeer", "expectcode": "expectCode", "expect_code": "expectCode", "header": "headers",
    "expectbody": "expectBody", "expect_body": "expectBody", "URL": "url", "Method": "method", "cmd": "command",
}  # fmt: skip


def executor_problems(executor: str, config: Config) -> list[Finding]:
    """Every problem of a config as (option, reason); options whose value isn't known yet pass."""
    check = _CHECKS.get(executor)
    return list(check(config)) if check else []


def executor_warnings(executor: str, config: Config) -> list[str]:
    """What is likely to be a mistake: one line each."""
    return list(_http_warnings(config)) if executor == "http" else []


def _known(config: Config, option: str) -> str | None:
    """The value of an option that is set and known."""
    value = config.get(option, "")
    return value if value and value != UNKNOWN else None


def _unknown_options(config: Config, options: frozenset[str], executor: str) -> Iterator[Finding]:
    for option in config:
        if option not in options:
            meant = (
                f"; did you mean {_MEANT[option]}?" if option in _MEANT else f" (it knows {', '.join(sorted(options))})"
            )
            yield option, f"the {executor} executor has no such option and would ignore it{meant}"


def _http(config: Config) -> Iterator[Finding]:
    yield from _unknown_options(config, HTTP_OPTIONS, "http")
    if not config.get("url"):
        yield "url", "is missing: an http job needs one"
    elif url := _known(config, "url"):
        yield from _url(url)
    if not config.get("method"):
        yield "method", "is missing: Dkron's http executor has no default and fails every run without one"
    elif (method := _known(config, "method")) and not _TOKEN.fullmatch(method):
        yield "method", f'"{method}" is no HTTP method'
    if headers := _known(config, "headers"):
        yield from _headers(headers)
    if (timeout := _known(config, "timeout")) and not _WHOLE.fullmatch(timeout):
        yield "timeout", f'must be whole seconds such as "30", not "{timeout}" (Dkron would quietly use 30)'
    if (flag := _known(config, "tlsNoVerifyPeer")) and flag not in BOOLEANS:
        yield "tlsNoVerifyPeer", f'must be "true" or "false", not "{flag}"'
    if bool(config.get("tlsCertificateFile")) != bool(config.get("tlsCertificateKeyFile")):
        yield "tlsCertificateFile", "and tlsCertificateKeyFile must be set together"


def _url(url: str) -> Iterator[Finding]:
    """Never quotes the URL: it may hold a password or a token."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:  # its words may quote a password as the port
        yield "url", "is no valid URL: its host or port can't be read (in a password write / as %2F and @ as %40)"
        return
    if any(ord(c) < 0x20 or ord(c) == 0x7F for c in url):
        yield "url", "holds a line break or another control character"
    elif parts.scheme.lower() not in ("http", "https") or not host:
        yield "url", "must begin with http:// or https:// and name a host"


def _headers(text: str) -> Iterator[Finding]:
    """Never quotes a header's value: it is the likeliest place for a secret."""
    try:
        items = json.loads(text)
    except ValueError:
        items = None
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        yield (
            "headers",
            (
                'must be a JSON list of texts such as ["X-Api-Key: ..."]; '
                "Dkron would send the request without them and count it as a success"
            ),
        )
        return
    for number, item in enumerate(items, start=1):
        if not item:
            continue
        name, colon, value = item.partition(":")
        if not colon:
            yield "headers", f"header {number} has no colon; it would kill the http executor of the whole node"
        elif not _TOKEN.fullmatch(name):
            # Unsaid, too: where the first colon is missing, the value's beginning counts as the name.
            yield "headers", f"header {number} has no proper name before its colon, so every run would fail"
        elif ":" in value:
            yield "headers", f"header {number} ({name}) has a second colon, at which Dkron would cut its value"
        elif any((ord(c) < 0x20 and c != "\t") or ord(c) == 0x7F for c in value.strip()):
            yield "headers", f"header {number} ({name}) holds a line break or another control character"


def _http_warnings(config: Config) -> Iterator[str]:
    code = _known(config, "expectCode")
    if code:
        # Dkron looks for "<code>," in the text with a comma at its end: "200 " and "2xx" never match.
        listed = [part[-3:] for part in f"{code},".split(",")[:-1]]
        if not any(_STATUS.fullmatch(part) for part in listed):
            yield f'expectCode "{code}" can match no answer, so every run would fail: write codes such as "200,204"'
        elif any(not _STATUS.fullmatch(part.strip()) or part != part.rstrip() for part in code.split(",")):
            yield f'expectCode "{code}" is compared as text, code by code: write codes such as "200,204"'
    if body := _known(config, "expectBody"):
        try:
            re.compile(body)
        except re.error:
            yield f'expectBody "{body}" looks like no regular expression; an invalid one fails every run'
    if _known(config, "debug"):
        yield "debug is on: every run writes the whole config, secrets too, to its output (any text turns it on)"
    timeout = _known(config, "timeout")
    if timeout and _WHOLE.fullmatch(timeout) and int(timeout) >= 3600:
        yield f"timeout {timeout} is in seconds, which is {int(timeout) / 3600:.3g} hours"


def _shell(config: Config) -> Iterator[Finding]:
    yield from _unknown_options(config, SHELL_OPTIONS, "shell")
    if not config.get("command"):
        yield "command", "is missing: a shell job needs one"
    if timeout := _known(config, "timeout"):
        try:
            if duration(timeout) < 0:
                yield "timeout", f'"{timeout}" is negative: Dkron would kill the command at once'
        except Refused:
            yield "timeout", f'"{timeout}" is no duration such as "30s" or "1h30m"'
    if (limit := _known(config, "mem_limit")) and (reason := _memory(limit)):
        yield "mem_limit", reason
    if (flag := _known(config, "shell")) and flag not in BOOLEANS:
        yield "shell", f'must be "true" or "false", not "{flag}"'
    if payload := _known(config, "payload"):
        try:
            base64.b64decode(payload, validate=True)
        except (binascii.Error, ValueError):
            yield "payload", "must be base64"


def _memory(text: str) -> str | None:
    """Why Dkron refuses a memory limit, None if it takes it (recorded: e46)."""
    match = _MEMORY.fullmatch(text.removeprefix("+") if text[1:].isdecimal() else text.strip().upper())
    if match is None:
        return f'"{text}" is no size such as "512MB" (units B, KB, MB, GB, TB)'
    amount = float(match[1]) * _MEMORY_UNITS[match[2][:1]]
    if amount < 1 or amount >= 2**63:
        return f'"{text}" is less than one byte or more than can be counted'
    return None


_CHECKS: Final[Mapping[str, Callable[[Config], Iterator[Finding]]]] = {"http": _http, "shell": _shell}
