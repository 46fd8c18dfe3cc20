"""Ratios are paired within rounds; a report is written whole and read back."""

import json
from pathlib import Path

import pytest

from bench.errors import BenchError
from bench.measure import Cost
from bench.results import Report, Summary, paired, read, summarise


def test_a_ratio_is_the_median_of_the_rounds_own_ratios_and_the_ratio_of_the_minima() -> None:
    # The machine was four times slower in round 2: no ratio shows that.
    assert paired({1: 2.0, 2: 9.0, 3: 2.5}, {1: 1.0, 2: 4.0, 3: 1.0}) == Summary(2.25, 2.0)


def test_a_round_without_its_counterpart_counts_for_nothing() -> None:
    assert paired({1: 2.0, 2: 0.1}, {1: 1.0, 3: 0.001}) == Summary(2.0, 2.0)


def test_without_a_common_round_there_is_no_ratio() -> None:
    assert paired({1: 2.0}, {2: 1.0}) is None
    assert paired({1: 2.0}, {1: 0.0}) is None


def test_a_summary_is_median_and_minimum() -> None:
    assert summarise({1: 3.0, 2: 1.0, 3: 2.0}) == Summary(2.0, 1.0)
    assert summarise({}) is None


def report() -> Report:
    found = Report({"date": "2026-01-01T00:00:00+00:00"})
    for number, (ours, floor) in enumerate([(3.0, 2.0), (5.0, 4.0)], start=1):
        found.add(8, number, "up", "ours", Cost(ours, ours * 2, 100.0), [])
        found.add(8, number, "up", "floor", Cost(floor), [])
    found.add(0, 1, "probe", "wire", Cost(0.002, 0.001), [0.002, 0.003])
    return found


def test_a_ratio_of_the_report_compares_two_systems_by_name() -> None:
    assert report().ratio(8, "up", ("ours", "floor")) == Summary(1.375, 1.5)
    assert report().ratio(8, "up", ("ours", "wire")) is None


def test_a_figure_that_was_not_measured_is_left_out() -> None:
    assert report().summary(8, "up", "ours", "cpu_s") == Summary(8.0, 6.0)
    assert report().summary(8, "up", "floor", "cpu_s") is None
    assert report().sizes == [0, 8]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    before = report()
    before.complete = True
    before.write(path)
    assert read(path) == before
    assert json.loads(path.read_text())["measurements"][-1]["samples_s"] == [0.002, 0.003]
    assert [p.name for p in tmp_path.iterdir()] == ["bench.json"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1, "complete": true, "measurements": [{}]}', "\xff"])
def test_another_file_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(BenchError, match=r"x\.json is no bench\.json$"):
        read(path)


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"format": 99, "complete": true, "measurements": []}')
    with pytest.raises(BenchError, match="another format"):
        read(path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"cannot read .*: No such file or directory"):
        read(tmp_path / "none.json")
