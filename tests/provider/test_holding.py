"""Who holds a job, as the provider's own process sees it: stack marks, replacements, limits and copies."""

import json
from pathlib import Path
from typing import Any

import pytest

from provider.archive import Archive
from provider.errors import code_in
from provider.job.limits import LIMITS_VARIABLE, Limits
from provider.job.unkept import prints
from tests.fake_dkron import FakeDkron
from tests.provider.conftest import Start
from tests.provider.examples import OWNER, job
from tests.provider.process import Failed, Provider
from tests.web import as_text

MARK = "shop/dev"


def marked(mark: str = MARK, **changes: Any) -> dict[str, Any]:
    return job(metadata={"managed_by": OWNER, "managed_in": mark}, **changes)


# -- whose job


def test_a_job_of_an_older_version_gets_the_mark_in_one_update(provider: Provider, dkron: FakeDkron) -> None:
    dkron.put(job())["success_count"] = 41
    assert provider.diff(job(), marked()).changes == 2
    provider.update(job(), marked())
    assert dkron.jobs["geo-purge"]["metadata"] == marked()["metadata"]
    assert dkron.jobs["geo-purge"]["success_count"] == 41


@pytest.mark.parametrize("call", ["create", "update"])
def test_a_job_of_another_stack_is_refused_with_the_stack_named(
    provider: Provider,
    dkron: FakeDkron,
    call: str,
) -> None:
    dkron.put(marked("shop/prod"))
    with pytest.raises(Failed, match=r'belongs to the stack "shop/prod", not to "shop/dev".*adopt true') as caught:
        provider.create(marked()) if call == "create" else provider.update(marked(), marked(displayname="New"))
    assert code_in(str(caught.value)) == "foreign"
    assert dkron.writes == []


def test_a_job_of_another_stack_is_taken_over_when_the_stack_says_adopt(start: Start, dkron: FakeDkron) -> None:
    dkron.put(marked("shop/prod"))
    start(adopt="true").create(marked())
    assert dkron.jobs["geo-purge"]["metadata"]["managed_in"] == MARK


def test_a_job_that_went_to_another_stack_is_left_where_it_is(provider: Provider, dkron: FakeDkron) -> None:
    dkron.put(marked("shop/prod"))
    # A refresh comes first and puts the live job into the outputs; the stack's own mark is not lost by that.
    _, outs, inputs = provider.read("geo-purge", marked())
    assert inputs["metadata"]["managed_in"] == "shop/prod"
    provider.delete("geo-purge", outs)
    assert list(dkron.jobs) == ["geo-purge"]
    assert 'belongs to the stack "shop/prod", not to "shop/dev", so it was left in Dkron' in provider.output


def test_a_second_refresh_does_not_lose_our_mark_either(start: Start, dkron: FakeDkron) -> None:
    dkron.put(marked("shop/prod"))
    _, outs, _ = start().read("geo-purge", marked())
    _, again, _ = start().read("geo-purge", outs)
    assert again == outs
    dkron.put(marked())
    _, back, _ = start().read("geo-purge", again)
    assert back == marked()


def test_a_job_without_a_mark_that_the_state_holds_is_deleted(provider: Provider, dkron: FakeDkron) -> None:
    dkron.put(job())
    provider.delete("geo-purge", job())
    assert dkron.jobs == {}


def test_a_stranger_that_came_a_moment_ago_is_not_overwritten(provider: Provider, dkron: FakeDkron) -> None:
    for n in range(8):
        provider.create(marked(name=f"new-{n}"))
    dkron.put(job(name="late", metadata={}))
    dkron.lists = [[]] * 3  # whatever a list says
    with pytest.raises(Failed, match="carries no owner tag"):
        provider.create(marked(name="late"))


# -- replacement, rename, swap


def test_a_resource_that_is_renamed_leaves_the_job_alone(provider: Provider, dkron: FakeDkron) -> None:
    dkron.put(marked())
    provider.check(marked(), olds=marked())
    provider.create(marked())
    provider.delete("geo-purge", marked())
    assert dkron.writes == []
    assert list(dkron.jobs) == ["geo-purge"]
    assert provider.output.startswith(
        'warning: job "geo-purge" is held by a declared resource, so it was left in Dkron'
    )
    assert provider.output.count("\n") == 1


def test_a_pending_delete_that_a_crash_left_does_not_delete_the_job(provider: Provider, dkron: FakeDkron) -> None:
    dkron.put(marked())
    provider.check(marked(), olds=marked())
    provider.delete("geo-purge", marked())
    assert list(dkron.jobs) == ["geo-purge"]


def test_a_swap_of_two_names_leaves_both_jobs(provider: Provider, dkron: FakeDkron) -> None:
    a, b = marked(name="a"), marked(name="b", schedule="@daily")
    dkron.put(a)
    dkron.put(b)
    provider.check(marked(name="b"), olds=a)
    provider.check(marked(name="a", schedule="@daily"), olds=b)
    provider.create(marked(name="b"))
    provider.create(marked(name="a", schedule="@daily"))
    provider.delete("a", a)
    provider.delete("b", b)
    assert {name: found["schedule"] for name, found in dkron.jobs.items()} == {"a": "@daily", "b": a["schedule"]}


def test_a_replacement_keeps_the_job_and_its_counters(provider: Provider, dkron: FakeDkron) -> None:
    dkron.put(marked())["success_count"] = 41
    provider.check(marked())  # what the engine does for `--replace`
    provider.create(marked())
    provider.delete("geo-purge", marked())
    assert dkron.jobs["geo-purge"]["success_count"] == 41


def test_a_destroy_still_deletes(provider: Provider, dkron: FakeDkron) -> None:
    dkron.put(marked())
    provider.delete("geo-purge", marked())
    assert dkron.jobs == {}


# -- limits


def limited(start: Start, folder: Path, limits: Limits) -> Provider:
    path = folder / "limits.json"
    path.write_text(limits.to_json(), encoding="utf-8")
    return start({LIMITS_VARIABLE: str(path)})


def test_a_deletion_that_was_not_judged_is_refused(start: Start, dkron: FakeDkron, tmp_path: Path) -> None:
    for name in ("judged", "other"):
        dkron.put(marked(name=name))
    provider = limited(start, tmp_path, Limits(frozenset({"judged"})))
    provider.delete("judged", marked(name="judged"))
    with pytest.raises(Failed, match='job "other" would be deleted, which was not in the preview') as caught:
        provider.delete("other", marked(name="other"))
    assert code_in(str(caught.value)) == "not-judged"
    assert list(dkron.jobs) == ["other"]


def test_an_overwriting_that_was_not_judged_is_refused(start: Start, dkron: FakeDkron, tmp_path: Path) -> None:
    for name in ("judged", "other"):
        dkron.put(marked(name=name))
    provider = limited(start, tmp_path, Limits(frozenset(), frozenset({"judged"})))
    provider.update(marked(name="judged"), marked(name="judged", displayname="New"))
    for change in (provider.create, lambda news: provider.update(marked(name="other"), news)):
        with pytest.raises(Failed, match='job "other" would be overwritten'):
            change(marked(name="other", displayname="New"))
    provider.create(marked(name="new"))
    provider.create(marked(name="other"))  # equal: nothing is written
    assert dkron.writes == ["judged", "new"]


@pytest.mark.parametrize("text", [None, "", '{"deletes": 3}'])
def test_limits_that_can_not_be_read_stop_the_run(start: Start, tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "limits.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(Failed, match="DKRON_JOBS_LIMITS: cannot read"):
        start({LIMITS_VARIABLE: str(path)}).create(marked())


# -- copies


def copies(provider: Provider, passphrase: str = "") -> Archive:
    return Archive(provider.archive, passphrase)


def test_a_deleted_and_an_overwritten_job_are_kept(start: Start, dkron: FakeDkron) -> None:
    provider = start({"PULUMI_CONFIG_PASSPHRASE": "pass"})
    dkron.put(marked())
    dkron.put(job(name="adopted", displayname="Old"))
    provider.delete("geo-purge", marked())
    provider.create(marked(name="adopted"))
    provider.update(marked(name="adopted"), marked(name="adopted", displayname="Newer"))
    (found,) = copies(provider, "pass").entries("geo-purge")
    assert (found.why, found.masked, found.job["executor_config"]) == ("deleted", False, marked()["executor_config"])
    (overwritten,) = copies(provider, "pass").entries("adopted")
    assert (overwritten.why, overwritten.job["displayname"]) == ("overwritten", "Old")
    assert "CANARY" not in "".join(path.read_text(encoding="utf-8") for path in provider.archive.iterdir())


def test_a_disk_that_takes_no_copy_stops_nothing(start: Start, dkron: FakeDkron, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file, no directory", encoding="utf-8")
    provider = start({"DKRON_JOBS_ARCHIVE": str(blocked)})
    for name in ("a", "b"):
        dkron.put(marked(name=name))
        provider.delete(name, marked(name=name))
    assert dkron.jobs == {}
    assert provider.output.count("no copy of a job could be kept in") == 1


# -- codes


@pytest.mark.parametrize(
    ("status", "said", "code"),
    [(503, "paused", "paused"), (500, "[dkron-jobs:foreign]", "soft"), (400, "[dkron-jobs:paused]", "hard")],
)
def test_the_code_of_an_error_is_its_own_and_never_dkron_s(
    provider: Provider,
    dkron: FakeDkron,
    status: int,
    said: str,
    code: str,
) -> None:
    dkron.faults["POST /v1/jobs"] = as_text(said, status)
    with pytest.raises(Failed) as caught:
        provider.create(marked())
    assert code_in(str(caught.value)) == code


def test_a_cluster_without_a_leader_has_its_code(provider: Provider, dkron: FakeDkron) -> None:
    dkron.leader = None
    for call in (lambda: provider.create(marked()), lambda: provider.read("x", marked())):
        with pytest.raises(Failed) as caught:
            call()
        assert code_in(str(caught.value)) == "no-leader"
    assert json.dumps(dkron.writes) == "[]"


def test_a_field_that_is_left_out_is_read_as_recorded_and_everything_else_as_it_is(
    start: Start, dkron: FakeDkron, tmp_path: Path
) -> None:
    recorded = marked(owner="me", retries=2)
    unkept = {"geo-purge": {"owner": prints(recorded)["owner"]}}
    told = tmp_path / "limits.json"
    told.write_text(Limits(frozenset(), unkept=unkept).to_json(), encoding="utf-8")
    provider = start({LIMITS_VARIABLE: str(told)})
    dkron.put(marked(owner="server", retries=2))
    assert provider.read("geo-purge", recorded)[1:] == (recorded, recorded)
    dkron.put(marked(owner="server", retries=5))
    live = start({LIMITS_VARIABLE: str(told)}).read("geo-purge", recorded)[2]
    assert (live["owner"], live["retries"]) == ("me", 5)
