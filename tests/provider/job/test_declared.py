from typing import Any

from provider.job.declared import Declared
from provider.job.spec import UNKNOWN


def job(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "schedule": "@daily", **fields}


def test_a_checked_job_is_held_and_no_other() -> None:
    declared = Declared()
    declared.add({}, job("a"))
    assert declared.holds("a")
    assert not declared.holds("b")
    assert not Declared().holds("a")


def test_a_renamed_job_holds_its_new_name_only() -> None:
    declared = Declared()
    declared.add(job("old"), job("new"))
    assert declared.holds("new")
    assert not declared.holds("old")
    assert not declared.is_replaced("new")


def test_two_jobs_that_swap_names_hold_both_and_replace_neither_s_job() -> None:
    declared = Declared()
    declared.add(job("a"), job("b"))
    declared.add(job("b"), job("a"))
    assert declared.holds("a")
    assert declared.holds("b")
    assert not declared.is_replaced("a")
    assert not declared.is_replaced("b")


def test_a_resource_that_keeps_its_name_is_replaced_when_it_is_created() -> None:
    declared = Declared()
    declared.add(job("a"), job("a", retries=1))
    declared.add({}, job("a", retries=1.0))  # the engine checks a replacement a second time
    assert declared.is_replaced("a")


def test_a_name_that_two_resources_declare_is_never_replaced() -> None:
    declared = Declared()
    declared.add(job("a"), job("a"))
    declared.add({}, job("a", retries=1))
    assert not declared.is_replaced("a")


def test_the_stack_is_known_by_the_mark_in_the_declarations() -> None:
    declared = Declared()
    assert declared.mark == ""
    declared.add({}, job("a", metadata={"managed_in": "shop/dev"}))
    declared.add({}, job("b"))
    assert declared.mark == "shop/dev"


def test_cycles_of_parents_are_found_among_what_was_checked() -> None:
    declared = Declared()
    declared.add({}, job("a", parent_job="b"))
    declared.add({}, job("c", parent_job=UNKNOWN))
    assert declared.parent_cycle("a") is None
    declared.add({}, job("b", parent_job="a"))
    assert declared.parent_cycle("b") == ["b", "a", "b"]
    assert declared.parent_cycle("c") is None
