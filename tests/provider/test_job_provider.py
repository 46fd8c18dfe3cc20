import json
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from provider.dkron.cluster import FEW
from provider.job.limits import DEFER_CHECKS
from provider.job.spec import MANAGED_FIELDS, UNKNOWN
from tests.fake_dkron import FakeDkron
from tests.provider.conftest import Start
from tests.provider.examples import CANARY, OWNER, http_config, job
from tests.provider.job.test_spec_differences import OTHER
from tests.provider.process import Failed, Provider, secret
from tests.web import Answer, as_text

OURS = f"/v1/jobs?metadata%5Bmanaged_by%5D={OWNER}"


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """A process whose Dkron doesn't exist: what it answers, it answers without the network."""
    with Provider(tmp_path_factory.mktemp("offline"), {"dkronUrl": "http://127.0.0.1:1"}) as running:
        yield running


def foreign(**changes: Any) -> dict[str, Any]:
    return job(metadata={"managed_by": "terraform"}, **changes)


# -- check and diff: no network


def test_a_good_job_is_checked_and_normalised(offline: Provider) -> None:
    inputs, failures = offline.check(
        {
            **job(),
            "retries": 2.0,
            "concurrency": "forbid",
            "disabled": False,
            "tags": {},
            "owner": None,
            "executor_config": {**http_config(), "timeout": 30},
            "starts_at": "2030-01-01T01:00:00+01:00",
        }
    )
    assert failures == {}
    assert inputs == {**job(), "starts_at": "2030-01-01T00:00:00Z"}


def test_values_that_are_not_known_yet_pass_and_stay_unknown(offline: Provider) -> None:
    values = {
        **job(parent_job=UNKNOWN, displayname=UNKNOWN, executor_config={**http_config(), "headers": UNKNOWN}),
        "processors": UNKNOWN,
    }
    inputs, failures = offline.check(values)
    assert failures == {}
    assert inputs == values


def test_every_failure_is_told_at_once_on_its_property(offline: Provider) -> None:
    _, failures = offline.check(
        {
            "name": "A B",
            "schedule": "bad",
            "timezone": "X",
            "concurrency": "x",
            "retries": 1.5,
            "executor": "http",
            "executor_config": {"headers": json.dumps([CANARY]), "method": "GET", "url": f"http://u:{CANARY}/@h/"},
            "starts_at": "?",
            "tags": {"a": [1]},
            "disabled": "yes",
        }
    )
    assert set(failures) == {
        "name",
        "schedule",
        "timezone",
        "concurrency",
        "retries",
        "executor_config.headers",
        "executor_config.url",
        "starts_at",
        "tags.a",
        "disabled",
        "metadata.managed_by",
    }
    assert "CANARY" not in json.dumps(failures)


def test_another_owner_tag_than_the_configured_one_is_refused(offline: Provider) -> None:
    _, failures = offline.check(job(metadata={"managed_by": "somebody"}))
    assert list(failures) == ["metadata.managed_by"]
    assert f'ownerTag is "{OWNER}"' in failures["metadata.managed_by"]


def test_the_job_that_closes_a_cycle_of_parents_is_refused(offline: Provider) -> None:
    assert offline.check(job(name="cyc-a", parent_job="cyc-c"))[1] == {}
    assert offline.check(job(name="cyc-b", parent_job="cyc-a"))[1] == {}
    _, failures = offline.check(job(name="cyc-c", parent_job="cyc-b"))
    assert "cyc-c -> cyc-b -> cyc-a -> cyc-c" in failures["parent_job"]


@pytest.mark.parametrize("field", MANAGED_FIELDS)
def test_each_field_that_differs_is_a_difference_and_only_a_name_replaces(offline: Provider, field: str) -> None:
    answer = offline.diff(job(), job(**{field: OTHER[field]}))
    assert answer.changes == answer.DIFF_SOME
    assert list(answer.replaces) == (["name"] if field == "name" else [])
    assert answer.deleteBeforeReplace is False


def test_spellings_of_one_value_are_no_difference(offline: Provider) -> None:
    answer = offline.diff(job(tags={}, disabled=False), job(retries=2.0))
    assert answer.changes == answer.DIFF_NONE


def test_a_value_that_is_not_known_yet_is_a_difference(offline: Provider) -> None:
    assert offline.diff(job(), job(displayname=UNKNOWN)).changes == 2


# -- what a preview says of jobs to come


def test_a_preview_says_what_a_job_that_is_created_meets_and_asks_for_one_list_of_ours(
    provider: Provider, dkron: FakeDkron
) -> None:
    dkron.put(job(name="a"))
    dkron.put(foreign(name="b", executor_config={"command": CANARY}, executor="shell"))
    for name in "abc":
        provider.check(job(name=name))
    provider.check(job(name="b"), olds=job(name="b"))
    assert dkron.paths("GET") == ["/v1/leader", OURS, "/v1/jobs/b", "/v1/jobs/c"]
    first, second = provider.output.splitlines()
    assert first == 'job "a" is in Dkron already, ours and equal: it is only adopted'
    assert second.startswith('job "b" exists in Dkron and carries the owner tag "terraform"')


def test_without_dkron_a_preview_says_once_that_it_can_not_know(start: Start) -> None:
    provider = start(dkronUrl="http://127.0.0.1:1")
    assert provider.check(job())[1] == provider.check(job(name="b"))[1] == {}
    assert provider.output.startswith("it can't be said which jobs are in Dkron already: cannot reach Dkron")
    assert provider.output.count("\n") == 1


# -- create


def test_an_absent_job_is_created(provider: Provider, dkron: FakeDkron) -> None:
    assert provider.create(job()) == ("geo-purge", job())
    assert dkron.jobs["geo-purge"]["retries"] == 2
    assert b'"retries": 2,' in next(r.body for r in dkron.asked if r.method == "POST")


def test_our_own_job_that_is_as_wanted_is_adopted_without_a_write(provider: Provider, dkron: FakeDkron) -> None:
    dkron.put(job())
    assert provider.create(job()) == ("geo-purge", job())
    assert dkron.writes == []


def test_our_own_job_that_differs_is_adopted_and_written(provider: Provider, dkron: FakeDkron) -> None:
    dkron.put(job(displayname="Old"))["success_count"] = 41
    provider.create(job())
    assert dkron.writes == ["geo-purge"]
    assert dkron.jobs["geo-purge"]["displayname"] == "Purge"
    assert dkron.jobs["geo-purge"]["success_count"] == 41


@pytest.mark.parametrize(("tag", "found"), [({"managed_by": "terraform"}, '"terraform"'), ({}, "no owner tag")])
def test_a_foreign_job_is_refused_and_left(
    provider: Provider, dkron: FakeDkron, tag: dict[str, str], found: str
) -> None:
    dkron.put(job(metadata=tag))
    with pytest.raises(Failed, match=r'job "geo-purge" exists in Dkron and carries') as caught:
        provider.create(job())
    assert found in str(caught.value)
    assert dkron.writes == []


def test_a_foreign_job_is_taken_over_when_the_stack_says_adopt(start: Start, dkron: FakeDkron) -> None:
    dkron.put(foreign())
    start(adopt="true").create(job())
    assert dkron.jobs["geo-purge"]["metadata"] == {"managed_by": OWNER}


def test_a_refusal_by_dkron_is_told_in_its_own_words_without_the_echo(provider: Provider, dkron: FakeDkron) -> None:
    echo = json.dumps(job()["executor_config"])
    dkron.faults["POST /v1/jobs"] = as_text(f"Job validation failed: {echo}", 400)
    with pytest.raises(Failed, match=r'Dkron refused job "geo-purge" \(400: Job validation failed') as caught:
        provider.create(job())
    assert "[secret]" in str(caught.value)


def test_a_secret_that_only_the_job_knows_is_not_echoed_either(provider: Provider, dkron: FakeDkron) -> None:
    values = job(
        executor="shell",
        executor_config={"command": "run CANARY-command"},
        metadata={"managed_by": OWNER, "a": "CANARY-meta"},
    )
    dkron.faults["POST /v1/jobs"] = as_text(f"bad: {json.dumps(values)}", 400)
    with pytest.raises(Failed):
        provider.create(values)


def test_a_missing_parent_is_told(provider: Provider) -> None:
    with pytest.raises(Failed, match="404: specified parent job not found"):
        provider.create(job(parent_job="nosuch"))


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (as_text("paused", 503), "takes no job just now"),
        (as_text("context deadline exceeded", 500), "it will be tried again on the next run"),
    ],
)
def test_what_will_pass_is_said_to(provider: Provider, dkron: FakeDkron, fault: Answer, words: str) -> None:
    dkron.faults["POST /v1/jobs"] = fault
    with pytest.raises(Failed, match=words):
        provider.create(job())


def test_a_write_that_was_refused_but_stored_is_a_success(provider: Provider, dkron: FakeDkron) -> None:
    values = job()
    dkron.faults["GET /v1/jobs/geo-purge"] = Answer(404)
    post = dkron.answer

    def lost(request: Any) -> Answer:
        answer = post(request)
        if request.method != "POST":
            return answer
        dkron.faults.clear()
        return as_text("leadership lost while committing log", 500)  # recorded: stored 11 times of 11

    dkron.answer = lost
    assert provider.create(values) == ("geo-purge", values)


def test_without_a_leader_nothing_is_created(provider: Provider, dkron: FakeDkron) -> None:
    dkron.leader = None
    with pytest.raises(Failed, match="has no leader just now"):
        provider.create(job())
    assert dkron.jobs == {}


# -- update and delete


def test_an_update_is_in_place(provider: Provider, dkron: FakeDkron) -> None:
    dkron.put(job())["success_count"] = 7
    news = job(displayname="New", schedule="@daily", tags={"dc": "dc1:1"})
    assert provider.update(job(), news) == news
    assert dkron.writes == ["geo-purge"]
    assert (dkron.jobs["geo-purge"]["displayname"], dkron.jobs["geo-purge"]["success_count"]) == ("New", 7)


def test_a_field_that_only_a_newer_dkron_knows_outlives_an_update(provider: Provider, dkron: FakeDkron) -> None:
    dkron.more = frozenset({"max_runtime", "labels", "note"})
    dkron.put({**job(), "max_runtime": 60, "labels": {"a": ["b"]}})
    news = job(displayname="New")
    assert provider.update(job(), news) == news
    live = dkron.jobs["geo-purge"]
    assert (live["displayname"], live["max_runtime"], live["labels"], live["note"]) == ("New", 60, {"a": ["b"]}, None)


@pytest.mark.parametrize(("version", "sent"), [("4.0.8", True), ("4.0.9", False), ("devel", False)])
def test_the_children_of_a_job_are_sent_along_where_an_update_would_forget_them(
    provider: Provider, dkron: FakeDkron, version: str, sent: bool
) -> None:
    dkron.version = version
    dkron.put(job())
    dkron.put(job(name="child", parent_job="geo-purge", schedule=""))
    provider.update(job(), job(displayname="New"))
    posted = [request.json() for request in dkron.asked if request.method == "POST"]
    assert [body.get("dependent_jobs") for body in posted] == [["child"] if sent else None]


def test_a_version_that_was_not_tested_is_told_once_in_a_run_and_costs_no_request(
    provider: Provider, dkron: FakeDkron
) -> None:
    dkron.version = "4.9.0"
    for name in "ab":
        dkron.put(job(name=name))
    for name in "ab":
        provider.read(name, job(name=name))
    assert [path.partition("?")[0] for path in dkron.paths("GET")] == ["/v1/leader", "/v1/jobs"]
    (line,) = provider.output.splitlines()
    assert line.startswith("warning: Dkron 4.9.0 was not tested: this is for 4.0.0 to 4.0.9")


def test_an_update_of_a_job_that_has_become_foreign_is_refused(provider: Provider, dkron: FakeDkron) -> None:
    dkron.put(foreign())
    with pytest.raises(Failed, match="terraform"):
        provider.update(job(), job(displayname="New"))


def test_our_own_job_is_deleted(provider: Provider, dkron: FakeDkron) -> None:
    dkron.put(job())
    provider.delete("geo-purge", job())
    assert dkron.jobs == {}
    assert provider.output == ""


def test_a_job_that_has_become_foreign_is_left_with_a_warning(provider: Provider, dkron: FakeDkron) -> None:
    dkron.put(foreign())
    provider.delete("geo-purge", foreign())  # a refresh has put the live tag into the properties
    assert list(dkron.jobs) == ["geo-purge"]
    assert provider.output.startswith('warning: job "geo-purge" carries the owner tag "terraform", not')


def test_a_job_that_is_already_gone_is_deleted_with_a_warning(provider: Provider) -> None:
    provider.delete("geo-purge", job())
    assert provider.output == 'warning: job "geo-purge" was already gone from Dkron\n'


def test_many_deletions_share_one_look(start: Start, dkron: FakeDkron) -> None:
    names = [f"job-{n}" for n in range(20)]
    for name in names:
        dkron.put(job(name=name))
    provider = start()
    for name in names:
        provider.delete(name, job(name=name))
    asked = dkron.paths("GET")
    assert dkron.jobs == {}
    assert sum(path.startswith("/v1/jobs/") for path in asked) == FEW


def test_among_many_deletions_a_job_that_others_took_is_left(provider: Provider, dkron: FakeDkron) -> None:
    names = [f"job-{n}" for n in range(6)]
    for name in names:
        dkron.put(job(name=name) if name != "job-4" else foreign(name=name))
    for name in names:
        provider.delete(name, job(name=name))
    assert list(dkron.jobs) == ["job-4"]
    assert provider.output.startswith('warning: job "job-4" carries the owner tag "terraform", not')


def test_a_parent_with_children_is_not_deleted(provider: Provider, dkron: FakeDkron) -> None:
    dkron.put(job())
    dkron.put(job(name="child", parent_job="geo-purge"))
    with pytest.raises(Failed, match=r"it has children \(child\); delete those first"):
        provider.delete("geo-purge", job())


def test_without_a_leader_a_delete_is_an_error_and_not_done(provider: Provider, dkron: FakeDkron) -> None:
    dkron.put(job())
    dkron.leader = None
    with pytest.raises(Failed, match="has no leader just now"):
        provider.delete("geo-purge", job())
    with pytest.raises(Failed, match="has no leader just now"):
        provider.delete("nosuch", job())


# -- read


def test_many_reads_are_one_list(provider: Provider, dkron: FakeDkron) -> None:
    names = [f"job-{n}" for n in range(30)]
    for name in names:
        dkron.put(job(name=name))
    for name in names:
        assert provider.read(name, job(name=name)) == (name, job(name=name), job(name=name))
    assert dkron.paths("GET") == ["/v1/leader", OURS]


def test_drift_is_read_as_outputs_and_as_inputs(provider: Provider, dkron: FakeDkron) -> None:
    dkron.put(job(displayname="By hand", disabled=True, starts_at="2030-01-01T01:00:00+01:00"))
    found, outs, inputs = provider.read("geo-purge", job())
    assert found == "geo-purge"
    assert outs == inputs == job(displayname="By hand", disabled=True, starts_at="2030-01-01T00:00:00Z")


def test_a_job_that_is_gone_has_no_id(provider: Provider, dkron: FakeDkron) -> None:
    assert provider.read("geo-purge", job())[0] == ""
    # Nobody's word but the leader's is taken for "all gone".
    assert dkron.paths("GET") == ["/v1/leader", OURS, "/v1/jobs/geo-purge", "/v1/leader", "/v1/isleader", OURS]


@pytest.mark.parametrize("ending", [{"ephemeral": True}, {"expires_at": "2020-01-01T00:00:00Z"}])
def test_a_job_that_ended_by_itself_is_read_as_the_state_holds_it(provider: Provider, ending: dict[str, Any]) -> None:
    found, outs, inputs = provider.read("geo-purge", job(**ending))
    assert (found, outs, inputs) == ("geo-purge", job(**ending), {})


def test_a_job_that_ended_by_itself_is_created_again_when_its_declaration_changes(
    provider: Provider, dkron: FakeDkron
) -> None:
    provider.update(job(ephemeral=True), job(ephemeral=True, displayname="Again"))
    assert dkron.jobs["geo-purge"]["displayname"] == "Again"


def test_many_jobs_missing_at_once_are_looked_for_again(provider: Provider, dkron: FakeDkron) -> None:
    names = [f"job-{n}" for n in range(8)]
    for name in names:
        dkron.put(job(name=name))
    dkron.lists = [names[:1]]  # a server that has just started
    assert [provider.read(name, job(name=name))[0] for name in names] == names
    assert dkron.paths("GET").count(OURS) == 2


@pytest.mark.parametrize("there", [True, False])
def test_without_a_leader_a_read_is_one_line_and_never_gone(provider: Provider, dkron: FakeDkron, there: bool) -> None:
    if there:
        dkron.put(job())
    dkron.leader = None
    with pytest.raises(Failed, match="has no leader just now, so nothing was changed"):
        provider.read("geo-purge", job())


def test_a_dkron_that_is_down_is_one_line_of_the_run_and_never_gone(start: Start) -> None:
    down = start(dkronUrl="http://127.0.0.1:1")
    line = "dkron-jobs: cannot reach Dkron at http://127.0.0.1:1: Connection refused"
    with pytest.raises(Failed, match=f"^{re.escape(line)}"):
        down.read("geo-purge", job())
    # The run has failed: for the other jobs the state is kept as it is, without the same line again.
    assert down.read("other", job(name="other"))[0] == "other"
    with pytest.raises(Failed, match=re.escape(line)):
        down.read("imported", {})
    with pytest.raises(Failed, match=re.escape(line)):
        down.create(job(name="new"))


def test_four_threads_at_once_share_one_list_and_get_in_nobody_s_way(provider: Provider, dkron: FakeDkron) -> None:
    names = [f"job-{n}" for n in range(40)]
    for name in names[:20]:
        dkron.put(job(name=name))
    results: dict[str, Any] = {}

    def work(name: str) -> None:
        results[name] = (
            provider.read(name, job(name=name))[0] if name in names[:20] else provider.create(job(name=name))[0]
        )

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == {name: name for name in names}
    asked = dkron.paths("GET")
    # One list for all reads; each create looks by name.
    assert sum(path.startswith("/v1/jobs/") for path in asked) == 20
    assert asked.count(OURS) == 1
    assert sorted(dkron.writes) == sorted(names[20:])


# -- settings


def test_the_environment_wins_over_the_address_in_the_state(start: Start, dkron: FakeDkron) -> None:
    dkron.put(job())
    provider = start({"DKRON_URL": dkron.url}, dkronUrl="http://127.0.0.1:1")
    assert provider.read("geo-purge", job())[0] == "geo-purge"


def test_settings_that_are_malformed_are_one_line(start: Start) -> None:
    with pytest.raises(Failed, match="dkronUrl must look like http://host:port"):
        start(dkronUrl="nonsense", adopt="maybe").check(job())


def test_malformed_settings_are_told_at_one_job_of_a_refresh_and_at_each_write(start: Start) -> None:
    provider = start(dkronUrl="nonsense")
    with pytest.raises(Failed, match="dkronUrl must look like"):
        provider.read("geo-purge", job())
    assert provider.read("other", job(name="other")) == ("other", job(name="other"), {})
    with pytest.raises(Failed, match="dkronUrl must look like"):
        provider.create(job())
    with pytest.raises(Failed, match="dkronUrl must look like"):
        provider.delete("geo-purge", job())


@pytest.mark.parametrize(
    ("config", "scheme"),
    [
        ({"dkronToken": secret("CANARY-token")}, "Bearer"),
        ({"dkronUser": "u", "dkronPassword": secret("CANARY-pw")}, "Basic"),
    ],
)
def test_credentials_come_from_the_config_and_stay_unsaid(
    start: Start, dkron: FakeDkron, config: dict[str, Any], scheme: str
) -> None:
    provider = start(**config)
    provider.create(job())
    assert all(request.headers["Authorization"].startswith(scheme) for request in dkron.asked)
    dkron.faults["POST /v1/jobs"] = as_text(f"you sent {dkron.asked[0].headers['Authorization']}", 400)
    with pytest.raises(Failed, match=r"\[secret\]"):
        provider.create(job(name="other"))


def test_the_key_of_a_job_and_the_one_before_it_are_never_quoted(start: Start, dkron: FakeDkron) -> None:
    old, new = ({**job()["executor_config"], "headers": f'["A: CANARY-{age}-key"]'} for age in ("old", "new"))
    dkron.put(job(executor_config=old))
    dkron.faults["POST /v1/jobs"] = as_text("you sent CANARY-new-key for CANARY-old-key", 400)
    with pytest.raises(Failed, match=r"you sent \[secret\] for \[secret\]"):
        start().update(job(executor_config=old), job(executor_config=new))


def test_deferred_checks_fail_at_the_job_itself(start: Start, dkron: FakeDkron) -> None:
    provider = start({DEFER_CHECKS: "1"})
    bad = job(schedule="every day")
    assert provider.check(bad) == (bad, {})
    with pytest.raises(Failed, match=r'job "geo-purge" is not valid: schedule: '):
        provider.create(bad)
    dkron.put(job())
    with pytest.raises(Failed, match="is not valid"):
        provider.update(job(), bad)
    assert dkron.writes == []
    provider.create(job(name="good"))
    assert dkron.writes == ["good"]
