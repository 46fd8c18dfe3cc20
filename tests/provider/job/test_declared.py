from typing import Any

from provider.job.declared import Declared
from provider.job.spec import UNKNOWN


def job(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "schedule": "@daily", **fields}


def test_a_checked_job_is_held_and_no_other() -> None:
    declared = Declared()
    declared.add(job("a"))
    assert declared.holds("a")
    assert not declared.holds("b")
    assert not Declared().holds("a")


def test_the_stack_is_known_by_the_mark_in_the_declarations() -> None:
    declared = Declared()
    assert declared.mark == ""
    declared.add(job("a", metadata={"managed_in": "shop/dev"}))
    declared.add(job("b"))
    assert declared.mark == "shop/dev"


def test_cycles_of_parents_are_found_among_what_was_checked() -> None:
    declared = Declared()
    declared.add(job("a", parent_job="b"))
    declared.add(job("c", parent_job=UNKNOWN))
    assert declared.parent_cycle("a") is None
    declared.add(job("b", parent_job="a"))
    assert declared.parent_cycle("b") == ["b", "a", "b"]
    assert declared.parent_cycle("c") is None
