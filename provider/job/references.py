"""Placeholders for the stack's config in job declarations, so that a declaration stays plain data without a secret.

`setting("gatewayUrl") + "/api"` and `"X-Api-Key: " + secret("serviceKey")` are values that the program looks up when it
registers the jobs; nothing else ever sees what they stand for. `setting("retries", int)` stands in a field that is no
text. Pure: it looks nothing up by itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, NoReturn

from .stacks import PerStack

Lookup = Callable[[str], str | None]
Kind = type[str] | type[int] | type[bool]

# The fields that are no text, by what a config value becomes in them.
FIELD_KINDS: Final[Mapping[str, Kind]] = {"retries": int, "disabled": bool, "ephemeral": bool}
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}


def converted(text: str, kind: Kind) -> str | int | bool:
    """A config value as that kind. Raises ValueError that says what it must be, without the value."""
    if kind is int:
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", text.strip(), re.ASCII):
            raise ValueError("must be a whole number")
        return int(text)
    if kind is bool:
        if text.strip().lower() not in _BOOLEANS:
            raise ValueError("must be true or false")
        return _BOOLEANS[text.strip().lower()]
    return text


@dataclass(frozen=True, slots=True)
class ConfigValue:
    """The value of one config key, of a kind. `in_json`: it stands inside a JSON string and must be escaped for it."""

    key: str
    secret: bool
    in_json: bool = False
    kind: Kind = str

    def fill(self, value: str) -> str:
        """`value` as it goes into the text."""
        return json.dumps(value)[1:-1] if self.in_json else value


@dataclass(frozen=True, slots=True)
class Reference:
    """Text with config values in it. Joined with `+`; two are equal if they would always give the same text."""

    parts: tuple[str | ConfigValue, ...]

    def __add__(self, other: str | Reference) -> Reference:
        return Reference((*self.parts, *parts_of(other)))

    def __radd__(self, other: str) -> Reference:
        return Reference((other, *self.parts))

    def __str__(self) -> NoReturn:
        """Refused: an f-string, `%`, `format` and `str` would put the placeholder itself into the job."""
        raise TypeError(f"{self.shown} can't be put into a text by an f-string or str(): join it with +")

    def __format__(self, _spec: str) -> NoReturn:
        self.__str__()

    @property
    def shown(self) -> str:
        """As shown in tables: `${key}` for a config value."""
        return "".join(p if isinstance(p, str) else "${" + p.key + "}" for p in self.parts)

    @property
    def secret(self) -> bool:
        """Whether a secret is in it."""
        return any(isinstance(p, ConfigValue) and p.secret for p in self.parts)

    @property
    def keys(self) -> tuple[str, ...]:
        """The config keys in it, in order of appearance."""
        return tuple(p.key for p in self.parts if isinstance(p, ConfigValue))

    def in_json(self) -> Reference:
        """The same text, escaped to stand inside a JSON string."""
        return Reference(
            tuple(json.dumps(p)[1:-1] if isinstance(p, str) else replace(p, in_json=True) for p in self.parts)
        )

    def resolve(self, lookup: Callable[[str], str]) -> str:
        """The text, with each config value looked up. An address loses the slashes at its end before a path."""
        texts = [p if isinstance(p, str) else p.fill(lookup(p.key)) for p in self.parts]
        if len(texts) > 1 and isinstance(self.parts[0], ConfigValue) and texts[1].startswith("/"):
            texts[0] = texts[0].rstrip("/")
        return "".join(texts)


Text = str | Reference


def parts_of(text: Text) -> tuple[str | ConfigValue, ...]:
    """The text as it is joined."""
    return text.parts if isinstance(text, Reference) else (text,)


def shown(text: Text) -> str:
    """A text for a table, with `${key}` in the place of config values."""
    return text.shown if isinstance(text, Reference) else text


def setting(key: str, kind: Kind = str) -> Reference:
    """A placeholder for a plain value of the stack's config, such as gatewayUrl. `kind`: str, int or bool."""
    return Reference((ConfigValue(key, secret=False, kind=kind),))


def secret(key: str) -> Reference:
    """A placeholder for a secret of the stack's config, such as serviceKey."""
    return Reference((ConfigValue(key, secret=True),))


def json_list(items: Iterable[Text]) -> Text:
    """A JSON list of strings, as Dkron's http executor wants its headers; a Reference if one of the items is one."""
    items = list(items)
    if all(isinstance(item, str) for item in items):
        return json.dumps(items)
    joined: list[str | ConfigValue] = ['["']
    for position, item in enumerate(items):
        if position:
            joined.append('", "')
        joined.extend(item.in_json().parts if isinstance(item, Reference) else (json.dumps(item)[1:-1],))
    return Reference((*joined, '"]'))


def references_in(value: Any, option: str = "") -> Iterator[tuple[str, Reference]]:
    """Every reference in a job's inputs, with the name of the option or field that it stands in."""
    if isinstance(value, Reference):
        yield option, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from references_in(item, str(key))
    elif isinstance(value, PerStack):
        for item in (*value.values.values(), value.default):
            yield from references_in(item, option)


def with_known(name: str, value: Any, lookup: Lookup) -> Any:
    """A field's value with the plain settings in it that are known and fit; the other references stay."""
    if isinstance(value, Mapping):
        return {key: with_known("", item, lookup) for key, item in value.items()}
    if not isinstance(value, Reference) or value.secret or not all(map(lookup, value.keys)):
        return value
    try:
        return converted(value.resolve(lambda key: lookup(key) or ""), FIELD_KINDS.get(name, str))
    except ValueError:
        return value


@dataclass(slots=True)
class Values:
    """Fills references in: `lookup` gives a key's value (None: unset), `seal` wraps a text with a secret in it.

    `secret_keys` are secrets however a declaration refers to them. What can't be used is gathered by key: `missing`
    and `malformed` (key -> reason), and `jobs` says who needs it.
    """

    lookup: Lookup
    seal: Callable[[str], Any]
    secret_keys: Collection[str] = ()
    missing: dict[str, bool] = field(default_factory=dict)
    malformed: dict[str, str] = field(default_factory=dict)
    jobs: dict[str, list[str]] = field(default_factory=dict)

    def fill(self, job: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """A job's inputs with the references looked up."""
        for option, reference in references_in(inputs):
            for part in reference.parts:
                if isinstance(part, ConfigValue):
                    address = option == "url" and part is reference.parts[0] and inputs.get("executor") == "http"
                    self._judge(job, "address" if address else option, part)
        return {key: self._field(job, key, value) for key, value in inputs.items()}

    def _field(self, job: str, name: str, value: Any) -> Any:
        """A field's value; in one that is no text the config value becomes what the field holds."""
        kind = FIELD_KINDS.get(name, str)
        if kind is str or not isinstance(value, Reference):
            return self._filled(value)
        try:
            return self._sealed(value, converted(self._resolved(value), kind))
        except ValueError as error:
            for key in value.keys:
                if key not in self.missing:
                    self.malformed[key] = str(error)
                    self._needed(job, key)
            return None

    def _judge(self, job: str, option: str, part: ConfigValue) -> None:
        value = self.lookup(part.key)
        if not value:
            self.missing[part.key] = self.missing.get(part.key, False) or part.secret
        elif reason := _unfit(option, value, part.kind):
            self.malformed[part.key] = reason
        else:
            return
        self._needed(job, part.key)

    def _needed(self, job: str, key: str) -> None:
        jobs = self.jobs.setdefault(key, [])
        if job not in jobs:
            jobs.append(job)

    def _resolved(self, reference: Reference) -> str:
        return reference.resolve(lambda key: self.lookup(key) or "")

    def _sealed(self, reference: Reference, value: Any) -> Any:
        secret = reference.secret or any(key in self.secret_keys for key in reference.keys)
        return self.seal(value) if secret else value

    def _filled(self, value: Any) -> Any:
        if isinstance(value, Reference):
            return self._sealed(value, self._resolved(value))
        if isinstance(value, Mapping):
            return {key: self._filled(item) for key, item in value.items()}
        return value


def _unfit(option: str, value: str, kind: Kind) -> str:
    """Why a config value can't stand where it is referred to, "" if it can."""
    try:
        converted(value, kind)
    except ValueError as error:
        return str(error)
    if option == "headers" and not value.isprintable():
        return "holds a line break or another control character, which no header can carry"
    if option == "headers" and ":" in value:
        return "holds a colon, at which Dkron cuts the header"
    if option == "address" and not value.startswith(("http://", "https://")):
        return "must look like http://host:port"
    return ""
