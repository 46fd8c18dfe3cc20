import asyncio
import sys
import threading

import pytest

from provider.event_loops import kept_loops

pytestmark = pytest.mark.skipif(sys.version_info >= (3, 14), reason="Python 3.14 deprecates event loop policies")


def end(loop: asyncio.AbstractEventLoop) -> None:
    assert isinstance(loop, asyncio.SelectorEventLoop)
    asyncio.SelectorEventLoop.close(loop)


def test_a_thread_gets_the_same_loop_again_and_can_use_it_after_its_closing() -> None:
    policy = kept_loops()
    first = policy.new_event_loop()
    try:
        assert first.run_until_complete(asyncio.sleep(0, "one")) == "one"
        first.close()
        assert policy.new_event_loop() is first
        assert first.run_until_complete(asyncio.sleep(0, "two")) == "two"
    finally:
        end(first)


def test_a_failure_on_a_loop_leaves_it_usable() -> None:
    async def fail() -> None:
        raise LookupError

    loop = kept_loops().new_event_loop()
    try:
        with pytest.raises(LookupError):
            loop.run_until_complete(fail())
        assert loop.run_until_complete(asyncio.sleep(0, "fine")) == "fine"
    finally:
        end(loop)


def test_another_thread_has_another_loop() -> None:
    policy, loops = kept_loops(), []
    threads = [threading.Thread(target=lambda: loops.append(policy.new_event_loop())) for _ in range(2)]
    for thread in threads:
        thread.start()
        thread.join()
    assert loops[0] is not loops[1]
    for loop in loops:
        end(loop)
