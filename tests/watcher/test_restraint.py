"""How much of a change set is applied: in a freeze, with PLAN_ONLY, and where a person lets it through."""

from datetime import UTC, datetime

import pytest

from watcher.freeze import parse
from watcher.restraint import PlanOnly, Restraint, Rules, Scope, restraint

SATURDAY = datetime(2026, 11, 28, 12, tzinfo=UTC).timestamp()
TUESDAY = datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()
WINDOW = parse("Fri 18:00-Mon 06:00 Europe/Berlin")


def test_without_a_rule_all_is_applied() -> None:
    assert restraint(Rules(), SATURDAY, let_through=False) == Restraint(Scope.ALL, "")


@pytest.mark.parametrize(("repairs", "scope"), [(False, Scope.NOTHING), (True, Scope.REPAIRS)])
@pytest.mark.parametrize("plan_only", PlanOnly)
def test_in_a_window_nothing_is_applied_or_only_repairs(repairs: bool, scope: Scope, plan_only: PlanOnly) -> None:
    rules = Rules(WINDOW, repairs, plan_only)
    for let_through in (False, True):
        found = restraint(rules, SATURDAY, let_through)
        assert found == Restraint(scope, "frozen until Mon 2026-11-30 06:00 CET (FREEZE)")
    assert restraint(rules, TUESDAY, let_through=True).scope is Scope.ALL


@pytest.mark.parametrize(("plan_only", "scope"), [(PlanOnly.ON, Scope.REPAIRS), (PlanOnly.STRICT, Scope.NOTHING)])
def test_a_plan_waits_for_a_person(plan_only: PlanOnly, scope: Scope) -> None:
    rules = Rules(plan_only=plan_only)
    found = restraint(rules, TUESDAY, let_through=False)
    assert found.scope is scope
    assert found.why == f"PLAN_ONLY is {plan_only.value}; `python -m watcher --once` lets them through"
    assert restraint(rules, TUESDAY, let_through=True).scope is Scope.ALL
