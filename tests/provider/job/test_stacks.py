"""Values and jobs that differ by stack."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.job.executors import Executor, http, plugin, shell
from provider.job.references import secret, setting
from provider.job.stacks import NoValue, PerStack, in_stack, only_in, per_stack, stacks_in, varies

NIGHTLY: Any = per_stack(prod="0 0 2 * * *", default="@manually")


def test_a_value_is_chosen_by_the_stack_else_the_default_holds() -> None:
    assert in_stack(NIGHTLY, "prod") == "0 0 2 * * *"
    assert in_stack(NIGHTLY, "dev") == "@manually"
    assert in_stack(per_stack({"eu-prod": 5, "default": 1}, default=0), "default") == 1


def test_without_a_default_a_stack_that_is_not_named_has_no_value() -> None:
    with pytest.raises(NoValue, match="per_stack names a, b and has no default, so there is no value in stack dev"):
        in_stack(per_stack(a=1, b=2), "dev")


def test_a_default_alone_is_a_value_and_nothing_is_none() -> None:
    assert in_stack(per_stack(default=3), "dev") == 3
    assert in_stack(per_stack(prod=1, default=None), "dev") is None
    with pytest.raises(TypeError, match="per_stack needs a value"):
        per_stack()


def test_values_are_chosen_inside_maps_lists_and_each_other() -> None:
    nested: Any = per_stack(prod=per_stack(prod=1), default=2)
    value = {"a": [NIGHTLY, "x"], "b": {"c": nested}}
    assert in_stack(value, "prod") == {"a": ["0 0 2 * * *", "x"], "b": {"c": 1}}
    assert set(stacks_in(value)) == {"prod"}
    assert varies(value)


@given(st.dictionaries(st.text(), st.lists(st.integers() | st.text())), st.text())
def test_what_does_not_differ_by_stack_is_given_back_as_it_is(value: dict[str, Any], stack: str) -> None:
    assert in_stack(value, stack) is value
    assert not varies(value)
    assert list(stacks_in(value)) == []


def test_values_join_with_text_on_either_side_and_with_references() -> None:
    joined: Any = "http://" + per_stack(prod="p", default="d") + "/x"
    assert [in_stack(joined, stack) for stack in ("prod", "dev")] == ["http://p/x", "http://d/x"]
    key: Any = "Bearer " + per_stack(prod=secret("live"), default=setting("test"))
    assert in_stack(key, "prod") == "Bearer " + secret("live")


@pytest.mark.parametrize("put_in", [str, "{}".format, lambda value: f"{value:>9}", bool])
def test_a_value_by_stack_in_a_text_or_a_question_is_refused(put_in: Any) -> None:
    with pytest.raises(TypeError, match=r"per_stack\(...\) can't be"):
        put_in(NIGHTLY)


def test_a_builder_that_is_given_values_by_stack_builds_for_each() -> None:
    built: Any = http(
        per_stack(prod="http://p", default="http://d") + "/x",
        headers={"A": per_stack(prod="1", qa="2", default="3")},
        timeout=per_stack(qa=60, default=30),
    )
    wanted = {
        "prod": http("http://p/x", headers={"A": "1"}, timeout=30),
        "qa": http("http://d/x", headers={"A": "2"}, timeout=60),
        "dev": http("http://d/x", headers={"A": "3"}, timeout=30),
    }
    assert {stack: in_stack(built, stack) for stack in wanted} == wanted


def test_a_builder_has_no_value_where_one_of_its_arguments_has_none() -> None:
    built: Any = shell(per_stack(prod="a", qa="b"), env={"A": per_stack(prod="x", default="y")}, shell=True)
    assert isinstance(built, PerStack)
    assert in_stack(built, "qa") == shell("b", env={"A": "y"}, shell=True)
    with pytest.raises(NoValue):
        in_stack(built, "dev")
    partly: Any = plugin("nats", {"a": per_stack(prod="x"), "b": per_stack(qa="y", default="z")})
    assert in_stack(partly, "prod") == Executor("nats", {"a": "x", "b": "z"})
    with pytest.raises(NoValue):
        in_stack(partly, "qa")


def test_a_builder_without_values_by_stack_is_itself() -> None:
    assert isinstance(http("http://h/"), Executor)
    assert http.__name__ == "http"


def test_only_in_takes_names() -> None:
    assert only_in("prod", "staging") == ("prod", "staging")
    for wrong in ((), ("",), (3,)):
        with pytest.raises(TypeError, match="only_in needs the names of stacks"):
            only_in(*wrong)
