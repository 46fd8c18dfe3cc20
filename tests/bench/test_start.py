import pytest

from bench import start
from bench.measure import BenchError


def test_each_program_comes_to_its_first_resource_and_the_ratio_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert start.start(1) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["ours", "empty", "ours / empty"]


def test_a_program_that_registers_nothing_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(start.PROGRAMS, "ours", [start.ROOT / "bench" / "__init__.py"])
    with pytest.raises(BenchError, match=r"(?s)^start: ours: ended with exit code 1.*registered no resource"):
        start.start(1)
