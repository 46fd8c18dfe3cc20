"""`python -m jobs` where declarations differ by stack or refer to settings."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from commands.check import ByStack
from commands.main import main
from provider.job.declarations import Declarations, unknown_stacks
from provider.job.executors import http, shell
from provider.job.references import secret, setting
from provider.job.spec import JobSpec, to_dkron
from provider.job.stacks import only_in, per_stack
from tests.commands.support import OURS
from tests.fake_dkron import FakeDkron

Declare = Callable[..., None]
RUN = shell("true")


def spec(name: str, **fields: Any) -> JobSpec:
    return JobSpec(
        **{"name": name, "schedule": "@daily", "executor": RUN, "declared_at": f"jobs/a.py:{name}", **fields}
    )


@pytest.fixture
def declare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Declare:
    """A folder with the stacks dev and prod, and these jobs declared in it."""
    (tmp_path / "Pulumi.yaml").write_text("name: shop\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  shop:retries: 3\n  shop:nightly: 0 0 4 * * *\n")
    (tmp_path / "Pulumi.prod.yaml").write_text("config:\n  shop:defaultTags: dc=dc1:1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STACK", raising=False)

    def make(*specs: JobSpec) -> None:
        first: dict[str, JobSpec] = {}
        again = [one for one in specs if first.setdefault(one.name, one) is not one]
        monkeypatch.setattr("commands.main.gather", lambda: Declarations(dict(first), again=list(again)))

    return make


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, dict[str, Any]]:
    assert main(["list", "--json", "--at", "2026-12-24", *arguments]) == 0
    return {job["name"]: job for job in json.loads(capsys.readouterr().out)}


NIGHTLY = spec("nightly", schedule=per_stack(prod="0 0 2 * * *", default="@manually"))
LIVE_ONLY = spec("live-only", stacks=only_in("prod"))


def test_the_list_shows_the_jobs_of_one_stack_with_its_values(
    declare: Declare, capsys: pytest.CaptureFixture[str]
) -> None:
    declare(NIGHTLY, LIVE_ONLY)
    dev, prod = listed(capsys), listed(capsys, "--stack", "prod")
    assert {name: job["schedule"] for name, job in dev.items()} == {"nightly": "@manually"}
    assert {name: job["schedule"] for name, job in prod.items()} == {"nightly": "0 0 2 * * *", "live-only": "@daily"}
    assert (dev["nightly"]["where"], prod["nightly"]["where"]) == ("every node", "one node of dc1")
    assert main(["list"]) == 0
    assert capsys.readouterr().out.endswith("1 job declared in stack dev, 1 in other stacks only\n")


def test_a_stack_that_is_nowhere_is_one_clear_line(declare: Declare, capsys: pytest.CaptureFixture[str]) -> None:
    declare(NIGHTLY)
    assert main(["list", "--stack", "prdo"]) == 2
    assert capsys.readouterr().err == ("there is no stack prdo; those with a file or a declaration are dev, prod\n")


def test_one_name_may_be_declared_for_stacks_apart(declare: Declare, capsys: pytest.CaptureFixture[str]) -> None:
    declare(spec("a", stacks=only_in("dev")), spec("a", stacks=only_in("prod"), schedule="@hourly"))
    assert listed(capsys)["a"]["schedule"] == "@daily"
    assert listed(capsys, "--stack", "prod")["a"]["schedule"] == "@hourly"


def test_the_check_judges_every_stack_and_says_in_which_a_problem_is(
    declare: Declare, capsys: pytest.CaptureFixture[str]
) -> None:
    declare(
        spec("a", schedule=per_stack(prod="nonsense", default="@daily")),
        spec("b", schedule="rubbish"),
        spec("c", retries=per_stack(prod=1)),
        spec("d", stacks=only_in("prod"), parent_job="a", schedule=""),
    )
    assert main(["check"]) == 1
    out = capsys.readouterr()
    lines = out.err.splitlines()
    assert [line.partition(": schedule")[0] for line in lines if "schedule" in line] == [
        'jobs/a.py:b: job "b"',
        'jobs/a.py:a: job "a"',
    ]
    assert [line.endswith(" (stack prod)") for line in lines if "nonsense" in line] == [True]
    assert ["(stack" in line for line in lines if "rubbish" in line] == [False]
    reason = "per_stack names prod and has no default, so there is no value in stack dev (stack dev)"
    assert f'jobs/a.py:c: job "c": retries: {reason}' in lines
    assert out.out == "4 jobs checked in 2 stacks (dev, prod), 3 problems\n"
    assert main(["check", "--stack", "dev"]) == 1
    assert capsys.readouterr().out == "4 jobs checked, 2 problems\n"


def test_a_stack_that_has_no_file_is_warned_of_with_the_near_name(
    declare: Declare, capsys: pytest.CaptureFixture[str]
) -> None:
    declare(spec("a", stacks=only_in("prd")), spec("b", stacks=only_in("far"), accept=("unknown-stack",)))
    assert main(["check"]) == 0
    assert capsys.readouterr().err == (
        'warning: jobs/a.py:a: job "a": names stack "prd", and there is no Pulumi.prd.yaml; did you mean prod? '
        "[unknown-stack]\n"
    )


def test_no_stack_is_unknown_where_none_is_known() -> None:
    assert unknown_stacks(Declarations({"a": LIVE_ONLY}), []) == []


def test_lines_of_several_stacks_are_told_once() -> None:
    lines = ByStack(["a", "b", "c"])
    lines.add("a", ["all", "two", "one", "one"])
    lines.add("b", ["all", "two"])
    lines.add("c", ["all"])
    assert lines.lines() == ["all", "two (stacks a, b)", "one (stack a)"]


SETTINGS = [
    spec("known", schedule=setting("nightly"), retries=setting("retries", int), tags={"dc": setting("dc")}),
    spec("open", schedule="0 0 " + setting("hour") + " * * *", timezone=setting("zone"), disabled=setting("off", bool)),
    spec("child", schedule="", parent_job=setting("parent")),
    spec("hidden", schedule=secret("when")),
]


def test_settings_stand_in_every_field_and_the_check_leaves_them_to_the_preview(
    declare: Declare, capsys: pytest.CaptureFixture[str]
) -> None:
    everything = {
        name: setting("x")
        for name in ("schedule", "timezone", "displayname", "owner", "owner_email", "parent_job", "concurrency")
    }
    dates = {"starts_at": setting("x"), "expires_at": setting("x"), "ephemeral": setting("x", bool)}
    declare(*SETTINGS, spec("all", **everything, **dates, executor=http(setting("x"), timeout=setting("x", int))))
    assert main(["check"]) == 0
    assert capsys.readouterr().out == "5 jobs checked, no problems\n"


def test_the_list_and_the_calendar_fill_in_what_they_know_and_name_what_they_do_not(
    declare: Declare, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHEN", "@hourly")
    declare(*SETTINGS)
    jobs = listed(capsys)
    assert jobs["known"]["nextRuns"][0] == "2026-12-24T04:00:00Z"
    assert jobs["known"]["where"] == "every node of ${dc}"
    assert (jobs["open"]["schedule"], jobs["open"]["why"]) == ("0 0 ${hour} * * *", "depends on hour, zone, off")
    assert (jobs["child"]["parent"], jobs["child"]["why"]) == ("${parent}", "after ${parent}")
    assert (jobs["hidden"]["schedule"], jobs["hidden"]["words"]) == ("${when}", "depends on when")
    assert main(["calendar", "--at", "2026-12-24"]) == 0
    assert "(depends on hour, zone, off)" in capsys.readouterr().out


def test_the_diff_compares_what_the_stack_declares(
    declare: Declare, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    date = spec("date", starts_at=setting("start"), retries=setting("tries", int), disabled=setting("off", bool))
    declare(NIGHTLY, LIVE_ONLY, date)
    monkeypatch.setenv("OWNER_TAG", "us")
    monkeypatch.setenv("START", "2030-01-01T01:00:00+01:00")
    monkeypatch.setenv("TRIES", "4")
    live = {"executor": "shell", "executor_config": {"command": "true"}, "metadata": OURS}
    with FakeDkron() as dkron:
        dkron.put(to_dkron({"name": "nightly", "schedule": "@manually", **live}))
        stored = {"schedule": "@daily", "starts_at": "2030-01-01T00:00:00Z", "retries": 4, "disabled": True}
        dkron.put(to_dkron({"name": "date", **stored, **live}))
        assert main(["diff", "--dkron", dkron.url]) == 0
        out = capsys.readouterr()
        assert out.out == "2 in sync\n"
        assert "the value of off is not known here" in out.err
        monkeypatch.setenv("STACK", "prod")
        theirs = {**live, "metadata": {**OURS, "managed_in": "shop/prod"}}
        dkron.put(to_dkron({"name": "nightly", "schedule": "@manually", **theirs}))
        assert main(["diff", "--dkron", dkron.url]) == 1
        assert "nightly  drifted" in capsys.readouterr().out
        monkeypatch.delenv("STACK")
        monkeypatch.setenv("TRIES", "5")
        assert main(["diff", "--dkron", dkron.url]) == 1
        assert "retries: declared 5, live 4" in capsys.readouterr().out
