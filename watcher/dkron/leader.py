"""Waits until Dkron has a leader; without one, every answer may be wrong. Decides nothing else.

`/health` is no use (200 without a leader), `/v1/leader` is. A refused credential is no matter of waiting and is raised.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from provider.dkron.client import DkronClient
from provider.errors import DkronError, Paused
from watcher.backoff import doubling, jittered
from watcher.clock import Control

FIRST_S, CAP_S = 1.0, 30.0


@dataclass(frozen=True, slots=True)
class Leadership:
    """`name` is None where there is no leader; `why` says so in one line. `waited`: it wasn't there at first.

    `paused`: a server asks to wait.
    """

    name: str | None
    waited: bool = False
    why: str = ""
    paused: bool = False


def wait_for_leader(
    client: DkronClient, control: Control, patience_s: float, chance: Callable[[], float] = random.random
) -> Leadership:
    """Asks with a doubling pause until there is a leader, patience ends or a stop is asked. Raises hard DkronErrors.

    Where a server says how long to wait, it waits so long, but never longer than its own longest pause.
    """
    end = control.clock.monotonic() + patience_s
    attempt = 0
    while True:
        asked_s, paused = 0.0, False
        try:
            name, why = client.leader(), "Dkron has no leader"
        except DkronError as error:
            if not error.soft:
                raise
            name, why, paused = None, str(error), isinstance(error, Paused)
            asked_s = error.retry_after_s if isinstance(error, Paused) else 0.0
        if name is not None:
            return Leadership(name, waited=attempt > 0)
        attempt += 1
        left = end - control.clock.monotonic()
        pause = max(jittered(doubling(attempt, FIRST_S, CAP_S), chance()), min(asked_s, CAP_S))
        if left <= 0 or not control.sleep(min(pause, left)):
            return Leadership(None, waited=True, why=why, paused=paused)
