import pytest

from bench.errors import BenchError
from bench.soak import MEMORY_MAY_GROW, Reading, command, grown


def readings(count: int, last: Reading) -> list[Reading]:
    """The first is before the caches are full; the last tenth is `last`."""
    return [Reading(1, 1, 1, 1), *[Reading(1000, 10, 4, 20)] * (count - 1 - count // 10), *[last] * (count // 10)]


@pytest.mark.parametrize(
    ("last", "names"),
    [
        (Reading(1000, 10, 4, 20), []),
        (Reading(900, 9, 3, 0), []),
        (Reading(1000 * MEMORY_MAY_GROW, 10, 4, 20), []),
        (Reading(1001 * MEMORY_MAY_GROW, 10, 4, 20), ["memory"]),
        (Reading(1000, 11, 4, 20), ["descriptors"]),
        (Reading(1000, 10, 5, 21), ["threads", "files"]),
    ],
)
def test_what_is_more_in_the_last_tenth_than_in_the_first_has_grown(last: Reading, names: list[str]) -> None:
    first, end, found = grown(readings(100, last))
    assert first == Reading(1000, 10, 4, 20)
    assert (end, found) == (last, names)


def test_a_single_outlier_is_no_growth() -> None:
    steady = [Reading(1000, 10, 4, 20)] * 100
    steady[-1] = Reading(5000, 99, 9, 99)
    assert grown(steady)[2] == []


def test_two_readings_are_enough() -> None:
    assert grown([Reading(1, 1, 1, 1), Reading(1, 1, 1, 2)])[2] == ["files"]


@pytest.mark.parametrize("arguments", [["--cycles", "1"], ["--jobs", "0"]])
def test_senseless_numbers_are_refused_in_one_line(arguments: list[str]) -> None:
    with pytest.raises(BenchError, match="soak: --cycles must be at least 2 and --jobs at least 1"):
        command(arguments)
