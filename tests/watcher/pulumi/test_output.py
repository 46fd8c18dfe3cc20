import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.paths import DATA
from tests.watcher.support import event, preview, step, urn
from watcher.pulumi.changes import Applied, ChangeSet, Drift, Failure
from watcher.pulumi.output import is_job, parse_up, reason, resource_name
from watcher.pulumi.preview import parse_preview


def test_the_recorded_preview_of_a_drifted_and_a_lost_job() -> None:
    text = (DATA / "pulumi-3.260" / "preview-drift.json").read_text()
    found, failures = parse_preview(text)
    assert (found.creates, found.updates, found.deletes, found.sames) == (("a2",), ("a1",), (), ("a3",))
    assert found.drift == (Drift("a1", "changed", ("displayname", "schedule")), Drift("a2", "gone"))
    assert (found.existing, set(found.declared), set(found.gone)) == (3, {"a1", "a2", "a3"}, {"a2"})
    assert not found.empty
    assert failures == ()


def change_set(*steps: dict[str, Any], same: int = 0) -> ChangeSet:
    return parse_preview(preview(*steps, same=same).stdout)[0]


def test_a_job_with_nothing_but_a_refresh_is_unchanged() -> None:
    found = change_set(step("refresh", "a", {}, {}), same=1)
    assert (found.sames, found.empty, found.existing) == (("a",), True, 1)


def test_a_job_that_is_gone_and_declared_no_longer_is_not_counted() -> None:
    found = change_set(step("refresh", "a", {}, {}), same=0)
    assert (found.sames, found.empty, found.declared) == ((), True, frozenset())


def test_a_job_listed_as_same_is_unchanged() -> None:
    assert change_set(step("refresh", "a", {}, {}), step("same", "a", {}, {}), same=1).sames == ("a",)


def test_fields_whose_changes_the_program_ignores_are_named() -> None:
    state = {"ignoreChanges": ["tags", "schedule"]}
    steps = [step("refresh", "a", {}, {}), step("refresh", "b", {}, {})]
    steps[0]["newState"] |= state
    found, _ = parse_preview(preview(*steps, same=2).stdout)
    assert found.ignored == {"a": ("schedule", "tags")}


def test_a_new_job_is_no_drift() -> None:
    found = change_set(step("create", "a", None, {}))
    assert (found.creates, found.drift, found.existing) == (("a",), (), 0)


def test_a_declaration_that_changed_is_no_drift() -> None:
    old, new = {"schedule": "@daily"}, {"schedule": "@hourly"}
    found = change_set(step("refresh", "a", old, old), step("update", "a", old, new))
    assert (found.updates, found.drift) == (("a",), ())


def test_only_what_differs_from_the_last_run_is_drift() -> None:
    recorded = {"schedule": "@daily", "displayname": "x"}
    live = {"schedule": "@daily", "displayname": "hacked"}
    wanted = {"schedule": "@hourly", "displayname": "x"}
    found = change_set(step("refresh", "a", recorded, recorded), step("update", "a", live, wanted))
    assert found.drift == (Drift("a", "changed", ("displayname",)),)


def test_a_job_that_was_switched_off_by_hand_is_told_with_the_way_out() -> None:
    off, on = {"disabled": True}, {"disabled": False}
    (drift,) = change_set(step("refresh", "a", on, on), step("update", "a", off, on)).drift
    assert drift.words.startswith("disabled; switched off by hand: `python -m jobs hold a --disable`")
    (drift,) = change_set(step("refresh", "a", off, off), step("update", "a", on, off)).drift
    assert drift.words == "disabled"


def test_of_a_foreign_job_only_the_metadata_is_named_since_the_state_holds_no_more() -> None:
    declared = {"schedule": "@daily", "metadata": {"managed_by": "x"}}
    live = {"name": "a", "metadata": {"managed_by": "y"}, "foreign_digest": "sha256:0"}
    found = change_set(step("refresh", "a", declared, declared), step("update", "a", live, declared))
    assert found.drift == (Drift("a", "changed", ("metadata",)),)


def test_a_difference_that_is_shown_on_neither_side_is_a_secret() -> None:
    hidden = {"executor_config": "[secret]"}
    found = change_set(step("refresh", "a", hidden, hidden), step("update", "a", hidden, hidden))
    assert found.drift == (Drift("a", "changed", ("secret",)),)


@pytest.mark.parametrize(
    "ops", [("replace",), ("create-replacement", "replace", "delete-replaced"), ("discard-replaced",)]
)
def test_a_replacement_counts_once(ops: tuple[str, ...]) -> None:
    found = change_set(step("refresh", "a", {}, {}), *(step(op, "a", {}, {}) for op in ops))
    assert (found.replaces, found.creates, found.deletes) == (("a",), (), ())


def test_a_deletion_is_known_by_the_jobs_name_not_the_resources() -> None:
    found = change_set(step("delete", "resource", {"name": "job"}))
    assert found.deletes == ("job",)


def test_a_job_without_inputs_goes_by_its_resources_name() -> None:
    found, _ = parse_preview(json.dumps({"steps": [{"op": "delete", "urn": urn("a::b")}]}))
    assert found.deletes == ("a::b",)


def test_other_resources_count_but_not_the_stack_and_the_providers() -> None:
    kinds = ("pulumi:pulumi:Stack", "pulumi:providers:pulumi-python", "random:index:Thing")
    steps = [{"op": "create", "urn": urn("x", kind)} for kind in kinds]
    found, _ = parse_preview(json.dumps({"steps": [*steps, {"op": "weird", "urn": urn("a")}], "changeSummary": {}}))
    assert (found.other, found.empty) == (1, False)
    assert found.declared == frozenset()


def test_a_failed_preview_says_why() -> None:
    _, failures = parse_preview(preview(errors=("no leader", "no leader", "preview failed")).stdout)
    assert failures == (Failure("", "no leader"),)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"steps": 1}', "error: x"])
def test_what_is_no_preview_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_preview(text)


# -- an up


def lines(*events: str) -> str:
    return "\n".join(events)


def test_an_up_is_told_by_job() -> None:
    applied = parse_up(
        lines(
            "warning: not JSON",
            '{"diagnosticEvent":{"severity":"debug"',
            '{"cut',
            event("resOutputsEvent", "refresh", "a"),
            event("resOutputsEvent", "update", "a"),
            event("resOutputsEvent", "create", "b"),
            event("resOutputsEvent", "delete", "c"),
            event("resOutputsEvent", "same", "d"),
            event("resOutputsEvent", "create-replacement", "e"),
            event("resOutputsEvent", "delete-replaced", "e"),
            event("resOutputsEvent", "replace", "f"),
            event("resOutputsEvent", "same", "f"),
            event("resOutputsEvent", "unheard-of", "g"),
            json.dumps({"resOutputsEvent": {"metadata": {"op": "create", "urn": urn("s", "pulumi:pulumi:Stack")}}}),
            json.dumps({"summaryEvent": {"resourceChanges": {}}}),
        )
    )
    assert applied == Applied(("b",), ("a",), ("c",), ("e", "f"), 1, ())
    assert applied.changes == {"create": 1, "update": 1, "delete": 1, "replace": 2}


def test_a_failed_job_is_not_counted_as_done_and_says_why() -> None:
    message = {"urn": urn("a"), "severity": "error", "message": "error: Exception: it is foreign\n"}
    applied = parse_up(
        lines(
            json.dumps({"diagnosticEvent": message}),
            json.dumps({"diagnosticEvent": {"severity": "error", "message": "update failed"}}),
            json.dumps({"diagnosticEvent": {"severity": "error", "message": ""}}),
            event("resOpFailedEvent", "create", "a"),
            event("resOutputsEvent", "create", "a"),
        )
    )
    assert (applied.created, applied.failures) == ((), (Failure("a", "it is foreign"),))
    assert applied.changes == {}


def test_update_failed_is_told_where_nothing_better_was_said() -> None:
    text = json.dumps({"diagnosticEvent": {"severity": "error", "message": "update failed"}})
    assert parse_up(text).failures == (Failure("", "update failed"),)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("", ""),
        ("\n \n", ""),
        ("error: wrong", "wrong"),
        ("error: Preview failed: Exception: wrong", "wrong"),
        ("Traceback (most recent call last):\n  x\nValueError: bad", "ValueError: bad"),
        ("error: one\nwarning of another\nthe last", "the last"),
        ("error: dkron-jobs: it is another's [dkron-jobs:foreign]", "it is another's"),
        (
            "error: save stack config: open /app/Pulumi.a.yaml: read-only file system",
            "save stack config: open /app/Pulumi.a.yaml: read-only file system; make the stack (`pulumi stack init`) "
            "where that file can be written, and bring it along",
        ),
        ("error: provider.errors.ForeignJob: it is another's [dkron-jobs:foreign]", "it is another's"),
        ("pulumi_dkron.errors.NotJudged: later", "later"),
        (
            'Traceback:\n  File "/p/jobs/a.py", line 3\n    x = (\n        ^\nSyntaxError: never closed',
            'SyntaxError: never closed (File "/p/jobs/a.py", line 3)',
        ),
    ],
)
def test_a_message_is_cut_to_the_line_that_says_why(message: str, told: str) -> None:
    assert reason(message) == told


def test_a_program_that_misses_several_settings_is_told_with_each() -> None:
    message = "error: gatewayUrl is not set\n  serviceKey is not set\n"
    _, failures = parse_preview(preview(errors=(message.removeprefix("error: "),)).stdout)
    assert failures == (Failure("", "gatewayUrl is not set; serviceKey is not set"),)


def test_a_resource_that_is_renamed_forgets_its_job_and_one_that_is_replaced_by_another_name_deletes_it() -> None:
    found = change_set(step("create", "x", None, {}), step("delete", "old", {"name": "x"}))
    assert (found.deletes, set(found.doomed), set(found.known)) == (("x",), set(), {"x"})
    found = change_set(step("replace", "r", {"name": "a"}, {"name": "b"}), step("delete", "z", {}))
    assert (found.replaces, found.renamed, set(found.doomed)) == (("a",), ("b",), {"a", "z"})
    swap = change_set(
        step("replace", "r", {"name": "a"}, {"name": "b"}), step("replace", "s", {"name": "b"}, {"name": "a"})
    )
    assert (set(swap.doomed), set(swap.declared), set(swap.writes)) == (set(), {"a", "b"}, {"a", "b"})


def test_a_hidden_difference_is_no_drift_where_a_key_of_the_config_changed() -> None:
    hidden = {"executor_config": "[secret]"}
    found = change_set(step("refresh", "a", hidden, hidden), step("update", "a", hidden, hidden))
    assert (found.revised, found.with_new_secrets().revised, found.with_new_secrets().drift) == ((), ("a",), ())


def test_an_update_by_the_program_is_told_from_a_repair() -> None:
    old, new = {"schedule": "@daily"}, {"schedule": "@hourly"}
    assert change_set(step("refresh", "a", old, old), step("update", "a", old, new)).revised == ("a",)
    assert change_set(step("refresh", "a", old, old), step("update", "a", new, old)).revised == ()
    assert change_set(step("update", "a", old, new)).revised == ("a",)


@given(st.text())
def test_a_reason_is_one_line(message: str) -> None:
    assert len(reason(message).splitlines()) <= 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (urn("a"), True),
        ("urn:pulumi:dev::p::my:index:Group$pulumi-python:dynamic/dkron:Job::a", True),
        (urn("a", "pulumi:pulumi:Stack"), False),
        ("", False),
    ],
)
def test_which_urns_are_jobs(text: str, expected: bool) -> None:
    assert is_job(text) is expected


def test_a_resources_name_may_hold_colons() -> None:
    assert resource_name(urn("a::b")) == "a::b"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "panic: fatal: An assertion has failed: Read ID was empty\n\ngoroutine 97 [running]:\n"
            "github.com/pulumi/x.failfast(...)\n\t/root/real/failfast.go:23\n",
            "Pulumi itself failed: panic: fatal: An assertion has failed: Read ID was empty",
        ),
        (
            "error: The Pulumi CLI encountered a snapshot integrity error. This is a bug!\n\nStack Trace:\n"
            "goroutine 1 [running]:\nmain.main()\n\t/root/main.go:67 +0x6d\n",
            "Pulumi itself failed: The Pulumi CLI encountered a snapshot integrity error. This is a bug!",
        ),
        (
            "error: 2 errors:\n\t1) saving: write x.json: no space left on device (code=Unknown)\n\t2) Unknown\n",
            "1) saving: write x.json: no space left on device",
        ),
        ("goroutine 1 [running]:\nmain.main()\n", "Pulumi itself failed: goroutine 1 [running]:"),
    ],
)
def test_a_reason_is_never_a_stack_frame_of_the_engine(text: str, line: str) -> None:
    assert reason(text) == line
