"""Cycles in a freeze and with PLAN_ONLY: what is applied, what waits, what is told, and what a person lets through."""

import json
from dataclasses import replace
from pathlib import Path

from tests.watcher.support import World, job, preview, steady, step, up, urn, world
from watcher.allowance import Allowance
from watcher.freeze import parse
from watcher.loop import Loop
from watcher.pulumi.changes import Drift
from watcher.restraint import PlanOnly, Rules
from watcher.status import CycleReport, Outcome, Reason

# The held clock begins on Tue 2023-11-14 22:13:20 UTC.
FROZEN = Rules(parse("Mon 00:00-Wed 00:00"))
FROZEN_BUT_DRIFT = replace(FROZEN, freeze_repairs=True)
PLAN, STRICT = Rules(plan_only=PlanOnly.ON), Rules(plan_only=PlanOnly.STRICT)
OLD, NEW = {"schedule": "@daily"}, {"schedule": "@hourly"}


def run(w: World) -> CycleReport:
    report = w.cycle.run(Reason.INTERVAL)
    assert report is not None
    return report


def mixed(w: World) -> None:
    """A declaration that changed, a new one, one that went, and drift of two others."""
    w.cli.previews = [
        preview(
            step("refresh", "a", OLD, OLD),
            step("update", "a", OLD, NEW),
            step("create", "b", None, OLD),
            step("delete", "c", OLD),
            step("refresh", "d", OLD, NEW),
            step("update", "d", NEW, OLD),
            step("refresh", "e", OLD, {}),
            step("create", "e", None, OLD),
        )
    ]
    w.cli.ups = [up(("update", "d"), ("create", "e"))]


WAITS = ("- c", "~ a (schedule)", "+ b")


def test_in_a_freeze_nothing_is_changed_and_what_waits_is_told(tmp_path: Path) -> None:
    w = world(tmp_path, *(job(n) for n in "acd"), rules=FROZEN)
    mixed(w)
    report = run(w)
    assert (report.outcome, w.cli.calls) == (Outcome.PLANNED, ["preview"])
    assert report.detail == "5 changes wait: frozen until Wed 2023-11-15 00:00 UTC (FREEZE)"
    assert report.waiting == ("- c", "~ a (schedule)", "~ d (schedule)", "+ b", "+ e (gone)")
    assert report.drift == ()
    assert report.unrepaired == (Drift("d", "changed", ("schedule",)), Drift("e", "gone"))


def test_drift_may_be_repaired_in_a_freeze_and_by_default_under_plan_only(tmp_path: Path) -> None:
    for number, rules in enumerate((FROZEN_BUT_DRIFT, PLAN)):
        w = world(tmp_path / str(number), *(job(n) for n in "acd"), rules=rules)
        mixed(w)
        report = run(w)
        assert (report.outcome, report.waiting) == (Outcome.PLANNED, WAITS)
        assert (report.created, report.updated, report.unrepaired) == (("e",), ("d",), ())
        assert w.cli.targets == [(urn("d"), urn("e"))]
        assert w.cli.judged == [{"deletes": [], "updates": ["d", "e"], "unkept": {}}]
        assert "watcher_drift_repairs_total" in w.tools.metrics.text().decode()


def test_a_drifted_job_whose_declaration_changed_waits_too(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), rules=PLAN)
    w.cli.previews = [preview(step("refresh", "a", OLD, {"retries": 3}), step("update", "a", {"retries": 3}, NEW))]
    report = run(w)
    assert (report.outcome, report.updated, w.cli.calls) == (Outcome.PLANNED, (), ["preview"])
    w.cli.previews = [preview(step("refresh", "a", OLD, {}), step("create", "a", None, NEW))]
    assert run(w).waiting == ("+ a (gone)",)


def test_strict_waits_with_drift_too_and_only_repairs_are_no_plan(tmp_path: Path) -> None:
    drift = preview(step("refresh", "d", OLD, NEW), step("update", "d", NEW, OLD))
    w = world(tmp_path / "strict", job("d"), rules=STRICT)
    w.cli.previews = [drift]
    assert (run(w).outcome, w.cli.calls) == (Outcome.PLANNED, ["preview"])
    w = world(tmp_path / "plan", job("d"), rules=PLAN)
    w.cli.previews, w.cli.ups = [drift], [up(("update", "d"))]
    report = run(w)
    assert (report.outcome, report.waiting, w.cli.targets) == (Outcome.CHANGED, (), [()])


def test_nothing_to_do_is_unchanged_in_a_freeze_as_well(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), rules=FROZEN)
    assert run(w).outcome is Outcome.UNCHANGED


def test_strays_wait_for_the_end_of_a_freeze(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), job("x"))
    run(w)
    chosen = w.tools.settings
    w.cycle.keeper.tools = replace(w.tools, settings=replace(chosen, rules=FROZEN))
    report = run(w)
    assert (report.outcome, report.waiting) == (Outcome.PLANNED, ("- x (stray)",))
    w.clock.seconds = 7200
    assert run(w).deleted == ("x",)


def test_other_resources_wait_too(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), rules=PLAN)
    document = json.loads(steady("a").stdout)
    document["steps"].append({"op": "create", "urn": urn("thing", "random:index:Thing")})
    w.cli.previews = [replace(steady("a"), stdout=json.dumps(document))]
    report = run(w)
    assert (report.outcome, report.waiting) == (Outcome.PLANNED, ("~ other resources (1)",))
    assert report.detail.startswith("1 change waits: PLAN_ONLY is true")


def test_a_plan_that_would_be_refused_says_so_and_waits(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), rules=PLAN)
    w.cli.previews = [preview(step("delete", "a", OLD))]
    report = run(w)
    assert report.outcome is Outcome.PLANNED
    assert "; then it would be refused: the program declares no job at all" in report.detail


def test_what_a_person_lets_through_is_one_change_set(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), rules=PLAN)
    w.cycle.keeper.allowance = Allowance(who="ann", plan=True)
    w.cli.previews = [preview(step("refresh", "a", OLD, OLD), step("update", "a", OLD, NEW))]
    w.cli.ups = [up(("update", "a"))]
    assert run(w).outcome is Outcome.CHANGED
    assert run(w).outcome is Outcome.PLANNED


def test_a_refused_plan_is_not_let_through_later(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), rules=PLAN)
    w.cycle.keeper.allowance = Allowance(who="ann", plan=True)
    w.cli.previews = [preview(step("delete", "a", OLD))]
    assert run(w).outcome is Outcome.REFUSED
    assert not w.cycle.keeper.allowance.given


def test_a_config_key_that_changed_is_still_known_as_changed_when_the_plan_goes_through(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {'dkron-jobs:key': 'a'}\n")
    run(w)
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {'dkron-jobs:key': 'b'}\n")
    w.cycle.keeper.tools = replace(w.tools, settings=replace(w.tools.settings, rules=PLAN))
    hidden = {"executor_config": "[secret]"}
    w.cli.previews = [preview(step("refresh", "a", hidden, hidden), step("update", "a", hidden, hidden))]
    for _ in range(2):
        assert (run(w).outcome, w.cli.calls.count("up")) == (Outcome.PLANNED, 0)


def test_drift_that_waits_starts_no_cycle_at_each_probe(tmp_path: Path) -> None:
    w = world(tmp_path, job("d"), rules=FROZEN)
    w.cli.previews = [preview(step("refresh", "d", OLD, NEW), step("update", "d", NEW, OLD))]
    w.clock.at = [(250, w.control.stop)]
    Loop(w.tools, w.cycle, w.board).run()
    assert [c.reason for c in w.board.now.cycles] == [Reason.START]
    (done,) = [e for e in w.events if e["event"] == "cycle.done"]
    assert (done["level"], done["waiting"]) == ("info", ["~ d (schedule)"])
    assert w.board.now.ready


def test_a_let_through_plan_is_handed_over_to_a_running_watcher(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), rules=PLAN)
    file = w.cycle.keeper.allowance_file(w.cycle.keeper.workspace())
    file.leave(Allowance(who="ann", plan=True), w.clock.now())
    w.cli.previews = [preview(step("refresh", "a", OLD, OLD), step("update", "a", OLD, NEW))]
    w.cli.ups = [up(("update", "a"))]
    assert run(w).outcome is Outcome.CHANGED
    (given,) = [e for e in w.events if e["event"] == "allowance.given"]
    assert (given["who"], given["plan"]) == ("ann", True)


def test_simple_drift_is_repaired_at_once_unless_everything_waits(tmp_path: Path) -> None:
    for number, rules in enumerate((Rules(), PLAN, STRICT)):
        w = world(tmp_path / str(number), job("a"), rules=rules)
        run(w)
        w.dkron.jobs["a"] = job("a", schedule="@hourly")
        w.cli.previews = [preview(step("refresh", "a", OLD, NEW), step("update", "a", NEW, OLD))]
        w.cli.ups = [up(("update", "a"))]
        report = w.cycle.run(Reason.DRIFT)
        assert report is not None
        assert report.outcome is (Outcome.PLANNED if rules is STRICT else Outcome.CHANGED)


def test_a_waiting_change_is_not_applied_by_the_repair_of_a_drift(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), rules=PLAN)
    w.cli.previews = [preview(step("refresh", "a", OLD, OLD), step("update", "a", OLD, NEW))]
    assert run(w).outcome is Outcome.PLANNED
    w.dkron.jobs["a"] = job("a", retries=3)
    report = w.cycle.run(Reason.DRIFT)
    assert report is not None
    assert (report.outcome, w.cli.targets) == (Outcome.PLANNED, [])
