"""How much of a change set may be applied now: all of it, only repairs, or nothing. Pure.

FREEZE and PLAN_ONLY hold changes back. What waits is shown and told; what is unsafe is the guard's, not decided here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from watcher.freeze import Window, frozen_until


class Scope(Enum):
    """What may be applied."""

    ALL = "all"
    REPAIRS = "repairs"  # drift of jobs whose declaration did not change
    NOTHING = "nothing"


class PlanOnly(Enum):
    """PLAN_ONLY as it is set."""

    OFF = "false"
    ON = "true"
    STRICT = "strict"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings say. `freeze_repairs`: drift is repaired in a window, too."""

    freeze: Sequence[Window] = ()
    freeze_repairs: bool = False
    plan_only: PlanOnly = PlanOnly.OFF


@dataclass(frozen=True, slots=True)
class Restraint:
    """`why`: what holds changes back and how they get through, "" where nothing does."""

    scope: Scope = Scope.ALL
    why: str = ""


def restraint(rules: Rules, now: float, let_through: bool) -> Restraint:
    """What holds at a time (seconds since 1970). `let_through`: a person said so; that ends no freeze."""
    until = frozen_until(rules.freeze, datetime.fromtimestamp(now, UTC))
    if until is not None:
        scope = Scope.REPAIRS if rules.freeze_repairs else Scope.NOTHING
        return Restraint(scope, f"frozen until {until:%a %Y-%m-%d %H:%M %Z} (FREEZE)")
    if rules.plan_only is PlanOnly.OFF or let_through:
        return Restraint()
    scope = Scope.NOTHING if rules.plan_only is PlanOnly.STRICT else Scope.REPAIRS
    return Restraint(scope, f"PLAN_ONLY is {rules.plan_only.value}; `python -m watcher --once` lets them through")
