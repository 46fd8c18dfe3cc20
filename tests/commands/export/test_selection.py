"""An export gives declarations of exactly the jobs that are live, as a module that needs no further formatting."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.export import selection
from commands.export.command import tidy
from commands.export.conceal import Keys
from provider.job.spec import canonical
from tests.commands.support import export, load, posted_jobs, recorded_jobs, resolve, unowned

CANARY = "CANARY-4f1d-9b2e"


def round_trip(job: dict[str, Any], keys: Keys | None = None) -> str:
    """The module's text, after it was shown to give the job."""
    text, _, keys = export([job], keys)
    taken, left = load(text)
    (spec,) = [*taken, *left]
    assert canonical(resolve(spec.inputs(), keys)) == unowned(job)
    return text


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [recorded_jobs(), posted_jobs()], ids=["shown by Dkron", "sent to Dkron"])
def test_every_recorded_job_survives_the_round_trip(jobs: list[dict[str, Any]]) -> None:
    assert len(jobs) > 50
    for job in jobs:
        round_trip(job)


@pytest.mark.slow
def test_all_recorded_jobs_together_make_one_module_and_only_sound_ones_are_declared() -> None:
    jobs = {job["name"]: job for job in recorded_jobs() if len(job["name"]) < 100}
    text, imported, keys = export(jobs.values())
    taken, left = load(text)
    assert {spec.name for spec in taken} | {spec.name for spec in left} == jobs.keys()
    assert {spec.name for spec in left} == {job.name for job in imported if job.against}
    for spec in (*taken, *left):
        assert canonical(resolve(spec.inputs(), keys)) == unowned(jobs[spec.name])


@pytest.mark.parametrize(
    "headers",
    [
        '["X-Api-Key: CANARY-4f1d-9b2e"]',
        '["X-Api-Key: CANARY-4f1d-9b2e","Accept: a"]',
        '["X-Api-Key:CANARY-4f1d-9b2e"]',
        '[ "X-Api-Key: CANARY-4f1d-9b2e" ]',
        '["A: CANARY-4f1d-9b2e", "A: CANARY-4f1d-9b2e"]',
        '["CANARY-4f1d-9b2e"]',
        '{"X-Api-Key": "CANARY-4f1d-9b2e"}',
        "CANARY-4f1d-9b2e",
        "[]",
        '[""]',
        '["X-Api-Key: \\u0043ANARY-4f1d-9b2e"]',
    ],
)
def test_headers_in_any_form_survive_and_are_never_written_in_clear(headers: str) -> None:
    config = {"url": f"http://u:{CANARY}@h/?token={CANARY}", "method": "GET", "headers": headers}
    text = round_trip({"name": "a", "schedule": "@daily", "executor": "http", "executor_config": config})
    assert CANARY not in text
    assert "ANARY" not in text


@pytest.mark.parametrize(
    ("executor", "config"),
    [
        ("http", {"url": "http://h", "method": "GET", "timeout": "030", "expectCode": "200", "debug": "yes"}),
        ("http", {"url": "http://h", "method": "GET", "timeout": "30", "tlsNoVerifyPeer": "true", "debug": "true"}),
        ("http", {"url": "http://h", "method": "GET", "expectCode": "200,204", "expectBody": "token=abc"}),
        ("http", {"url": "http://h"}),
        ("http", {"method": "GET"}),
        ("http", {"url": "http://h", "method": "GET", "unheard-of": "x"}),
        ("shell", {"command": "a", "env": "A=1,API_KEY=CANARY-4f1d-9b2e", "shell": "true"}),
        ("shell", {"command": "a", "env": "A,B=1"}),
        ("shell", {"command": "x " * 80 + "\"'\n\t\\ é", "payload": "Q0FOQVJZ"}),
        ("kafka", {"message": '{"password": "CANARY-4f1d-9b2e"}', "key": "CANARY-4f1d-9b2e"}),
        ("gone-plugin", {}),
        ("", {"url": "x"}),
    ],
)
def test_any_executor_survives(executor: str, config: dict[str, str]) -> None:
    job = {
        "name": "a",
        "schedule": "@daily",
        "executor": executor,
        "executor_config": config,
        "displayname": "A \"b\" 'c'",
        "metadata": {"managed_by": "x", "managed_in": "p/dev", "note": "hi", "webhook": CANARY},
        "processors": {"log": {"token": CANARY}},
    }
    text = round_trip(job)
    assert CANARY not in text
    assert round_trip({**job, "displayname": ""})


def test_what_the_stack_has_already_is_used() -> None:
    config = {"url": "http://gw/api/x", "method": "POST", "headers": json.dumps([f"X-Api-Key: {CANARY}"])}
    job = {"name": "a", "schedule": "@daily", "executor": "http", "executor_config": config}
    text = round_trip(job, Keys({CANARY: "serviceKey"}, ("gatewayUrl", "http://gw")))
    assert 'setting("gatewayUrl") + "/api/x"' in text
    assert '{"X-Api-Key": secret("serviceKey")}' in text


def test_jobs_are_chosen_by_owner_tag() -> None:
    jobs: list[dict[str, Any]] = [{"name": "b", "metadata": {"managed_by": "x"}}, {"name": "a", "metadata": None}]
    assert [job["name"] for job in selection.chosen(jobs, "x")] == ["b"]
    assert [job["name"] for job in selection.chosen(jobs, None)] == ["a", "b"]


def test_what_stands_against_a_job_is_said_above_it() -> None:
    shell = {"schedule": "@daily", "executor": "shell", "executor_config": {"command": "x"}}
    jobs = [
        {"name": "here", **shell},
        {"name": "a", **shell, "parent_job": "b"},
        {"name": "b", **shell, "parent_job": "a"},
        {"name": "bad", **shell, "schedule": "0 0 * * *"},
        {"name": "fine", **shell},
    ]
    imported = selection.bring_in(jobs, Keys(), {"here": "jobs/geo.py:8"})
    assert [job.name for job in imported if not job.against] == ["fine"]
    assert imported[0].against == ["is declared already, at jobs/geo.py:8"]
    assert imported[1].against == ["parent_job: closes a cycle (a -> b -> a)"]
    assert "six fields" in imported[3].against[0]


def test_no_job_gives_a_module_that_declares_nothing() -> None:
    text, _, _ = export([])
    assert load(text) == ([], [])


@pytest.mark.slow
def test_the_modules_text_passes_the_projects_own_checks(tmp_path: Path) -> None:
    text, _, _ = export([job for job in recorded_jobs() if len(job["name"]) < 100])
    path = tmp_path / "imported.py"
    formatted = tidy(text)
    path.write_text(formatted, encoding="utf-8")
    config = Path(__file__).parents[3] / "pyproject.toml"
    ruff = Path(sys.executable).parent / "ruff"
    for command in (["format", "--check"], ["check"]):
        done = subprocess.run(
            [str(ruff), *command, "--no-cache", "--config", str(config), str(path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
    assert load(formatted) == load(text)


def test_without_a_formatter_the_text_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    monkeypatch.setenv("PATH", "")
    assert tidy("x=1\n") == "x=1\n"


def test_a_text_that_the_formatter_refuses_stays_as_it_is() -> None:
    assert tidy("x = = 1\n") == "x = = 1\n"


# What people write in jobs: paths of Windows, line breaks of Windows, every quote, what no terminal shows.
PIECES = (
    "C:\\Tools\\",
    "\\n",
    "\r\n",
    "\n",
    "'",
    '"',
    '"""',
    "`",
    "${x}",
    "{{.Name}}",
    "%",
    "\t",
    "\0",
    "\\",
    "é",
    "🚀",
)
ODD = ("\u202e", "\u2028", "\ufeff", "\x1b[31m", "\ud800", "#", "secret(", "a", "b ", "token=x", "= ", ",")
TEXTS = st.lists(st.sampled_from(PIECES + ODD) | st.text(max_size=5), max_size=12).map("".join)


@given(
    fields=st.fixed_dictionaries(dict.fromkeys(("displayname", "owner", "timezone", "schedule"), TEXTS)),
    config=st.dictionaries(st.sampled_from(["command", "env", "cwd", "url", "body", "headers", "x"]) | TEXTS, TEXTS),
    maps=st.dictionaries(TEXTS, TEXTS, max_size=3),
    executor=st.sampled_from(["http", "shell", "shell.exe", "kafka", ""]),
)
def test_the_exported_text_read_again_gives_the_same_strings(
    fields: dict[str, str], config: dict[str, str], maps: dict[str, str], executor: str
) -> None:
    processors = {"log": maps, "own": maps}
    round_trip(
        {
            "name": "a",
            **fields,
            "executor": executor,
            "executor_config": config,
            "tags": maps,
            "metadata": maps,
            "processors": processors,
        }
    )


def test_a_windows_job_keeps_its_strings() -> None:
    config = {
        "command": 'C:\\Tools\\robocopy.exe "D:\\Data Files" E:\\Backup /MIR /LOG:C:\\logs\\bk.txt',
        "cwd": "C:\\Tools",
        "shell": "false",
        "env": "PATH=C:\\Tools;C:\\Windows",
    }
    job = {"name": "a", "schedule": "0 0 1 * * *", "tags": {"os": "windows"}, "executor": "shell.exe"}
    text = round_trip({**job, "executor_config": config})
    ((spec,), _) = load(tidy(text))
    assert spec.inputs()["executor_config"] == config


@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
def test_a_script_of_many_lines_keeps_its_strings(line_break: str) -> None:
    script = (
        "#!/bin/bash\nset -eu\nexport MSG='it'\"'\"'s \\\"fine\\\" — größer ≥ 5 € 🚀'\n"
        "if [ $(df -h | awk '/sda1/{print $5}' | tr -d '%') -gt 90 ]; then\n\techo \"full: ${MSG}\" >&2; exit 1\nfi\n"
        'cat <<\'EOT\' | sed \'s/\\\\n/\\n/g\'\n{"a": "b\\\\c", "pct": "100%", "tpl": "{{ .JobName }}"}\nEOT\n'
    ).replace("\n", line_break)
    config = {"shell": "true", "command": script, "env": "LC_ALL=de_DE.UTF-8", "timeout": "1h30m0.5s"}
    text = round_trip({"name": "a", "schedule": "@daily", "executor": "shell", "executor_config": config})
    ((spec,), _) = load(tidy(text))
    assert spec.inputs()["executor_config"] == config
