"""Whom to tell, and what: NOTIFY and NOTIFY_ON, read and checked. A target is a secret and is never said."""

import logging
import re
from typing import Final

REFUSED, FAILED, PERSON, JOB, PLAN = "refused", "failed", "person", "job", "plan"
DRIFT, RECOVERED = "drift", "recovered"
KINDS: Final = (REFUSED, FAILED, PERSON, JOB, PLAN, DRIFT, RECOVERED)


def targets(text: str) -> tuple[str, ...]:
    """The targets of NOTIFY, which are separated by commas; a comma inside one stays."""
    parts = re.split(r",\s*(?=[A-Za-z][A-Za-z0-9+.-]*://)", text)
    return tuple(part.strip(" ,") for part in parts if part.strip(" ,"))


def problems(named: tuple[str, ...]) -> list[str]:
    """What is wrong with the targets. apprise is imported only where there are some: it takes a while."""
    if not named:
        return []
    try:
        from apprise import Apprise
    except ImportError:
        return ["NOTIFY needs the package apprise: install it, or leave NOTIFY out"]
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it would write targets into the log
    bad = [number for number, target in enumerate(named, 1) if Apprise.instantiate(target) is None]
    return [f"NOTIFY: target {number} is malformed, or of a kind that apprise doesn't know" for number in bad]


def kinds(text: str) -> tuple[frozenset[str], list[str]]:
    """The kinds of NOTIFY_ON, and what is wrong with it."""
    wanted = frozenset(kind.strip().lower() for kind in text.split(",") if kind.strip())
    unknown = sorted(wanted - set(KINDS))
    shown = [kind[:40] for kind in unknown]
    return wanted, [f'NOTIFY_ON names "{kind}": it must be of {", ".join(KINDS)}' for kind in shown]
