"""`python -m jobs` as a person runs it: what it prints where, its exit codes, and one clear line for each fault."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from pytest_httpserver import HTTPServer

from commands import live, stack_config
from commands.check import annotation
from commands.main import main
from provider.job.declarations import Declarations, gather
from provider.job.ownership import OWNER_TAG_KEY, STACK_MARK_KEY
from provider.job.references import Reference
from provider.job.spec import JobSpec, to_dkron

CANARY = "CANARY-4f1d-9b2e"
GATEWAY = "http://gateway:5461"
TAG = {OWNER_TAG_KEY: "d2-dkron-mgr", STACK_MARK_KEY: "dkron-jobs/dev"}
Serve = Callable[[list[dict[str, Any]]], str]


def filled(value: Any) -> Any:
    if isinstance(value, Reference):
        return value.resolve(lambda key: {"gatewayUrl": GATEWAY, "serviceKey": CANARY}[key])
    return {k: filled(v) for k, v in value.items()} if isinstance(value, dict) else value


def live_jobs() -> list[dict[str, Any]]:
    """The declared jobs as Dkron would hold them, with the dev stack's default tags."""
    tags = {"dc": "dc1:1"}
    return [to_dkron({**filled(spec.inputs()), "metadata": TAG, "tags": tags}) for spec in gather().specs]


@pytest.fixture
def serve(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> Serve:
    """A server with a leader and these jobs, named by DKRON_URL."""

    def start(jobs: list[dict[str, Any]]) -> str:
        httpserver.expect_request("/v1/leader").respond_with_json({"Name": "n1"})
        httpserver.expect_request("/v1/jobs").respond_with_json(jobs)
        httpserver.expect_request(re.compile("/v1/jobs/.+")).respond_with_data("", 404)
        address = httpserver.url_for("").rstrip("/")
        monkeypatch.setenv("DKRON_URL", address)
        monkeypatch.setattr(live, "SECOND_LOOK_AFTER_S", 0.0)
        return address

    return start


def test_the_list_names_every_job(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--at", "2026-12-24T00:00Z"]) == 0
    out = capsys.readouterr()
    assert "geo-purge-stale-whois" in out.out
    assert "2026-12-24 02:00:00, 2026-12-25 02:00:00" in out.out
    assert main(["list", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == len(gather().specs)
    assert out.err == ""


def test_the_check_passes_for_the_projects_own_jobs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    assert capsys.readouterr().out == f"{len(gather().specs)} jobs checked, no problems\n"


def test_the_check_loads_neither_pulumi_nor_requests() -> None:
    code = "import sys; from commands.main import main; main(['check']); print({'pulumi', 'requests'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


def test_problems_are_told_each_on_its_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Declarations({"A": JobSpec(name="A", schedule="x", parent_job="gone")}, ["jobs/x.py:1: SyntaxError: no"])
    monkeypatch.setattr("commands.main.gather", lambda: found)
    assert main(["check"]) == 1
    out = capsys.readouterr()
    assert out.out == "1 job checked, 4 problems\n"
    assert "jobs/x.py:1: SyntaxError: no\n" in out.err
    assert "warning: commands/test_commands.py" in out.err
    assert main(["list"]) == 2
    assert capsys.readouterr().err == "jobs/x.py:1: SyntaxError: no\n"


def test_problems_are_annotations_where_github_shows_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Declarations({"A": JobSpec(name="A", schedule="@daily", parent_job="gone")}, ["jobs/x.py:1: no"])
    monkeypatch.setattr("commands.main.gather", lambda: found)
    assert main(["check", "--format", "github"]) == 1
    out = capsys.readouterr()
    assert "::error file=jobs/x.py,line=1::no" in out.out.splitlines()
    assert "::warning file=commands/test_commands.py,line=" in out.out
    assert out.err == ""


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('jobs/a.py:3: job "x": 50%: a: b', '::error file=jobs/a.py,line=3::job "x": 50%25: a: b'),
        ("jobs/a,b.py: item 2 of JOBS is a str", "::error file=jobs/a%2Cb.py::item 2 of JOBS is a str"),
        ("jobs/a.py:3: one\ntwo", "::error file=jobs/a.py,line=3::one%0Atwo"),
        ("no place at all", "::error::no place at all"),
    ],
)
def test_an_annotation_has_file_and_line_where_they_are_known(line: str, shown: str) -> None:
    assert annotation("error", line) == shown


def test_the_calendar_goes_to_the_terminal_or_to_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calendar", "--at", "2026-11-24", "--timezone", "Europe/Berlin"]) == 0
    assert "8 runs of 8 jobs in 24 hours" in capsys.readouterr().out
    assert main(["calendar", "--svg", str(tmp_path / "day.svg")]) == 0
    assert capsys.readouterr().out == ""
    assert ET.parse(tmp_path / "day.svg").getroot().tag.endswith("svg")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["list", "--at", "soon"], '--at: "soon" is no date'),
        (["calendar", "--hours", "0"], "--hours must be between 1 and"),
        (["calendar", "--timezone", "Mars"], '--timezone: "Mars" is no time zone'),
        (["calendar", "--svg", "/nowhere/x.svg"], "--svg: cannot write /nowhere/x.svg: No such file"),
        (["diff"], "no Dkron is named: give --dkron http://host:port, or set DKRON_URL"),
        (["export", "--dkron", "ftp://h"], "--dkron must look like http://host:port"),
        (["export", "--dkron", ""], "--dkron names no server"),
        (["export", "--dkron", "http://u:p@h"], "--dkron must hold no user or password"),
        (["diff", "--dkron", "http://127.0.0.1:1"], "cannot reach Dkron at http://127.0.0.1:1: Connection refused"),
    ],
)
def test_a_fault_is_one_clear_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    out = capsys.readouterr()
    assert out.err.startswith(words)
    assert (out.err.count("\n"), out.out) == (1, "")


def test_no_leader_is_told(httpserver: HTTPServer, capsys: pytest.CaptureFixture[str]) -> None:
    httpserver.expect_request("/v1/leader").respond_with_data("null", status=500)
    assert main(["diff", "--dkron", httpserver.url_for("")]) == 2
    assert "has no leader just now, so nothing was changed; try again in a moment" in capsys.readouterr().err


def test_a_bad_gateway_url_is_told(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    serve(live_jobs())
    monkeypatch.setenv("GATEWAY_URL", "nonsense")
    assert main(["diff"]) == 2
    assert capsys.readouterr().err == "GATEWAY_URL must look like http://host:port\n"


def test_no_difference_is_exit_code_0(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    serve(live_jobs())
    assert main(["diff"]) == 0
    out = capsys.readouterr()
    assert out.out == "8 in sync\n"
    assert "set GATEWAY_URL to compare it" in out.err
    assert "set SERVICE_KEY to compare it" in out.err
    monkeypatch.setenv("GATEWAY_URL", GATEWAY)
    monkeypatch.setenv("SERVICE_KEY", CANARY)
    assert main(["diff"]) == 0
    assert capsys.readouterr().err == ""


def test_a_held_job_is_told_and_is_no_difference_and_another_stacks_job_is_not_ours(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = live_jobs()
    until = f"{datetime.now(UTC) + timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}"
    hold = {"held_until": until, "hold_reason": "an\nincident", "held_by": "ann"}
    jobs[0] |= {"disabled": True, "retries": 9, "metadata": {**jobs[0]["metadata"], **hold}}
    prod = {OWNER_TAG_KEY: "d2-dkron-mgr", "managed_in": "dkron-jobs/prod"}
    jobs[1]["metadata"] = {**prod, **hold}
    jobs.append({**jobs[2], "name": "theirs", "metadata": prod})
    serve(jobs)
    assert main(["diff"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f'! {jobs[1]["name"]}  foreign: belongs to the stack "dkron-jobs/prod"')
    assert lines[-2].startswith(f"= {jobs[0]['name']}  held until ")
    assert lines[-2].endswith(" UTC by ann, switched off: an incident")
    assert lines[-1] == "6 in sync, 1 foreign, 1 held"


def test_every_difference_is_told_without_a_secret(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = "OTHER-canary-77"
    jobs = live_jobs()
    monkeypatch.setenv("SERVICE_KEY", CANARY)
    jobs[0]["executor_config"] = {**jobs[0]["executor_config"], "headers": f'["X-Api-Key: {other}"]'}
    jobs[1] |= {"retries": 5, "tags": {"dc": "dc1:3"}, "processors": {"log": {"token": other}}, "owner": "x" * 200}
    jobs[2]["executor_config"] = {**jobs[2]["executor_config"], "url": "http://elsewhere", "body": f"token={other}"}
    jobs[3]["metadata"] = {OWNER_TAG_KEY: "them"}
    jobs[4] = {**jobs[4], "name": "left-over"}
    del jobs[0]["executor_config"]["url"]
    jobs.append({**jobs[3], "name": "a-strangers"})
    serve(jobs)
    assert main(["diff"]) == 1
    out = capsys.readouterr().out
    assert CANARY not in out
    assert other not in out
    for line in (
        'executor_config.headers: the secret in it differs: ["X-Api-Key: [secret]"]',
        "executor_config.url: declared ${gatewayUrl}/api/v1/auth/jobs/purge-sessions, live (none)",
        "retries: declared 2, live 5",
        "tags.dc: declared dc1:1, live dc1:3",
        "processors.log: declared (none), live {token: [secret]}",
        f'owner: declared "", live {"x" * 99}…',
        "executor_config.body: declared (none), live token=[secret]",
    ):
        assert f"    {line}\n" in out
    assert "executor_config.url: declared ${gatewayUrl}/api/v1/" in out
    assert 'foreign: carries the owner tag "them"' in out
    assert out.splitlines()[-1] == "3 in sync, 1 missing, 3 drifted, 1 foreign, 1 stray"


def test_an_export_prints_declarations_and_says_what_else_to_do(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    shell = {"schedule": "@daily", "executor": "shell"}
    jobs = [
        {**shell, "name": f"old-{number}", "executor_config": {"command": f"x --token {CANARY}"}} for number in range(5)
    ]
    jobs[0] |= {"parent_job": "elsewhere"}
    jobs[1] |= {"metadata": {OWNER_TAG_KEY: "them"}}
    jobs.append({**shell, "name": "geo-purge-stale-whois", "executor_config": {"command": "x"}})
    address = serve(jobs)
    assert main(["export", "--all", "--dkron", address]) == 0
    out = capsys.readouterr()
    assert CANARY not in out.out + out.err
    assert out.out.count("JobSpec(") == 6
    assert out.err.splitlines() == [
        "5 of 6 jobs exported",
        'left out: job "geo-purge-stale-whois": is declared already, at jobs/geo.py:6',
        'note: the parent "elsewhere" of job "old-0" is not among them, so it must stay in Dkron',
        "not ours yet (4 carry none, 1 carry the owner tag 'them'): run `pulumi config set adopt true` before the first"
        " `pulumi up`; it then writes our owner tag into them and changes nothing else",
        "secrets were left out; set each before `pulumi up` (the command asks for the value):",
        "pulumi config set --secret old0Command  # for old-0, old-1, old-2 and 2 more",
        "or export again with --set-config: it sets them in the stack's config, and shows none",
        "secrets were found by rules, and rules can miss one: read the module through before you commit it",
    ]
    assert main(["export", "--tag", "them"]) == 0
    assert capsys.readouterr().out.count("JobSpec(") == 1


def test_nothing_to_export_writes_nothing(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    serve([{"name": "a", "schedule": "@daily"}])
    assert main(["export"]) == 0
    out = capsys.readouterr()
    assert out.out == ""
    assert "Dkron has no job with the owner tag" in out.err
    assert "(--tag X or --all takes others)" in out.err


def test_an_empty_cluster_is_looked_at_twice(serve: Serve, httpserver: HTTPServer) -> None:
    address = serve([])
    looks: list[float] = []
    assert live.live_jobs(live.settings(address), "ours", sleep=looks.append) == {}
    assert len(looks) == 1


def test_progress_is_shown_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with live.progress("reading"):
        pass
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with live.progress("reading"):
        pass
    assert capsys.readouterr().err == "\r\x1b[Kreading ...\r\x1b[K"


@pytest.mark.parametrize(("fault", "code"), [(KeyboardInterrupt, 130)])
def test_an_interrupt_ends_it_quietly(
    fault: type[BaseException], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped() -> Declarations:
        raise fault

    monkeypatch.setattr("commands.main.gather", stopped)
    assert main(["list"]) == code
    assert capsys.readouterr().err == ""


def test_a_crontab_is_exported_without_a_dkron(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "crontab"
    path.write_text(f"0 6 * * 7 root /opt/weekly --token {CANARY}\n@reboot root /opt/warm\nx\n", encoding="utf-8")
    assert main(["export", "--crontab", str(path), "--system"]) == 0
    out = capsys.readouterr()
    assert CANARY not in out.out + out.err
    assert 'schedule="0 0 6 * * 0"' in out.out
    lines = out.err.splitlines()
    assert lines[0].startswith("left out: line 3: ")
    assert "1 of 2 jobs exported" in lines
    assert not any("not ours yet" in line for line in lines)
    assert lines[-1].endswith("read the module through before you commit it")


def test_a_file_is_exported_whole_unless_a_tag_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = {"schedule": "@daily", "executor": "shell", "executor_config": {"command": "x", "project": "p"}}
    path = tmp_path / "backup.json"
    path.write_text(json.dumps([{**job, "name": "b\x1b[31m"}, {**job, "name": "c", "tags": 5}]), encoding="utf-8")
    assert main(["export", "--file", str(path)]) == 0
    out = capsys.readouterr()
    assert out.out.count("JobSpec(") == 1
    assert "\x1b" not in out.out + out.err
    assert 'left out: job "c": tags must be a map from text to text' in out.err
    assert "note: Dkron ignores these options, so they were left out: executor_config.project of 1 job\n" in out.err
    assert main(["export", "--file", str(path), "--tag", "them"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["export", "--system"], "--system says how a crontab is read: give --crontab FILE, too"),
        (["export", "--file", "/nowhere"], "--file /nowhere can't be read: No such file or directory"),
        (["export", "--dkron", "file:///b.json"], "--dkron must look like http://host:port; --file reads a backup"),
    ],
)
def test_a_source_that_cannot_be_read_is_told_in_a_line(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out = capsys.readouterr()
    assert (out.out, out.err) == ("", f"{line}\n")


def test_the_keys_and_settings_of_a_stack_are_used_where_it_is_named(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job = {"schedule": "@daily", "executor": "shell", "executor_config": {"command": f"x --token {CANARY}"}}
    address = serve([{**job, "name": "a", "metadata": {OWNER_TAG_KEY: "them"}}])
    config = stack_config.StackConfig(
        {"jobToken": CANARY, "dkronUrl": address, "ownerTag": "them"}, frozenset({"jobToken"})
    )
    monkeypatch.setattr(stack_config, "read", lambda _stack: config)
    monkeypatch.delenv("DKRON_URL", raising=False)
    assert main(["export", "--stack", "prod"]) == 0
    out = capsys.readouterr()
    assert 'secret("jobToken")' in out.out
    assert "secrets were left out" not in out.err


def test_secrets_are_set_in_the_stack_that_is_named(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job = {"schedule": "@daily", "executor": "shell", "executor_config": {"command": f"x --token {CANARY}"}}
    address = serve([{**job, "name": "a"}])
    told: list[tuple[str, str, str]] = []
    monkeypatch.setattr(stack_config, "read", lambda _stack: stack_config.StackConfig({"aCommand": "z"}))
    monkeypatch.setattr(stack_config, "set_secret", lambda stack, key, value: told.append((stack, key, value)))
    assert main(["export", "--all", "--dkron", address, "--stack", "prod", "--set-config"]) == 0
    out = capsys.readouterr()
    # aCommand is the stack's for something else.
    assert told == [("prod", "aCommand2", CANARY)]
    assert 'secret("aCommand2")' in out.out
    assert "set in the config of the stack prod: aCommand2\n" in out.err
    assert CANARY not in out.out + out.err


def test_the_module_that_is_being_written_is_no_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    problems = ["jobs/imported.py has no JOBS, so it declares nothing", "jobs/geo.py:3: NameError"]
    monkeypatch.setattr("commands.export.command.gather", lambda: Declarations(problems=problems))
    path = tmp_path / "crontab"
    path.write_text("0 0 * * * /opt/weekly\n", encoding="utf-8")
    assert main(["export", "--crontab", str(path)]) == 0
    assert capsys.readouterr().err.splitlines()[0] == "warning: jobs/geo.py:3: NameError"
