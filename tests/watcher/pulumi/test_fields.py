"""A change set field by field: which values are shown, which never, in which order."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.paths import DATA
from tests.watcher.support import preview, step
from watcher.pulumi.changes import FieldChange, JobChange
from watcher.pulumi.fields import field_changes
from watcher.pulumi.preview import parse_preview

CANARY = "CANARY-4f1d"


def details(*steps: dict[str, Any]) -> tuple[JobChange, ...]:
    return parse_preview(preview(*steps).stdout)[0].details


def test_the_recorded_preview_shows_old_and_new() -> None:
    found = parse_preview((DATA / "pulumi-3.260" / "preview-drift.json").read_text())[0].details
    assert [(change.operation, change.job) for change in found] == [("update", "a1"), ("create", "a2")]
    assert found[0].drift == "displayname, schedule"
    assert found[0].line == "~ a1 (displayname, schedule)"
    assert {change.field for change in found[0].fields} == {"displayname", "schedule"}
    assert found[1] == JobChange("create", "a2", (), "gone")


def test_deletions_come_first_then_what_is_made_anew_and_each_by_name() -> None:
    old = {"schedule": "@daily"}
    found = details(
        step("create", "b", None, old),
        step("create", "a", None, old),
        step("update", "c", old, {"schedule": "@hourly"}),
        step("create-replacement", "r", old, {"name": "s"}),
        step("replace", "r", old, {"name": "s"}),
        step("delete", "z", old),
    )
    assert [change.line for change in found] == ["- z", "± r", "~ c (schedule)", "+ a", "+ b"]
    assert found[0].fields == (FieldChange("name", "z", None), FieldChange("schedule", "@daily", None))
    assert found[3].fields == (FieldChange("name", None, "a"), FieldChange("schedule", None, "@daily"))


def test_what_pulumi_hides_stays_hidden_on_both_sides() -> None:
    old = {"executor_config": {"url": "http://a", "headers": "[secret]"}}
    new = {"executor_config": {"url": "http://b", "headers": CANARY}}
    assert field_changes(old, old, new) == (
        FieldChange("executor_config.headers", "[secret]", "[secret]"),
        FieldChange("executor_config.url", "http://a", "http://b"),
    )
    for pair in (({"executor_config": "[secret]"}, new), (new, {"executor_config": "[secret]"})):
        found = field_changes(pair[0], *pair)
        assert {value for change in found for value in (change.old, change.new)} == {None, "[secret]"}


def test_a_secret_that_differs_out_of_sight_is_told_as_such() -> None:
    same = {"executor_config": "[secret]"}
    assert field_changes(same, same, same) == (FieldChange("secret", "[secret]", "[secret]"),)


def test_what_somebody_wrote_by_hand_is_shown_only_where_no_secret_can_be() -> None:
    recorded: dict[str, Any] = {"schedule": "@daily", "executor_config": {"command": "a", "timeout": "1"}}
    config = {"command": CANARY, "timeout": "2", "body": CANARY, "url": f"http://u:{CANARY}@h/p?k={CANARY}"}
    live = {
        "schedule": "@hourly",
        "disabled": True,
        "tags": {"dc": "x:1"},
        "metadata": {"token": CANARY, "managed_by": "them"},
        "processors": {"log": {"key": CANARY}},
        "executor_config": config,
    }
    found = {change.field: (change.old, change.new) for change in field_changes(recorded, live, recorded)}
    assert CANARY not in json.dumps(found)
    assert found == {
        "schedule": ("@hourly", "@daily"),
        "disabled": ("true", None),
        "tags.dc": ("x:1", None),
        "metadata.managed_by": ("them", None),
        "metadata.token": ("[secret]", None),
        "processors.log.key": ("[secret]", None),
        "executor_config.body": ("[secret]", None),
        "executor_config.command": ("[secret]", "a"),
        "executor_config.timeout": ("2", "1"),
        "executor_config.url": ("http://h/p?[secret]", None),
    }


def test_every_value_is_one_line() -> None:
    (change,) = field_changes({}, {}, {"displayname": "a\n\x1b[31m" + "b" * 999})
    assert change.new is not None
    assert change.new.isprintable()
    assert len(change.new) <= 300


values = st.fixed_dictionaries(
    {},
    optional={
        "schedule": st.sampled_from(["@daily", "@hourly"]),
        "retries": st.integers(0, 2) | st.just(True),
        "tags": st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy"), max_size=2) | st.none(),
        "executor_config": st.just("[secret]")
        | st.dictionaries(st.sampled_from("ab"), st.text(max_size=3), max_size=2),
    },
)


@given(values, values)
def test_a_job_that_is_as_it_is_wanted_has_no_field_that_changes(live: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert all(change.field == "secret" for change in field_changes(live, live, live))
    for change in field_changes(live, live, wanted):
        assert change.old != change.new or "[secret]" in (change.old, change.new)
