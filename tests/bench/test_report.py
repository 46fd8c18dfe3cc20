"""Ratios are paired within rounds; a report is written whole; its table, from a recorded measurement."""

import json
from pathlib import Path

import pytest

from bench.measure import Cost
from bench.report import Report, digits, ratio, summary, text
from bench.systems import OPERATIONS

RECORDED = Path(__file__).parent.parent / "data" / "bench.json"


@pytest.fixture
def recorded() -> Report:
    found = json.loads(RECORDED.read_text(encoding="utf-8"))
    return Report(found, found.pop("measurements"), found.pop("complete"))


def rows(table: str, title: str) -> dict[tuple[str, str], list[str]]:
    """The rows of a table by their first two cells."""
    part = table.partition(f"### {title}")[2].partition("###")[0]
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("|")]
    return {(line[0], line[1]): line[2:] for line in cells}


def test_a_ratio_is_the_median_of_the_rounds_own_ratios_and_the_ratio_of_the_minima() -> None:
    # The machine was four times slower in round 2: no ratio shows that.
    assert ratio({1: 2.0, 2: 9.0, 3: 2.5}, {1: 1.0, 2: 4.0, 3: 1.0}) == "2.25 (2)"
    assert ratio({1: 2.0, 2: 0.1}, {1: 1.0, 3: 0.001}) == "2 (2)"
    assert ratio({1: 2.0}, {2: 1.0}) is None


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0213, "0.0213"), (1.234, "1.23"), (45.67, "45.7"), (789.4, "789"), (1234.5, "1234")]
)
def test_a_number_has_the_digits_that_tell_something(value: float, shown: str) -> None:
    assert digits(value) == shown


def test_a_report_is_written_whole(tmp_path: Path, recorded: Report) -> None:
    recorded.add((0, 1, "probe", "wire"), Cost(0.002, 0.001), [0.002, 0.003])
    recorded.write(tmp_path / "bench.json")
    found = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    assert found == {"complete": True, **recorded.about, "measurements": recorded.measurements}
    assert [path.name for path in tmp_path.iterdir()] == ["bench.json"]


def test_every_operation_of_every_size_has_its_row(recorded: Report) -> None:
    found = rows(text(recorded), "Wall time")
    assert [operation for jobs, operation in found if jobs == "8"] == list(OPERATIONS)
    assert [operation for jobs, operation in found if jobs == "0"] == ["create", "preview", "up", "probe", "destroy"]


def test_a_cell_is_median_and_minimum_and_a_dash_where_nothing_was_measured(recorded: Report) -> None:
    found = rows(text(recorded), "Wall time")
    assert found["jobs", "operation"] == ["ours", "floor", "reconciler", "wire", "ours / floor"]
    assert found["8", "create"][0] == summary(recorded.rounds(8, "create", "ours"))
    assert found["8", "drift"][1] == found["8", "drift"][-1] == "-"
    assert rows(text(recorded), "CPU time")
    assert rows(text(recorded), "Peak memory")


def test_it_says_where_when_and_on_what(recorded: Report) -> None:
    head = text(recorded).partition("###")[0]
    for fact in (
        "commit: 0123456789ab",
        "cpu: Some CPU, cores: 2, memory_mib: 8000, kernel: Linux 6.1.0",
        "kind: real, version: 4.0.9",
        "rounds: 0 jobs: 1, 8 jobs: 1",
    ):
        assert fact in head
    assert "stand-in" not in head
    assert "interrupted" not in head


def test_it_says_that_stand_ins_were_measured_or_that_it_was_interrupted(recorded: Report) -> None:
    recorded.about["tools"]["pulumi"]["kind"] = "sandbox"
    recorded.about["changed_since"] = True
    recorded.complete = False
    head = text(recorded).partition("###")[0]
    for fact in ("the sandbox's stand-ins", "changed_since: True", "interrupted"):
        assert fact in head


def limits(about: dict[str, object], **seconds: float) -> dict[tuple[str, str], list[str]]:
    report = Report(about, complete=True)
    for what, value in seconds.items():
        operation, system, jobs = what.split("_")
        report.add((int(jobs), 1, operation, system), Cost(value, value))
    return rows(text(report), "Limits")


def test_a_limit_is_kept_or_exceeded_by_ratio_by_growth_or_in_seconds(recorded: Report) -> None:
    found = limits(
        recorded.about,
        up_ours_1000=1.2,
        up_floor_1000=1.0,
        create_ours_1000=1.5,
        create_floor_1000=1.0,
        create_ours_3000=4.5,
        probe_ours_1000=0.06,
        probe_wire_1000=0.03,
    )
    assert found["up without a change, 1000 jobs, ours / floor", "kept"] == ["1.2", "1.25"]
    assert found["create, 1000 jobs, ours / floor", "EXCEEDED"] == ["1.5", "1.4"]
    assert found["create, ours, 3000 jobs / 1000 jobs", "kept"] == ["3", "3.3"]
    assert found["probe, 1000 jobs, / a bare list request", "kept"] == ["2", "2.5"]
    assert found["probe, 1000 jobs, seconds", "EXCEEDED"] == ["0.06", "0.05"]


def test_a_limit_that_was_not_measured_is_not_judged(recorded: Report) -> None:
    assert "### Limits" not in text(recorded)
