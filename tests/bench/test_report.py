"""Ratios are paired within rounds; the tables, from a recorded measurement."""

import json
from pathlib import Path

import pytest

from bench.report import Report, paired, rounds, summary, text
from bench.systems import OPERATIONS

RECORDED = Path(__file__).parent.parent / "data" / "bench.json"


@pytest.fixture
def recorded() -> Report:
    found: Report = json.loads(RECORDED.read_text(encoding="utf-8"))
    return found


def rows(table: str, title: str) -> dict[tuple[str, str], list[str]]:
    """The rows of a table by their first two cells."""
    part = table.partition(f"### {title}")[2].partition("###")[0]
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("|")]
    return {(line[0], line[1]): line[2:] for line in cells}


def test_a_ratio_is_that_of_the_rounds_that_have_both() -> None:
    # The machine was four times slower in round 2: no ratio shows that.
    assert paired({1: 2.0, 2: 9.0, 3: 2.5}, {1: 1.0, 2: 4.0, 3: 1.0}) == [2.0, 2.25, 2.5]
    assert paired({1: 2.0, 2: 0.1}, {1: 1.0, 3: 0.001}) == [2.0]
    assert summary([2.5, 2.0, 2.25]) == "2.25 (2)"
    assert summary([]) is None


def test_every_operation_of_every_size_has_its_row(recorded: Report) -> None:
    found = rows(text(recorded), "Wall time")
    assert [operation for jobs, operation in found if jobs == "8"] == list(OPERATIONS)
    assert [operation for jobs, operation in found if jobs == "0"] == ["create", "preview", "up", "probe", "destroy"]


def test_a_cell_is_median_and_minimum_and_a_dash_where_nothing_was_measured(recorded: Report) -> None:
    found = rows(text(recorded), "Wall time")
    assert found["jobs", "operation"] == ["ours", "floor", "reconciler", "wire", "ours / floor", "rounds"]
    assert found["8", "create"][0] == summary([*rounds(recorded, 8, "create", "ours").values()])
    assert found["8", "drift"][1] == found["8", "drift"][-2] == "-"
    assert rows(text(recorded), "CPU time")
    assert rows(text(recorded), "Peak memory")


def test_it_says_where_when_and_on_what(recorded: Report) -> None:
    head = text(recorded).partition("###")[0]
    for fact in ("commit: 0123456789ab", "Some CPU", "'kind': 'real', 'version': '4.0.9'"):
        assert fact in head
    assert "stand-in" not in head
    assert "interrupted" not in head


def test_it_says_that_stand_ins_were_measured_or_that_it_was_interrupted(recorded: Report) -> None:
    recorded["tools"]["pulumi"]["kind"] = "sandbox"
    recorded["complete"] = False
    head = text(recorded).partition("###")[0]
    assert "the sandbox's stand-ins" in head
    assert "interrupted" in head


def test_a_limit_is_kept_or_exceeded_by_ratio_by_growth_or_in_seconds(recorded: Report) -> None:
    seconds = {
        (1000, "up", "ours"): 1.2,
        (1000, "up", "floor"): 1.0,
        (1000, "create", "ours"): 1.5,
        (1000, "create", "floor"): 1.0,
        (3000, "create", "ours"): 4.5,
        (1000, "probe", "ours"): 0.06,
        (1000, "probe", "wire"): 0.03,
    }
    recorded["measurements"] = [
        {"jobs": jobs, "round": 1, "operation": operation, "system": system, "wall_s": s, "cpu_s": s, "memory_mib": s}
        for (jobs, operation, system), s in seconds.items()
    ]
    found = rows(text(recorded), "Limits")
    assert found["up without a change, 1000 jobs, ours / floor", "kept"] == ["1.2", "1.25"]
    assert found["create, 1000 jobs, ours / floor", "EXCEEDED"] == ["1.5", "1.4"]
    assert found["create, ours, 3000 jobs / 1000 jobs", "kept"] == ["3", "3.3"]
    assert found["probe, 1000 jobs, / a bare list request", "kept"] == ["2", "2.5"]
    assert found["probe, 1000 jobs, seconds", "EXCEEDED"] == ["0.06", "0.05"]


def test_a_limit_that_was_not_measured_is_not_judged(recorded: Report) -> None:
    assert "### Limits" not in text(recorded)
