"""The status page: what it says, what it never says, and what it costs."""

import base64
import hashlib
import json
import re
import threading
import urllib.error
import urllib.request
from html.parser import HTMLParser
from typing import Any

import pytest

from provider.errors import NoLeader
from tests.watcher.web.support import NOW, FakeClient, Site, cycle, fingerprints, job, site
from watcher.parts import cleaner
from watcher.pulumi.changes import Drift, Failure
from watcher.status import Outcome, Reason, Snapshot
from watcher.web import view, words
from watcher.web.page import chosen_zone, pages
from watcher.web.server import HttpServer

MARKUP = "<img src=x onerror=alert(1)>\"'&</td></table><script>alert(2)</script>"
CANARY = "CANARY-4f1d-9b2e"


class Tags(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def states(made: Site) -> dict[str, tuple[str, str]]:
    document = json.loads(made.page.as_json("").body)
    return {row["name"]: (row["state"], row["detail"]) for row in document["jobs"]}


def test_all_is_well_when_every_job_is_as_the_last_cycle_left_it() -> None:
    made = site(job("b"), job("a"))
    text = made.html()
    assert "All is well" in text
    assert text.index(">a<small>") < text.index(">b<small>")
    assert states(made) == {"a": ("in sync", ""), "b": ("in sync", "")}


def test_jobs_that_nobody_declares_and_fields_that_are_not_compared_are_named() -> None:
    jobs = [job("old"), job("stamped"), job("both", retries=3)]
    noted = fingerprints([job("old"), job("stamped"), job("both")])
    unkept = {"stamped": ("owner",), "both": ("metadata.a", "owner")}
    ignored = {"stamped": ("schedule", "tags")}
    made = site(*jobs, noted=noted, cycles=(cycle(unmarked=("old",), unkept=unkept, ignored=ignored),))
    assert states(made) == {
        "old": ("unmarked", "declared nowhere: declare it, or delete it with `python -m jobs delete old`"),
        "stamped": (
            "in sync",
            "not compared, as it doesn't stay: owner; changes are ignored by the program: schedule, tags",
        ),
        "both": ("drifted", "retries; not compared, as it doesn't stay: metadata.a, owner"),
    }


def test_the_jobs_of_another_stack_with_our_tag_are_none_of_ours() -> None:
    theirs = job("theirs", metadata={"managed_by": "d2-dkron-mgr", "managed_in": "dkron-jobs/other"})
    made = site(job("a"), noted=fingerprints([job("a")]))
    made.client.jobs.append(theirs)
    assert states(made) == {"a": ("in sync", "")}
    clash = site(theirs, noted={}, cycles=(cycle(failures=(Failure("theirs", "foreign"),)),))
    clash.client.others = {"theirs": theirs}
    assert states(clash) == {"theirs": ("foreign", "owned by d2-dkron-mgr, stack dkron-jobs/other")}


def test_each_job_shows_its_state() -> None:
    jobs = [job("same"), job("drifted", retries=3, executor_config={"url": "y"}), job("new"), job("left"), job("sick")]
    noted = fingerprints([job("same"), job("drifted"), job("left"), job("sick"), job("lost")])
    failures = (
        Failure("sick", "no"),
        Failure("theirs", "foreign"),
        Failure("nobodys", "foreign"),
        Failure("never", "bad"),
    )
    made = site(
        *jobs, noted=noted, cycles=(cycle(strays={"left": "", "gone": ""}, deleted=("gone",), failures=failures),)
    )
    made.client.others = {
        "theirs": job("theirs", metadata={"managed_by": "them"}),
        "nobodys": job("nobodys", metadata=None),
    }
    assert states(made) == {
        "same": ("in sync", ""),
        "drifted": ("drifted", "retries, executor_config.headers, executor_config.url"),
        "new": ("stray", "appeared since the last cycle"),
        "left": ("stray", "declared nowhere"),
        "lost": ("missing", "not in Dkron"),
        "sick": ("failed", "no"),
        "theirs": ("foreign", "owned by them"),
        "nobodys": ("foreign", "owned by nobody"),
        "never": ("failed", "bad"),
    }
    assert "Some jobs are not as declared" in made.html()


def test_before_the_first_note_a_job_is_not_checked_yet() -> None:
    assert states(site(job("a"), noted=None)) == {"a": ("not checked yet", "")}


@pytest.mark.parametrize(
    ("outcome", "headline", "level"),
    [
        (Outcome.REFUSED, "A change was refused", "bad"),
        (Outcome.FAILED, "The last cycle failed", "bad"),
        (Outcome.LOCKED, "Waiting for another run", "warning"),
        (Outcome.NO_LEADER, "Dkron has no leader", "warning"),
        (Outcome.PAUSED, "Dkron takes no jobs just now", "warning"),
    ],
)
def test_what_is_wrong_stands_at_the_top_with_its_reason(outcome: Outcome, headline: str, level: str) -> None:
    made = site(job("a"), cycles=(cycle(outcome, detail="because of this"),), failures=3)
    text = made.html()
    assert f'class="verdict {level}"' in text
    assert headline in text
    assert "because of this" in text
    document = json.loads(made.page.as_json("").body)
    assert (document["verdict"]["level"], document["consecutiveFailures"]) == (level, 3)
    assert document["verdict"]["to_do"]


def test_a_watcher_that_attempts_nothing_is_stuck_and_a_new_one_is_starting() -> None:
    made = site()
    made.clock.at += 901
    assert "The watcher is stuck" in made.html()
    assert "Starting" in site(cycles=()).html()


def test_the_mode_is_shown_while_a_cycle_runs() -> None:
    made = site(job("a"))
    made.board.update(mode="working", next_cycle=None, leader=None, last_good=None)
    text = Tags(made.html()).text
    assert "running now" in text
    assert "none known" in text
    made.board.update(mode="stopping")
    assert "Next cycle-" in Tags(made.html()).text.replace("\n", "")


def test_the_last_cycles_say_what_they_changed() -> None:
    done = cycle(
        Outcome.CHANGED,
        created=("new-one",),
        updated=("mended",),
        deleted=tuple(f"d{n}" for n in range(40)),
        drift=(Drift("mended", "changed", ("schedule",)),),
        failures=(Failure("x", "y"), Failure("", "whole")),
    )
    text = Tags(site(cycles=(cycle(reason=Reason.START), done)).html()).text
    for told in ("+ new-one", "~ mended (schedule)", "- d0", "… and 4 more", "start"):
        assert told in text


def test_times_are_shown_in_the_zone_that_is_asked_for() -> None:
    made = site(job("a"))
    assert "2026-11-24 02:15:00" in made.html()
    berlin = made.html("tz=Europe%2FBerlin")
    assert "2026-11-24 03:15:00" in berlin
    assert "busiest" not in berlin
    wrong = made.html("tz=%3Cscript%3E")
    assert "is no time zone such as" in wrong
    assert "<script" not in wrong


@pytest.mark.parametrize("query", ["", "tz=", "tz=UTC", "x=y", "tz=" + "A" * 1000, "&" * 40, "tz=%00"])
def test_any_query_gives_a_zone(query: str) -> None:
    assert chosen_zone(query)[0] == "UTC"


def test_markup_in_any_text_is_shown_as_text() -> None:
    marked = job("a", displayname=MARKUP, schedule=MARKUP, timezone=MARKUP)
    marked["name"] = MARKUP
    bad = cycle(
        Outcome.FAILED,
        detail=MARKUP,
        failures=(Failure(MARKUP, MARKUP),),
        created=(MARKUP,),
        strays={MARKUP: ""},
        drift=(Drift(MARKUP, MARKUP, (MARKUP,)),),
    )
    made = site(marked, job("k", schedule="", parent_job=MARKUP), cycles=(bad,), stack=MARKUP)
    made.board.update(leader=MARKUP)
    text = made.html()
    tags = Tags(text)
    assert not tags.names & {"script", "img", "iframe", "link", "object", "embed"}
    assert not {name for name in tags.attributes if name.startswith("on")} | (tags.attributes & {"style", "src"})
    assert tags.text.count("<script>alert(2)</script>") >= 8
    json.loads(made.page.as_json("").body)


def test_no_secret_no_header_and_no_path_of_the_state_is_ever_shown() -> None:
    clean = cleaner(
        lambda text: text.replace(CANARY, "[secret]"), {"state": "/srv/state", "work directory": "/srv/work"}
    )
    config = {"url": f"http://{CANARY}@h", "headers": f'["K: {CANARY}"]', "body": CANARY}
    detail = f"cannot use the state in /srv/state/.pulumi/stacks/x.json: {CANARY}; see file:///srv/work/log"
    failures = (Failure("a", detail), Failure("", "other /elsewhere/.pulumi/locks/y: z"))
    made = site(
        job("a", executor_config=config, displayname=CANARY, metadata={"x": CANARY}),
        cycles=(cycle(Outcome.FAILED, detail=detail, failures=failures), cycle(Outcome.FAILED, detail=detail)),
        clean=clean,
    )
    made.client.fault = None
    for text in (made.html(), made.page.as_json("").body.decode()):
        for forbidden in (CANARY, "http://h", "/srv/", ".pulumi", "K:", "headers"):
            assert forbidden not in text
        assert "[state]" in text


def test_the_policy_allows_the_pages_own_style_and_nothing_else() -> None:
    answer = site(job("a")).page.html("")
    text = answer.body.decode()
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert answer.headers["Content-Security-Policy"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in text


def test_dkron_is_asked_once_for_many_readers_and_again_after_a_while() -> None:
    made = site(job("a"))
    for _ in range(5):
        made.html()
    assert made.client.lists == 1
    made.clock.at += 6
    made.html()
    assert made.client.lists == 2
    made.board.add(cycle(Outcome.CHANGED))
    made.html()
    assert made.client.lists == 3


def test_an_unreadable_dkron_leaves_what_was_seen_before() -> None:
    made = site(job("a"))
    made.html()
    made.client.fault = NoLeader("Dkron has no leader at all")
    made.clock.at += 6
    text = Tags(made.html()).text
    assert "Dkron could not be read just now" in text
    assert "Dkron has no leader at all" in text
    assert "Shown as seen at 2026-11-24 02:02:17" in text
    assert "Do a" in text
    made.board.add(cycle(Outcome.FAILED, detail="x"))
    assert "just now: Dkron has no leader at all." in Tags(made.html()).text


def test_before_the_first_connection_there_is_nothing_to_show() -> None:
    made = Site(FakeClient([]), cycles=())
    made.connection = None
    text = Tags(made.html()).text
    assert "No job yet." in text
    assert "None has ended yet." in text
    assert "Dkron was not asked yet" in text


def test_a_slow_dkron_holds_up_one_reader_only(monkeypatch: pytest.MonkeyPatch) -> None:
    made = site(job("a"))
    made.html()
    made.clock.at += 6
    entered, release = threading.Event(), threading.Event()

    def slow(_tag: str | None = None) -> list[dict[str, Any]]:
        entered.set()
        assert release.wait(30)
        return []

    monkeypatch.setattr(made.client, "list_jobs", slow)
    reader = threading.Thread(target=made.html)
    reader.start()
    assert entered.wait(30)
    assert "Do a" in made.html()
    release.set()
    reader.join()


@pytest.mark.parametrize(
    ("count", "shown"), [(500, 500), (1000, 200), pytest.param(10_000, 200, marks=pytest.mark.slow)]
)
def test_many_jobs_stay_under_a_megabyte(count: int, shown: int) -> None:
    jobs = [
        job(f"service-{n:05}-does-something-useful", schedule=f"{n % 60} {n % 59} {n % 24} * * *", displayname="d" * 60)
        for n in range(count)
    ]
    made = site(*jobs, cycles=(cycle(created=tuple(one["name"] for one in jobs)),) * 50)
    page, data = made.page.html("").body, made.page.as_json("").body
    assert len(page) < 1_000_000
    assert len(data) < 1_000_000
    assert page.count(b"<tr><td>service-") == shown
    status = json.loads(data)
    assert (len(status["jobs"]), status["jobsInAll"]) == (shown, count)
    assert status["cycles"][0]["counts"]["created"] == count


def test_the_server_takes_get_and_head_only_and_passes_the_query() -> None:
    made = site(job("a"))
    routes = pages(made.board, made.live, made.clock, made.clean)
    server = HttpServer(("127.0.0.1", 0), routes, lambda _what: None)
    try:
        address = f"http://127.0.0.1:{server.port}"
        with urllib.request.urlopen(f"{address}/?tz=Asia/Tokyo", timeout=10) as answer:
            assert "11:15:00" in answer.read().decode()
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        with urllib.request.urlopen(f"{address}/api/status", timeout=10) as answer:
            assert answer.headers["Content-Type"] == "application/json"
            assert json.load(answer)["jobs"][0]["nextRun"] == "2026-11-24T02:15:00Z"
        for method in ("POST", "PUT", "DELETE"):
            request = urllib.request.Request(address, method=method, data=b"x")
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(request, timeout=10)
            assert refused.value.code == 405
            refused.value.close()
    finally:
        server.close()


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.44, "0.4 s"), (12.3, "12 s"), (120, "2 min"), (260, "4.3 min"), (9000, "2.5 h"), (1e6, "11.6 d")],
)
def test_durations_are_short(seconds: float, told: str) -> None:
    assert words.duration(seconds) == told


def test_a_child_a_bad_schedule_and_odd_times_are_shown_in_words() -> None:
    jobs = [
        job("kid", schedule="", parent_job="a"),
        job("odd", schedule="x", last_success="0001-01-01T00:00:00Z"),
        job("none", schedule="", last_error="soon", success_count=None, last_success="2026-01-01T00:00:00"),
    ]
    rows = {row["name"]: row for row in json.loads(site(*jobs).page.as_json("").body)["jobs"]}
    words = [rows[name]["words"] for name in ("kid", "odd", "none")]
    assert words == ["after a", "not a schedule", "no schedule"]
    assert (rows["odd"]["lastSuccess"], rows["none"]["lastError"], rows["none"]["successes"]) == (None, None, 0)
    assert rows["kid"]["whyNone"] == "after a"


def test_the_calendar_is_told_in_the_data() -> None:
    document = json.loads(site(job("a"), job("b")).page.as_json("").body)
    assert document["calendar"] == {
        "start": "2026-11-24T02:00:00Z",
        "hours": 24,
        "overlappingMinutes": 1,
        "busiestMinute": "2026-11-24T02:15:00Z",
        "busiestJobs": 2,
    }
    assert view.changed_fields('{"tags": {}}', '{"tags": "x"}') == ["tags"]
    assert words.stamp(NOW) == "2026-11-24 02:02:17"
    assert Snapshot("s", 0, 1).last is None


@pytest.mark.parametrize("unit", ["a", "/.pulumi", "/a", "x:", "file://", "("])
def test_cleaning_a_long_text_takes_linear_time(unit: str) -> None:
    """A quadratic pattern would take hours over a megabyte; the test's own time limit ends it."""
    clean = cleaner(lambda text: text, {"state": "/srv/state"})
    assert "/.pulumi/" not in clean(unit * (1_000_000 // len(unit)) + " /srv/state/.pulumi/x")


def held(name: str, **fields: Any) -> dict[str, Any]:
    hold = {"held_until": "2026-11-24T06:00:00Z", "hold_reason": f"a {CANARY}\n{MARKUP}", "held_by": "ann"}
    return job(name, **{**fields, "metadata": {"managed_by": "d2-dkron-mgr", **hold}})


def hide(text: str) -> str:
    return text.replace(CANARY, "[secret]")


def test_a_held_job_is_shown_with_its_end_and_its_reason() -> None:
    made = site(job("b"), held("a", disabled=True), noted=fingerprints([job("b"), job("a")]), clean=cleaner(hide, {}))
    text = made.html()
    assert "All is well" in text
    assert "1 job is as declared, 1 held" in text
    assert states(made)["a"][0] == "held"
    assert states(made)["a"][1].startswith("until 2026-11-24 06:00:00 UTC by ann, switched off: a [secret] <img")
    document = json.loads(made.page.as_json("").body)
    row = next(row for row in document["jobs"] if row["name"] == "a")
    assert (row["hold"]["until"], row["hold"]["by"], row["hold"]["switchedOff"]) == (
        "2026-11-24T06:00:00Z",
        "ann",
        True,
    )
    assert "held until 2026-11-24 06:00:00 UTC" in made.job("a")
    assert "held until" not in made.job("b")
    for shown in (text, json.dumps(document), made.job("a")):
        assert CANARY not in shown
    assert "img" not in Tags(text).names


def test_a_hold_that_is_over_is_drift_until_it_is_repaired() -> None:
    made = site(held("a"), noted=fingerprints([job("a")]))
    made.clock.at += 4 * 3600
    made.board.update(attempted=made.clock.monotonic())
    assert states(made)["a"][0] == "drifted"


def test_a_held_job_in_trouble_is_still_in_the_verdict() -> None:
    failing = {"success_count": 0, "last_success": None, "last_error": "2026-11-23T02:15:31Z"}
    made = site(job("b", **failing), held("a"))
    assert "1 job as declared, 1 failing, 1 held" in made.html()


def test_another_stacks_jobs_are_not_shown_as_ours() -> None:
    theirs = job("theirs", metadata={"managed_by": "d2-dkron-mgr", "managed_in": "dkron-jobs/dev"})
    ours = job("ours", metadata={"managed_by": "d2-dkron-mgr", "managed_in": "dkron-jobs/prod"})
    made = site(theirs, ours, job("unmarked"), noted=fingerprints([ours, job("unmarked")]))
    assert list(states(made)) == ["ours", "unmarked"]
    assert made.page.job("theirs").status == 404


@pytest.mark.parametrize(("count", "heading"), [(0, "Cycles"), (1, "The last cycle"), (2, "The last 2 cycles")])
def test_the_cycles_are_counted_in_good_english(count: int, heading: str) -> None:
    assert f"<h2>{heading}</h2>" in site(cycles=(cycle(),) * count).html()


def test_marks_and_words_are_explained() -> None:
    text = Tags(site(job("a")).html()).text
    for word in ("managed", "held", "stray", "foreign", "+ created", "~ changed", "- deleted", "? declared nowhere"):
        assert word in text


def test_what_waits_is_shown_with_the_way_out_and_drift_that_waits_is_still_drift() -> None:
    waiting = ("- c", f"~ a (schedule) {MARKUP}", *(f"+ j{n}" for n in range(50)))
    unrepaired = (Drift("a", "changed", ("schedule",)), Drift("lost", "gone"))
    planned = cycle(
        Outcome.PLANNED, detail="52 changes wait: PLAN_ONLY is strict", waiting=waiting, unrepaired=unrepaired
    )
    made = site(job("a"), job("b"), cycles=(planned,))
    text = Tags(made.html()).text
    for told in ("Changes wait", "PLAN_ONLY is strict", "1 drifted", "What waits", "- c", "and 12 more"):
        assert told in text
    assert states(made) == {
        "a": ("drifted", "schedule"),
        "b": ("in sync", ""),
        "lost": ("missing", "not in Dkron"),
    }
    document = json.loads(made.page.as_json("").body)
    assert (document["verdict"]["level"], document["cycles"][0]["waiting"][0]) == ("warning", "- c")
    assert "What waits" not in site(job("a")).html()


def test_what_the_nodes_make_of_the_jobs_is_a_line_on_the_page() -> None:
    line = f"3 nodes, and 8 http jobs without tags: each runs 3 times {CANARY}"
    made = site(job("a"), clean=lambda text: text.replace(CANARY, "[secret]"))
    assert "without tags" not in made.html()
    made.board.update(advice=(line,))
    assert "<p>3 nodes, and 8 http jobs without tags: each runs 3 times [secret]</p>" in made.html()
    assert json.loads(made.page.as_json("").body)["advice"] == [line.replace(CANARY, "[secret]")]
