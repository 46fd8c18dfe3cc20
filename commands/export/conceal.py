"""The texts of live jobs with references in the place of their secrets, and the config keys that stand for them. Pure.

Every header is hidden that isn't known to be harmless, and whatever `_suspicion` finds. It keeps what it hid only to
compare with, and shows it to nobody.
"""

import base64
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from commands.export.suspicion import apart, secret_spans, suspicious
from provider.job.config import json_texts
from provider.job.references import ConfigValue, Reference, Text, parts_of
from provider.redaction import HARMLESS_OPTIONS

LEAST_FOUND: Final = 6  # characters of a hidden value that is looked for in other texts, too
HEADER_PARTS: Final = re.compile(r"([^:]*)(:\s*)(.*)", re.DOTALL)
_SCHEME: Final = re.compile(r"(?:Bearer|Basic|Token|ApiKey|Digest)\s+(?=\S)", re.IGNORECASE)
HARMLESS_HEADERS: Final = frozenset(
    {
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "connection",
        "content-encoding",
        "content-language",
        "content-length",
        "content-type",
        "date",
        "expect",
        "host",
        "origin",
        "pragma",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "x-requested-with",
    }
)
# Options whose form tells all there is to know; base64 on the other hand would hide a secret from every rule below.
PLAIN_OPTIONS: Final = HARMLESS_OPTIONS | {"su"}
ENCODED_OPTIONS: Final = frozenset({"payload"})
PROCESSOR: Final = "(processor)"  # stands for an executor where a processor's options are meant


@dataclass(slots=True)
class Keys:
    """The config keys that stand for what was hidden. `known`: value -> key that the stack has already (a secret);
    `address`: the key and value of an address that is no secret; `taken`: keys that mean something else; `certain`:
    texts that are secrets whatever they look like. Never shows a value."""

    known: dict[str, str] = field(default_factory=dict, repr=False)
    address: tuple[str, str] = ("", "")
    taken: frozenset[str] = frozenset()
    certain: frozenset[str] = field(default=frozenset(), repr=False)
    _values: dict[str, str] = field(default_factory=dict, repr=False)
    _by_value: dict[str, str] = field(default_factory=dict, repr=False)

    def key(self, value: str, *hints: str) -> str:
        """The key for a value: the one it has already, else made of the first hint that is free."""
        key = self.known.get(value) or self._by_value.get(value)
        if key is None:
            names = [camel(hint) or "secret" for hint in hints]
            names += [f"{names[-1]}{number}" for number in range(2, len(self._values) + 3)]
            key = next(n for n in names if n not in self._values and n not in self.taken)
        self._by_value[value] = key
        self._values[key] = value
        return key

    def value(self, key: str) -> str:
        """What a key stands for: only to compare with, never to be shown."""
        return self.address[1] if key == self.address[0] else self._values[key]

    @property
    def secrets(self) -> set[str]:
        """All that is hidden so far."""
        return {*self.known, *self._by_value, *self.certain}


def camel(text: str) -> str:
    """A config key made of any text: "X-Api-Key" is xApiKey."""
    words = re.findall(r"[A-Za-z0-9]+", text)
    joined = "".join(word[:1].upper() + word[1:] for word in words)
    joined = joined[:1].lower() + joined[1:]
    return f"k{joined}" if joined[:1].isdigit() else joined


class Concealer:
    """Makes the texts of one job safe to write down. `job` and option names become the names of keys."""

    def __init__(self, keys: Keys, job: str) -> None:
        self.keys, self.job = keys, job

    def whole(self, value: str, *hints: str) -> Text:
        """All of it, but nothing for nothing."""
        return Reference((self._secret(value, *hints),)) if value else value

    def text(self, text: str, what: str, *, names: bool = True, command: bool = False) -> Text:
        """The text with its secrets replaced; `what` it is names their keys."""
        spans = secret_spans(text, names=names, command=command)
        for value in self.keys.secrets:
            if len(value) >= LEAST_FOUND and value in text:
                spans += [match.span() for match in re.finditer(re.escape(value), text)]
        parts: list[str | ConfigValue] = []
        position = 0
        key, address = self.keys.address
        if address and (text == address or text.startswith((f"{address}/", f"{address}?"))):
            parts.append(ConfigValue(key, secret=False))
            position = len(address)
        for start, end in apart(spans):
            start = max(start, position)  # noqa: PLW2901 - what of it lies in the address is known and harmless
            if start >= end:
                continue
            parts += [text[position:start], self._secret(text[start:end], f"{self.job}-{what}")]
            position = end
        return _merged([*parts, text[position:]])

    def header(self, item: str) -> Text:
        """One "Name: value": the name is shown, the value only of a harmless header."""
        match = HEADER_PARTS.fullmatch(item)
        if match is None:
            return self.whole(item, f"{self.job}-header")
        name, colon, value = match.groups()
        if not value:
            return item
        if name.strip().lower() in HARMLESS_HEADERS:
            return name + colon + self.text(value, f"{name}-header")
        scheme = _SCHEME.match(value)
        shown = scheme[0] if scheme else ""
        return name + colon + shown + self.whole(value[len(shown) :], name, f"{self.job}-{name}")

    def option(self, option: str, value: str, executor: str = "") -> Text:
        """One value of a config map."""
        if option in PLAIN_OPTIONS and executor in ("http", "shell"):
            return value
        if option in ENCODED_OPTIONS and _is_plain_text(value):
            return value
        # The address that a processor sends to is its credential.
        address = executor == PROCESSOR and "://" in value
        if option in ENCODED_OPTIONS or suspicious(option) or address or value in self.keys.certain:
            return self.whole(value, f"{self.job}-{option}")
        if executor == "http" and option == "headers":
            return self._raw_headers(value)
        if executor == "shell" and option == "env":
            return joined(self.pairs(value), ",")
        return self.text(value, option, command=executor == "shell")

    def pairs(self, text: str) -> list[Text]:
        """NAME=value,NAME=value as Dkron splits it."""
        found: list[Text] = []
        for pair in text.split(","):
            name, equals, value = pair.partition("=")
            if equals and suspicious(name):
                found.append(name + equals + self.whole(value, f"{self.job}-{name}"))
            else:
                found.append(self.text(pair, name, command=True))
        return found

    def _raw_headers(self, text: str) -> Text:
        """The JSON as it is written, with the values in it replaced; all of it where that can't be done."""
        items = json_texts(text)
        if items is None:
            return self.whole(text, f"{self.job}-headers")
        rest, parts = text, list[str | ConfigValue]()
        for item in items:
            before, found, rest = rest.partition(json.dumps(item))
            concealed = self.header(item)
            if not found:
                return self.whole(text, f"{self.job}-headers")
            written = Reference(parts_of(concealed)).in_json().parts
            parts += [f'{before}"', *written, '"']
        return _merged([*parts, rest])

    def _secret(self, value: str, *hints: str) -> ConfigValue:
        return ConfigValue(self.keys.key(value, *hints), secret=True)


def _is_plain_text(value: str) -> bool:
    """Whether base64 hides but a text of several words without a secret; one word alone may well be a password."""
    try:
        text = base64.b64decode(value, validate=True).decode("utf-8")
    except ValueError:
        return False
    return len(text.split()) > 1 and not secret_spans(text, command=True)


def _merged(parts: list[str | ConfigValue]) -> Text:
    """The parts as a text, neighbouring strings as one."""
    result: list[str | ConfigValue] = []
    for part in parts:
        if isinstance(part, str) and result and isinstance(result[-1], str):
            result[-1] += part
        elif part != "":
            result.append(part)
    only = "".join(part for part in result if isinstance(part, str))
    return only if all(isinstance(part, str) for part in result) else Reference(tuple(result))


def joined(texts: Iterable[Text], between: str) -> Text:
    """The texts with `between` between them."""
    result: Text | None = None
    for text in texts:
        result = text if result is None else result + between + text
    return "" if result is None else result


def hidden(text: Text) -> str:
    """A concealed text as it may be shown."""
    return "".join(p if isinstance(p, str) else "[secret]" if p.secret else "${" + p.key + "}" for p in parts_of(text))


def as_map(items: Iterable[Text], between: str) -> dict[str, Text] | None:
    """Items such as NAME=value as a map, None where it would not say the same. `between`: what stands between both."""
    found: dict[str, Text] = {}
    for item in items:
        first, *rest = parts_of(item)
        name, stands, value = first.partition(between) if isinstance(first, str) else ("", "", "")
        if not stands or name in found:
            return None
        found[name] = Reference((value, *rest) if value else tuple(rest)) if rest else value
    return found
