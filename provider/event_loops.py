"""One event loop for each thread of the provider's process, kept, instead of a new one for each answer.

The SDK's provider makes an event loop to serialise each answer and closes it again: two sockets and an epoll each time,
a tenth of a millisecond of the half that an answer takes. What it runs on a loop has ended when it closes it.
"""

import asyncio
import sys
import threading


def keep_event_loops() -> None:
    """For this whole process, from now on. Does nothing from Python 3.14 on, which deprecates the way to do it."""
    if sys.version_info < (3, 14):
        asyncio.set_event_loop_policy(kept_loops())


def kept_loops() -> asyncio.AbstractEventLoopPolicy:
    """A policy whose new event loop is the thread's own, and outlives its closing."""
    here = threading.local()

    class Kept(asyncio.SelectorEventLoop):
        def close(self) -> None:
            """Kept for the thread's next answer; the process's end closes it."""

    class Policy(asyncio.DefaultEventLoopPolicy):
        def new_event_loop(self) -> asyncio.AbstractEventLoop:
            if not hasattr(here, "loop"):
                here.loop = Kept()
            loop: asyncio.AbstractEventLoop = here.loop
            return loop

    return Policy()
