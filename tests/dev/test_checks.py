"""`make check` runs the tests that lie where the changed files do; `make test` counts a second try, but not in CI."""

from collections import Counter
from collections.abc import Sequence

import pytest

from dev import checks
from dev.checks import Tally
from dev.checks import tests_of as choose


@pytest.mark.parametrize(
    ("file", "wanted"),
    [
        ("provider/schedule/calendar.py", ["tests/provider/schedule/test_calendar.py"]),
        ("provider/settings.py", ["tests/provider/test_settings.py"]),
        ("provider/job/__init__.py", ["tests/provider/job"]),
        ("tests/provider/test_settings.py", ["tests/provider/test_settings.py"]),
        ("tests/provider/test_deleted.py", []),
        ("tests/provider/process.py", []),
        (
            "compose.yaml",
            ["tests/test_container_files.py", "tests/test_documents.py", "tests/test_requirements.py"],
        ),
        ("no_such_room.py", []),
    ],
)
def test_the_tests_of_a_file_are_the_nearest_that_exist(file: str, wanted: list[str]) -> None:
    assert choose([file]) == wanted


def test_no_test_is_named_twice() -> None:
    assert choose(["provider/settings.py", "tests/provider/test_settings.py"]) == ["tests/provider/test_settings.py"]


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> list[Tally]:
    """What each run of pytest shall find, instead of a run."""
    outcomes: list[Tally] = []

    def pytest_run(tally: Tally, name: str, _arguments: Sequence[str], _workers: int = 1) -> None:
        found = outcomes.pop(0)
        tally.counts, tally.failed_tests = found.counts, found.failed_tests
        if found.failed_tests:
            tally.failed_checks.append(name)

    monkeypatch.setattr(checks, "pytest", pytest_run)
    return outcomes


def outcome(passed: int, *failed: str) -> Tally:
    return Tally(counts=Counter(passed=passed, failed=len(failed)), failed_tests=list(failed))


@pytest.mark.parametrize(
    ("in_ci", "code", "counted"), [(False, 0, "3 passed, 0 failed"), (True, 1, "2 passed, 1 failed")]
)
def test_a_test_that_passes_only_at_its_second_try_is_named_and_fails_the_run_in_ci(
    tries: list[Tally], capsys: pytest.CaptureFixture[str], in_ci: bool, code: int, counted: str
) -> None:
    tries += [outcome(2, "shaky"), outcome(1)]
    tally = Tally(in_ci=in_ci)
    checks.e2e(tally)
    assert checks.close(tally) == code
    said = capsys.readouterr().out
    assert "UNSTABLE, failed at first and passed at its second try: shaky\n" in said
    assert counted in said


def test_of_two_that_failed_only_the_one_that_passed_then_is_called_unstable(tries: list[Tally]) -> None:
    tries += [outcome(2, "shaky", "broken"), outcome(1, "broken")]
    tally = Tally()
    checks.e2e(tally)
    assert tally.unstable == ["shaky"]
    assert checks.close(tally) == 1


def test_more_failures_than_an_accident_explains_are_not_tried_again(tries: list[Tally]) -> None:
    tries += [outcome(0, *map(str, range(checks.MOST_SECOND_TRIES + 1)))]
    tally = Tally()
    checks.e2e(tally)
    assert (tally.unstable, checks.close(tally)) == ([], 1)
