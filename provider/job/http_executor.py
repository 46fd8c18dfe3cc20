"""The config of Dkron's http executor, judged as the executor and Go's HTTP client read it. Dkron itself checks nothing
at POST (recorded: e37-e42). Never quotes a URL or a header's value: they are the likeliest places for a secret. Pure.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from ..advice import Advice
from ..schedule.text import trim
from .config import Config, Finding, boolean_problem, json_texts, known, unknown_options
from .executors import HTTP_OPTIONS
from .go_url import url_problem

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_STATUS = re.compile(r"[1-9][0-9]{2}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_IN_SLASHES = re.compile(r"/.*/[a-zA-Z]*", re.DOTALL)
# "$" at the very end, not as a character of its own, and no line break or blank allowed for in front of it.
_ENDS = re.compile(r"(?:.*[^\\])?(?<!\\n)(?<!\\s)(?<!\\[ns][*?+])(?<!\n)(?<!\n[*?+])\$", re.DOTALL)
_ONE_BYTE = re.compile(r"(?:[^\\]|\\[^C])*\\C", re.DOTALL)  # \C, which RE2 has and Go hasn't
# Go's client sets these itself and drops what it is given.
_DROPPED: Final = frozenset({"host", "transfer-encoding", "content-length", "trailer"})
_AN_HOUR: Final = 3600


def problems(config: Config) -> Iterator[Finding]:
    """What is refused, as (option, reason)."""
    yield from unknown_options(config, HTTP_OPTIONS, "http")
    if not config.get("url"):
        yield "url", "is missing: an http job needs one"
    elif (url := known(config, "url")) and (reason := url_problem(url)):
        yield "url", reason
    if not config.get("method"):
        yield "method", "is missing: Dkron's http executor has no default and fails every run without one"
    elif method := known(config, "method"):
        yield from _method(method)
    if headers := known(config, "headers"):
        yield from _headers(headers)
    if (timeout := known(config, "timeout")) and not _WHOLE.fullmatch(timeout):
        yield "timeout", f'must be whole seconds such as "30", not "{timeout}" (Dkron would quietly use 30)'
    yield from boolean_problem(config, "tlsNoVerifyPeer")
    if bool(config.get("tlsCertificateFile")) != bool(config.get("tlsCertificateKeyFile")):
        yield "tlsCertificateFile", "and tlsCertificateKeyFile must be set together"


def _method(method: str) -> Iterator[Finding]:
    if not _TOKEN.fullmatch(method):
        yield "method", f'"{method}" is no HTTP method'
    elif method not in _METHODS and method.upper() in _METHODS:
        yield "method", f'"{method}" is sent as it is written, which servers refuse: write "{method.upper()}"'


def _headers(text: str) -> Iterator[Finding]:
    items = json_texts(text)
    if items is None:
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
        elif _CONTROL.search(trim(value)):
            yield "headers", f"header {number} ({name}) holds a line break or another control character"


def advice(config: Config) -> Iterator[Advice]:
    """What is likely to be a mistake."""
    yield from _url_advice(known(config, "url") or "")
    yield from _header_advice(config)
    yield from _code_advice(config)
    if body := known(config, "expectBody"):
        yield from _body_advice(body)
    if known(config, "debug"):
        yield Advice(
            "http-debug",
            "debug is on: every run writes the whole config, secrets too, to its output (any text turns it on)",
        )
    timeout = known(config, "timeout")
    if timeout and _WHOLE.fullmatch(timeout) and int(timeout) >= _AN_HOUR:
        hours = f"{int(timeout) / _AN_HOUR:.3g} hours"
        yield Advice("http-long-timeout", f"timeout {timeout} is in seconds, which is {hours}")


def _url_advice(url: str) -> Iterator[Advice]:
    address, number_sign, _ = url.partition("#")
    if number_sign:
        yield Advice("http-fragment", "url: # and what follows it is never sent; write %23 for the character itself")
    if " " in address.partition("?")[2]:
        yield Advice("http-url-blank", "url: the blank behind ? is sent as it is, which servers refuse: write %20")


def _header_advice(config: Config) -> Iterator[Advice]:
    if "headers" in config and known(config, "headers") is None and config["headers"]:
        return
    names = [item.partition(":")[0] for item in json_texts(config.get("headers") or "[]") or []]
    counts = Counter(name.lower() for name in names if name)
    for name in dict.fromkeys(names):
        if name.lower() in _DROPPED:
            yield Advice("http-header-ignored", f"the header {name} is not sent: Dkron's HTTP client sets it itself")
    for name, count in counts.items():
        if count > 1 and name not in _DROPPED:
            yield Advice("http-header-repeated", f"the header {name} is given {count} times, and only the last is sent")
    if config.get("body") and "content-type" not in counts:
        yield Advice(
            "http-no-content-type",
            'the body is sent without a Content-Type: give headers={"Content-Type": "application/json"}, or what it is',
        )


def _code_advice(config: Config) -> Iterator[Advice]:
    if not config.get("expectCode"):
        yield Advice(
            "http-no-expect-code", "any answer counts as a success, a 500 too: give the good codes, expect_code=200"
        )
    elif code := known(config, "expectCode"):
        # Dkron looks for "<code>," in the text with a comma at its end: "200 " and "2xx" never match.
        listed = [part[-3:] for part in f"{code},".split(",")[:-1]]
        meant = 'write codes such as "200,204"'
        if not any(_STATUS.fullmatch(part) for part in listed):
            yield Advice(
                "http-expect-code", f'expectCode "{code}" can match no answer, so every run would fail: {meant}'
            )
        elif any(not _STATUS.fullmatch(part.strip()) or part != part.rstrip() for part in code.split(",")):
            yield Advice("http-expect-code", f'expectCode "{code}" is compared as text, code by code: {meant}')


def _body_advice(pattern: str) -> Iterator[Advice]:
    reason = go_regexp_problem(pattern)
    if reason:
        yield Advice(
            "http-expect-body", f"expectBody is no regular expression that Go takes, so every run would fail: {reason}"
        )
    elif _IN_SLASHES.fullmatch(pattern):
        yield Advice(
            "http-expect-body", "expectBody stands between slashes, which are a part of the pattern: leave them out"
        )
    elif _ENDS.fullmatch(pattern) and "(?m" not in pattern:
        yield Advice(
            "http-body-end",
            r"expectBody ends in $, which matches no line break in front of the answer's end: write \n?$ to allow one",
        )


def go_regexp_problem(pattern: str) -> str | None:
    """Why Go's regexp package takes no such pattern, in a few words; None if it does. RE2 and Go share their syntax."""
    import re2  # a library of its own, and few jobs have a pattern

    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except UnicodeEncodeError:
        return "it holds half of a surrogate pair"
    except re2.error as error:
        words = error.args[0] if error.args else b""
        return words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
    return "invalid escape sequence: \\C" if _ONE_BYTE.match(pattern) else None
