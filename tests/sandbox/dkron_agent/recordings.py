"""Reading recordings: their markers spelled out, and "the same up to what a recording can't repeat"."""

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

_RECORDED = re.compile(r"2026-11-2[2-5]T")  # the days around the recording
_NEAR = timedelta(days=5)  # further ahead than any schedule in the recordings
_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)")
_ID = re.compile(r"\d{19}-[a-z0-9]+")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CUT = re.compile(r"(.*)…\(cut, (\d+) characters\)", re.DOTALL)
_OWN = ("port", "rpc_addr", "version", "Port")  # differ from agent to agent


def expanded(value: Any) -> Any:
    """The value with $repeat, $concat and $hex spelled out; $long, $list and $keys are left for `differences`."""
    if isinstance(value, dict):
        if "$repeat" in value:
            return value["$repeat"][0] * value["$repeat"][1]
        if "$concat" in value:
            return "".join(expanded(part) for part in value["$concat"])
        if "$hex" in value:
            return bytes.fromhex(value["$hex"])
        return {key: expanded(item) for key, item in value.items()}
    return [expanded(item) for item in value] if isinstance(value, list) else value


def long_text(marker: dict[str, Any]) -> str:
    """The text behind a $long marker, guessed from its ends: one of their characters repeated to the length."""
    wanted: dict[str, Any] = marker["$long"]
    head, tail = wanted["head"], wanted["tail"]
    for filler in {head[-1], tail[0]}:
        for left in (head, head.rstrip(head[-1])):
            for right in (tail, tail.lstrip(tail[0])):
                middle = wanted["len"] - len(left) - len(right)
                half = middle // 2
                for fill in (filler * middle, head[-1] * half + tail[0] * (middle - half)):
                    text: str = left + fill + right
                    if hashlib.sha256(text.encode()).hexdigest() == wanted["sha256"]:
                        return text
    raise AssertionError(f"can't spell out {head}...{tail}")


def differences(recorded: Any, found: Any, at: str = "") -> list[str]:
    """What differs, in words; nothing if the two are the same up to times, ids and the agent's own addresses."""
    if isinstance(recorded, dict) and recorded.keys() & {"$long", "$list", "$keys"}:
        return _shortened(recorded, found, at)
    if isinstance(recorded, dict) and isinstance(found, dict):
        keys = [f"{at}: {key} is missing or too much" for key in sorted(recorded.keys() ^ found.keys())]
        if list(recorded) != list(found) and not keys:
            keys.append(f"{at}: the fields come in another order")
        return keys + [line for key in recorded.keys() & found.keys() for line in _field(key, recorded, found, at)]
    if isinstance(recorded, list) and isinstance(found, list) and len(recorded) == len(found):
        return [
            line
            for i, pair in enumerate(zip(recorded, found, strict=True))
            for line in differences(*pair, f"{at}[{i}]")
        ]
    return [] if _same(recorded, found) else [f"{at}: recorded {recorded!r:.300}, found {found!r:.300}"]


def _field(key: str, recorded: dict[str, Any], found: dict[str, Any], at: str) -> list[str]:
    left, right = recorded[key], found[key]
    if key in _OWN or (key == "group" and isinstance(left, int)):
        return [] if type(left) is type(right) else [f"{at}.{key}: another type"]
    if key == "output" and isinstance(left, str) and isinstance(right, str):
        left, right = sorted(left.split("\n")), sorted(right.split("\n"))  # stdout and stderr mix in any order
    return differences(left, right, f"{at}.{key}")


def _same(recorded: Any, found: Any) -> bool:
    if not isinstance(recorded, str) or not isinstance(found, str):
        return type(recorded) is type(found) and bool(recorded == found)
    cut = _CUT.fullmatch(recorded)
    if cut:
        return found.startswith(cut[1]) and len(found) == int(cut[2])
    if _RECORDED.match(recorded):
        old, new = _STAMP.fullmatch(recorded), _STAMP.fullmatch(found)
        if old is None or new is None:
            return False
        moment = datetime.fromisoformat(new[1] + new[2].replace("Z", "+00:00"))
        return old[2] == new[2] and abs(moment - datetime.now(UTC)) < _NEAR
    for pattern in (_ID, _UUID):
        if pattern.fullmatch(recorded):
            return pattern.fullmatch(found) is not None
    return recorded == found


def _shortened(marker: dict[str, Any], found: Any, at: str) -> list[str]:
    if "$keys" in marker:
        wanted = marker["$keys"]
        same = len(found) == wanted if isinstance(wanted, int) else sorted(found) == wanted
        return [] if same else [f"{at}: other keys"]
    if "$long" in marker:
        wanted = marker["$long"]
        same = len(found) == wanted["len"] and hashlib.sha256(found.encode()).hexdigest() == wanted["sha256"]
        return [] if same else [f"{at}: not the text of length {wanted['len']} that was recorded"]
    wanted = marker["$list"]
    if len(found) != wanted["len"] or found[-1]["name"] != wanted["last_name"]:
        return [f"{at}: {len(found)} items, recorded {wanted['len']}"]
    return differences(wanted["first"], found[0], f"{at}[0]")


def body_of(request: dict[str, Any]) -> bytes:
    """The bytes of a recorded request's body."""
    raw = request.get("raw_body")
    if isinstance(raw, dict) and "$long" in raw:
        return long_text(raw).encode()
    raw = expanded(raw)
    if raw is not None:
        return raw if isinstance(raw, bytes) else str(raw).encode()
    value = request["json"]
    return b"" if value is None else json.dumps(_spelled(value)).encode()


def _spelled(value: Any) -> Any:
    if isinstance(value, dict) and "$long" in value:
        return long_text(value)
    if isinstance(value, dict) and not value.keys() & {"$repeat", "$concat", "$hex"}:
        return {key: _spelled(item) for key, item in value.items()}
    return expanded(value)
