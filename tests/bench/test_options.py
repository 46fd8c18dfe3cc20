"""The command line: what it takes, and one line for what it doesn't."""

from pathlib import Path

import pytest

from bench.options import Options, parse


def test_without_arguments_it_is_the_whole_measurement() -> None:
    assert parse([]) == Options(
        dict.fromkeys((0, 8, 100, 1000, 3000), 5), ("ours", "floor", "reconciler", "wire"), Path("docs"), sandbox=False
    )


def test_rounds_may_differ_by_size() -> None:
    assert parse(["--jobs", "8,0", "--rounds", "0:5, 8:2"]).rounds == {0: 5, 8: 2}


def test_rounds_without_a_size_are_for_the_others() -> None:
    assert parse(["--jobs", "0,8,100", "--rounds", "3,100:1"]).rounds == {0: 3, 8: 3, 100: 1}


def test_systems_are_measured_in_their_own_order() -> None:
    assert parse(["--only", "wire,ours"]).systems == ("ours", "wire")


def test_sizes_are_measured_once_each_the_small_ones_first() -> None:
    assert parse(["--jobs", "8,0,8"]).sizes == [0, 8]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--jobs", "eight"], '"eight" is no number of jobs: a whole number from 0 to 20000 is'),
        (["--jobs", "-1"], "no number of jobs"),
        (["--jobs", "1,,2"], '"" is no number of jobs'),
        (["--jobs", "20001"], "no number of jobs"),
        (["--rounds", "0"], '"0" is no number of rounds: a whole number from 1 to 1000 is'),
        (["--rounds", "x:1"], '"x" is no number of jobs'),
        (["--rounds", "8:1,8:2"], '"8:2": told twice'),
        (["--jobs", "0,8", "--rounds", "0:1"], "--rounds tells nothing for 8 jobs"),
        (["--jobs", "0", "--rounds", "1,8:1"], "--rounds names 8 jobs, but --jobs doesn't"),
        (["--only", "ours,theirs"], '"theirs" is none of ours, floor, reconciler, wire'),
        (["polt"], "unrecognized arguments: polt"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments)
    told = capsys.readouterr().err
    assert ended.value.code == 2
    assert said in told
    assert told.startswith("bench: ")
    assert told.count("\n") == 1
