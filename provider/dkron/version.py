"""The versions of Dkron that this was tested with, and what has to be done otherwise with an older one. Pure.

A version is what a server says of itself: "4.0.9", "4.0.9-rc1", "devel" for a build of one's own, "" if nobody said.
"""

import re
from typing import Final

from ..text import one_line

OLDEST: Final = (4, 0, 0)
NEWEST: Final = (4, 0, 9)  # the one that every test runs on; docs/limits.md lists what differs before it
KEEPS_CHILDREN: Final = (4, 0, 9)

_NUMBER: Final = re.compile(r"v?([0-9]{1,4})\.([0-9]{1,4})\.([0-9]{1,4})(?![0-9])")


def number(version: str) -> tuple[int, int, int] | None:
    """The number in it, None where there is none."""
    found = _NUMBER.match(version)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def untested(version: str) -> str:
    """One line on a version that was not tested, "" for one that was. A build of one's own can't be judged."""
    found = number(version)
    if found is None or OLDEST <= found <= NEWEST:
        return ""
    oldest, newest = (".".join(map(str, tested)) for tested in (OLDEST, NEWEST))
    return (
        f"Dkron {one_line(version)} was not tested: this is for {oldest} to {newest}; look at a preview before you "
        "write with it, and see docs/limits.md"
    )


def forgets_children(version: str) -> bool:
    """Whether an upsert takes the children of a job away unless they are sent along."""
    found = number(version)
    return found is not None and found < KEEPS_CHILDREN
