"""After thousands of cycles with a drift each, the watcher holds and keeps as much as after the first sixty."""

import gc
import os
import sys
from pathlib import Path

import pytest

from tests.watcher.support import World, job, preview, step, up, world
from watcher.loop import Loop
from watcher.pulumi.child import Finished
from watcher.recovery.copies import KEPT
from watcher.status import Outcome, Reason

SETTLED, CYCLES = 60, int(os.environ.get("CYCLES", "160"))
EIGHT = tuple(f"job-{number}" for number in range(8))


def grows(w: World, root: Path) -> None:
    """Every up leaves what the real one leaves in a directory: a backup, and two files of history."""
    pulumi = root / ".state" / ".pulumi"
    for kind in ("history", "backups"):
        (pulumi / kind / "dkron-jobs" / "dev").mkdir(parents=True, mode=0o700)
    number = 10**18

    def drifted() -> Finished:
        name = EIGHT[number % 8]
        steps = [step("refresh", n, {"schedule": "@daily"}, {"schedule": "@daily"}) for n in EIGHT if n != name]
        refreshed = step("refresh", name, {"schedule": "@daily"}, {"schedule": "@hourly"})
        return preview(*steps, refreshed, step("update", name, {"schedule": "@hourly"}, {"schedule": "@daily"}), same=7)

    def written() -> Finished:
        nonlocal number
        number += 1
        for path in ("backups/dkron-jobs/dev/dev.{}.json", "history/dkron-jobs/dev/dev-{}.history.json"):
            (pulumi / path.format(number)).write_text("x" * 100)
        (pulumi / "history" / "dkron-jobs" / "dev" / f"dev-{number}.checkpoint.json").write_text("x" * 100)
        w.cli.on_start(f"token-{number}", number % 1000)
        return up(("update", EIGHT[number % 8]))

    w.cli.previews, w.cli.ups = [drifted], [written]


def held(w: World) -> int:
    """How many objects there are. The log of the test itself and what the fakes noted are thrown away first."""
    w.stream.truncate(0)
    w.stream.seek(0)
    for noted in (w.cli.calls, w.cli.messages, w.cli.judged, w.cli.targets, w.cli.spared, w.dkron.calls):
        noted.clear()
    gc.collect()
    return len(gc.get_objects()) + sys.getallocatedblocks()


def on_disk(root: Path) -> tuple[int, int]:
    """Files and bytes."""
    files = [path for path in root.rglob("*") if path.is_file()]
    return len(files), sum(path.stat().st_size for path in files)


@pytest.mark.slow
def test_disk_and_memory_are_bounded_over_cycles_with_a_drift_each(tmp_path: Path) -> None:
    w = world(tmp_path, *map(job, EIGHT))
    grows(w, tmp_path)
    loop = Loop(w.tools, w.cycle, w.board)
    seen: list[tuple[tuple[int, int], int]] = []
    for cycle in range(1, CYCLES + 1):
        w.clock.seconds += 300
        report = loop.once(Reason.DRIFT)
        assert report is not None
        assert report.outcome is Outcome.CHANGED, report.detail
        if cycle in (SETTLED, CYCLES):
            seen.append((on_disk(tmp_path), held(w)))
    (files, size), objects = seen[0]
    (files_later, size_later), objects_later = seen[1]
    assert files == files_later <= 3 * KEPT + 10
    assert size_later == pytest.approx(size, rel=0.05)
    assert objects_later - objects < 500  # five a cycle; a cycle that is kept is many more
