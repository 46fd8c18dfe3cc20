"""Property values and their differences as text, in the real CLI's notation. Pure."""

from __future__ import annotations

import json
from typing import Any

from .values import UNKNOWN, Properties, number, plain


def changed_keys(old: Properties, new: Properties) -> dict[str, list[str]]:
    """Names of top-level properties by mark: + added, - removed, ~ changed. Internal ones (__provider) don't count."""
    names = sorted(key for key in {*old, *new} if not key.startswith("__"))
    return {
        "+": [key for key in names if key not in old],
        "-": [key for key in names if key not in new],
        "~": [key for key in names if key in old and key in new and plain(old[key]) != plain(new[key])],
    }


def scalar(value: Any) -> str:
    if value == "[secret]":
        return "[secret]"
    if value is UNKNOWN:
        return "[unknown]"
    if value is None:
        return "<null>"
    return json.dumps(number(value) if isinstance(value, float) else value, ensure_ascii=False)


def render(value: Any, indent: str) -> str:
    """A value, lists and maps over several lines."""
    if isinstance(value, dict) and value:
        width = max(map(len, value))
        inner = "".join(f"{indent}    {key:{width}}: {render(item, indent + '    ')}\n" for key, item in value.items())
        return f"{{\n{inner}{indent}}}"
    if isinstance(value, list) and value:
        inner = "".join(f"{indent}    [{at}]: {render(item, indent + '    ')}\n" for at, item in enumerate(value))
        return f"[\n{inner}{indent}]"
    return scalar(value)


def render_diff(old: Properties, new: Properties, *, only_changes: bool = False) -> list[str]:
    """One line or more for each property: `+ added`, `- removed`, `~ old => new`, or plain when it stays."""
    names = sorted({*old, *new})
    width = max(map(len, names), default=0)
    lines: list[str] = []
    for key in names:
        label = f"{key:{width}}: "
        if not old or key not in old:
            mark = "+" if old else " "
            lines += f"{mark} {label}{render(new[key], '  ')}".splitlines()
        elif key not in new:
            mark = "-" if new else " "
            lines += f"{mark} {label}{render(old[key], '  ')}".splitlines()
        elif old[key] != new[key]:
            lines += _changed(label, old[key], new[key])
        elif not only_changes:
            lines += f"  {label}{render(new[key], '  ')}".splitlines()
    return lines


def _changed(label: str, old: Any, new: Any) -> list[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        inner = render_diff(old, new)
        return [f"~ {label}{{", *(f"    {line}" for line in inner), "  }"]
    if isinstance(old, list) and isinstance(new, list):
        by_place = ({f"[{at}]": item for at, item in enumerate(values)} for values in (old, new))
        return [f"~ {label}[", *(f"    {line}" for line in render_diff(*by_place)), "  ]"]
    return f"~ {label}{render(old, '  ')} => {render(new, '  ')}".splitlines()
