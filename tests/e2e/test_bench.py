"""`python -m bench` on the stand-ins, small: every operation is measured, and the report is whole."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.systems import NEEDS_A_JOB, OPERATIONS
from dev.say import ROOT


def bench(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "bench", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=550, check=False)
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.long
def test_a_watcher_with_nothing_to_do_does_not_grow_the_soak_of_a_few_cycles_says() -> None:
    done = bench("soak", "--cycles", "2", "--rest", "1", "--jobs", "3", "--sandbox")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("  grown: nothing\n")
    assert "at rest for 1 s, 3 jobs, " in done.stdout


def test_a_drift_is_repaired_and_timed() -> None:
    done = bench("repair", "--jobs", "2", "--rounds", "1", "--probe-ms", "200", "--sandbox")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "drift to repair, 2 jobs, 1 rounds: median " in done.stdout


@pytest.mark.long
def test_a_small_measurement_has_every_operation_and_prints_its_table(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench", "--jobs", "0,2", "--rounds", "1", "--sandbox", "--out", str(tmp_path)]
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=550, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    report = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    assert report["complete"] is True
    assert {tool["kind"] for tool in report["tools"].values()} == {"sandbox"}
    measured = {(m["jobs"], m["system"], m["operation"]) for m in report["measurements"]}
    assert {operation for jobs, system, operation in measured if (jobs, system) == (2, "ours")} == set(OPERATIONS)
    empty = {operation for jobs, system, operation in measured if (jobs, system) == (0, "ours")}
    assert empty == set(OPERATIONS) - set(NEEDS_A_JOB)
    assert {system for jobs, system, _ in measured if jobs == 2} == {"ours", "floor", "reconciler", "wire"}
    processes = [m for m in report["measurements"] if m["system"] != "wire" and m["operation"] != "probe"]
    assert all(m["wall_s"] > 0 for m in processes)
    if sys.platform.startswith("linux"):
        assert all(m["cpu_s"] > 0 and m["memory_mib"] > 0 for m in processes)
    assert "### Wall time, seconds: median (minimum)" in done.stdout
    assert done.stdout.count("| 2 | create ") == 3
    # Neither a server's data nor a project is left.
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("bench-")] == []
