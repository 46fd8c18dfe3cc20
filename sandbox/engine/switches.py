"""The real CLI's environment variables that switch something on or off: one door, so that all are read alike."""

from __future__ import annotations

import os


def switched_on(name: str) -> bool:
    return os.environ.get(name, "").lower() in ("1", "true")
