"""Systems take turns at each operation, in the reverse order every second round; each round is saved."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any, ClassVar

import pytest

from bench import rounds
from bench.errors import BenchError
from bench.measure import Cost
from bench.options import parse
from bench.results import Report
from bench.rounds import Step, steps
from bench.servers import Tools
from bench.site import OPERATIONS, Samples, Site, System
from dev.tools import Tool

TOOLS = Tools(Tool(Path("pulumi"), sandbox=True), Tool(Path("dkron"), sandbox=True))


def test_within_a_round_the_systems_take_turns() -> None:
    found = list(steps(8, 2, ("ours", "floor", "wire")))
    assert found[:4] == [
        Step(1, "create", "ours"), Step(1, "create", "floor"), Step(1, "create", "wire"), Step(1, "preview", "ours"),
    ]  # fmt: skip
    second = [step for step in found if step.round == 2]
    assert second[:3] == [Step(2, "create", "wire"), Step(2, "create", "floor"), Step(2, "create", "ours")]


def test_ours_has_every_operation_and_the_others_what_they_can() -> None:
    found = list(steps(8, 1, ("ours", "floor", "reconciler", "wire")))
    assert [s.operation for s in found if s.system == "ours"] == list(OPERATIONS)
    assert not [s for s in found if s.system == "reconciler" and s.operation == "preview"]


def test_nothing_can_be_changed_where_there_is_no_job() -> None:
    assert {s.operation for s in steps(0, 1, ("ours",))} == {"create", "preview", "up", "probe", "destroy"}


class Counting(System):
    """Measures nothing: its n-th operation takes n seconds, and one of them may fail."""

    name = "ours"
    operations = ("create", "up", "destroy")
    calls: ClassVar[list[str]] = []
    failing = ""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.seconds = 0

    def measure(self, operation: str) -> Samples:
        if operation == self.failing:
            raise BenchError(f"ours {operation}: broken")
        self.seconds += 1
        return {self.name: (Cost(self.seconds), [])}


def measured(monkeypatch: pytest.MonkeyPatch, failing: str = "") -> tuple[Report, list[int]]:
    """The report, and how many measurements there were at each save."""
    monkeypatch.setattr(rounds, "SYSTEMS", {"ours": Counting})
    monkeypatch.setattr(Counting, "failing", failing)
    report, saves = Report({}), list[int]()
    options = parse(["--jobs", "1,2", "--rounds", "1:2,2:1", "--only", "ours"])
    with pytest.raises(BenchError, match=f"ours {failing}: broken") if failing else nullcontext():
        rounds.measure(options, TOOLS, report, lambda: saves.append(len(report.measurements)))
    return report, saves


def test_every_step_is_in_the_report_and_every_round_is_saved(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report, saves = measured(monkeypatch)
    found: list[tuple[Any, ...]] = [(m["jobs"], m["round"], m["operation"], m["wall_s"]) for m in report.measurements]
    assert found == [
        (1, 1, "create", 1), (1, 1, "up", 2), (1, 1, "destroy", 3),
        (1, 2, "create", 4), (1, 2, "up", 5), (1, 2, "destroy", 6),
        (2, 1, "create", 1), (2, 1, "up", 2), (2, 1, "destroy", 3),
    ]  # fmt: skip
    assert saves == [3, 6, 9]
    lines = capsys.readouterr().err.splitlines()
    assert lines[3] == "bench: 4 of 9: 1 jobs, round 2 of 2: ours create"
    assert len(lines) == 9


def test_a_failed_operation_ends_it_and_is_no_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    report, saves = measured(monkeypatch, failing="up")
    assert [m["operation"] for m in report.measurements] == ["create"]
    assert saves == []
