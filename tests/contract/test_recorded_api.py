"""What the real Dkron 4.0.9 answered, against what this project says before it asks.

The two lists below are the whole difference between Dkron's verdict and ours, each with its reason.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.job.spec import DEFAULTS, MANAGED_FIELDS, canonical, changed_fields, to_dkron
from provider.job.validation import check_job
from provider.schedule.moments import utc_time
from tests.fake_dkron import EMPTY, as_stored
from tests.paths import recorded

HTTP: list[dict[str, Any]] = recorded("http")
OURS = {"managed_by": "d2-dkron-mgr"}

# Refused by Dkron, but not by our check: the id and why.
NOT_OURS_TO_REFUSE = {
    **dict.fromkeys(
        ("e59", "e60", "e66", "e67", "e69", "e71"),
        "a number or true/false in a map of texts: we write it as text, and Dkron takes that",
    ),
    "e95": "a server field: never sent",
    "e96": "a server field: never sent",
    "e97": "a server field: never sent",
    "f01": "that the parent doesn't exist can only be known with the network; Dkron's own 404 says it",
    "f14": "the same",
    "f15": "the same",
    "n09": "the size of the whole message: Dkron's own 500 says it",
    "n12b": "the same",
    **dict.fromkeys(("i03", "i04", "i05"), "submissions were paused; nothing is wrong with the job"),
    **dict.fromkeys(("m01", "d26"), "the method is wrong there, not the job"),
    **dict.fromkeys(("p19",), "the server had left; nothing is wrong with the job"),
}
# Taken by Dkron, but refused by our check: the id, the property and why.
REFUSED_ON_PURPOSE = {
    "e39": ("executor_config.url", "an http job without a URL fails every run"),
    "e40": (
        "executor_config.headers",
        "malformed headers are left out without a word, and the run counts as a success",
    ),
    "e41": ("executor_config.timeout", "Dkron would quietly use 30 seconds"),
    "e42": ("executor_config.command", "a shell job without a command fails every run"),
    "e45": ("executor_config.timeout", "Dkron would kill the command at once"),
    "e47": ("executor_config.url", "an http job without a URL, with options that http doesn't know"),
    "e73": ("", "unknown fields are dropped without a word"),
    "h22": ("tags.role", "no node has that role, so it runs nowhere and no error tells"),
    "p02": ("starts_at", "it empties the whole list of jobs"),
    "p08": ("schedule", "it empties the whole list of jobs"),
    "p12": ("expires_at", "it empties the whole list of jobs"),
}


def number(exchange: Mapping[str, Any]) -> str:
    """An id without its words: "e39-http-no-url" is e39."""
    return str(exchange["id"]).partition("-")[0]


def unshortened(value: Any) -> Any:
    """Long texts are recorded shortened; one repeated character is had back, of others the ends stand for the whole."""
    if isinstance(value, dict):
        if "$repeat" in value:
            return value["$repeat"][0] * value["$repeat"][1]
        if "$long" in value:
            return value["$long"]["head"] + value["$long"]["tail"]
        return {key: unshortened(item) for key, item in value.items()}
    return value


def posts() -> list[dict[str, Any]]:
    """Every recorded write of a job with a JSON object as its body."""
    found = []
    for exchange in HTTP:
        request = exchange["request"]
        if exchange["id"] == "o00-create-1000":
            continue  # stands for a thousand requests, with a range for a name
        if request["method"] in ("POST", "PUT", "PATCH") and isinstance(request["json"], dict):
            path = request["path"]
            if path == "/v1/jobs" or (request["method"] != "POST" and isinstance(path, str) and path.count("/") == 3):
                found.append(exchange)
    return found


def declared(body: Mapping[str, Any]) -> dict[str, Any]:
    """A recorded body as this project would have declared it: with our owner tag, and with something to run.

    Server fields go: a declaration can't say them. An executor is added where there was none, which Dkron takes too.
    """
    known = {key: value for key, value in body.items() if key not in SERVER}
    metadata = known.get("metadata")
    if metadata is None or isinstance(metadata, dict):
        known["metadata"] = {**(metadata or {}), **OURS}
    if known.get("executor") == "shell":
        known.setdefault("executor_config", {"command": "/bin/true"})
    if not known.get("executor"):
        known.update(executor="ours", executor_config=known.get("executor_config") or {})
    return known


SERVER = {
    "id",
    "success_count",
    "error_count",
    "last_success",
    "last_error",
    "status",
    "next",
    "dependent_jobs",
}


@pytest.mark.parametrize("exchange", posts(), ids=lambda exchange: exchange["id"])
def test_our_verdict_on_a_job_is_dkron_s_or_stated_here(exchange: dict[str, Any]) -> None:
    status = exchange["response"]["status"]
    problems = check_job(declared(unshortened(exchange["request"]["json"])))
    if number(exchange) in NOT_OURS_TO_REFUSE:
        assert status >= 300
        # Some of these try one option of http alone; that the others are missing is not what they are about.
        assert {field for field, _ in problems} <= {"executor_config.url", "executor_config.method"}
    elif number(exchange) in REFUSED_ON_PURPOSE:
        assert status == 201
        assert REFUSED_ON_PURPOSE[number(exchange)][0] in [field for field, _ in problems]
    else:
        assert (problems == []) is (status == 201), (status, exchange["response"].get("text"), problems)


def test_the_stated_differences_are_all_recorded() -> None:
    assert {number(exchange) for exchange in posts()} >= {*NOT_OURS_TO_REFUSE, *REFUSED_ON_PURPOSE}


# What the refusal of the real server is about, by a word of its text: our problem must stand on the same property.
WORDS = {
    "name contains": "name",
    "name cannot": "name",
    "job schedule": "schedule",
    "unknown time zone": "timezone",
    "invalid location name": "timezone",
    "concurrency policy": "concurrency",
    "as parent": "parent_job",
    "job timeout value": "executor_config.timeout",
    "memory limit": "executor_config.mem_limit",
    "Job.retries": "retries",
    "Job.disabled": "disabled",
    "Job.ephemeral": "ephemeral",
    "Job.metadata": "metadata",
    "Job.tags": "tags",
    "Job.processors": "processors",
    "Job.executor_config": "executor_config",
    "Job.name": "name",
    "Job.schedule": "schedule",
}


REFUSALS = [exchange for exchange in posts() if exchange["response"]["status"] == 400]


@pytest.mark.parametrize("exchange", REFUSALS, ids=lambda exchange: exchange["id"])
def test_a_refusal_stands_on_the_property_that_dkron_names(exchange: dict[str, Any]) -> None:
    said = exchange["response"]["text"]
    wanted = next((field for words, field in WORDS.items() if words in said), None)
    if number(exchange) in NOT_OURS_TO_REFUSE:
        return
    if wanted is None:
        # A date's refusal names neither field.
        assert "time" in said.lower()
        wanted = next(field for field in ("starts_at", "expires_at") if field in exchange["request"]["json"])
    fields = [field for field, _ in check_job(declared(unshortened(exchange["request"]["json"])))]
    assert any(field == wanted or field.startswith(f"{wanted}.") for field in fields), (said, fields)


def written_and_read() -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """(id of the read, the job as it was last written, the job as it was read), in the recorded order."""
    written: dict[str, dict[str, Any] | None] = {}
    found = []
    for exchange in HTTP:
        request, response = exchange["request"], exchange["response"]
        method, path = request["method"], request["path"]
        if not isinstance(path, str):
            continue
        body = unshortened(request["json"]) if isinstance(request["json"], dict) else None
        name = unquote(path.removeprefix("/v1/jobs/"))
        if exchange in POSTS and response["status"] == 201 and body is not None:
            written[body["name"]] = body
        elif method == "DELETE" and response["status"] == 200:
            written.pop(name, None)
        elif method == "POST" and name.endswith("/toggle"):
            written.pop(name.removesuffix("/toggle"), None)
        elif (
            method == "GET"
            and response["status"] == 200
            and isinstance(response.get("json"), dict)
            and written.get(name)
        ):
            found.append((exchange["id"], written[name] or {}, unshortened(response["json"])))
    return found


POSTS = posts()


@pytest.mark.parametrize(("wrote", "read"), [pytest.param(w, r, id=i) for i, w, r in written_and_read()])
def test_what_was_written_reads_back_as_no_change(wrote: dict[str, Any], read: dict[str, Any]) -> None:
    assert changed_fields(wrote, read) == []
    assert canonical(read) == canonical(wrote)


def test_there_are_enough_reads_for_that() -> None:
    assert len(written_and_read()) >= 30


@pytest.mark.parametrize(("wrote", "read"), [pytest.param(w, r, id=i) for i, w, r in written_and_read()])
def test_the_model_of_dkron_s_own_normalisation_is_the_recorded_one(
    wrote: dict[str, Any], read: dict[str, Any]
) -> None:
    """`as_stored` is what the property test below, and the Dkron in memory, stand on."""
    model = as_stored(wrote)
    assert {key: model[key] for key in EMPTY} == {key: read[key] for key in EMPTY}


def test_every_field_of_a_recorded_job_is_managed_or_the_server_s() -> None:
    for exchange in HTTP:
        job = exchange["response"].get("json")
        if isinstance(job, dict) and "displayname" in job:
            assert set(job) == {*MANAGED_FIELDS, *SERVER}


def test_the_defaults_are_what_an_upsert_without_the_field_gave() -> None:
    read = next(e["response"]["json"] for e in HTTP if e["id"] == "c02-get-minimal")
    assert canonical(read) == {"name": "min", "schedule": "@every 1h"}
    omitted = next(e["response"]["json"] for e in HTTP if e["id"] == "d05-get-up-omitted")
    assert canonical(omitted) == {"name": "up", "schedule": "@every 2h", "executor": "shell"}


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
texts = st.none() | st.dictionaries(text, st.none() | text, max_size=3)
whole = st.integers(0, 2**32 - 1)
dates = st.none() | st.sampled_from(
    [
        "2030-01-02T03:04",
        "2030-01-02T3:04:05Z",
        "2030-01-02T03:04:05,5Z",
        "2030-01-02T03:04:05+24:00",
        "2030-01-02T03:04:05.1234567891Z",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999999Z",
        "2030-01-02T03:04:05.120-05:30",
        "0001-01-01T00:00:00Z",
    ]
)
odd_jobs = st.fixed_dictionaries(
    {"name": st.text("abcé-_0", min_size=1, max_size=8)},
    optional={
        **{field: st.none() | text for field in ("displayname", "owner", "owner_email", "parent_job", "executor")},
        "timezone": st.sampled_from([None, "", "UTC", "Asia/Tokyo"]),
        "schedule": st.sampled_from([None, "", "@every 1h", "@manually", "0 0 2 * * *", "TZ=Asia/Tokyo @daily"]),
        "disabled": st.none() | st.booleans(),
        "ephemeral": st.none() | st.booleans(),
        "tags": texts,
        "metadata": texts | st.dictionaries(text, st.none() | st.booleans() | whole | whole.map(float), max_size=3),
        "executor_config": texts,
        "retries": st.none() | whole | whole.map(float),
        "processors": st.none() | st.dictionaries(text, texts, max_size=3),
        "concurrency": st.sampled_from([None, "", "allow", "forbid"]),
        "starts_at": dates,
        "expires_at": dates,
    },
)


@pytest.mark.slow
@given(odd_jobs)
def test_writing_and_reading_back_shows_no_change(job: dict[str, Any]) -> None:
    sent = json.loads(json.dumps(to_dkron(job)))
    assert isinstance(sent["retries"], int)
    read = json.loads(json.dumps(as_stored(sent)))
    assert changed_fields(job, read) == []
    assert canonical(read) == canonical(job)
    # And a job that was read may be written again without a change: what adoption and drift repair rely on.
    assert as_stored(json.loads(json.dumps(to_dkron(read)))) == read


@pytest.mark.slow
@given(odd_jobs, st.sampled_from(MANAGED_FIELDS[1:]), st.data())
def test_a_field_that_was_changed_by_hand_is_seen_however_odd_the_job(
    job: dict[str, Any], field: str, data: st.DataObject
) -> None:
    other = data.draw(odd_jobs.filter(lambda made: field in made))[field]
    before, after = canonical(job).get(field, DEFAULTS[field]), canonical({field: other}).get(field, DEFAULTS[field])
    read = as_stored(to_dkron({**job, field: other}))
    assert changed_fields(job, read) == ([field] if before != after else [])


def test_dates_are_modelled_on_recorded_ones() -> None:
    read = {
        e["request"]["path"]: e["response"]["json"] for e in HTTP if e["id"] in ("c05-get-full", "c27-get-nanoseconds")
    }
    for path, job in read.items():
        wrote = next(e["request"]["json"] for e in POSTS if e["request"]["json"].get("name") == path.rpartition("/")[2])
        for field in ("starts_at", "expires_at"):
            assert (utc_time(wrote[field]) if wrote.get(field) else None) == job[field]
