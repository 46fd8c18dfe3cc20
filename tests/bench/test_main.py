"""`python -m bench`: the subcommands, the missing picture, the ways to end."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import bench.__main__ as command
from bench import results
from bench.errors import BenchError
from bench.measure import Cost
from bench.options import Options
from bench.results import Report
from bench.servers import Tools
from dev.say import ROOT

RECORDED = ROOT / "tests" / "data" / "bench.json"


@pytest.fixture(autouse=True)
def _signals_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    old = [(number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)]
    monkeypatch.setattr(command, "PLOT_ENVIRONMENT", ROOT / ".tools" / "no-such-environment")
    yield
    for number, handler in old:
        signal.signal(number, handler)


def test_the_table_is_made_anew_from_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["table", str(RECORDED)]) == 0
    assert "### Wall time, seconds" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["table"], ["plot", "one.json"]])
def test_wrong_usage_of_a_subcommand_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(arguments) == 1
    told = capsys.readouterr().err
    assert told.startswith("bench: usage: python -m bench ")
    assert told.count("\n") == 1


def test_without_matplotlib_one_line_says_how_to_get_the_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "bench.svg"
    assert command.plot(RECORDED, target, ROOT / ".tools" / "none") is False
    assert capsys.readouterr().err == (
        "bench: no picture, because matplotlib is not there: `make bench` puts it into .tools/none/\n"
    )
    assert not target.exists()


def test_a_drawing_that_fails_is_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\necho noise >&2\necho 'no font' >&2\nexit 1\n")
    python.chmod(0o755)
    assert command.plot(RECORDED, tmp_path / "bench.svg", tmp_path) is False
    assert capsys.readouterr().err == "bench: no picture, because drawing it failed: no font\n"


def test_a_file_that_is_no_measurement_is_told_before_anything_is_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "x.json"
    file.write_text("{}")
    assert command.main(["plot", str(file), str(tmp_path / "x.svg")]) == 1
    assert "is no bench.json" in capsys.readouterr().err


Measure = Callable[[Options, Tools, Report, Callable[[], None]], None]


def run(monkeypatch: pytest.MonkeyPatch, out: Path, after_one: BaseException | None, count: int = 1) -> int:
    """A measurement of `count` figures that then ends by an exception, or well."""

    def measure(_options: Options, _tools: Tools, report: Report, _save: Callable[[], None]) -> None:
        for number in range(count):
            report.add(8, number, "up", "ours", Cost(1.0), [])
        if after_one is not None:
            raise after_one

    monkeypatch.setattr(command, "measure", measure)
    return command.main(["--jobs", "8", "--sandbox", "--out", str(out)])


def test_a_whole_measurement_prints_its_table_and_writes_its_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, tmp_path / "new" / "docs", None) == 0
    told = capsys.readouterr()
    assert "### Wall time, seconds" in told.out
    assert "bench: pulumi: the sandbox stand-in, " in told.err
    report = results.read(tmp_path / "new" / "docs" / "bench.json")
    assert report.complete
    assert report.about["tools"]["dkron"]["kind"] == "sandbox"
    assert {"cpu", "cores", "memory_mib", "kernel", "python"} == set(report.about["machine"])
    assert {"date", "commit", "changed_since", "sdk", "machine", "tools", "settings"} == set(report.about)


def test_after_an_interruption_what_was_measured_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, tmp_path, KeyboardInterrupt()) == 130
    told = capsys.readouterr().err.splitlines()[-1]
    assert told == f"bench: interrupted; what was measured until then, 1 measurements, is in {tmp_path}/bench.json"
    assert results.read(tmp_path / "bench.json").complete is False


def test_an_interruption_before_the_first_measurement_overwrites_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "bench.json").write_text("as before")
    assert run(monkeypatch, tmp_path, KeyboardInterrupt(), count=0) == 130
    assert (tmp_path / "bench.json").read_text() == "as before"


def test_a_failure_is_one_line_and_the_end_of_the_output(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, tmp_path, BenchError("floor up: ended with exit code 255", "the output's end\n")) == 1
    assert capsys.readouterr().err.endswith("bench: floor up: ended with exit code 255\nthe output's end\n")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert command.main(["--sandbox", "--out", str(tmp_path / "file" / "docs")]) == 1
    assert f"bench: --out: cannot make {tmp_path}/file/docs: Not a directory" in capsys.readouterr().err
