import pytest

from dev.tools import known_good
from provider.dkron.version import NEWEST, forgets_children, number, untested


def test_the_newest_tested_version_is_the_one_that_the_tests_run_on() -> None:
    assert number(known_good("dkron")) == NEWEST


@pytest.mark.parametrize(
    ("version", "found"),
    [
        ("4.0.9", (4, 0, 9)),
        ("v4.0.10", (4, 0, 10)),
        ("4.0.9-rc1", (4, 0, 9)),
        ("4.0.9-sandbox", (4, 0, 9)),
        ("devel", None),
        ("4.1", None),
        ("4.0.12345", None),
        ("٤.0.9", None),
        ("", None),
    ],
)
def test_a_version_is_read_as_dkron_writes_it(version: str, found: tuple[int, int, int] | None) -> None:
    assert number(version) == found


@pytest.mark.parametrize("version", ["4.0.0", "4.0.9", "4.0.9-sandbox", "devel", ""])
def test_a_tested_version_and_a_build_of_one_s_own_are_not_warned_of(version: str) -> None:
    assert untested(version) == ""


@pytest.mark.parametrize("version", ["3.2.7", "4.0.10", "4.1.0", "5.0.0\nx\x1b[2J"])
def test_another_version_is_warned_of_in_one_line(version: str) -> None:
    line = untested(version)
    assert line.startswith(f"Dkron {version[:5].rstrip()}")
    assert "was not tested: this is for 4.0.0 to 4.0.9" in line
    assert line.isprintable()


def test_only_the_versions_before_4_0_9_forget_children() -> None:
    assert [v for v in ("4.0.0", "4.0.8", "4.0.9", "4.1.0", "devel", "") if forgets_children(v)] == ["4.0.0", "4.0.8"]
