"""Time, and the one place that sleeps: so that a test can hold the clock and a signal can cut a sleep short.

A signal handler must take no lock, so it only sets a flag and the interpreter writes a byte to a socket that `wait`
sleeps on (`signal.set_wakeup_fd`).
"""

import select
import signal
import socket
import time
from typing import Protocol

LEAST_JUMP_S = 60.0


class Clock(Protocol):
    """`now`: seconds since 1970. `monotonic`: seconds that never jump. `wait`: sleeps, or less if woken."""

    def now(self) -> float: ...
    def monotonic(self) -> float: ...
    def wait(self, seconds: float) -> None: ...


class SystemClock:
    """The real clock. `arm` lets signals end a `wait` at once."""

    def __init__(self) -> None:
        self._ear, self._mouth = socket.socketpair()
        self._ear.setblocking(False)
        self._mouth.setblocking(False)

    def arm(self) -> None:
        """Lets any handled signal wake the sleeper. Main thread only."""
        signal.set_wakeup_fd(self._mouth.fileno(), warn_on_full_buffer=False)

    def close(self) -> None:
        signal.set_wakeup_fd(-1)
        self._ear.close()
        self._mouth.close()

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        ready, _, _ = select.select([self._ear], [], [], max(0.0, seconds))
        if ready:
            self._ear.recv(4096)


class Jumps:
    """Notices that the clock on the wall was set, or that the machine slept, which the other clock doesn't see."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._apart = self._now()

    def _now(self) -> float:
        return self._clock.now() - self._clock.monotonic()

    def since_last(self) -> float:
        """By how many seconds it has jumped since this was asked last; 0 for less than a minute."""
        before, self._apart = self._apart, self._now()
        jump = self._apart - before
        return jump if abs(jump) >= LEAST_JUMP_S else 0.0


class Control:
    """What people ask of a watcher: to stop, or to run a cycle now. Set by signal handlers, read by the loop."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.stopping = False
        self.forced = False
        self.stop_at: float | None = None

    def stop(self) -> None:
        """Asks for the end; `stop_at` notes when that was first asked."""
        if not self.stopping:
            self.stop_at = self.clock.monotonic()
        self.stopping = True

    def force(self) -> None:
        self.forced = True

    def sleep(self, seconds: float) -> bool:
        """Sleeps that long unless asked to stop; returns False if so."""
        end = self.clock.monotonic() + seconds
        while not self.stopping and (left := end - self.clock.monotonic()) > 0:
            self.clock.wait(left)
        return not self.stopping
