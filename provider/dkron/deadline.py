"""Ends a request whose time is over by cutting its connection, so that a server that dribbles holds nobody up.

One thread watches over all requests of the process: a thread for each took a fifth of a request's time. This module
knows nothing of HTTP.
"""

import math
import socket
import threading
import time
from contextlib import suppress
from typing import Final, Self

LONGEST_NAP_S: Final = 0.25
NAPS: Final = 10  # so many times a deadline is looked at until it is over


class _UnderWay(threading.local):
    """The deadline of this thread's request."""

    deadline: "Deadline | None" = None


under_way = _UnderWay()


class Deadline:
    """Cuts the connection of this thread's request when its time is over. `passed` tells that it did."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.passed = False
        self._end = math.inf
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        self._end = time.monotonic() + self.seconds
        under_way.deadline = self
        _watch.add(self)
        return self

    def __exit__(self, *_error: object) -> None:
        _watch.remove(self)
        under_way.deadline = None

    def watch(self, sock: socket.socket) -> None:
        """Told of the connection that the request uses, as soon as there is one."""
        self._socket = sock

    def cut_if_over(self) -> None:
        """Called by the thread that watches."""
        if self.passed or time.monotonic() < self._end:
            return
        self.passed = True
        if self._socket is not None:
            with suppress(OSError):
                # The plain socket's: a TLS socket's own would take the ground from under the thread that reads.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class _Watch:
    """The thread and what it watches over. It starts with the first deadline and rests while there is none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: set[Deadline] = set()
        self._some = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, deadline: Deadline) -> None:
        with self._lock:
            self._open.add(deadline)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
        self._some.set()

    def remove(self, deadline: Deadline) -> None:
        with self._lock:
            self._open.discard(deadline)

    def _run(self) -> None:
        while True:
            self._some.wait()
            with self._lock:
                watched = tuple(self._open)
                if not watched:
                    self._some.clear()
            for deadline in watched:
                deadline.cut_if_over()
            shortest = min((deadline.seconds for deadline in watched), default=0.0)
            time.sleep(min(shortest / NAPS, LONGEST_NAP_S))


_watch = _Watch()
