import pytest

from bench.watching import MAY_GROW, Reading, grown


def reading(memory: float, descriptors: int, threads: int, files: int) -> Reading:
    return {"memory": memory, "descriptors": descriptors, "threads": threads, "files": files}


STEADY = reading(1000, 10, 4, 20)


@pytest.mark.parametrize(
    ("last", "names"),
    [
        (STEADY, []),
        (reading(900, 9, 3, 0), []),
        (reading(1000 * MAY_GROW, 10, 4, 20), []),
        (reading(1001 * MAY_GROW, 10, 4, 20), ["memory"]),
        (reading(1000, 11, 4, 20), ["descriptors"]),
        (reading(1000, 10, 5, 21), ["threads", "files"]),
    ],
)
def test_what_is_more_in_the_last_tenth_than_in_the_first_has_grown(last: Reading, names: list[str]) -> None:
    # The first is before the caches are full.
    assert grown([reading(1, 1, 1, 1), *[STEADY] * 89, *[last] * 10]) == (STEADY, last, names)


def test_a_single_outlier_is_no_growth() -> None:
    assert grown([*[STEADY] * 99, reading(5000, 99, 9, 99)])[2] == []


def test_two_readings_are_enough() -> None:
    assert grown([reading(1, 1, 1, 1), reading(1, 1, 1, 2)])[2] == ["files"]
