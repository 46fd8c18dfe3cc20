"""Fields that Dkron doesn't keep as they are written, such as an `owner` that a proxy sets itself. Pure.

A field has a path: `owner`, or `metadata.team` for one entry of a map. Values are compared by their prints, because the
watcher, which decides what is left out of the comparison, may keep no value. The provider only applies that.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from .ownership import OWNERSHIP_KEYS
from .spec import MAP_FIELDS, UNKNOWN, canonical

SECRET: Final = "[secret]"  # what the engine shows in place of one  # noqa: S105 - it is none
HIDDEN: Final = "hidden"  # the print of a value that isn't shown or not known yet
NEVER_LEFT_OUT: Final = frozenset({"name", *(f"metadata.{key}" for key in OWNERSHIP_KEYS)})

Prints = Mapping[str, str]


def prints(job: Mapping[str, Any]) -> dict[str, str]:
    """Path -> print of each field that isn't Dkron's default."""
    return {path: _print(value) for path, value in _leaves(canonical(job))}


def differing(wanted: Prints, live: Prints) -> list[str]:
    """The paths whose values differ, as far as both can be seen."""
    paths = sorted({*wanted, *live} - NEVER_LEFT_OUT)
    return [p for p in paths if wanted.get(p) != live.get(p) and HIDDEN not in (wanted.get(p), wanted.get(_field(p)))]


def as_written(live: Mapping[str, Any], recorded: Mapping[str, Any], unkept: Prints) -> dict[str, Any]:
    """The live job, with the recorded values of the fields that are left out of the comparison.

    `unkept`: path -> print of what was written, "" for nothing. A field whose recorded value is another is compared.
    """
    result = canonical(live)
    if not unkept:
        return result
    before = canonical(recorded)
    written = prints(before)
    for path, wanted in unkept.items():
        if written.get(path, "") != wanted:
            continue
        name, _, key = path.partition(".")
        if key:
            result[name] = _with(result.get(name), before.get(name), key)
        else:
            result.pop(name, None)
            result.update({name: before[name]} if name in before else {})
    return canonical(result)


def _with(entries: Any, recorded: Any, key: str) -> dict[str, Any]:
    """The entries of a map, with what is recorded for one of them."""
    kept = dict(entries) if isinstance(entries, Mapping) else {}
    kept.pop(key, None)
    if isinstance(recorded, Mapping) and key in recorded:
        kept[key] = recorded[key]
    return kept


def _leaves(job: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in job.items():
        if name in MAP_FIELDS and isinstance(value, Mapping):
            yield from ((f"{name}.{key}", item) for key, item in value.items())
        else:
            yield name, value


def _field(path: str) -> str:
    return path.partition(".")[0]


def _print(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    if SECRET in text or UNKNOWN in text:
        return HIDDEN
    return hashlib.sha256(text.encode()).hexdigest()[:16]
