"""`--report` in its three formats: what it says, in which order, and that no stranger's text is markup."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.job.hold import Hold
from tests.watcher.support import SECRET, job, preview, step, world
from watcher import report
from watcher.dkron.look import Look
from watcher.dkron.strays import Strays
from watcher.guard import Verdict
from watcher.judgement import Case
from watcher.memory import Identity, Memory, Sighting
from watcher.once import report_once
from watcher.pulumi.changes import FieldChange, JobChange
from watcher.pulumi.preview import parse_preview
from watcher.restraint import Restraint, Scope
from watcher.unkept import ROUNDS, Written
from watcher.work import Work

OLD, NEW = {"schedule": "@daily"}, {"schedule": "@hourly", "executor_config": {"headers": "[secret]"}}
EVIL = "<b>x</b> @team #1 `c` | [l](http://e.vil) *b* _u_ ![i](j) ~~s~~ \\ & $m$ www.e.vil"


def work(*steps: dict[str, Any], same: int = 0, **fields: Any) -> Work:
    plan = parse_preview(preview(*steps, same=same).stdout)[0]
    return Work(Case(Memory(), Identity("", "", ""), 0.0), plan=plan, **fields)


def everything() -> Work:
    return work(
        step("create", "a", None, {}),
        step("refresh", "b", OLD, OLD),
        step("update", "b", OLD, NEW),
        step("delete", "c", OLD),
        step("refresh", "d", OLD, OLD),
        step("create", "d", None, OLD),
        step("refresh", "e", {}, {}),
        same=1,
        look=Look({}, unmarked=frozenset({"old"}), held={"e": Hold(datetime(2026, 11, 27, tzinfo=UTC), "why")}),
        strays=Strays({"x": Sighting(0.0)}),
        restraint=Restraint(Scope.NOTHING, "frozen until Mon (FREEZE)"),
    )


def lines(found: Work, verdict: Verdict, style: str = "text") -> list[str]:
    return report.render(report.document(found, verdict, "dev"), style).splitlines()


def test_the_text_has_deletions_first_each_field_and_the_verdict() -> None:
    assert lines(everything(), Verdict("it would delete 3 jobs")) == [
        "- c",
        "    name: c -> (none)",
        "    schedule: @daily -> (none)",
        "~ b",
        "    schedule: @daily -> @hourly",
        "    executor_config.headers: (none) -> [secret]",
        "+ a",
        "    name: (none) -> a",
        "+ d  drift: gone",
        "? x  stray, in no state and no program: it is deleted when a full, good cycle finds it again",
        "? old  unmarked: carries our tag and no stack's mark, and nobody declares it; declare it, or delete it with "
        "`python -m jobs delete old`",
        "= e  held until 2026-11-27 00:00:00 UTC: why",
        "1 to delete, 1 to update, 2 to create, 1 unchanged, 1 drifted, 1 held, 1 strays, 1 unmarked",
        "a cycle would leave changes waiting: frozen until Mon (FREEZE)",
        "a cycle would be refused: it would delete 3 jobs",
    ]


def test_nothing_to_do_is_one_line() -> None:
    assert lines(work(), Verdict()) == ["no jobs"]
    assert lines(work(), Verdict(allowed_deletes=True))[-1].startswith("a cycle would be applied only because")


def test_the_json_says_the_same() -> None:
    found = json.loads("\n".join(lines(everything(), Verdict("no"), "json")))
    assert [change["operation"] for change in found["changes"]] == ["delete", "update", "create", "create"]
    assert found["changes"][1]["fields"][0] == {"field": "schedule", "old": "@daily", "new": "@hourly"}
    assert (found["stack"], found["safe"], found["refusal"], found["counts"]["to delete"]) == ("dev", False, "no", 1)
    assert found["held"] == [{"job": "e", "hold": "held until 2026-11-27 00:00:00 UTC: why"}]


def test_the_markdown_is_one_table_under_the_verdict() -> None:
    found = lines(everything(), Verdict("it would delete 3 jobs"), "markdown")
    assert found[0] == "### Dkron jobs, stack <code>dev</code>"
    assert "> **a cycle would be refused** <code>it would delete 3 jobs</code>" in found
    table = found[found.index("| | job | field | before | after |") :]
    assert table[2] == "| <code>-</code> | <code>c</code> | <code>name</code> | <code>c</code> |  |"
    assert table[3] == "| | | <code>schedule</code> | <code>&#64;daily</code> |  |"
    assert table[7] == "| <code>&#43;</code> | <code>d</code> | <code>gone</code> |  |  |"
    assert [line[:17] for line in table[-3:]] == ["- <code>x</code> ", "- <code>old</code", "- <code>e</code> "]
    assert lines(work(), Verdict(), "markdown") == ["### Dkron jobs, stack <code>dev</code>", "", "no jobs."]


@given(st.text(max_size=40) | st.just(EVIL))
def test_no_strangers_text_is_markup(words: str) -> None:
    found = work(step("update", "a", {"displayname": words}, {"displayname": "n", "owner": words}))
    text = report.render(report.document(found, Verdict(words), words), "markdown")
    for ours in ("### Dkron", "> **a cycle would be refused**", "|---|---|---|---|---|", "<code>", "</code>"):
        text = text.replace(ours, "")
    rest = "".join(part.partition(";")[2] if part[:1].isdigit() else part for part in text.split("&#"))
    assert not set(rest) & set("`<>*_[]()@#!\\~$&")


@pytest.mark.parametrize("style", report.FORMATS)
def test_a_name_with_control_characters_stays_on_its_line(style: str) -> None:
    document = report.document(work(step("delete", "a", {"name": "a\n- b\x1b[0m"})), Verdict(), "dev")
    assert "\x1b" not in report.render(document, style)
    assert document["changes"][0]["job"] == "a - b [0m"


def test_a_long_report_fits_into_a_comment() -> None:
    fields = tuple(FieldChange(f"field{n}", "x" * 200, "y" * 200) for n in range(10))
    document = report.document(work(), Verdict(), "dev")
    document["changes"] = [
        {"operation": change.operation, "job": change.job, "drift": "", "fields": [vars_of(f) for f in change.fields]}
        for change in (JobChange("update", f"j{n}", fields) for n in range(100))
    ]
    document["unmarked"] = ["old"]
    text = report.render(document, "markdown")
    assert len(text) < 65_536
    assert text.endswith("more changes: `--format json` has them all.")


def vars_of(field: FieldChange) -> dict[str, str | None]:
    return {"field": field.field, "old": field.old, "new": field.new}


@pytest.mark.parametrize("style", report.FORMATS)
def test_a_secret_is_replaced_in_every_format(tmp_path: Path, capsys: pytest.CaptureFixture[str], style: str) -> None:
    w = world(tmp_path, job("a"))
    w.cli.previews = [preview(step("update", "a", {"owner": f"x|{SECRET}"}, {"owner": f"y {SECRET}|"}))]
    assert report_once(w.tools, w.cycle, style) == 0
    text = capsys.readouterr().out
    assert SECRET not in text
    assert "secret" in text


def test_what_is_protected_or_not_compared_is_told() -> None:
    going = {**step("delete", "kept", {}), "oldState": {"protect": True, "inputs": {"name": "kept"}}}
    found = work(going, unkept={"a": {"owner": Written("me", ROUNDS)}})
    told = lines(found, Verdict())
    assert any(line.startswith('! job "kept" is protected') for line in told)
    assert "= a  not compared, as it doesn't stay as written: owner" in told
    marked = lines(found, Verdict(), "markdown")
    assert any("is protected" in line for line in marked)
    assert any("not compared" in line and "owner" in line for line in marked)
