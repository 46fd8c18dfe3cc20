"""What one cycle does, stage by stage, against a Dkron and a pulumi that answer as told."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from provider.errors import ServerFault, Unauthorised, Unreachable
from tests.watcher.support import SECRET, World, job, preview, steady, step, up, urn, world
from watcher.allowance import Allowance
from watcher.bound import Bound
from watcher.dkron.connection import Connection
from watcher.endings import Ended, NoStack
from watcher.pulumi.changes import Failure
from watcher.pulumi.child import Finished
from watcher.pulumi.workspace import Workspace
from watcher.secrets import PUBLIC_PASSPHRASE
from watcher.status import CycleReport, Outcome, Reason


def run(w: World) -> CycleReport:
    report = w.cycle.run(Reason.INTERVAL)
    assert report is not None
    return report


def gone(*names: str) -> list[dict[str, object]]:
    """Steps of jobs that are gone from Dkron."""
    return [s for n in names for s in (step("refresh", n, {}, {}), step("create", n, None, {}))]


def test_nothing_to_do_is_unchanged_and_runs_no_up(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    report = run(w)
    assert (report.outcome, report.unchanged, report.detail) == (Outcome.UNCHANGED, 1, "")
    assert w.cli.calls == ["preview"]
    assert w.cycle.census.noted is not None
    assert set(w.cycle.census.noted) == {"a"}


def test_a_lost_job_is_created_and_reported_as_drift(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    w.cli.previews = [preview(*gone("b"), step("refresh", "a", {}, {}), same=1)]

    def apply() -> Finished:
        w.dkron.jobs["b"] = job("b")
        return up(("create", "b"), ("same", "a"))

    w.cli.ups = [apply]
    report = run(w)
    assert (report.outcome, report.created, report.unchanged) == (Outcome.CHANGED, ("b",), 1)
    assert [d.job for d in report.drift] == ["b"]
    assert w.cycle.census.noted is not None
    assert set(w.cycle.census.noted) == {"a", "b"}


def test_without_a_leader_nothing_is_asked_of_pulumi(tmp_path: Path) -> None:
    w = world(tmp_path, leader_wait_s=5)
    w.dkron.faults = [Unreachable("cannot reach Dkron")] * 50
    report = run(w)
    assert (report.outcome, report.detail) == (Outcome.NO_LEADER, "cannot reach Dkron")
    assert w.cli.calls == []
    assert w.board.now.leader is None


def test_refused_credentials_are_a_failure_for_a_person(tmp_path: Path) -> None:
    w = world(tmp_path)
    w.dkron.faults = [Unauthorised(f"401 for {SECRET}")]
    report = run(w)
    assert (report.outcome, report.detail) == (Outcome.FAILED, "401 for [secret]")


def test_after_a_wait_for_the_leader_two_looks_must_agree(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    w.dkron.next_leaders = [None, "n1"]
    w.dkron.lists = [[], [], [job("a")], [job("a")]]
    assert run(w).outcome is Outcome.UNCHANGED
    assert w.dkron.calls.count("list") >= 2


def test_many_jobs_gone_at_once_are_believed_only_at_the_second_look(tmp_path: Path) -> None:
    names = ("a", "b", "c")
    w = world(tmp_path, *(job(n) for n in names))
    w.cli.previews = [preview(*gone(*names))]
    report = run(w)
    assert report.outcome is Outcome.FAILED
    assert "missing from Dkron for a moment" in report.detail
    assert w.cli.calls == ["preview"]


def test_many_jobs_that_are_really_gone_are_created(tmp_path: Path) -> None:
    names = ("a", "b", "c")
    w = world(tmp_path)
    w.cli.previews = [preview(*gone(*names))]
    w.cli.ups = [up(*(("create", n) for n in names))]
    assert run(w).outcome is Outcome.CHANGED
    assert w.clock.monotonic() >= 2


def six_of_eight_deleted(names: list[str]) -> Finished:
    kept = (step("refresh", n, {}, {}) for n in names[6:])
    return preview(*(step("delete", n, {}) for n in names[:6]), *kept, same=2)


def test_the_guard_refuses_before_anything_is_written(tmp_path: Path) -> None:
    names = [f"j{i}" for i in range(8)]
    w = world(tmp_path, *(job(n) for n in names))
    w.cli.previews = [six_of_eight_deleted(names)]
    report = run(w)
    assert report.outcome is Outcome.REFUSED
    assert w.cli.calls == ["preview"]


def test_an_allowance_holds_for_one_change_set_only(tmp_path: Path) -> None:
    names = [f"j{i}" for i in range(8)]
    w = world(tmp_path, *(job(n) for n in names), allow=6)
    w.cli.previews = [six_of_eight_deleted(names)]
    w.cli.ups = [up(*(("delete", n) for n in names[:6]))]
    assert run(w).outcome is Outcome.CHANGED
    assert run(w).outcome is Outcome.REFUSED


def test_one_failing_job_is_named_with_its_reason(tmp_path: Path) -> None:
    w = world(tmp_path)
    w.cli.previews = [preview(step("create", "a", None, {}), step("create", "b", None, {}))]
    w.cli.ups = [up(("create", "a"), failed=(("b", f"it is foreign {SECRET}"),))]
    report = run(w)
    assert (report.outcome, report.created) == (Outcome.FAILED, ("a",))
    assert report.failures == (Failure("b", "it is foreign [secret]"),)
    assert report.detail == "b: it is foreign [secret]"


def test_many_failures_are_counted_not_listed(tmp_path: Path) -> None:
    w = world(tmp_path)
    w.cli.previews = [preview(step("create", "a", None, {}))]
    w.cli.ups = [up(failed=tuple((f"j{i}", "bad") for i in range(7)))]
    assert run(w).detail.endswith("j2: bad; and 4 more")


def test_a_failed_preview_is_told_in_its_own_words(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    w.cli.previews = [preview(errors=("passphrase is wrong",))]
    assert run(w).detail == "passphrase is wrong"
    w.cli.previews = [Finished("preview", 1, 1, "", f"error: no such key {SECRET}\n")]
    assert run(w).detail == "no such key [secret]"
    w.cli.previews = [Finished("preview", 1, 1, "", "")]
    assert run(w).detail == "pulumi preview ended with code 1 and no reason"
    w.cli.previews = [preview(step("create", "a", None, {}))]
    w.cli.previews = [Finished("preview", 1, 1, w.cli.previews[0].stdout, "error: late")]  # type: ignore[union-attr]
    assert run(w).detail == "late"


@pytest.mark.parametrize(
    ("finished", "words"),
    [
        (Finished("up", None, 0, "", "cannot start pulumi: no such file"), "cannot start pulumi"),
        (Finished("up", -9, 1), "killed by signal 9"),
        (Finished("up", 1, 600, timed_out=True), "ended after 600 s"),
        (Finished("up", 1, 1, "", "error: disk full"), "disk full"),
    ],
)
def test_an_up_that_did_not_come_to_its_end_is_a_failure(tmp_path: Path, finished: Finished, words: str) -> None:
    w = world(tmp_path)
    w.cli.previews = [preview(step("create", "a", None, {}))]
    w.cli.ups = [finished]
    report = run(w)
    assert report.outcome is Outcome.FAILED
    assert words in report.detail
    assert w.cycle.recovery.suspect == finished.crashed


def test_a_stack_that_is_not_there_is_created(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    w.cli.previews = [Finished("preview", 6, 1, "", "error: no stack named 'dev' found"), steady("a")]
    assert run(w).outcome is Outcome.UNCHANGED
    assert w.cli.calls == ["preview", "create_stack", "preview"]
    assert "stack.created" in w.names()


def test_another_stack_than_dev_is_created_only_where_that_is_asked_for(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), stack="nope")
    w.cli.previews = [Finished("preview", 6, 1, "", "error: no stack named 'nope' found")]
    w.cli.others["list_stacks"] = Finished("stack", 0, 1, '[{"name": "dev"}, {"name": "prod"}]')
    report = run(w)
    assert (report.outcome, w.cli.calls) == (Outcome.REFUSED, ["preview", "list_stacks"])
    assert report.detail.startswith('there is no stack "nope" (there are: dev, prod)')
    asked = world(tmp_path / "asked", job("a"), stack="nope", create_stack=True)
    asked.cli.previews = [Finished("preview", 6, 1), steady("a")]
    assert run(asked).outcome is Outcome.UNCHANGED


def test_a_stack_that_cannot_be_created_is_a_failure(tmp_path: Path) -> None:
    w = world(tmp_path)
    w.cli.previews = [Finished("preview", 6, 1)]
    w.cli.others["create_stack"] = Finished("stack", 1, 1, "", "error: passphrase must be set")
    assert run(w).detail == "cannot create the stack: passphrase must be set"


# -- strays


def seen_before(w: World) -> None:
    """One good cycle, which sees the strays for the first time."""
    assert run(w).outcome.good
    w.cli.calls.clear()


def test_strays_are_told_by_one_cycle_and_deleted_by_the_next(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), job("x"), job("theirs", tag="theirs"), job("b's", mark="dkron-jobs/prod"))
    first = run(w)
    assert (first.outcome, first.deleted, list(first.strays)) == (Outcome.UNCHANGED, (), ["x"])
    assert "strays.found" in w.names()
    report = run(w)
    assert (report.outcome, report.deleted, report.strays) == (Outcome.CHANGED, ("x",), {"x": ""})
    assert report.changes == {"delete": 1}
    assert set(w.dkron.jobs) == {"a", "theirs", "b's"}
    assert w.cycle.census.noted is not None
    assert set(w.cycle.census.noted) == {"a"}


def test_strays_are_only_reported_where_that_is_wanted(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), job("x"), delete_strays=False)
    assert [run(w).outcome for _ in range(3)] == [Outcome.UNCHANGED] * 3
    assert "x" in w.dkron.jobs
    assert w.names().count("strays.found") == 1


def test_a_job_without_a_mark_is_listed_and_never_a_stray(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), job("old", mark=""))
    for _ in range(3):
        report = run(w)
        assert (report.unmarked, report.strays) == (("old",), {})
    assert "old" in w.dkron.jobs


def test_on_an_empty_state_strays_wait_for_a_person(tmp_path: Path) -> None:
    w = world(tmp_path, *(job(n) for n in "wxyz"))
    w.cli.previews = [preview(step("create", "a", None, {})), steady("a")]
    w.cli.ups = [up(("create", "a"))]
    for _ in range(4):
        report = run(w)
        assert report.deleted == ()
        assert all("until a person says so" in why for why in report.strays.values())
    w.cycle.keeper.allowance = Allowance(4, who="ann")
    assert run(w).deleted == ("w", "x", "y", "z")
    assert w.cycle.keeper.allowance.deletes is None


def test_what_a_person_lets_go_is_no_more_than_their_number(tmp_path: Path) -> None:
    w = world(tmp_path, *(job(n) for n in "wxyz"))
    w.cli.previews = [preview(step("create", "a", None, {})), steady("a")]
    w.cli.ups = [up(("create", "a"))]
    run(w)
    w.cycle.keeper.allowance = Allowance(3, who="ann")
    assert run(w).detail.startswith("strays: only a person lets these strays go (would delete: w, x, y, z)")
    assert len(w.dkron.jobs) == 4


def test_too_many_strays_are_refused_but_the_program_is_applied(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), *(job(f"x{i}") for i in range(6)))
    seen_before(w)
    w.cli.previews = [preview(step("create", "b", None, {}), step("refresh", "a", {}, {}), same=1)]
    w.cli.ups = [up(("create", "b"))]
    report = run(w)
    assert (report.outcome, report.created) == (Outcome.REFUSED, ("b",))
    assert report.detail.startswith("strays: it would delete 6 jobs")
    assert len(w.dkron.jobs) == 7


def test_strays_and_deletions_share_one_limit_and_one_allowance(tmp_path: Path) -> None:
    names = ("a", "b", "c", "d")
    w = world(tmp_path, *(job(n) for n in (*names, "x", "y", "z")), allow=6)
    w.cli.previews = [steady(*names)]
    seen_before(w)
    deletes = [step("delete", n, {}) for n in ("b", "c", "d")]
    w.cli.previews = [preview(*deletes, step("refresh", "a", {}, {}), same=1)]
    w.cli.ups = [up(("delete", "b"), ("delete", "c"), ("delete", "d"))]
    assert run(w).outcome is Outcome.CHANGED
    assert w.cycle.keeper.allowance.deletes is None
    assert "allowance.used" in w.names()


def test_a_stray_that_cannot_be_deleted_is_a_failure(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), job("x"))
    seen_before(w)

    def refuse(name: str) -> bool:
        raise ServerFault("Dkron failed")

    w.dkron.delete_job = refuse  # type: ignore[method-assign]
    report = run(w)
    assert (report.outcome, report.detail) == (Outcome.FAILED, "x: stray not deleted: Dkron failed")


def test_no_stray_goes_after_a_failure(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), job("x"))
    seen_before(w)
    w.cli.previews = [preview(step("create", "b", None, {}), step("refresh", "a", {}, {}), same=1)]
    w.cli.ups = [up(failed=(("b", "it is foreign"),))]
    assert run(w).outcome is Outcome.FAILED
    assert "x" in w.dkron.jobs


def test_no_stray_goes_where_the_address_has_just_changed(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), job("x"))
    seen_before(w)
    w.dkron.settings = replace(w.dkron.settings, urls=("http://127.0.0.1:2",))
    assert run(w).outcome is Outcome.UNCHANGED
    assert run(w).deleted == ("x",)


# -- what was judged is what may be done


def test_a_run_may_delete_and_overwrite_what_was_judged_and_nothing_else(tmp_path: Path) -> None:
    w = world(tmp_path, *(job(n) for n in "abcd"))
    kept = (step("refresh", n, {}, {}) for n in "ab")
    w.cli.previews = [
        preview(
            step("delete", "c", {}),
            step("update", "d", {}, {"schedule": "@hourly"}),
            step("create", "e", None, {}),
            *kept,
            same=2,
        )
    ]
    assert run(w).outcome is Outcome.CHANGED
    assert w.cli.judged == [{"deletes": ["c"], "updates": ["d", "e"], "unkept": {}}]


def test_a_program_that_changes_while_it_is_previewed_is_judged_anew(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), job("x"))
    seen_before(w)

    def edited() -> Finished:
        (tmp_path / "jobs.py").write_text("JOBS = []\n")
        return preview(step("create", "b", None, {}), step("refresh", "a", {}, {}), same=1)

    w.cli.previews = [edited]
    report = run(w)
    assert (report.outcome, w.cli.calls) == (Outcome.RETRY, ["preview"])
    assert "x" in w.dkron.jobs


def test_a_change_that_was_not_judged_is_judged_by_the_next_cycle(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    w.cli.previews = [preview(step("create", "b", None, {}), step("refresh", "a", {}, {}), same=1)]
    w.cli.ups = [up(("create", "b"), failed=(("a", "it would be deleted [dkron-jobs:not-judged]"),))]
    assert run(w).outcome is Outcome.RETRY


def test_the_run_says_in_the_history_which_program_it_was(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    w.cli.previews = [preview(step("create", "b", None, {}), step("refresh", "a", {}, {}), same=1)]
    report = run(w)
    assert report.revision.startswith("files ")
    assert w.cli.messages == [f"watcher, cycle 1 (interval), program {report.revision}"]


def test_deletions_are_limited_over_an_hour_too(tmp_path: Path) -> None:
    names = [f"j{i}" for i in range(20)]
    w = world(tmp_path, *(job(n) for n in names))

    def without(first: int, last: int) -> Outcome:
        kept = names[last:]
        gone = [step("delete", n, {}) for n in names[first:last]]
        for name in names[:first]:
            w.dkron.jobs.pop(name, None)
        w.cli.previews = [preview(*gone, *(step("refresh", n, {}, {}) for n in kept), same=len(kept))]
        w.cli.ups = [up(*(("delete", n) for n in names[first:last]))]
        return run(w).outcome

    assert without(0, 3) is Outcome.CHANGED
    assert without(3, 6) is Outcome.REFUSED
    assert without(3, 5) is Outcome.CHANGED
    w.clock.seconds += 3601
    assert without(5, 10) is Outcome.CHANGED


def test_a_module_that_declares_nothing_any_more_is_refused(tmp_path: Path) -> None:
    w = world(tmp_path, *(job(n) for n in "abcdef"))
    modules = {"jobs/geo.py": ["a"], "jobs/auth.py": list("bcdef")}

    def previewing(answer: Finished) -> Callable[[], Finished]:
        def told() -> Finished:
            said = {"modules": modules, "accepted": {}}
            Path(w.cli.told["DKRON_JOBS_MODULES"]).write_text(json.dumps(said))
            return answer

        return told

    w.cli.previews = [previewing(steady(*"abcdef"))]
    assert run(w).outcome is Outcome.UNCHANGED
    modules["jobs/geo.py"] = []
    kept = (step("refresh", n, {}, {}) for n in "bcdef")
    w.cli.previews = [previewing(preview(step("delete", "a", {}), *kept, same=5))]
    report = run(w)
    assert (report.outcome, report.detail.split(" (")[0]) == (
        Outcome.REFUSED,
        "jobs/geo.py declares no job any more",
    )


def test_a_change_of_many_jobs_is_told_with_its_cause(tmp_path: Path) -> None:
    w = world(tmp_path, *(job(n) for n in "abc"))
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {'dkron-jobs:gatewayUrl': 'http://a'}\n")
    w.cli.previews = [steady(*"abc")]
    run(w)
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {'dkron-jobs:gatewayUrl': 'http://b'}\n")
    w.cli.previews = [preview(*(step("update", n, {}, {"schedule": "@hourly"}) for n in "abc"))]
    w.cli.ups = [up(*(("update", n) for n in "abc"))]
    report = run(w)
    assert (report.outcome, report.detail) == (Outcome.CHANGED, "gatewayUrl changed: 3 of 3 jobs are updated")


def test_updates_are_limited_where_that_is_wanted_but_never_repairs(tmp_path: Path) -> None:
    w = world(tmp_path, *(job(n) for n in "abc"), max_updates=Bound(1, shown="1"))
    old, new = {"schedule": "@daily"}, {"schedule": "@hourly"}
    repairs = [s for n in "abc" for s in (step("refresh", n, old, new), step("update", n, new, old))]
    w.cli.previews = [preview(*repairs)]
    assert run(w).outcome is Outcome.CHANGED
    w.cli.previews = [preview(*(step("update", n, old, new) for n in "abc"))]
    report = run(w)
    assert report.outcome is Outcome.REFUSED
    assert report.detail.endswith("`python -m watcher --once --allow-updates 3`")
    w.cycle.keeper.allowance = Allowance(updates=3)
    assert run(w).outcome is Outcome.CHANGED


def test_an_owner_tag_is_not_silently_replaced_by_the_default(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    run(w)
    connection = w.cycle.connector.current
    assert connection is not None
    cut_off = replace(connection, owner_tag="d2-dkron-mgr", said=False)
    w.cycle.connector.connect = lambda workspace: cut_off  # type: ignore[method-assign]
    report = run(w)
    assert report.outcome is Outcome.REFUSED
    assert report.detail.startswith('ownerTag is set no longer: the last good cycle used "ours"')


def test_a_fight_over_a_job_is_told_once(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    old, new = {"schedule": "@daily"}, {"schedule": "@hourly"}
    w.cli.previews = [preview(step("refresh", "a", old, new), step("update", "a", new, old))]
    for _ in range(9):
        assert run(w).outcome is Outcome.CHANGED
    assert w.names().count("job.fought") == 1
    assert w.cycle.fights.resting == {"a"}


# -- stopping


def test_a_stop_during_the_preview_ends_the_cycle_without_a_word(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    w.cli.previews = [Finished("preview", -9, 1, stopped=True)]
    assert w.cycle.run(Reason.START) is None


def test_a_stop_after_the_preview_starts_no_up(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))

    def stopping() -> Finished:
        w.control.stop()
        return preview(step("create", "b", None, {}))

    w.cli.previews = [stopping]
    assert w.cycle.run(Reason.START) is None
    assert w.cli.calls == ["preview"]


def test_a_stop_during_the_up_leaves_the_strays(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), job("x"))
    seen_before(w)
    w.cli.previews = [preview(step("create", "b", None, {}), step("refresh", "a", {}, {}), same=1)]

    def stopping() -> Finished:
        w.control.stop()
        return up(("create", "b"))

    w.cli.ups = [stopping]
    report = run(w)
    assert (report.outcome, report.created) == (Outcome.CHANGED, ("b",))
    assert "x" in w.dkron.jobs


# -- what the probe compares with


def test_a_job_that_drifts_while_the_cycle_runs_is_seen_afterwards(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    w.cli.previews = [preview(step("create", "b", None, {}), step("refresh", "a", {}, {}), same=1)]

    def apply() -> Finished:
        w.dkron.jobs = {"a": job("a", schedule="@hourly"), "b": job("b")}
        return up(("create", "b"))

    w.cli.ups = [apply]
    run(w)
    assert w.cycle.census.noted is not None
    assert "@daily" in w.cycle.census.noted["a"]


def test_if_dkron_cannot_be_looked_at_afterwards_nothing_is_noted(tmp_path: Path) -> None:
    w = world(tmp_path)
    w.cli.previews = [preview(step("create", "b", None, {}))]

    def apply() -> Finished:
        w.dkron.faults = [Unreachable("down")]
        return up(("create", "b"))

    w.cli.ups = [apply]
    assert run(w).outcome is Outcome.CHANGED
    assert w.cycle.census.noted is None


def test_a_look_only_touches_nothing(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), job("x"))
    w.cli.previews = [preview(*gone("b"), step("refresh", "a", {}, {}), same=1)]
    work, verdict = w.cycle.look_only()
    assert (work.plan.creates, tuple(work.strays.seen), verdict.safe) == (("b",), ("x",), True)
    assert w.cli.calls == ["preview"]
    assert list((tmp_path / ".state").iterdir()) == []
    w.cycle.close()


def test_a_stack_that_must_be_decrypted_is_created_first(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    connect = w.cycle.connector.connect
    faults: list[Ended] = [NoStack(Outcome.FAILED, "no stack named 'dev' found")]

    def failing_at_first(workspace: Workspace) -> Connection:
        if faults:
            raise faults.pop()
        return connect(workspace)

    w.cycle.connector.connect = failing_at_first  # type: ignore[method-assign]
    assert run(w).outcome is Outcome.UNCHANGED
    assert w.cli.calls == ["create_stack", "preview"]
    faults.append(Ended(Outcome.FAILED, "dkronUrl is not set"))
    assert run(w).detail == "dkronUrl is not set"


# -- a simple drift


def repairable(tmp_path: Path, *names: str, makes_the_stack: bool = False) -> World:
    """A world after a good cycle, whose state is a file."""
    w = world(tmp_path, *(job(name) for name in names))
    checkpoint = tmp_path / ".state" / ".pulumi" / "stacks" / "dkron-jobs" / "dev.json"
    checkpoint.parent.mkdir(parents=True)
    resource = {"urn": "urn:pulumi:dev::dkron-jobs::pulumi:pulumi:Stack::dkron-jobs-dev", "type": "pulumi:pulumi:Stack"}
    checkpoint.write_text(json.dumps({"version": 3, "checkpoint": {"latest": {"resources": [resource]}}}))

    def first() -> Finished:
        if makes_the_stack:  # Pulumi writes its salt then
            (tmp_path / "Pulumi.dev.yaml").write_text("encryptionsalt: v1:made\n")
        return steady(*names)

    w.cli.previews = [first]
    assert run(w).outcome is Outcome.UNCHANGED
    w.cli.calls.clear()
    return w


def drift(w: World) -> CycleReport:
    report = w.cycle.run(Reason.DRIFT)
    assert report is not None
    return report


@pytest.mark.parametrize("makes_the_stack", [False, True])
def test_a_simple_drift_is_repaired_by_one_up_of_that_job(tmp_path: Path, makes_the_stack: bool) -> None:
    w = repairable(tmp_path, "a", "b", makes_the_stack=makes_the_stack)
    w.dkron.jobs["b"]["schedule"] = "@hourly"

    def repair() -> Finished:
        w.dkron.jobs["b"] = job("b")
        return up(("update", "b"))

    w.cli.ups = [repair]
    report = drift(w)
    assert (report.outcome, report.updated) == (Outcome.CHANGED, ("b",))
    assert [(d.job, d.fields) for d in report.drift] == [("b", ("schedule",))]
    assert (w.cli.calls, w.cli.targets) == (["up"], [(urn("b"),)])
    assert (w.cli.judged[-1]["deletes"], w.cli.judged[-1]["updates"]) == ([], ["b"])
    # The next one, too: the state that a repair leaves is known.
    del w.dkron.jobs["a"]
    w.cli.ups = [up(("create", "a"))]
    assert (drift(w).created, w.cli.targets[-1]) == (("a",), (urn("a"),))


def test_a_repair_that_found_nothing_to_write_is_unchanged(tmp_path: Path) -> None:
    w = repairable(tmp_path, "a", "b")
    w.dkron.jobs["b"]["schedule"] = "@hourly"
    w.cli.ups = [up(("same", "b"))]
    report = drift(w)
    assert (report.outcome, report.drift, report.unchanged) == (Outcome.UNCHANGED, (), 2)


def test_strays_wait_for_a_full_cycle(tmp_path: Path) -> None:
    w = repairable(tmp_path, "a")
    w.dkron.jobs["s"] = job("s")
    assert list(run(w).strays) == ["s"]
    w.cli.calls.clear()
    w.dkron.jobs["a"]["schedule"] = "@hourly"
    w.cli.ups = [up(("update", "a"))]
    assert list(drift(w).strays) == ["s"]
    assert w.cli.calls == ["up"]
    assert set(w.dkron.jobs) == {"a", "s"}
    assert run(w).deleted == ("s",)


def changed_program(w: World) -> None:
    (w.tools.settings.program_dir / "jobs.py").write_text("x")


def changed_config(w: World) -> None:
    (w.tools.settings.program_dir / "Pulumi.dev.yaml").write_text("config:\n  dkron-jobs:ownerTag: ours\n")


def changed_state(w: World) -> None:
    (path,) = w.tools.settings.program_dir.glob(".state/.pulumi/stacks/dkron-jobs/dev.json")
    path.write_text(path.read_text() + " ")


def failed_cycle(w: World) -> None:
    w.cli.previews = [preview(errors=("broken",)), steady("a", "b")]
    run(w)
    w.cli.calls.clear()


def test_a_salt_that_pulumi_wrote_when_it_made_the_stack_is_no_change(tmp_path: Path) -> None:
    w = repairable(tmp_path, "a", "b")
    (w.tools.settings.program_dir / "Pulumi.dev.yaml").write_text("encryptionsalt: v1:x\n")
    w.dkron.jobs["b"]["schedule"] = "@hourly"
    drift(w)
    assert w.cli.calls == ["up"]


@pytest.mark.parametrize("change", [changed_program, changed_config, changed_state, failed_cycle])
def test_where_anything_else_changed_too_a_drift_takes_the_whole_way(
    change: Callable[[World], None], tmp_path: Path
) -> None:
    w = repairable(tmp_path, "a", "b")
    change(w)
    w.dkron.jobs["b"]["schedule"] = "@hourly"
    drift(w)
    assert w.cli.calls[0] == "preview"
    assert () in w.cli.targets or "up" not in w.cli.calls


def test_a_repair_that_failed_is_followed_by_the_whole_way(tmp_path: Path) -> None:
    w = repairable(tmp_path, "a", "b")
    w.dkron.jobs["b"]["schedule"] = "@hourly"
    w.cli.ups = [up(failed=(("b", "broken"),))]
    assert drift(w).outcome is Outcome.FAILED
    drift(w)
    assert w.cli.calls == ["up", "preview"]


def test_a_repair_of_one_job_forgets_no_round_in_which_a_field_of_another_did_not_stay(tmp_path: Path) -> None:
    w = repairable(tmp_path, "a", "b")
    w.dkron.jobs["a"]["owner"] = "server"
    old, new = ({"schedule": "@daily", "owner": owner} for owner in ("server", "me"))
    w.cli.previews = [
        preview(step("refresh", "a", new, new), step("update", "a", old, new), step("refresh", "b", {}, {}), same=1)
    ]
    assert [dict(run(w).unkept) for _ in range(2)] == [{}, {}]
    w.dkron.jobs["b"]["schedule"] = "@hourly"
    drift(w)
    assert w.cli.targets[-1] == (urn("b"),)
    assert dict(run(w).unkept) == {"a": ("owner",)}


# -- the nodes


NODE = {"dc": "dc1", "region": "global"}
TWICE = "2 nodes, and 1 http job without tags: it runs 2 times [untagged-http]"


def advised(w: World) -> list[list[str]]:
    """What the log told of the nodes, in order."""
    return [event["advice"] for event in w.events if event["event"] == "nodes.advice"]


def test_what_the_nodes_make_of_the_jobs_is_logged_when_it_changes_and_not_in_each_cycle(tmp_path: Path) -> None:
    w = world(tmp_path, job("a", executor="http"))
    w.dkron.seen_nodes = [NODE, NODE]
    run(w)
    run(w)
    assert list(w.board.now.advice) == [TWICE]
    assert advised(w) == [[TWICE]]
    w.dkron.seen_nodes = [NODE]
    run(w)
    assert list(w.board.now.advice) == []
    assert advised(w) == [[TWICE], []]


def test_nodes_that_can_not_be_read_change_nothing_and_fail_nothing(tmp_path: Path) -> None:
    w = world(tmp_path, job("a", executor="http"))
    w.dkron.seen_nodes = [NODE, NODE]
    run(w)
    w.dkron.seen_nodes = []
    assert run(w).outcome is Outcome.UNCHANGED

    def fail() -> list[dict[str, str]]:
        raise Unreachable("cannot reach Dkron")

    w.dkron.nodes = fail  # type: ignore[method-assign]
    assert run(w).outcome is Outcome.UNCHANGED
    assert w.board.now.advice == (TWICE,)


def test_the_nodes_are_asked_for_only_where_a_job_depends_on_them(tmp_path: Path) -> None:
    w = world(tmp_path, job("a", executor="shell"))
    run(w)
    assert "nodes" not in w.dkron.calls
    w.dkron.jobs["b"] = job("b", executor="shell", tags={"dc": "dc1:1"})
    run(w)
    assert w.dkron.calls.count("nodes") == 1


def test_a_warning_of_the_nodes_that_the_declaration_accepts_is_not_told(tmp_path: Path) -> None:
    w = world(tmp_path, job("a", executor="http"))
    w.dkron.seen_nodes = [NODE, NODE]

    def previewing() -> Finished:
        said = {"modules": {"jobs/a.py": ["a"]}, "accepted": {"a": ["untagged-http"]}}
        Path(w.cli.told["DKRON_JOBS_MODULES"]).write_text(json.dumps(said))
        return steady("a")

    w.cli.previews = [previewing]
    run(w)
    assert w.board.now.advice == ()


def test_a_field_that_does_not_stay_as_written_is_told_once_and_then_left_out(tmp_path: Path) -> None:
    w = world(tmp_path, job("a", owner="server"))
    old, new = ({"schedule": "@daily", "owner": owner} for owner in ("server", "me"))
    w.cli.previews = [preview(step("refresh", "a", new, new), step("update", "a", old, new))]
    reports = [run(w) for _ in range(4)]
    told = [e for e in w.events if e["event"] == "field.unkept"]
    assert [(e["job"], e["field"]) for e in told] == [("a", "owner")]
    assert [dict(r.unkept) for r in reports] == [{}, {}, {"a": ("owner",)}, {"a": ("owner",)}]
    seen_by_runs = [judged["unkept"] for judged in w.cli.judged]
    assert seen_by_runs[:3] == [{}, {}, {}]
    assert list(seen_by_runs[3]["a"]) == ["owner"]


def test_a_field_that_somebody_changes_later_is_repaired_for_ever(tmp_path: Path) -> None:
    w = world(tmp_path, job("a", owner="me"))
    old, new = ({"schedule": "@daily", "owner": owner} for owner in ("other", "me"))
    w.cli.previews = [preview(step("refresh", "a", new, new), step("update", "a", old, new))]
    assert [dict(run(w).unkept) for _ in range(5)] == [{}] * 5


def test_a_protected_job_that_is_declared_no_longer_is_told_once_and_stops_nothing_else(tmp_path: Path) -> None:
    w = world(tmp_path, job("kept"), job("a", schedule="@hourly"))
    going = {**step("delete", "kept", {}), "oldState": {"protect": True, "inputs": {"name": "kept"}}}
    change = step("update", "a", {"schedule": "@hourly"}, {"schedule": "@daily"})
    refused, allowed = preview(change, going, errors=("it is protected",)), preview(change, same=1)
    w.cli.previews = [refused, allowed, refused, allowed]
    reports = [run(w), run(w)]
    assert [r.outcome for r in reports] == [Outcome.CHANGED] * 2
    assert w.cli.spared == [[], [urn("kept")], [urn("kept")]] * 2
    assert [e["job"] for e in w.events if e["event"] == "job.protected"] == ["kept"]
    # Nobody declares it, and yet it is no stray.
    assert [(r.protected, dict(r.strays)) for r in reports] == [(("kept",), {})] * 2
    assert w.cli.judged[0]["deletes"] == []


def test_a_public_passphrase_is_told_once_on_log_page_and_metric(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    env = {**w.tools.settings.env, "PULUMI_CONFIG_PASSPHRASE": PUBLIC_PASSPHRASE, "SERVICE_KEY": "k"}
    object.__setattr__(w.tools.settings, "env", env)
    for _ in range(3):
        w.cycle.run(Reason.INTERVAL)
    assert w.names().count("passphrase.public") == 1
    assert "everybody knows the passphrase" in w.board.now.warnings[0]
    assert b"watcher_public_passphrase_count 1.0" in w.tools.metrics.text()
    env["PULUMI_CONFIG_PASSPHRASE"] = "one of our own"
    w.cycle.run(Reason.INTERVAL)
    assert w.board.now.warnings == ()
    assert b"watcher_public_passphrase_count 0.0" in w.tools.metrics.text()
