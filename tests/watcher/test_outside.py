"""What is seen from outside: log, HTTP, metrics, status, clock, help, the report."""

import http.client
import io
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provider.errors import SettingsError
from tests.watcher.support import SECRET, FakeClock, job, preview, step, world
from watcher import __main__ as main
from watcher import once
from watcher.clock import Control, SystemClock
from watcher.front import Front, Login
from watcher.logs import MOST_SECRETS, Progress, Redactor, open_log
from watcher.loop import Loop
from watcher.metrics import Metrics
from watcher.parts import Parts, version
from watcher.pulumi.changes import Drift, Failure
from watcher.setting_table import TABLE
from watcher.status import EXIT_CODES, Board, CycleReport, Outcome, Reason, Snapshot
from watcher.web.server import Answer, HttpServer, Request, health_routes


def cycle(outcome: Outcome, number: int = 1, detail: str = "") -> CycleReport:
    return CycleReport(number, Reason.INTERVAL, outcome, 100.0, 2.0, detail)


# -- the log


def test_an_event_is_one_line_of_json_without_a_secret() -> None:
    stream = io.StringIO()
    log = open_log("json", "info", Redactor([SECRET]), stream)
    log.debug("hidden")
    log.info("cycle.done", job="a", why=f'it said "{SECRET}"', names=[SECRET])
    log.warning("w")
    log.error("e")
    lines = stream.getvalue().splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["cycle.done", "w", "e"]
    first = json.loads(lines[0])
    assert (first["level"], first["job"], first["why"]) == ("info", "a", 'it said "[secret]"')
    assert first["time"].endswith("Z")
    assert SECRET not in stream.getvalue()


def test_a_secret_that_is_a_word_or_a_number_garbles_no_line() -> None:
    stream = io.StringIO()
    redactor = Redactor(["own", "200", "time", '"'])
    open_log("json", "info", redactor, stream).info("x", jobs=["own-d"], failed=[{"why": "own"}], code=200, key="200")
    line = json.loads(stream.getvalue())
    assert (line["jobs"], line["failed"], line["code"]) == (["own-d"], [{"why": "[secret]"}], 200)
    assert line["key"] == "[secret]"


@pytest.mark.parametrize("style", ["json", "text"])
def test_a_bug_is_logged_with_its_traceback_without_a_secret(style: str) -> None:
    stream = io.StringIO()
    log = open_log(style, "info", Redactor([SECRET]), stream)
    try:
        int(SECRET)
    except ValueError:
        log.exception("cycle.bug")
    assert "Traceback" in stream.getvalue()
    assert SECRET not in stream.getvalue()


def test_what_becomes_known_later_is_redacted_from_then_on() -> None:
    redactor = Redactor()
    assert redactor("xyz-key") == "xyz-key"
    redactor.learn(["xyz-key"])
    assert redactor("xyz-key") == "[secret]"


def test_the_keys_before_a_rotation_are_redacted_too_and_a_thousand_rotations_cost_nothing() -> None:
    redactor = Redactor(["first-key"])
    for number in range(1000):
        redactor.learn(["a-key-that-stays", f"key-{number:08}"])
    assert redactor("a-key-that-stays key-00000999 key-00000998") == "[secret] [secret] [secret]"
    assert len(redactor._secrets) <= MOST_SECRETS


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_people_get_colours_and_progress_on_a_terminal_only() -> None:
    plain, terminal = io.StringIO(), Terminal()
    for stream in (plain, terminal):
        log = open_log("text", "info", Redactor(), stream)
        log.progress.show("up ... 3 done")
        log.info("cycle.done", outcome="changed", empty=[])
    assert "\x1b" not in plain.getvalue()
    assert "progress" not in plain.getvalue()
    assert plain.getvalue().rstrip().endswith("outcome=changed")
    assert "\x1b[32m" in terminal.getvalue()
    assert "up ... 3 done" in terminal.getvalue()
    assert Progress(Terminal(), False).on is False


# -- status


def test_the_board_keeps_the_last_fifty_cycles_and_counts_failures() -> None:
    board = Board(Snapshot("dev", 0.0, 300))
    assert (board.now.last, board.now.ready) == (None, False)
    for number in range(60):
        board.add(cycle(Outcome.FAILED, number))
    assert [c.number for c in board.now.cycles] == list(range(10, 60))
    assert (board.now.consecutive_failures, board.now.ready, board.now.last_good) == (60, False, None)
    board.add(cycle(Outcome.REFUSED, detail="no"))
    board.add(cycle(Outcome.CHANGED))
    assert (board.now.consecutive_failures, board.now.ready, board.now.last_good) == (0, True, 102.0)


def test_health_is_red_when_no_cycle_was_attempted_for_three_intervals() -> None:
    snapshot = Snapshot("dev", 5e9, 300, attempted=1000.0)
    assert snapshot.healthy(1900)
    assert not snapshot.healthy(1901)


def test_every_outcome_has_an_exit_code_and_2_is_kept_for_settings() -> None:
    assert set(EXIT_CODES) == set(Outcome)
    assert main.BAD_SETTINGS not in EXIT_CODES.values()
    bad = [code for outcome, code in EXIT_CODES.items() if not outcome.good]
    assert len(set(bad)) == len(bad)
    assert 0 not in bad


# -- metrics


def test_a_cycle_is_counted() -> None:
    metrics = Metrics("1.2", "dev")
    drift = (Drift("a", "gone"), Drift("b", "changed", ("schedule",)), Drift("c", "gone"))
    done = CycleReport(
        1,
        Reason.DRIFT,
        Outcome.FAILED,
        100.0,
        2.0,
        changes={"create": 1, "update": 1},
        drift=drift,
        failures=(Failure("c", "no"), Failure("", "no")),
    )
    metrics.observe(done, 4)
    metrics.observe(cycle(Outcome.REFUSED), 5)
    text = metrics.text().decode()
    for line in (
        'watcher_cycles_total{outcome="failed",reason="drift"} 1.0',
        'watcher_cycles_total{outcome="changed",reason="start"} 0.0',
        "watcher_consecutive_failures_count 5.0",
        'watcher_changes_total{operation="create"} 1.0',
        'watcher_drift_repairs_total{kind="gone"} 1.0',
        'watcher_drift_repairs_total{kind="changed"} 1.0',
        "watcher_refused_count 1.0",
        'watcher_cycle_duration_seconds_count{outcome="failed"} 1.0',
    ):
        assert line in text, line
    assert 'version="1.2"' in text
    metrics.observe(cycle(Outcome.UNCHANGED), 0)
    assert "watcher_last_success_timestamp_seconds 102.0" in metrics.text().decode()


# -- HTTP


@pytest.fixture
def served() -> Iterator[tuple[HttpServer, Board, FakeClock, list[str]]]:
    clock, told = FakeClock(), list[str]()
    board = Board(Snapshot("dev", clock.now(), 300))

    def bug(_request: Request) -> Answer:
        raise KeyError("inside")

    def hide_state(text: str) -> str:
        return text.replace("/srv/state", "[state]")

    routes = {**health_routes(board, Metrics("1", "dev"), clock, hide_state), "/bug": bug}
    server = HttpServer(("127.0.0.1", 0), routes, told.append)
    yield server, board, clock, told
    server.close()


def ask(server: HttpServer, path: str, method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request(method, path)
    answer = connection.getresponse()
    result = answer.status, answer.read().decode()
    connection.close()
    return result


Served = tuple[HttpServer, Board, FakeClock, list[str]]


@pytest.mark.enable_socket
def test_ready_is_the_last_outcome(served: Served) -> None:
    server, board, _, _ = served
    assert ask(server, "/readyz") == (503, "no cycle has ended yet\n")
    board.add(cycle(Outcome.CHANGED))
    assert ask(server, "/readyz?x=1") == (200, "changed\n")
    board.add(cycle(Outcome.REFUSED, detail="too many"))
    assert ask(server, "/readyz") == (503, "refused: too many\n")
    board.add(cycle(Outcome.FAILED, detail="cannot read /srv/state"))
    assert ask(server, "/readyz") == (503, "failed: cannot read [state]\n")


@pytest.mark.enable_socket
def test_healthy_is_that_cycles_are_attempted(served: Served) -> None:
    server, _, clock, _ = served
    assert ask(server, "/healthz") == (200, "ok\n")
    clock.seconds = 901
    assert ask(server, "/healthz")[0] == 503


@pytest.mark.enable_socket
def test_metrics_and_what_is_not_there(served: Served) -> None:
    server = served[0]
    status, text = ask(server, "/metrics")
    assert status == 200
    assert "watcher_cycles_total" in text
    assert ask(server, "/metrics", "HEAD") == (200, "")
    assert ask(server, "/x")[0] == 404
    assert ask(server, "/metrics", "POST") == (405, "")


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    ("accept", "content_type", "end"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8", b"\n"),
        ("text/html, */*", "text/plain; version=0.0.4; charset=utf-8", b"\n"),
        ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", "application/openmetrics-text", b"# EOF\n"),
    ],
)
def test_metrics_are_openmetrics_where_the_scraper_asks(
    served: Served, accept: str, content_type: str, end: bytes
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", served[0].port, timeout=10)
    connection.request("GET", "/metrics", headers={"Accept": accept} if accept else {})
    answer = connection.getresponse()
    assert answer.headers["Content-Type"].startswith(content_type)
    text = answer.read()
    connection.close()
    assert text.endswith(end)
    assert (b"# EOF" in text) == (end == b"# EOF\n")


@pytest.mark.enable_socket
def test_a_bug_in_a_page_shows_nothing_to_a_stranger(served: Served) -> None:
    server, _, _, told = served
    assert ask(server, "/bug") == (500, "internal error\n")
    assert told == ["/bug: KeyError: 'inside'"]


# -- the clock


def test_a_signal_wakes_the_sleeper() -> None:
    clock = SystemClock()
    control = Control(clock)
    before = signal.signal(signal.SIGALRM, lambda *_: control.stop())
    try:
        clock.arm()
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        started = time.monotonic()
        assert not control.sleep(60)
        assert time.monotonic() - started < 30
        stopped_at = control.stop_at
        control.stop()
        assert control.stop_at == stopped_at
        assert clock.now() > 1_700_000_000
    finally:
        signal.signal(signal.SIGALRM, before)
        clock.close()


# -- the command line


def test_help_names_every_setting_and_exit_code() -> None:
    text = main.help_text()
    assert all(row.name in text for row in TABLE)
    assert all(outcome.value in text for outcome in Outcome)
    assert "  2  a setting is missing" in text


@pytest.mark.parametrize("bad", [["--allow-deletes", "x"], ["--allow-deletes", "-1"], ["--what"]])
def test_a_bad_argument_is_refused(bad: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main.arguments(bad)
    assert caught.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_bad_settings_end_it_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PROGRAM_DIR", str(tmp_path))
    monkeypatch.setenv("STRAYS", "maybe")
    assert main.main(["--once"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert all(line.startswith("watcher: ") for line in told)


def parts(tmp_path: Path, **changes: Any) -> Parts:
    w = world(tmp_path, job("a"), **changes)
    return Parts(w.tools, w.board, w.cycle, Loop(w.tools, w.cycle, w.board), SystemClock())


def test_once_ends_with_the_outcomes_code(tmp_path: Path) -> None:
    made = parts(tmp_path)
    assert once.run_once(made.tools, made.cycle, made.loop) == 0
    made.tools.control.stop()
    assert once.run_once(made.tools, made.cycle, made.loop) == 0
    made.clock.close()


def test_a_report_of_a_failure_tells_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = parts(tmp_path)
    assert once.report_once(made.tools, made.cycle) == 0
    assert capsys.readouterr().out == "1 unchanged\n"
    made.tools.cli.previews = [preview(errors=("broken",))]  # type: ignore[attr-defined]
    assert once.report_once(made.tools, made.cycle) == 1
    made.tools.cli.previews = [preview(step("delete", "a", {}))]  # type: ignore[attr-defined]
    (tmp_path / "Pulumi.yaml").write_text("[")
    assert once.report_once(made.tools, made.cycle) == 1
    made.clock.close()


@pytest.mark.enable_socket
def test_metrics_can_have_an_address_of_their_own_without_the_login(tmp_path: Path) -> None:
    front = Front(login=Login("ann", lambda: "right"), metrics=("127.0.0.1", 0))
    made = parts(tmp_path, health=("127.0.0.1", 0), front=front)
    made.board.add(cycle(Outcome.REFUSED, detail="too many"))
    page, metrics = main.serve([made])
    assert ask(page, "/") == (401, "log in\n")
    assert ask(page, "/readyz") == (503, "refused\n")  # no reason for a stranger
    assert ask(metrics, "/metrics")[0] == 200
    assert ask(metrics, "/readyz")[0] == 404
    taken = parts(tmp_path, health=("127.0.0.1", 0), front=Front(metrics=("127.0.0.1", metrics.port)))
    with pytest.raises(SettingsError, match="METRICS_ADDR: cannot listen"):
        main.serve([taken])
    main.close([page, metrics])
    for one in (made, taken):
        one.clock.close()


@pytest.mark.enable_socket
def test_an_address_that_is_taken_is_a_bad_setting(tmp_path: Path) -> None:
    first = parts(tmp_path, health=("127.0.0.1", 0))
    (server,) = main.serve([first])
    second = parts(tmp_path, health=("127.0.0.1", server.port))
    with pytest.raises(SettingsError, match="HEALTH_ADDR: cannot listen"):
        main.serve([second])
    server.close()
    silent = parts(tmp_path, health=None)
    assert main.serve([silent]) == []
    assert main.complain(SettingsError(["x"]), first.tools.log) == 2
    for made in (first, second, silent):
        made.clock.close()


def test_the_version_is_the_projects() -> None:
    assert version().count(".") == 2
