"""How many requests may be under way at once: half as many after the servers failed under load, then slowly more again.

It counts, and makes requests wait for their turn. What a failure is, is said by whoever sends them.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class Turn:
    """One request's. `failed`: did the server fail or take too long? None: what was sent tells nothing of that."""

    halvings: int
    failed: bool | None = None


class Pace:
    """Safe to share by threads. `tell` hears in one line of the first failure."""

    def __init__(self, most: int, tell: Callable[[str], None] = lambda _line: None) -> None:
        self._most = most
        self._tell = tell
        self._free = threading.Condition()
        self._limit = float(most)
        self._under_way = 0
        self._halvings = 0

    @property
    def limit(self) -> int:
        """So many requests may be under way now."""
        return int(self._limit)

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """Waits until a request may be sent."""
        with self._free:
            self._free.wait_for(lambda: self._under_way < self.limit)
            self._under_way += 1
            turn = Turn(self._halvings)
        try:
            yield turn
        finally:
            self._end(turn)

    def _end(self, turn: Turn) -> None:
        with self._free:
            together = self._under_way
            # One request alone is no load, and those that were sent before the last halving say nothing new.
            halved = turn.failed is True and together > 1 and turn.halvings == self._halvings
            is_first = halved and self._halvings == 0
            if halved:
                self._limit = max(1.0, together / 2)
                self._halvings += 1
            elif turn.failed is False:
                self._limit = min(float(self._most), self._limit + 1 / self._limit)
            self._under_way -= 1
            self._free.notify_all()
        if is_first:
            self._tell(
                f"Dkron fails or is slow with {together} requests at once: fewer are sent until it is well again"
            )
