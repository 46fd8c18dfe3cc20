"""Durations and sizes as the shell executor's config spells them ("1m30s", "64MB"), with Dkron's words for bad ones.

Recorded: http.json e43-e47. Pure; it knows nothing about jobs.
"""

import re
from typing import Final

from provider.schedule.moments import duration
from provider.schedule.text import Refused

_UNITS: Final = {"ns": 1, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_SIZES: Final = {"": 0, "B": 0, "BYTES": 0, "KB": 1, "K": 1, "MB": 2, "M": 2, "GB": 3, "G": 3, "TB": 4, "T": 4}


def parse(text: str) -> int | None:
    """Nanoseconds, or None when Dkron does not take the text."""
    try:
        return duration(text)
    except Refused:
        return None


def show(nanoseconds: int) -> str:
    """The duration as Dkron prints it: 1s, -5s, 1m30s, 500ms."""
    sign, value = ("-" if nanoseconds < 0 else ""), abs(nanoseconds)
    if value == 0:
        return "0s"
    for unit in ("ns", "µs", "ms"):
        if value < _UNITS[unit] * 1000:
            return f"{sign}{value / _UNITS[unit]:.9g}{unit}"
    hours, rest = divmod(value, _UNITS["h"])
    minutes, rest = divmod(rest, _UNITS["m"])
    seconds = f"{rest // 10**9}.{rest % 10**9:09d}".rstrip("0").rstrip(".")
    return sign + (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + f"{seconds}s"


def memory(limit: str) -> int:
    """Bytes; 0 for no limit. Raises ValueError with Dkron's words."""
    if not limit:
        return 0
    if re.fullmatch(r"[+-]?\d+", limit, re.ASCII) and -(2**63) <= int(limit) < 2**63:
        if int(limit) <= 0:
            raise ValueError("memory limit must be greater than 0")
        return int(limit)
    text = limit.strip().upper()
    number = re.match(r"[0-9.]*", text, re.ASCII)
    digits = number[0] if number else ""
    if not digits:
        raise ValueError(f"invalid memory limit format: {text}")
    if digits.count(".") > 1 or digits == ".":
        raise ValueError(f"invalid numeric value in memory limit: {digits}")
    if float(digits) <= 0:
        raise ValueError("memory limit must be greater than 0")
    unit = text[len(digits) :]
    if unit not in _SIZES:
        raise ValueError(f"unsupported memory unit: {unit} (supported: B, KB, MB, GB, TB)")
    size = int(float(digits) * 1024 ** _SIZES[unit])
    if not 0 < size < 2**63:
        raise ValueError("memory limit too large or causes overflow")
    return size
