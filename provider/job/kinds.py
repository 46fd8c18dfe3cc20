"""Is every field of a job of the kind that Dkron reads? Its own answer would be "Unable to parse payload". Pure."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .spec import FLAG_FIELDS, MAP_FIELDS, TEXT_FIELDS, TIME_FIELDS, UNKNOWN

Problem = tuple[str, str]  # property, reason

_SURROGATE = re.compile("[\ud800-\udfff]")


def kind_problems(job: Mapping[str, Any]) -> Iterator[Problem]:
    """What is of the wrong kind in a canonical job with all fields; it can't be judged any further."""
    for name in ("name", "concurrency", *TEXT_FIELDS):
        yield from _text_problems(name, job[name])
    for name in FLAG_FIELDS:
        if not isinstance(job[name], bool) and job[name] != UNKNOWN:
            yield name, f"must be true or false, not {job[name]!r}"
    for name in TIME_FIELDS:
        if job[name] is not None:
            yield from _text_problems(name, job[name])
    for name in MAP_FIELDS:
        yield from _map_problems(name, job[name])
    processors = job["processors"]
    if isinstance(processors, Mapping):
        for key, config in processors.items():
            yield from _text_problems("processors", key)
            yield from _map_problems(f"processors.{key}", config)
    elif processors != UNKNOWN:
        yield "processors", "must be a map from a processor's name to its config"


def _text_problems(path: str, value: Any) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield path, f"must be text, not {type(value).__name__}"
    elif _SURROGATE.search(value):
        yield path, "holds half of a surrogate pair, which is no character"


def _map_problems(path: str, value: Any) -> Iterator[Problem]:
    if value == UNKNOWN:
        return
    if not isinstance(value, Mapping):
        yield path, "must be a map from text to text"
        return
    for key, item in value.items():
        yield from _text_problems(path, key)
        # Variables that `shell()` could not put into one text: the executor's check says why.
        if not (path == "executor_config" and key == "env" and isinstance(item, Mapping)):
            yield from _text_problems(f"{path}.{key}", item)
