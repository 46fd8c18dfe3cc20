from typing import Any

import pytest

from provider.job.ownership import is_ours, left_alone, owner_tag, refusal


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


def test_a_job_with_another_tag_is_not_ours() -> None:
    assert not is_ours({"metadata": {"managed_by": "them"}}, "us")
    assert not is_ours({"metadata": {"managed_by": "US"}}, "us")


def test_a_refusal_names_the_job_the_tag_found_and_both_ways_out() -> None:
    text = refusal("geo-purge", "terraform", "us")
    for part in ('"geo-purge"', '"terraform"', '"us"', "rename", "pulumi config set adopt true"):
        assert part in text
    assert "\n" not in text


def test_a_refusal_says_so_when_there_is_no_tag() -> None:
    assert "carries no owner tag" in refusal("geo-purge", None, "us")


@pytest.mark.parametrize(
    ("found", "words"), [("them", 'carries the owner tag "them" now'), (None, "no owner tag any more")]
)
def test_what_is_left_in_dkron_is_named_with_the_reason(found: str | None, words: str) -> None:
    text = left_alone("geo-purge", found, "us")
    assert text.startswith('job "geo-purge" ')
    assert words in text
    assert "left in Dkron" in text
