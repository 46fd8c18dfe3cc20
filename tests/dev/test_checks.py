"""`make check` runs the tests that lie where the changed files do."""

import pytest

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
