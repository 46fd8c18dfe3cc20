"""Several stacks in one watcher: cycles one after the other, each with its own outcome, page and series."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from prometheus_client.core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families

import watcher.__main__ as main
from provider.errors import SettingsError
from tests.watcher.support import World, job, preview, steady, world
from watcher import loop, once, stacks
from watcher.allowance import Allowance
from watcher.clock import SystemClock
from watcher.loop import Loop
from watcher.metrics import Metrics
from watcher.parts import Parts, assemble
from watcher.recovery.recovery import Tools
from watcher.settings import load
from watcher.status import Board, Reason, Snapshot

BOTH = ("a", "b")


@pytest.fixture
def worlds(tmp_path: Path) -> dict[str, World]:
    """Stacks with one clock, control and log."""
    made: dict[str, World] = {}
    for name in BOTH:
        w = world(tmp_path / name, job("x"), probe_s=10)
        first = next(iter(made.values()), w)
        chosen = replace(w.tools.settings, stack=name, stacks=BOTH, health=("127.0.0.1", 0))
        tools = Tools(
            chosen, first.control, w.cli, first.tools.log.of(stack=name), Metrics("1", name), w.tools.redactor
        )
        w.cycle.tools = w.cycle.keeper.tools = w.cycle.engine.tools = tools
        w.cycle.census.control = w.cli.control = first.control
        w.cli.previews = [steady("x")]
        board = Board(Snapshot(name, first.clock.now(), 300))
        w.cycle.board = board
        made[name] = replace(w, tools=tools, clock=first.clock, control=first.control, board=board, stream=first.stream)
    return made


def loops(worlds: dict[str, World]) -> list[Loop]:
    return [Loop(w.tools, w.cycle, w.board) for w in worlds.values()]


def ends_at(worlds: dict[str, World], end: float, *moments: tuple[float, Callable[[], object]]) -> None:
    first = worlds["a"]
    first.clock.at = [*moments, (end, first.control.stop)]


def cycles(worlds: dict[str, World]) -> list[tuple[str, str, str]]:
    lines = [event for event in worlds["a"].events if event["event"] == "cycle.done"]
    return [(line["stack"], line["reason"], line["outcome"]) for line in lines]


def test_cycles_run_one_after_the_other_and_a_failing_stack_stops_no_other(worlds: dict[str, World]) -> None:
    worlds["a"].cli.previews = [preview(errors=("broken",)), steady("x")]
    ends_at(worlds, 310)
    loop.run(loops(worlds))
    assert cycles(worlds) == [
        ("a", "start", "failed"),
        ("b", "start", "unchanged"),
        ("a", "retry", "unchanged"),
        ("b", "interval", "unchanged"),
        ("a", "interval", "unchanged"),
    ]
    assert {w.board.now.mode for w in worlds.values()} == {"stopping"}


def test_a_drift_calls_for_its_own_stack_and_a_signal_for_all(worlds: dict[str, World]) -> None:
    ends_at(
        worlds,
        100,
        (15, lambda: worlds["b"].dkron.jobs["x"].update(schedule="@hourly")),
        (50, worlds["a"].control.force),
    )
    loop.run(loops(worlds))
    found = [(stack, reason) for stack, reason, _ in cycles(worlds)]
    assert found[:3] == [("a", "start"), ("b", "start"), ("b", "drift")]
    assert found[-2:] == [("a", "forced"), ("b", "forced")]


def test_a_stop_in_the_first_ones_cycle_starts_no_other(worlds: dict[str, World]) -> None:
    def stopped() -> Any:
        worlds["a"].control.stop()
        return steady("x")

    worlds["a"].cli.previews = [stopped]
    loop.run(loops(worlds))
    assert worlds["b"].cli.calls == []


# -- seen from outside


@contextmanager
def served(worlds: dict[str, World]) -> Iterator[str]:
    clock = SystemClock()
    made = [Parts(w.tools, w.board, w.cycle, one, clock) for w, one in zip(worlds.values(), loops(worlds), strict=True)]
    servers = main.serve(made)
    try:
        yield f"http://127.0.0.1:{servers[0].port}"
    finally:
        main.close(servers)
        clock.close()


@pytest.mark.enable_socket
def test_each_has_a_page_a_line_and_series(worlds: dict[str, World]) -> None:
    for w, one in zip(worlds.values(), loops(worlds), strict=True):
        if w is worlds["b"]:
            w.cli.previews = [preview(errors=("broken",))]
        one.once(Reason.START)
    with served(worlds) as url:
        ready = requests.get(f"{url}/readyz", timeout=5)
        assert (ready.status_code, ready.text) == (503, "a: unchanged\nb: failed: broken\n")
        assert "stack a" in requests.get(f"{url}/", timeout=5).text
        page = requests.get(f"{url}/stack/b/", timeout=5).text
        assert "stack b" in page
        assert '<a href="/stack/a/">a</a>' in page
        assert 'href="/stack/b/api/status"' in page
        status = requests.get(f"{url}/stack/b/api/status", timeout=5).json()
        assert status["cycles"][0]["outcome"] == "failed"
        assert requests.get(f"{url}/stack/b/jobs/x", timeout=5).status_code == 200
        assert requests.get(f"{url}/stack/c/", timeout=5).status_code == 404
        text = requests.get(f"{url}/metrics", headers={"Accept": "application/openmetrics-text"}, timeout=5).text
    families: Iterator[Metric] = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    (family,) = [family for family in families if family.name == "watcher_cycles"]
    ended = [s.labels for s in family.samples if s.name.endswith("_total") and s.value]
    counted = {(labels["stack"], labels["outcome"]) for labels in ended}
    assert counted == {("a", "unchanged"), ("b", "failed")}


def test_one_stack_is_told_as_if_there_were_no_other() -> None:
    assert stacks.tabs_of("", ["a"]) == {}
    assert stacks.pages_of({}) == {}
    assert set(stacks.pages_of({"a": {"/": lambda _query: None}})) == {"/"}  # type: ignore[dict-item,return-value]


# -- settings and exit codes


def test_stacks_are_named_by_commas(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: x\n")
    env = {"PROGRAM_DIR": str(tmp_path)}
    assert load({**env, "STACK": "a, org/x/b"}).stacks == ("a", "org/x/b")
    for wrong, why in (("a,,b", "letters, digits"), ("a,-b", "letters, digits"), ("a,x/a", "it names a stack twice")):
        with pytest.raises(SettingsError, match=why):
            load({**env, "STACK": wrong})


def test_what_is_missing_is_told_with_its_stack_and_an_allowance_is_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: x\nconfig:\n  dkronUrl: {type: string, default: ''}\n")
    (tmp_path / "Pulumi.a.yaml").write_text("config: {x:dkronUrl: 'http://d'}\n")
    (tmp_path / "Pulumi.b.yaml").write_text("config: {}\n")
    monkeypatch.setenv("PROGRAM_DIR", str(tmp_path))
    monkeypatch.setenv("STACK", "a,b")
    monkeypatch.delenv("DKRON_URL", raising=False)
    assert main.main(["--once", "--allow-deletes", "3"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "watcher: an allowance is for one stack: give it with STACK=NAME"
    assert [line.partition(": dkronUrl")[0] for line in told[1:]] == ["watcher: stack b"]


def test_each_has_its_parts_and_they_share_clock_and_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: x\n")
    made = assemble(load({"PROGRAM_DIR": str(tmp_path), "STACK": "a,b"}), Allowance())
    assert [(one.board.now.stack, one.tools.cli.stack) for one in made] == [("a", "a"), ("b", "b")]
    assert len({id(one.clock) for one in made}) == len({id(one.tools.control) for one in made}) == 1
    made[1].tools.log.info("x", y=1)
    line = json.loads(capsys.readouterr().err)
    assert (line["stack"], line["y"]) == ("b", 1)
    made[0].clock.close()


def test_the_exit_code_is_that_of_the_first_that_is_not_well() -> None:
    assert stacks.worst([0, 3, 1]) == 3
    assert stacks.worst([0, 0]) == 0


def test_a_report_of_several_names_each(worlds: dict[str, World], capsys: pytest.CaptureFixture[str]) -> None:
    for w in worlds.values():
        assert once.report_once(w.tools, w.cycle) == 0
    assert capsys.readouterr().out == "stack a:\n1 unchanged\nstack b:\n1 unchanged\n"
