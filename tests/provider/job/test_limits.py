from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.errors import SettingsError
from provider.job.limits import LIMITS_VARIABLE, Limits, parse, told

NAMES = st.frozensets(st.text(max_size=5), max_size=4)
TEXTS = st.text(max_size=3)
UNKEPT = st.dictionaries(TEXTS, st.dictionaries(TEXTS, TEXTS, max_size=2), max_size=2)


@given(NAMES, NAMES, UNKEPT)
def test_what_is_written_is_what_is_read(
    deletes: frozenset[str], updates: frozenset[str], unkept: dict[str, dict[str, str]]
) -> None:
    limits = Limits(deletes, updates, unkept)
    assert parse(limits.to_json()) == limits


def test_only_the_named_jobs_may_be_deleted_and_overwritten() -> None:
    limits = Limits(frozenset({"a"}), frozenset({"b"}))
    assert limits.against_delete("a") is None
    assert limits.against_overwrite("b") is None
    assert limits.against_delete("b") == (
        'job "b" would be deleted, which was not in the preview that was judged; the next run judges anew'
    )
    assert limits.against_overwrite("a") == (
        'job "a" would be overwritten, which was not in the preview that was judged; the next run judges anew'
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"deletes": null}',
        '{"deletes": "a"}',
        '{"deletes": [1]}',
        '{"deletes": [], "updates": 3, "unkept": {}}',
        '{"deletes": [], "updates": [], "unkept": [3]}',
        '{"deletes": [], "updates": [], "unkept": {"a": 3}}',
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse(text)


def test_a_run_is_told_of_its_limits_by_a_file(tmp_path: Path) -> None:
    file = tmp_path / "limits.json"
    limits = Limits(frozenset({"a"}))
    file.write_text(limits.to_json())
    assert told({LIMITS_VARIABLE: str(file)}) == limits
    assert told({}) is None


@pytest.mark.parametrize(("text", "reason"), [(None, "No such file"), ("{}", "it is not what the watcher")])
def test_a_run_whose_limits_cannot_be_read_is_refused(tmp_path: Path, text: str | None, reason: str) -> None:
    file = tmp_path / "limits.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(SettingsError, match=f"^{LIMITS_VARIABLE}: cannot read {file}: {reason}"):
        told({LIMITS_VARIABLE: str(file)})
