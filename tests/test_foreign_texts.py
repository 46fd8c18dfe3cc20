"""A stranger's text at every door: no escape code, no bidi mark, no line of its own, wherever a person may read it."""

import io
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest

from commands import act, diff, main, status
from dev.__main__ import table
from provider.dkron.answers import refusal
from provider.dkron.cluster import Word, apart, doubt
from provider.job import hold, ownership
from provider.job.executors import shell
from provider.job.health import reckon_all
from provider.job.spec import JobSpec
from provider.text import one_line, printable
from tests.watcher.support import preview, step
from tests.watcher.web.support import TAG, site
from tests.watcher.web.support import job as live_job
from watcher import report
from watcher.guard import Verdict
from watcher.judgement import Case
from watcher.logs import Redactor, open_log
from watcher.memory import Identity, Memory
from watcher.pulumi.preview import parse_preview
from watcher.work import Work

NOW = datetime(2026, 11, 24, 2, 2, tzinfo=UTC)
BAD = "x\x1b[31m\x07\x9b1m\u202e\u2066\u2028\r\nFORGED line"


def hostile(**fields: Any) -> dict[str, Any]:
    """A job with such a text wherever Dkron, or a fake one, may hold a text."""
    names = ("displayname", "schedule", "timezone", "owner", "owner_email", "executor", "concurrency", "status")
    texts: dict[str, Any] = {"name": BAD, **dict.fromkeys(names, BAD)}
    mappings = ("metadata", "tags", "executor_config")
    texts |= {name: {BAD: BAD} for name in mappings} | {"processors": {BAD: {BAD: BAD}}, "parent_job": BAD}
    return live_job(**(texts | fields))


def ours(**metadata: str) -> dict[str, Any]:
    return hostile(metadata={BAD: BAD, "managed_by": TAG, **metadata})


def compared() -> list[str]:
    declared = JobSpec(name="a", schedule="@daily", executor=shell("true"))
    found = {"a": hostile(name="a"), BAD: ours()}
    return diff.lines(diff.compare([declared], found, diff.Ours(TAG, None, NOW), lambda _key: None))


def reported(style: str) -> list[str]:
    old, new = (dict.fromkeys(("schedule", "owner"), BAD) | {"metadata": {BAD: text}} for text in ("a", "b"))
    plan = parse_preview(preview(step("update", BAD, old, new), step("delete", "gone", old)).stdout)[0]
    work = Work(Case(Memory(), Identity("", "", ""), 0.0), plan=plan)
    return report.render(report.document(work, Verdict(BAD), "dev"), style).splitlines()


def logged(style: str) -> list[str]:
    stream = io.StringIO()
    log = open_log(style, "debug", Redactor(), stream)
    log.warning("strays.seen", jobs=[BAD, {BAD: BAD}], detail=BAD)
    return stream.getvalue().split("\n")[:-1]


def paged(html: str) -> list[str]:
    """What a reader sees of a page, by line; its markup is our own."""
    return [line for line in unescape(re.sub(r"<[^>]*>", "", html)).splitlines() if line.strip()]


def refused() -> list[str]:
    strangers, sisters = hostile(metadata={"managed_by": BAD}), ours(managed_in=BAD)
    return [ownership.refusal(strangers, "a", TAG, "p/dev"), ownership.left_alone(sisters, "a", TAG, "p/dev")]


def held() -> list[str]:
    metadata = {"held_until": "2026-11-25T00:00:00Z", "held_by": BAD, "held_reason": BAD, "hold_reason": BAD}
    found = hold.hold_of(ours(**metadata), NOW)
    return [found.words if found else ""]


def on_the_page() -> list[str]:
    lived = site(ours(name="a"), ours())
    return paged(lived.html()) + paged(lived.job("a"))


DOORS: dict[str, Callable[[], list[str]]] = {
    "jobs diff": compared,
    "jobs status": lambda: "\n".join(status.lines({BAD: ours()}, reckon_all([ours()], NOW), NOW)).splitlines(),
    "make up": lambda: table([hostile()], NOW).splitlines(),
    "the report for people": lambda: reported("text"),
    "the report for a comment": lambda: reported("markdown"),
    "the log for people": lambda: logged("text"),
    "the log for machines": lambda: logged("json"),
    "the page": on_the_page,
    "a refusal": refused,
    "Dkron's own words": lambda: [str(refusal(400, BAD.encode(), "job", "http://d", ()))],
    "a doubt": lambda: [doubt([Word("http://a", False, False)], BAD), apart({"a": BAD, "b": "c"}, {})],
    "a hold": held,
}


@pytest.mark.parametrize("door", DOORS)
def test_a_strangers_text_neither_colours_nor_forges_a_line(door: str) -> None:
    lines = DOORS[door]()
    assert any("FORGED" in line for line in lines), "the text came to this door"
    assert not [line for line in lines if not line.isprintable()]
    assert not [line for line in lines if line.strip().startswith("FORGED")]


def test_what_a_command_prints_keeps_its_own_line_breaks_only(capsys: pytest.CaptureFixture[str]) -> None:
    main.say("a\nb\x1b[0m\u202e")
    main.complain(["c\x07"])
    act.say("d\r")
    act.warn("e\u2028")
    out = capsys.readouterr()
    assert (out.out, out.err) == ("a\nb [0m \nd \n", "c \nwarning: e \n")


def test_the_log_for_machines_stays_json() -> None:
    (line,) = logged("json")
    assert json.loads(line)["detail"] == BAD


def test_a_text_is_cleaned_and_cut() -> None:
    assert printable(BAD).count("\n") == 1
    assert one_line(BAD).isprintable()
    assert len(one_line("x" * 10_000, 50)) == 50
