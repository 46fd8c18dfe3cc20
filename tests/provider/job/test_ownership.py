from typing import Any

import pytest

from provider.job.ownership import (
    Owner,
    is_ours,
    is_retained,
    left_alone,
    mark_of,
    may_delete,
    may_write,
    owner_of,
    owner_tag,
    refusal,
    stack_mark,
    without_mark,
)


def marked(tag: str = "us", mark: str | None = "shop/dev") -> dict[str, Any]:
    metadata = {"managed_by": tag}
    if mark is not None:
        metadata["managed_in"] = mark
    return {"metadata": metadata}


@pytest.mark.parametrize(
    ("job", "tag"),
    [
        ({"metadata": {"managed_by": "us"}}, "us"),
        ({"metadata": {"managed_by": ""}}, None),
        ({"metadata": {"managed_by": 5}}, None),
        ({"metadata": {"other": "us"}}, None),
        ({"metadata": {}}, None),
        ({"metadata": None}, None),
        ({"metadata": "managed_by"}, None),
        ({"tags": {"managed_by": "us"}}, None),
        ({}, None),
    ],
)
def test_the_owner_tag_is_read_from_the_metadata_alone(job: dict[str, Any], tag: str | None) -> None:
    assert owner_tag(job) == tag
    assert is_ours(job, "us") is (tag == "us")
    assert is_ours(job, "us", "shop/dev") is may_delete(owner_of(job, "us", "shop/dev"))


@pytest.mark.parametrize(
    ("job", "mark"),
    [
        (marked(), "shop/dev"),
        (marked(mark=""), None),
        (marked(mark=None), None),
        ({"metadata": None}, None),
        ({}, None),
    ],
)
def test_the_stack_mark_is_read_from_the_metadata_alone(job: dict[str, Any], mark: str | None) -> None:
    assert stack_mark(job) == mark


@pytest.mark.parametrize(
    ("job", "bare"),
    [
        (marked(), {"metadata": {"managed_by": "us"}}),
        ({"metadata": None}, {"metadata": None}),
        ({"name": "a"}, {"name": "a"}),
    ],
)
def test_a_job_can_be_shown_without_its_mark(job: dict[str, Any], bare: dict[str, Any]) -> None:
    assert without_mark(job) == bare


@pytest.mark.parametrize(("text", "retained"), [("true", True), ("false", False), ("", False), (None, False)])
def test_a_retained_job_says_so_itself(text: str | None, retained: bool) -> None:
    assert is_retained({"metadata": {"managed_retain": text}}) is retained


@pytest.mark.parametrize(
    ("stack", "mark"), [("dev", "shop/dev"), ("acme/shop/dev", "shop/dev"), ("organization/shop/dev", "shop/dev")]
)
def test_a_mark_is_the_project_and_the_short_name_of_the_stack(stack: str, mark: str) -> None:
    assert mark_of("shop", stack) == mark


@pytest.mark.parametrize(
    ("job", "owner", "written", "deleted"),
    [
        (marked(), Owner.OURS, True, True),
        (marked(mark=None), Owner.UNMARKED, True, True),
        (marked(mark=""), Owner.UNMARKED, True, True),
        (marked(mark="shop/prod"), Owner.OTHER_STACK, False, False),
        (marked(mark="SHOP/dev"), Owner.OTHER_STACK, False, False),
        (marked("them"), Owner.FOREIGN, False, False),
        (marked("US"), Owner.FOREIGN, False, False),
        (marked("them", "shop/prod"), Owner.FOREIGN, False, False),
        ({"metadata": {"managed_in": "shop/dev"}}, Owner.FOREIGN, False, False),
        ({}, Owner.FOREIGN, False, False),
    ],
)
def test_tag_and_mark_together_tell_whose_a_job_is(
    job: dict[str, Any], owner: Owner, written: bool, deleted: bool
) -> None:
    assert owner_of(job, "us", "shop/dev") is owner
    assert may_write(owner, adopt=False) is written
    assert may_write(owner, adopt=True)
    assert may_delete(owner) is deleted


@pytest.mark.parametrize(
    ("job", "words"),
    [
        (marked("terraform"), 'carries the owner tag "terraform", not "us"'),
        ({}, "carries no owner tag, so it "),
        (marked(mark="shop/prod"), 'belongs to the stack "shop/prod", not to "shop/dev"'),
    ],
)
def test_a_refusal_names_the_holder_and_both_ways_out_in_one_line(job: dict[str, Any], words: str) -> None:
    text = refusal(job, "geo-purge", "us", "shop/dev")
    for part in ('job "geo-purge"', words, "rename", "pulumi config set adopt true"):
        assert part in text
    assert "\n" not in text
    left = left_alone(job, "geo-purge", "us", "shop/dev")
    assert left.startswith('job "geo-purge" ')
    assert words in left
    assert "left in Dkron" in left


def test_a_strangers_tag_can_not_break_the_line() -> None:
    text = refusal(marked("a\nb\x1b[31m" + "x" * 900), "geo-purge", "us", "shop/dev")
    assert text.isprintable()
    assert len(text) < 700
