"""`python -m jobs hold | unhold | freeze`: what is written, which jobs, what is said, what is refused."""

import getpass
from datetime import UTC, datetime, timedelta

import pytest

from commands.main import main
from provider.job.hold import hold_of
from tests.commands.support import OURS, SISTER, STRANGER, UNMARKED, job
from tests.fake_dkron import FakeDkron

Captured = pytest.CaptureFixture[str]
BECAUSE = ["--reason", "a gateway\nis down"]
FOR = ["--for", "2h", *BECAUSE]


@pytest.fixture(autouse=True)
def _user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "ann")


def test_a_hold_is_written_into_the_metadata_and_nothing_else_changes(dkron: FakeDkron, capsys: Captured) -> None:
    before = dkron.put(job("x", {**OURS, "team": "geo"}, retries=2))
    assert main(["hold", "x", *FOR]) == 0
    after = dkron.jobs["x"]
    found = hold_of(after, datetime.now(UTC))
    assert found is not None
    assert timedelta(minutes=119) < found.until - datetime.now(UTC) <= timedelta(hours=2)
    assert (found.reason, found.by, found.disabled) == ("a gateway is down", "ann", False)
    assert after == {**before, "metadata": {**before["metadata"], **after["metadata"]}}
    assert capsys.readouterr().out == f'"x" is {found.words}\n'


def test_a_job_is_switched_off_meanwhile_and_an_interval_starts_anew(dkron: FakeDkron, capsys: Captured) -> None:
    dkron.put(job("x", schedule="@every 1h"))
    until = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%dT%H:%MZ}"
    assert main(["hold", "x", "--until", until, "--disable", *BECAUSE]) == 0
    assert dkron.jobs["x"]["disabled"] is True
    said = capsys.readouterr().out
    assert "switched off: a gateway is down; its interval (@every) starts anew" in said
    assert main(["unhold", "x"]) == 0
    assert (dkron.jobs["x"]["disabled"], dkron.jobs["x"]["metadata"]) == (True, OURS)
    said = capsys.readouterr().out
    assert said.startswith('"x" is held no longer; the watcher or `pulumi up` puts it back as declared; its interval')


@pytest.mark.parametrize("metadata", [SISTER, STRANGER, {}], ids=["sister", "stranger", "nobody"])
@pytest.mark.parametrize("command", [["hold", "x", *FOR], ["unhold", "x"]], ids=["hold", "unhold"])
def test_a_job_that_is_not_ours_is_refused(
    dkron: FakeDkron, capsys: Captured, metadata: dict[str, str], command: list[str]
) -> None:
    dkron.put(job("x", metadata))
    assert main(command) == 2
    assert "so nothing was done to it" in capsys.readouterr().err
    assert dkron.writes == []


@pytest.mark.parametrize("command", [["hold", "--all", *FOR], ["freeze", *FOR]], ids=["hold", "freeze"])
def test_all_jobs_of_the_stack_are_held_and_no_other(dkron: FakeDkron, capsys: Captured, command: list[str]) -> None:
    for name, metadata in {"b": OURS, "a": OURS, "u": UNMARKED, "s": SISTER, "z": STRANGER}.items():
        dkron.put(job(name, metadata))
    assert main(command) == 0
    assert dkron.writes == ["a", "b"]
    dkron.put(job("c"))
    assert main(["unhold", "--all"]) == 0
    assert dkron.writes == ["a", "b", "a", "b"]
    assert dkron.jobs["a"]["metadata"] == OURS
    capsys.readouterr()
    assert main(["unhold", "--all"]) == 0
    assert capsys.readouterr().out.startswith("no job of shop/dev in Dkron at http")


def test_a_hold_is_put_over_another_and_leaves_the_job_switched_off(dkron: FakeDkron) -> None:
    dkron.put(job("x"))
    main(["hold", "x", "--disable", *FOR])
    assert main(["hold", "x", "--for", "1d", "--reason", "longer"]) == 0
    assert (dkron.jobs["x"]["disabled"], dkron.jobs["x"]["metadata"]["hold_reason"]) == (True, "longer")


def test_a_malformed_hold_is_taken_off_and_a_job_without_any_is_told(dkron: FakeDkron, capsys: Captured) -> None:
    dkron.put(job("x", {**OURS, "held_until": "soon"}))
    assert main(["unhold", "x"]) == 0
    assert main(["unhold", "x"]) == 2
    assert capsys.readouterr().err == 'job "x" is not held, so nothing was done\n'


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--for", "31d", *BECAUSE], "--for: "),
        (["--for", "soon", *BECAUSE], '--for: "soon" is no length such as 2h'),
        (["--until", "2020-01-01", *BECAUSE], "--until: 2020-01-01T00:00:00Z is past"),
        (["--until", "2999-01-01", *BECAUSE], "is more than 30 days ahead"),
        (["--until", "tomorrow", *BECAUSE], '--until: "tomorrow" is no date'),
        (["--for", "2h", "--reason", " \n"], "--reason is empty"),
    ],
)
def test_an_end_or_a_reason_that_is_none_is_one_line(
    dkron: FakeDkron, capsys: Captured, arguments: list[str], why: str
) -> None:
    dkron.put(job("x"))
    assert main(["hold", "x", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert why in line
    assert dkron.asked == []


@pytest.mark.parametrize(
    "arguments",
    [["hold", "x"], ["hold", *FOR], ["hold", "x", "--for", "2h"], ["hold", "x", "--all", *FOR], ["unhold"], ["freeze"]],
)
def test_wrong_usage_is_exit_code_2(dkron: FakeDkron, arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert dkron.asked == []


def test_a_released_job_is_held_no_longer(dkron: FakeDkron) -> None:
    dkron.put(job("x", {**OURS, "held_until": "2026-01-01T00:00:00Z", "team": "geo"}))
    assert main(["release", "x"]) == 0
    assert dkron.jobs["x"]["metadata"] == {"team": "geo"}
