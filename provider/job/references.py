"""Placeholders for the stack's config in job declarations, so that a declaration stays plain data without a secret.

`setting("gatewayUrl") + "/api"` and `"X-Api-Key: " + secret("serviceKey")` are values that `__main__.py` resolves when
it registers the jobs; nothing else ever sees what they stand for. Pure: it looks nothing up by itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any


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

    def __str__(self) -> str:
        """As shown in tables: `${key}` for a config value. An f-string would lose the reference, so use `+`."""
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
        """The text, with each config value looked up."""
        return "".join(p if isinstance(p, str) else p.fill(lookup(p.key)) for p in self.parts)


Text = str | Reference


def _parts(text: Text) -> tuple[str | ConfigValue, ...]:
    return text.parts if isinstance(text, Reference) else (text,)


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


def resolved(value: Any, lookup: Callable[[str], str], seal: Callable[[str], Any]) -> Any:
    """`value` with the references in its maps looked up; a text with a secret in it goes through `seal`."""
    if isinstance(value, Reference):
        text = value.resolve(lookup)
        return seal(text) if value.secret else text
    if isinstance(value, Mapping):
        return {key: resolved(item, lookup, seal) for key, item in value.items()}
    return value
