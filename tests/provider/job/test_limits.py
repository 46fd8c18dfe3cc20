import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.job.limits import Limits, parse

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
