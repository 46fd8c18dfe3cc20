"""Which texts must never be shown: the configured secrets, and whatever in a job may hold one. Pure.

The provider gets secrets as plain text (the SDK accepts no secret values there), and the CLI redacts only what it knows
as secret config. So every text that is not known to be harmless counts as a secret when Dkron's words are quoted.
"""

import base64
import functools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

from .job.ownership import OWNERSHIP_KEYS
from .settings import SECRET_KEYS, from_environment

SHORTEST_SECRET: Final = 3  # the Pulumi CLI's own limit: below it, replacing would only garble the text
# A shorter one is a word or a number ("own", "200"): replaced wherever it stands, it would garble names and lines.
SHORTEST_SAFE: Final = 8

# What a refusal may have to quote, or what tells nothing.
HARMLESS_OPTIONS: Final = frozenset(
    {
        "method",
        "timeout",
        "expectCode",
        "debug",
        "tlsNoVerifyPeer",
        "shell",
        "mem_limit",
        "cwd",
        "tlsRootCAsFile",
        "tlsCertificateFile",
        "tlsCertificateKeyFile",
    }
)


def config_secrets(config: Callable[[str], Any], env: Mapping[str, str]) -> frozenset[str]:
    """The values of the secret settings, from the stack's config and from the environment."""
    found = [config(key) for key in SECRET_KEYS] + [from_environment(key, env) for key in SECRET_KEYS]
    return frozenset(str(value) for value in found if value)


def bare_address(url: str, hidden: str) -> str:
    """A URL without user, password, query and fragment; `hidden` stands for what is left out."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return hidden
    more = f"?{hidden}" if parts.query or parts.fragment else ""
    return f"{parts.scheme}://{host}{port}{parts.path}{more}"


def shown_value(path: tuple[str, ...], value: str, hidden: str) -> str:
    """A value of a live job as it may be shown; `hidden` stands for what may be a secret. `path`: field, key in it."""
    field, key = path[0], path[-1]
    if (field, key) == ("executor_config", "url"):
        return bare_address(value, hidden)
    safe = {"tags": True, "metadata": key in OWNERSHIP_KEYS, "executor_config": key in HARMLESS_OPTIONS}
    return value if safe.get(field, field != "processors") else hidden


def secret_texts(job: Mapping[str, Any]) -> Iterator[str]:
    """Every text in a job's inputs that may be, or may hold, a secret."""
    for option, value in _items(job.get("executor_config")):
        if option == "headers":
            yield from _header_values(value)
        if option not in HARMLESS_OPTIONS:
            yield value
    for config in (job.get("processors") or {}).values() if isinstance(job.get("processors"), Mapping) else ():
        yield from (value for _, value in _items(config))
    yield from (value for key, value in _items(job.get("metadata")) if key not in OWNERSHIP_KEYS)


def _items(mapping: Any) -> Iterator[tuple[str, str]]:
    if isinstance(mapping, Mapping):
        yield from ((str(key), value) for key, value in mapping.items() if isinstance(value, str) and value)


def _header_values(text: str) -> Iterator[str]:
    try:
        items = json.loads(text)
    except ValueError:
        return
    for item in items if isinstance(items, list) else ():
        if isinstance(item, str):
            yield item
            yield item.partition(":")[2].strip()


def _escaped(text: str) -> set[str]:
    """`text` as it stands inside a JSON string written by Python, by JavaScript or by Go (so that HTML may hold it)."""
    kept = json.dumps(text, ensure_ascii=False)[1:-1]
    return {json.dumps(text)[1:-1], kept, kept.translate({ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"})}


def _forms(secret: str) -> set[str]:
    """The shapes in which a secret may come back: raw, percent-encoded, base64, JSON-escaped up to three times.

    Three, because a header stands in a JSON list, that in the JSON of the job, and a server may quote what it got.
    """
    data = secret.encode("utf-8", "surrogatepass")
    encoded = {base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()}
    quoted = {quote(secret, safe=safe, errors="replace") for safe in ("", "/")}
    forms = {secret}
    for _ in range(3):
        forms |= {escaped for form in forms for escaped in _escaped(form)}
    return {*forms, *quoted, *encoded, *(form.rstrip("=") for form in encoded)}


def redact(text: str, secrets: Iterable[str]) -> str:
    """`text` with every form of every secret replaced by [secret].

    One of less than eight characters is replaced where no letter, digit or dash adjoins it; if it is a word or a
    number, only where it is a whole value: all of the text, or between quotes, or from a colon or an equals sign to
    the end or a quote. Below three characters nothing is.
    """
    pattern = _pattern(frozenset(secrets))
    # All in one pass: "[secret]" itself is never looked at again.
    return pattern.sub("[secret]", text) if pattern else text


@functools.lru_cache(maxsize=64)
def _pattern(secrets: frozenset[str]) -> re.Pattern[str] | None:
    usable = [secret for secret in secrets if len(secret) >= SHORTEST_SECRET]
    long = {form for secret in usable if len(secret) >= SHORTEST_SAFE for form in _forms(secret)}
    short = {form for secret in usable if len(secret) < SHORTEST_SAFE for form in _forms(secret)}
    words = {form for form in short if form.isalpha() or form.isdigit()}
    patterns = [_any_of(long)] if long else []
    if short - words:
        patterns.append(rf"(?<![\w-])(?:{_any_of(short - words)})(?![\w-])")
    if words:
        patterns.append(rf"(?:(?<![^\"'])|(?<=: )|(?<==))(?:{_any_of(words)})(?=\\*[\"']|\Z)")
    return re.compile("|".join(patterns)) if patterns else None


def _any_of(texts: Iterable[str]) -> str:
    """A pattern for any of the texts, the longest first."""
    return "|".join(map(re.escape, sorted(texts, key=len, reverse=True)))
