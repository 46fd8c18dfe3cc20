"""`python -m bench`: the order of the measurements, the subcommands, the ways to end."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

import bench.__main__ as command
from bench.measure import BenchError
from bench.systems import OPERATIONS


@pytest.fixture(autouse=True)
def _signals_as_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    old = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(command, "ROOT", tmp_path)
    yield
    signal.signal(signal.SIGTERM, old)


def test_the_small_sizes_come_first() -> None:
    assert command.sizes("1000,8") == [8, 1000]


def test_within_a_round_the_systems_take_turns_and_every_second_round_in_the_reverse_order() -> None:
    found = list(command.steps(8, 2, ("ours", "floor", "wire")))
    assert found[:4] == [(1, "create", "ours"), (1, "create", "floor"), (1, "create", "wire"), (1, "preview", "ours")]
    second = [step for step in found if step[0] == 2]
    assert second[:3] == [(2, "create", "wire"), (2, "create", "floor"), (2, "create", "ours")]


def test_ours_has_every_operation_and_the_others_what_they_can() -> None:
    found = list(command.steps(8, 1, ("ours", "reconciler")))
    assert [operation for _, operation, system in found if system == "ours"] == list(OPERATIONS)
    assert (1, "preview", "reconciler") not in found


def test_nothing_can_be_changed_where_there_is_no_job() -> None:
    assert {step[1] for step in command.steps(0, 1, ("ours",))} == {"create", "preview", "up", "probe", "destroy"}


@pytest.mark.parametrize("arguments", [["--jobs", "x"], ["--rounds", "few"], ["polt"]])
def test_wrong_usage_is_told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(arguments)
    assert ended.value.code == 2
    assert "python -m bench" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (BenchError("up: broken", "its end\n"), 1, "up: broken\nits end"),
    ],
)
def test_an_early_end_is_told(
    error: BaseException, code: int, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(rounds: int = 1) -> int:
        raise error

    monkeypatch.setitem(command.COMMANDS, "soak", fail)
    assert command.main(["soak"]) == code
    assert capsys.readouterr().err == f"bench: {told}\n"
