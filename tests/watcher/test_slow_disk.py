"""A disk that takes seconds for each change: the cycles go on, and a stop is obeyed within the grace."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.watcher.support import World, job, preview, step, up, world
from watcher.loop import Loop
from watcher.status import Outcome, Reason

SECONDS = 5.0


def slow(w: World, monkeypatch: pytest.MonkeyPatch, stop_in: int | None = None) -> list[float]:
    """Every change of a file takes seconds; in one of them a stop is asked for. Gives when each began."""
    began: list[float] = []

    def slowly(change: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*args: Any, **kwargs: Any) -> Any:
            began.append(w.clock.seconds)
            if len(began) == stop_in:
                w.control.stop()
            w.clock.seconds += SECONDS
            return change(*args, **kwargs)

        return changed

    for owner, name in ((os, "fchmod"), (Path, "unlink"), (Path, "replace"), (Path, "mkdir")):
        monkeypatch.setattr(owner, name, slowly(getattr(owner, name)))
    return began


def grown(tmp_path: Path) -> World:
    """A stack with much to close and to remove, and one job to create."""
    w = world(tmp_path, job("a"))
    history = tmp_path / ".state" / ".pulumi" / "history" / "dkron-jobs" / "dev"
    history.mkdir(parents=True, mode=0o700)
    for number in range(80):
        (history / f"dev-{number}.history.json").touch(0o644)
    w.cli.previews = [preview(step("create", "b", None, {}))]
    w.cli.ups = [up(("create", "b"))]
    return w


def test_a_slow_disk_delays_a_cycle_and_does_not_fail_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    w = grown(tmp_path)
    changes = slow(w, monkeypatch)
    report = Loop(w.tools, w.cycle, w.board).once(Reason.START)
    assert report is not None
    assert report.outcome is Outcome.CHANGED
    assert report.seconds == SECONDS * len(changes)
    assert len(changes) > 100


def test_a_stop_waits_for_a_few_changes_of_a_slow_disk_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1, 101, 4):
        with monkeypatch.context() as patched:
            w = grown(tmp_path / str(number))
            slow(w, patched, stop_in=number)
            Loop(w.tools, w.cycle, w.board).run()
        assert w.control.stop_at is not None
        assert w.clock.seconds - w.control.stop_at <= w.tools.settings.grace_s, number
        w.cycle.close()
