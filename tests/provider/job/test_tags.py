from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.job.spec import UNKNOWN, JobSpec
from provider.job.tags import (
    ALL_NODES,
    accepted_codes,
    cluster_advice,
    how_many_run,
    parse_tags,
    tag_advice,
    tag_problems,
    where_it_runs,
    with_default,
)

NODES = [{"dc": "dc1", "role": "dkron", "zone": f"z{number}"} for number in range(3)]


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"dc": "dc1:one"}, "behind the colon"),
        ({"dc": "dc1: 1"}, "behind the colon"),
        ({"dc": "dc1:0"}, "behind the colon"),
        ({"dc": "dc1:-1"}, "behind the colon"),
        ({"dc": "dc1:"}, "behind the colon"),
        ({"dc": "dc1:1.0"}, "behind the colon"),
        ({"dc": "dc1:١"}, "behind the colon"),
        ({"dc": f"dc1:{'9' * 40}"}, "behind the colon"),
        ({"svc": "http://a:8080"}, 'looks for nodes that carry "http"'),
        ({"dc": "a:1:2"}, "more than one colon"),
        ({"role": "web"}, 'the role of every node is "dkron"'),
        ({"role": "web:1"}, 'the role of every node is "dkron"'),
    ],
)
def test_tags_with_which_a_job_runs_nowhere_are_refused(tags: dict[str, str], words: str) -> None:
    ((path, reason),) = tag_problems(tags)
    assert path == f"tags.{next(iter(tags))}"
    assert words in reason
    assert list(tag_advice(tags)) == []


@pytest.mark.parametrize("value", ["dc1", "dc1:1", "dc1:99", "dc1:+2", "dc1:007", UNKNOWN])
def test_tags_that_can_match_are_taken(value: str) -> None:
    assert list(tag_problems({"dc": value, "role": "dkron:1"})) == []
    assert list(tag_advice({"dc": value})) == []


def test_an_empty_tag_is_warned_of() -> None:
    assert [found.code for found in tag_advice({"a": "", "b": ":1", "c": "x"})] == ["tag-empty"] * 2


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({}, "every node"),
        (ALL_NODES, "every node"),
        ({"dc": "dc1"}, "every node of dc1"),
        ({"dc": "dc1:1"}, "one node of dc1"),
        ({"dc": "dc1:2"}, "2 nodes of dc1"),
        ({"zone": "z2"}, "every node of zone z2"),
        ({"dc": "dc1:1", "zone": "z2"}, "one node that is dc1 and zone z2"),
        ({"dc": "dc1:3", "role": "web:1"}, "one node that is dc1 and web"),
        ({"role": "dkron:1"}, "one node"),
        ({"dc": "dc1:none"}, "no node"),
        ({"zone": UNKNOWN}, "every node of zone (not known yet)"),
    ],
)
def test_where_a_job_runs_is_said_in_words(tags: dict[str, str], words: str) -> None:
    assert where_it_runs(tags) == words


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("", {}),
        (" , ", {}),
        ("dc=dc1:1", {"dc": "dc1:1"}),
        (" dc = dc1:1 , zone=z2,", {"dc": "dc1:1", "zone": "z2"}),
    ],
)
def test_tags_can_be_read_from_a_text(text: str, tags: dict[str, str]) -> None:
    assert parse_tags(text) == tags


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dc1:1", "must look like dc=dc1:1"),
        ("=x", "must look like"),
        ("dc=", "must look like"),
        ("dc=a,dc=b", 'names "dc" twice'),
        ("dc=dc1:one", "it runs nowhere"),
        ("role=web", "the role of every node"),
    ],
)
def test_a_text_that_holds_no_tags_is_refused_in_one_line(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_tags(text)


@given(st.dictionaries(st.text(), st.text()))
def test_what_is_refused_and_what_is_said_agree(tags: dict[str, str]) -> None:
    assert where_it_runs(tags).isprintable()
    if where_it_runs(tags) == "no node":
        assert list(tag_problems(tags))
        assert how_many_run(tags, [{name: value.partition(":")[0] for name, value in tags.items()}]) == 0


def test_the_stacks_default_holds_for_a_job_that_says_nothing_about_nodes() -> None:
    default = {"dc": "dc1:1"}
    assert with_default(JobSpec(name="a"), default).tags == default
    assert with_default(JobSpec(name="a"), {}).tags == {}
    assert with_default(JobSpec(name="a", tags=ALL_NODES), default).tags is ALL_NODES
    assert with_default(JobSpec(name="a", tags={"zone": "z2"}), default).tags == {"zone": "z2"}
    assert with_default(spec := JobSpec(name="a"), default).declared_at == spec.declared_at


def job(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "executor": "http", **fields}


def test_untagged_http_jobs_are_told_once_for_all_of_them() -> None:
    jobs = [job("a"), job("b", tags=None), job("c", tags={}), job("d", executor="shell"), job("e", disabled=True)]
    (found,) = cluster_advice(jobs, NODES)
    assert found.code == "untagged-http"
    assert found.text == "3 nodes, and 3 http jobs without tags: each runs 3 times"
    (found,) = cluster_advice(jobs[:1], NODES)
    assert found.text == "3 nodes, and 1 http job without tags: it runs 3 times"
    assert cluster_advice(jobs, NODES[:1]) == []


def test_a_job_that_no_node_runs_is_told_by_name() -> None:
    jobs = [job("a", tags={"zone": "z9:1"}), job("b", tags={"zone": "z2"}), job("c", tags={"dc": UNKNOWN})]
    (found,) = cluster_advice(jobs, NODES)
    assert found.text == 'job "a" is to run on one node of zone z9, and no node that is there matches'
    assert cluster_advice(jobs, []) == []
    jobs.append(job("d", tags={"zone": "z9:1"}, disabled=True))
    assert len(cluster_advice(jobs, NODES)) == 1


def test_jobs_with_one_choice_of_nodes_are_told_together() -> None:
    jobs = [job(name, tags={"zone": "z9:1"}) for name in ("a", "b", "c")]
    (found,) = cluster_advice(jobs, NODES)
    assert found.text == 'job "a" and 2 more are to run on one node of zone z9, and no node that is there matches'


def test_what_a_job_accepts_is_not_told_of_it() -> None:
    jobs = [job("a"), job("b"), job("c", tags={"zone": "z9"})]
    every, nowhere = cluster_advice(jobs, NODES, {"a": ["untagged-http"], "b": ["every-second"]})
    assert every.text == "3 nodes, and 1 http job without tags: it runs 3 times"
    assert nowhere.code == "no-such-node"
    assert cluster_advice(jobs, NODES, dict.fromkeys("abc", ("untagged-http", "no-such-node"))) == []


def test_every_node_on_purpose_accepts_what_untagged_jobs_are_warned_of() -> None:
    assert accepted_codes((), {}) == frozenset()
    assert accepted_codes(("expired",), ALL_NODES) == {"expired", "untagged-http"}
    assert accepted_codes("expired", {"dc": "dc1"}) == {"expired"}


def test_a_job_whose_tags_are_no_map_is_left_to_its_own_check() -> None:
    assert cluster_advice([job("a", tags="dc1")], NODES) == []
