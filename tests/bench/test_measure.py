"""What a run cost: all of its processes count, orphans too; ours from before do not, and stay."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from bench import measure
from bench.measure import BenchError

pytestmark = pytest.mark.skipif(not psutil.LINUX, reason="CPU time and memory of a tree need Linux")

BURN_S = 0.4
BURN = f"import time\nwhile time.process_time() < {BURN_S}: pass\n"
# The middle process ends at once; the last one, in a session of its own, works on as an orphan.
ORPHAN = f"""
import os
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(1, b"pid %d\\n" % os.getpid())
        exec({BURN!r})
    os._exit(0)
os.wait()
"""
ENDLESS = "import os, signal\nif os.fork() == 0:\n    os.write(1, b'pid %d\\n' % os.getpid())\n    signal.pause()\n"


def run(tmp_path: Path, code: str, limit_s: float = 60) -> measure.Run:
    return measure.run("it", [sys.executable, "-c", code], tmp_path, os.environ, limit_s)


def pid_in(output: str) -> int:
    return int(output.rpartition("pid ")[2].split()[0])


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid)


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A child that we had before."""
    child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    yield child
    child.kill()
    child.wait()


def test_the_commands_own_cpu_time_is_counted(tmp_path: Path) -> None:
    cost = run(tmp_path, BURN).cost
    assert cost.cpu_s >= BURN_S
    assert cost.wall_s > 0


def test_the_cpu_time_of_an_orphaned_grandchild_is_counted_and_it_is_reaped(tmp_path: Path) -> None:
    done = run(tmp_path, ORPHAN)
    assert done.cost.cpu_s >= BURN_S
    assert is_gone(pid_in(done.stdout))


def test_an_orphan_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "ORPHANS_MAY_TAKE_S", 0.0)
    assert is_gone(pid_in(run(tmp_path, ENDLESS).stdout))


def test_a_child_from_before_is_neither_counted_nor_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bystander: subprocess.Popen[bytes]
) -> None:
    monkeypatch.setattr(measure, "ORPHANS_MAY_TAKE_S", 0.0)
    before = set(psutil.Process().children())
    assert bystander.pid in {child.pid for child in before}
    assert measure.tree(before) == set()
    run(tmp_path, ENDLESS)
    assert bystander.poll() is None


def test_the_memory_of_all_processes_is_added_up(tmp_path: Path) -> None:
    hold = "held = bytes(range(256)) * 4 * 4096 * 10\n"  # 40 MiB
    # Parent and child each hold it, both long enough for the sampler, which says when it has seen them.
    code = f"import os, time\nchild = os.fork()\n{hold}time.sleep(1)\nif child: os.wait()\n"
    memory = run(tmp_path, code).cost.memory_mib
    assert memory is not None
    assert memory >= 80


def test_a_failed_run_is_told_with_the_end_of_its_output(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"^it: ended with exit code 3\nout\nerr$"):
        run(tmp_path, "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")


def test_a_run_that_takes_too_long_is_ended_with_its_output_shown(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"^it: did not end within 0\.2 s"):
        run(tmp_path, "import signal; print('half done', flush=True); signal.pause()", limit_s=0.2)


def test_an_interruption_ends_every_process_of_the_run(tmp_path: Path) -> None:
    before = set(psutil.Process().children())

    def interrupt() -> None:
        while not (tmp_path / "started").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        threading.Thread(target=interrupt, daemon=True).start()
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, "import os, pathlib, signal\nos.fork()\npathlib.Path('started').touch()\nsignal.pause()")
    finally:
        signal.signal(signal.SIGINT, old)
    assert measure.tree(before) == set()


def test_turns_are_reversed_each_time_and_the_first_of_each_is_left_out() -> None:
    order: list[str] = []

    def look(name: str) -> int:
        order.append(name)
        return len(order)

    assert measure.in_turns({name: partial(look, name) for name in ("a", "b")}, 2) == {"a": [4, 5], "b": [3, 6]}
    assert order == ["a", "b", "b", "a", "a", "b"]
