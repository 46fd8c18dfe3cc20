"""What the program of this run declares, as far as the engine has asked a provider process to check it. Pure.

It decides whether a delete is a real one. The engine checks every declared job before it deletes anything, also after
a crash, and checks none when it destroys. So a job that was checked under a name is held by a declared resource, and
whatever resource is deleted under that name is an old one: a renamed resource, one side of a swap, the old half of a
replacement, or such a half that a crash left in the state. The job itself stays.

A create under a name whose resource kept that name is a replacement that a person asked for (`--replace`, `taint`):
only there the job is deleted and posted anew. Jobs that `--target` leaves out are not checked and hold nothing.
"""

import threading
from collections.abc import Mapping
from typing import Any

from .ownership import stack_mark
from .spec import UNKNOWN, canonical
from .validation import parent_cycle


class Declared:
    """Safe to share by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._news: dict[str, dict[str, Any]] = {}
        self._parents: dict[str, str] = {}
        self._kept: set[str] = set()
        self._twice: set[str] = set()
        self.mark = ""  # of the stack whose program this is, "" while nothing was declared

    def add(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> None:
        """Notes the check of a resource that had the inputs `olds` (none for a new one) and is to have `news`."""
        name, inputs = str(news.get("name")), canonical(news)
        with self._lock:
            parent = str(inputs.get("parent_job", ""))
            self._parents[name] = "" if parent == UNKNOWN else parent
            known = self._news.setdefault(name, inputs)
            if known != inputs:
                self._twice.add(name)
            if olds.get("name") == name:
                self._kept.add(name)
            self.mark = stack_mark(news) or self.mark

    def holds(self, name: str) -> bool:
        """Whether a declared resource has a job of that name."""
        with self._lock:
            return name in self._news

    def is_replaced(self, name: str) -> bool:
        """Whether a create of this name replaces a resource that keeps its name and is the only one to declare it."""
        with self._lock:
            return name in self._kept and name not in self._twice

    def parent_cycle(self, name: str) -> list[str] | None:
        """The cycle of parents that the job is in, from it back to it; None if there is none."""
        with self._lock:
            return parent_cycle(name, self._parents)
