import pytest

from bench.errors import BenchError
from bench.start import PROGRAMS, command, once


@pytest.mark.parametrize("name", list(PROGRAMS))
def test_each_program_comes_to_its_first_resource(name: str) -> None:
    assert once(name) > 0


def test_a_program_that_declares_nothing_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROGRAMS, "ours", "no-such-program.py")
    with pytest.raises(BenchError, match="start: ours did not come to its first resource"):
        once("ours")


def test_the_ratio_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["--rounds", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["ours", "empty", "ours / empty"]


def test_no_rounds_are_refused_in_one_line() -> None:
    with pytest.raises(BenchError, match="start: --rounds must be at least 1"):
        command(["--rounds", "0"])
