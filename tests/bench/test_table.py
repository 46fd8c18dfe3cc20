"""The table, from a small recorded measurement."""

from pathlib import Path

import pytest

from bench import table
from bench.measure import Cost
from bench.results import Report, read

RECORDED = Path(__file__).parent.parent / "data" / "bench.json"


@pytest.fixture
def report() -> Report:
    return read(RECORDED)


def rows(text: str, title: str) -> dict[tuple[str, str], list[str]]:
    """The rows of a table by their first two cells."""
    part = text.partition(f"### {title}")[2].partition("###")[0]
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("|")]
    return {(line[0], line[1]): line[2:] for line in cells}


def test_every_operation_of_every_size_has_its_row(report: Report) -> None:
    found = rows(table.text(report), "Wall time")
    assert [operation for jobs, operation in found if jobs == "8"] == list(table.ORDER)
    assert [operation for jobs, operation in found if jobs == "0"] == ["create", "preview", "up", "destroy"]


def test_a_cell_is_median_and_minimum_and_a_dash_where_nothing_was_measured(report: Report) -> None:
    text = table.text(report)
    found = rows(text, "Wall time")
    create = report.summary(8, "create", "ours")
    assert create is not None
    assert found["jobs", "operation"] == ["ours", "floor", "reconciler", "wire", "ours / floor"]
    assert found["8", "create"][0] == f"{create.median:.2f} ({create.minimum:.2f})"
    assert found["8", "drift"][1] == "-"
    assert found["8", "drift"][-1] == "-"
    assert {"CPU time", "Peak memory", "Probe"} <= {t for t in ("CPU time", "Peak memory", "Probe") if rows(text, t)}


def test_it_says_where_when_and_on_what(report: Report) -> None:
    head = table.text(report).partition("###")[0]
    assert "commit 0123456789ab\n" in head
    assert "Some CPU, 2 cores, 8000 MiB, Linux 6.1.0" in head
    assert "dkron 4.0.9 (real), pulumi 3.260.0 (real)" in head
    assert "rounds: 0 jobs: 1, 8 jobs: 1" in head
    assert "stand-in" not in head
    assert "interrupted" not in head


def test_it_says_that_stand_ins_were_measured_or_that_it_was_interrupted(report: Report) -> None:
    report.about["tools"]["pulumi"]["kind"] = "sandbox"
    report.about["changed_since"] = True
    report.complete = False
    head = table.text(report).partition("###")[0]
    assert "**pulumi: the sandbox's stand-ins" in head
    assert "with changes besides" in head
    assert "interrupted" in head


def test_without_linux_it_says_that_only_wall_time_is_there() -> None:
    report = Report({}, complete=True)
    report.add(8, 1, "up", "ours", Cost(1.0), [])
    text = table.text(report)
    assert "can only be measured on Linux" in text
    assert "Peak memory, MiB" not in text


def limits(**seconds: float) -> dict[tuple[str, str], list[str]]:
    report = Report({}, complete=True)
    for what, value in seconds.items():
        operation, system, jobs = what.split("_")
        report.add(int(jobs), 1, operation, system, Cost(value), [])
    return rows(table.text(report), "Limits")


def test_a_limit_that_is_kept_and_one_that_is_exceeded() -> None:
    found = limits(up_ours_1000=1.2, up_floor_1000=1.0, create_ours_1000=1.5, create_floor_1000=1.0)
    assert found["up without a change, 1000 jobs, ours / floor", "kept"] == ["1.20", "1.25"]
    assert found["create, 1000 jobs, ours / floor", "EXCEEDED"] == ["1.50", "1.4"]


def test_growth_and_probe_have_their_limits() -> None:
    found = limits(create_ours_1000=2.0, create_ours_3000=6.0, probe_ours_1000=0.06, probe_wire_1000=0.03)
    assert found["create, ours, 3000 jobs / 1000 jobs", "kept"] == ["3.00", "3.3"]
    assert found["probe, 1000 jobs, / a bare list request", "kept"] == ["2.00", "2.5"]
    assert found["probe, 1000 jobs", "EXCEEDED"] == ["60.00 ms", "50 ms"]


def test_a_limit_that_was_not_measured_is_not_judged(report: Report) -> None:
    assert "### Limits" not in table.text(report)


@pytest.mark.parametrize(("value", "shown"), [(0.0213, "0.021"), (1.234, "1.23"), (45.67, "45.7"), (789.4, "789")])
def test_a_number_has_the_digits_that_tell_something(value: float, shown: str) -> None:
    assert table.number(value) == shown
