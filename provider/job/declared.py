"""What the program of this run declares, as far as the engine has asked a provider process to check it. Pure.

It decides whether a delete is a real one. The engine checks every declared job before it deletes anything, also after
a crash, and checks none when it destroys. So a job that was checked under a name is held by a declared resource, and
whatever resource is deleted under that name is an old one: a renamed resource, one side of a swap, the old half of a
replacement, or such a half that a crash left in the state. The job itself stays.

So no replacement deletes a job; `python -m jobs recreate` makes one anew. Jobs that `--target` leaves out are not
checked and hold nothing.
"""

import threading
from collections.abc import Mapping
from typing import Any

from .ownership import stack_mark
from .spec import UNKNOWN
from .validation import parent_cycle


class Declared:
    """Safe to share by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parents: dict[str, str] = {}  # of each job that was checked
        self.mark = ""  # of the stack whose program this is, "" while nothing was declared

    def add(self, news: Mapping[str, Any]) -> None:
        """Notes the check of a resource that is to have the inputs `news`."""
        name, parent = str(news.get("name")), str(news.get("parent_job") or "")
        with self._lock:
            self._parents[name] = "" if parent == UNKNOWN else parent
            self.mark = stack_mark(news) or self.mark

    def holds(self, name: str) -> bool:
        """Whether a declared resource has a job of that name."""
        with self._lock:
            return name in self._parents

    def parent_cycle(self, name: str) -> list[str] | None:
        """The cycle of parents that the job is in, from it back to it; None if there is none."""
        with self._lock:
            return parent_cycle(name, self._parents)
