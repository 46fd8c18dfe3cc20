"""Reading recordings: their markers spelled out, and what differs from them in meaning."""

import hashlib
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

_RECORDED = re.compile(r"2026-11-2[2-6]T")  # the days around the recording
_NEAR = timedelta(days=5)  # further ahead than any schedule in the recordings
_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)")
_RANDOM = (re.compile(r"\d{19}-[a-z0-9]+"), re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"))
_OWN = ("port", "rpc_addr", "version", "Port", "group")  # differ from agent to agent


def expanded(value: Any) -> Any:
    """The value with $repeat, $concat, $hex and $long spelled out; $list and $keys are left for `differences`."""
    match value:
        case {"$repeat": [character, count]}:
            return character * count
        case {"$concat": parts}:
            return "".join(map(expanded, parts))
        case {"$hex": digits}:
            return bytes.fromhex(digits)
        case {"$long": wanted}:
            return _long_text(wanted)
        case dict():
            return {key: expanded(item) for key, item in value.items()}
        case list():
            return [expanded(item) for item in value]
    return value


def _long_text(wanted: dict[str, Any]) -> str:
    """The text that was shortened to its ends, guessed: one of their characters repeated to the length."""
    head, tail = wanted["head"], wanted["tail"]
    for left in (head, head.rstrip(head[-1])):
        for right in (tail, tail.lstrip(tail[0])):
            middle = wanted["len"] - len(left) - len(right)
            half = middle // 2
            for fill in (head[-1] * middle, tail[0] * middle, head[-1] * half + tail[0] * (middle - half)):
                text: str = left + fill + right
                if hashlib.sha256(text.encode()).hexdigest() == wanted["sha256"]:
                    return text
    raise AssertionError(f"can't spell out {head}...{tail}")


def differences(recorded: Any, found: Any, at: str = "") -> Iterator[str]:
    """What differs, in words; nothing if the two are the same up to times, ids and the agent's own addresses."""
    match recorded:
        case {"$list": wanted}:
            if (len(found), found[-1]["name"]) != (wanted["len"], wanted["last_name"]):
                yield f"{at}: {len(found)} items, recorded {wanted['len']}"
        case {"$keys": wanted}:
            if wanted not in (len(found), sorted(found)):
                yield f"{at}: other keys"
        case dict() if isinstance(found, dict):
            yield from (f"{at}: {key} is missing or too much" for key in recorded.keys() ^ found.keys())
            for key in (recorded.keys() & found.keys()) - {*_OWN}:
                yield from differences(recorded[key], found[key], f"{at}.{key}")
        case list() if isinstance(found, list) and len(recorded) == len(found):
            for number, pair in enumerate(zip(recorded, found, strict=True)):
                yield from differences(*pair, f"{at}[{number}]")
        case _:
            if type(recorded) is not type(found) or _comparable(recorded) != _comparable(found):
                yield f"{at}: recorded {recorded!r:.300}, found {found!r:.300}"


def _comparable(value: Any) -> Any:
    """A date as an instant, and all that are near the recording or near now as the same; stdout and stderr unmixed."""
    if not isinstance(value, str):
        return value
    if any(pattern.fullmatch(value) for pattern in _RANDOM):
        return "an id"
    stamp = _STAMP.fullmatch(value)
    if stamp is None:
        return sorted(value.split("\n"))
    if _RECORDED.match(value):
        return "near"
    try:
        date = datetime.fromisoformat(stamp[1] + stamp[3].replace("Z", "+00:00")).astimezone(UTC)
    except (ValueError, OverflowError):
        return value
    return "near" if abs(date - datetime.now(UTC)) < _NEAR else (date, (stamp[2] or "").rstrip("0"))


def body_of(request: dict[str, Any]) -> bytes:
    """The bytes of a recorded request's body."""
    raw = expanded(request.get("raw_body"))
    if raw is not None:
        return raw if isinstance(raw, bytes) else str(raw).encode()
    value = expanded(request["json"])
    return b"" if value is None else json.dumps(value).encode()
