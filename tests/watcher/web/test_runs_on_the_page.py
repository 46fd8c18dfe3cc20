"""How the page shows that jobs don't run as they should, and the page of one job."""

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from provider.errors import NoLeader
from provider.job.health import Health, Known, State
from provider.schedule.calendar import Entry, lay_out
from tests.watcher.web.support import NOW, Site, fingerprints, job, site
from watcher.web import strip
from watcher.web.page import pages
from watcher.web.server import HttpServer
from watcher.web.view import Live

MARKUP = "<img src=x onerror=alert(1)>\"'&</td></table><script>alert(2)</script>"
CANARY = "CANARY-4f1d-9b2e"
AT = datetime.fromtimestamp(NOW, UTC)
OVERDUE = {"schedule": "0 30 1 * * *", "last_success": "2026-11-18T01:30:01Z"}
FAILING = {"success_count": 0, "error_count": 212, "last_success": None, "last_error": "2026-11-23T02:15:31Z"}
FAILED = {"last_error": "2026-11-23T02:15:31Z"}
MISSED = {"schedule": "0 0 1 * * *", "last_success": "2026-11-23T01:00:01Z"}


def troubled() -> Site:
    jobs = [job("a"), job("b", **FAILED), job("c", **FAILING), job("d", **OVERDUE), job("e", disabled=True)]
    return site(*jobs)


def down(made: Site, hours: float) -> Site:
    """Dkron was down until two minutes ago."""
    made.runs.known = Known(outages=((AT - timedelta(hours=hours), AT - timedelta(minutes=2)),))
    return made


def document(made: Site) -> Any:
    return json.loads(made.page.as_json("").body)


def test_the_verdict_and_the_rows_say_which_jobs_do_not_run() -> None:
    made = troubled()
    text = made.html()
    assert "5 jobs as declared, 1 overdue, 1 failing, 1 failed" in text
    assert "overdue since 01:30, 5 days" in text
    assert "failed 212 times, never succeeded" in text
    assert "switched off" in text
    assert [row["name"] for row in document(made)["jobs"]] == ["d", "c", "b", "a", "e"]
    verdict = document(made)["verdict"]
    assert verdict["level"] == "bad"
    assert verdict["reason"].startswith("d: overdue since 01:30, 5 days; c: failed 212 times")


def test_more_than_three_are_counted_and_a_single_failure_is_a_warning() -> None:
    verdict = document(site(*(job(f"j{n}", **FAILED) for n in range(5))))["verdict"]
    assert verdict["reason"].endswith("; and 2 more")
    assert (verdict["level"], verdict["headline"]) == ("warning", "5 jobs as declared, 5 failed")


def test_the_data_says_the_same() -> None:
    rows = {row["name"]: row["health"] for row in document(troubled())["jobs"]}
    assert rows["d"] == {
        "state": "overdue",
        "since": "2026-11-19T01:30:00Z",
        "failedTimes": 0,
        "missed": None,
        "well": False,
        "words": "overdue since 01:30, 5 days",
    }
    assert rows["a"]["well"]
    assert document(site(noted=fingerprints([job("gone")])))["jobs"][0]["health"] is None


def test_a_job_that_is_overdue_and_drifted_is_named_for_both() -> None:
    made = site(job("d", **OVERDUE), noted=fingerprints([job("d", **OVERDUE, retries=2)]))
    assert document(made)["verdict"]["reason"] == "1 drifted, 1 overdue"


def test_what_was_missed_while_dkron_was_down_is_said_once() -> None:
    made = down(site(*(job(f"j{number}", **MISSED) for number in range(300)), job("a")), hours=3)
    verdict = document(made)["verdict"]
    assert verdict["headline"] == "301 jobs as declared, 300 missed a run while Dkron was down"
    assert verdict["level"] == "warning"
    assert [row["name"] for row in document(made)["jobs"]][-1] == "a"


def test_a_job_does_not_become_overdue_while_dkron_cannot_be_read() -> None:
    made = site(job("a"))
    made.html()
    made.client.fault = NoLeader("away")
    made.clock.at += 3600
    made.board.update(attempted=made.clock.monotonic())
    assert document(made)["jobs"][0]["health"]["state"] == "ok"


# -- the picture


def test_the_picture_shows_what_ran_before_now_and_what_did_not() -> None:
    made = troubled()
    made.runs.note(made.client.jobs, AT)
    text = made.html()
    assert "in the 24 hours before: 3 good, 2 bad, 1 missed" in text
    for kind in ("good", "bad", "missed"):
        assert f'<path class="{kind}"' in text


def test_missed_runs_are_those_of_the_last_day_and_not_too_many() -> None:
    each_minute = job("m", schedule="0 * * * * *")
    overdue = Health(State.OVERDUE, AT - timedelta(days=6))
    assert len(strip.missed_runs(each_minute, overdue, AT)) == strip.MOST_MISSED
    daily = strip.missed_runs(job("d", **OVERDUE), overdue, AT)
    assert daily == [AT.replace(hour=1, minute=30, second=0)]
    assert strip.missed_runs(job("c", parent_job="d", schedule=""), overdue, AT) == []
    assert strip.missed_runs(each_minute, Health(State.OK), AT) == []


def test_executions_that_were_asked_for_are_in_the_strip_too() -> None:
    made = troubled()
    started = AT - timedelta(hours=1)
    running = {"started_at": str(started)}
    made.runs.learn("a", [{**running, "finished_at": str(AT)}, running], AT)
    assert "in the 24 hours before: 1 bad" in made.html()


def test_a_job_whose_health_is_not_known_has_only_its_ends_in_the_strip() -> None:
    ended = AT - timedelta(hours=1)
    laid_out = lay_out([Entry("a", "@daily")], AT.replace(minute=0, second=0, microsecond=0))
    drawn = strip.with_past(laid_out, Live((job("a", **OVERDUE),), at=NOW), {}, {"a": [(ended, True)]})
    assert [how for row in drawn.rows for _, how in row.past] == ["good"]


def test_a_name_that_holds_a_secret_is_concealed_and_harms_no_picture() -> None:
    made = site(job(f"a-{CANARY}"), clean=lambda text: text.replace(CANARY, "[secret]"))
    assert "a-[secret]" in made.html()
    assert made.page.job(f"a-{CANARY}?").status == 200


# -- the page of one job


def execution(**fields: Any) -> dict[str, Any]:
    return {
        "started_at": "2026-11-24T10:15:00+09:00",
        "finished_at": "2026-11-24T10:15:02.5+09:00",
        "success": True,
        "node_name": "n1",
        "attempt": 2,
        "group": 1,
        "output": "",
        **fields,
    }


def test_a_jobs_page_shows_its_declaration_its_next_runs_and_its_executions() -> None:
    made = site(job("a", retries=2, tags={"dc": "dc1:1"}, processors={"log": {"forward": "x"}}))
    running = execution(finished_at="0001-01-01T00:00:00Z", success=False)
    made.client.kept["a"] = [running, execution(success=False), *[execution()] * 98]
    text = made.job("a?tz=Europe/Berlin")
    assert text.count("<li") == 10
    assert "2026-11-24 03:15:00" in text
    assert text.count("data-of=node>n1") == 20
    assert "2.5 s" in text
    assert 'badge bad">bad' in text
    assert "since 47 minutes" in text
    for shown in ("tags.dc<td><code>dc1:1", "processors<td><code>log", "retries<td><code>2"):
        assert shown in text


def test_a_jobs_page_conceals_what_may_hold_a_secret() -> None:
    config = {
        "url": f"https://u:{CANARY}@api.example/x?key={CANARY}",
        "headers": f'["X-Key: {CANARY}"]',
        "timeout": "30",
        "body": CANARY,
    }
    metadata = {"managed_by": "d2-dkron-mgr", "note": CANARY}
    text = site(job("a", executor_config=config, metadata=metadata)).job("a?")
    assert CANARY not in text
    assert "https://api.example/x?[not shown]" in text
    assert "executor_config.timeout<td><code>30" in text
    for odd in ("http://[", "http://h:99999/"):
        assert odd not in site(job("a", executor_config={"url": odd})).job("a?")


def test_output_is_shown_only_where_the_settings_say_so_and_then_cut_redacted_and_escaped() -> None:
    output = f"{MARKUP}\n{CANARY}\x1b[2J" + "x" * 5000
    for show in (False, True):
        made = site(job("a"), show_output=show, clean=lambda text: text.replace(CANARY, "[secret]"))
        made.client.kept["a"] = [execution(output=output)]
        text = made.job("a?")
        assert CANARY not in text
        assert "<script" not in text
        assert "\x1b" not in text
        assert ("<pre>" in text) is show
        assert ("alert(1)" in text) is show
        assert text.count("x" * 1000) <= 2


def test_a_job_that_is_not_ours_has_no_page() -> None:
    made = troubled()
    for target in ("zz?", "?", "..%2f..%2fetc?", "%ff?", "a%00?", f"{MARKUP}?"):
        answer = made.page.job(target)
        assert (answer.status, answer.body) == (404, b"no job of ours has that name\n")


def test_a_jobs_page_asks_dkron_seldom_and_says_when_it_is_old() -> None:
    made = troubled()
    made.client.kept["a"] = [execution()]
    for _ in range(3):
        made.job("a?")
    assert made.client.asked == ["a"]
    for _ in range(20):
        made.clock.at += 0.1
        for name in "abcde":
            made.job(f"{name}?")
    assert len(made.client.asked) <= 10
    made.clock.at += 6
    made.client.fault = NoLeader("no leader just now")
    text = made.job("a?")
    assert "no leader just now" in text
    assert "data-of=node>n1" in text
    made.client.fault = None
    for second in range(12):
        made.clock.at += 0.5 if second else 5.5
        made.live._executions.clear()
        text = made.job("a?")
    assert "often enough" in text
    made.connection = None
    made.live._executions.clear()
    assert "Dkron was not asked yet" in made.job("a?")


def test_a_jobs_page_grows_no_older_where_the_clock_was_set_back() -> None:
    made = troubled()
    made.job("a?")
    made.clock.now = lambda: made.clock.at - 86_400  # type: ignore[method-assign]
    made.clock.at += 6
    made.client.kept["a"] = [execution()]
    assert "data-of=node>n1" in made.job("a?")


def test_a_child_says_after_whom_it_runs() -> None:
    made = site(job("p"), job("c", parent_job="p", schedule=""))
    assert "after p" in made.job("c?")


@pytest.mark.enable_socket
def test_the_server_leads_to_a_jobs_page() -> None:
    made = troubled()
    server = HttpServer(("127.0.0.1", 0), pages(made.board, made.live, made.clock, made.clean), pytest.fail)
    try:
        root = f"http://127.0.0.1:{server.port}"
        with urllib.request.urlopen(f"{root}/jobs/d?tz=Europe/Berlin") as answer:
            assert "overdue since 02:30, 5 days" in answer.read().decode()
        for path in ("/jobs/", "/jobs", "/jobs/zz", "/nothing"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(root + path)
    finally:
        server.close()
