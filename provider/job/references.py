"""Placeholders for the stack's config in job declarations, so that a declaration stays plain data without a secret.

`setting("gatewayUrl") + "/api"` and `"X-Api-Key: " + secret("serviceKey")` are values that the program looks up when it
registers the jobs; nothing else ever sees what they stand for. Pure: it looks nothing up by itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

Lookup = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class ConfigValue:
    """The value of one config key; `in_json` when it stands inside a JSON string and must be escaped for it."""

    key: str
    secret: bool
    in_json: bool = False

    def fill(self, value: str) -> str:
        """`value` as it goes into the text."""
        return json.dumps(value)[1:-1] if self.in_json else value


@dataclass(frozen=True, slots=True)
class Reference:
    """Text with config values in it. Joined with `+`; two are equal if they would always give the same text."""

    parts: tuple[str | ConfigValue, ...]

    def __add__(self, other: str | Reference) -> Reference:
        return Reference((*self.parts, *_parts(other)))

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
            tuple(
                json.dumps(p)[1:-1] if isinstance(p, str) else ConfigValue(p.key, p.secret, in_json=True)
                for p in self.parts
            )
        )

    def resolve(self, lookup: Callable[[str], str]) -> str:
        """The text, with each config value looked up. An address loses the slashes at its end before a path."""
        texts = [p if isinstance(p, str) else p.fill(lookup(p.key)) for p in self.parts]
        if len(texts) > 1 and isinstance(self.parts[0], ConfigValue) and texts[1].startswith("/"):
            texts[0] = texts[0].rstrip("/")
        return "".join(texts)


Text = str | Reference


def _parts(text: Text) -> tuple[str | ConfigValue, ...]:
    return text.parts if isinstance(text, Reference) else (text,)


def shown(text: Text) -> str:
    """A text for a table, with `${key}` in the place of config values."""
    return text.shown if isinstance(text, Reference) else text


def setting(key: str) -> Reference:
    """A placeholder for a plain value of the stack's config, such as gatewayUrl."""
    return Reference((ConfigValue(key, secret=False),))


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
        return {key: self._filled(value) for key, value in inputs.items()}

    def _judge(self, job: str, option: str, part: ConfigValue) -> None:
        value = self.lookup(part.key)
        if not value:
            self.missing[part.key] = self.missing.get(part.key, False) or part.secret
        elif reason := _unfit(option, value):
            self.malformed[part.key] = reason
        else:
            return
        jobs = self.jobs.setdefault(part.key, [])
        if job not in jobs:
            jobs.append(job)

    def _filled(self, value: Any) -> Any:
        if isinstance(value, Reference):
            text = value.resolve(lambda key: self.lookup(key) or "")
            sealed = value.secret or any(key in self.secret_keys for key in value.keys)
            return self.seal(text) if sealed else text
        if isinstance(value, Mapping):
            return {key: self._filled(item) for key, item in value.items()}
        return value


def _unfit(option: str, value: str) -> str:
    """Why a config value can't stand where it is referred to, "" if it can."""
    if option == "headers" and not value.isprintable():
        return "holds a line break or another control character, which no header can carry"
    if option == "headers" and ":" in value:
        return "holds a colon, at which Dkron cuts the header"
    if option == "address" and not value.startswith(("http://", "https://")):
        return "must look like http://host:port"
    return ""
