"""A mistake in the declarations is told while Dkron is away, too."""

from pathlib import Path

import pytest

from provider.errors import Unreachable
from tests.watcher.support import World, job, world
from watcher.once import report_once
from watcher.status import EXIT_CODES, Outcome, Reason

CHECK = """import sys
with open("../asked", "a") as file:
    file.write(" ".join(sys.argv[1:]) + "\\n")
sys.stderr.write({stderr!r})
print({stdout!r})
sys.exit({code})
"""
PROBLEMS = "".join(f'jobs/a.py:{line}: job "a": schedule: no\n' for line in range(1, 6))


def away(tmp_path: Path, stderr: str = "", stdout: str = "5 jobs checked, 5 problems", code: int = 1) -> World:
    """A program with such a `python -m jobs`, and no Dkron."""
    w = world(tmp_path / "program", job("a"), leader_wait_s=0)
    w.dkron.faults = [Unreachable("cannot reach Dkron")] * 9
    folder = tmp_path / "program" / "jobs"
    folder.mkdir()
    (folder / "__main__.py").write_text(CHECK.format(stderr=stderr, stdout=stdout, code=code))
    return w


def detail(w: World) -> str:
    report = w.cycle.run(Reason.RETRY)
    assert report is not None
    assert report.outcome is Outcome.NO_LEADER
    return report.detail


def test_the_first_problems_stand_beside_that_dkron_is_away(tmp_path: Path) -> None:
    w = away(tmp_path, f"warning: never mind\n{PROBLEMS}")
    told = detail(w)
    assert told.startswith('cannot reach Dkron; jobs/a.py:1: job "a": schedule: no; jobs/a.py:2: ')
    assert told.endswith("; and 2 more")
    assert "warning" not in told


def test_a_report_says_so_too(tmp_path: Path) -> None:
    w = away(tmp_path, PROBLEMS)
    assert report_once(w.tools, w.cycle) == EXIT_CODES[Outcome.NO_LEADER]
    (failed,) = [event for event in w.events if event["event"] == "report.failed"]
    assert failed["detail"].startswith("cannot reach Dkron; jobs/a.py:1: ")


def test_it_is_asked_once_for_each_state_of_the_files(tmp_path: Path) -> None:
    w = away(tmp_path, PROBLEMS)
    assert detail(w) == detail(w)
    (tmp_path / "program" / "jobs" / "b.py").write_text("JOBS = []\n")
    detail(w)
    assert (tmp_path / "asked").read_text() == "check --stack dev\n" * 2


@pytest.mark.parametrize(
    ("stderr", "stdout", "code"),
    [
        ("", "5 jobs checked, no problems", 0),
        ("warning: never mind\n", "5 jobs checked, no problems", 0),
        ("no such stack\n", "", 2),
        ("Traceback\n", "", 1),
    ],
)
def test_nothing_is_told_of_what_is_fine_or_can_not_be_found_out(
    tmp_path: Path, stderr: str, stdout: str, code: int
) -> None:
    assert detail(away(tmp_path, stderr, stdout, code)) == "cannot reach Dkron"


def test_a_program_without_our_commands_is_not_asked(tmp_path: Path) -> None:
    w = away(tmp_path, PROBLEMS)
    (tmp_path / "program" / "jobs" / "__main__.py").unlink()
    assert detail(w) == "cannot reach Dkron"
