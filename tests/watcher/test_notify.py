"""Messages on a real loopback socket: what arrives, what a dead target costs, and what survives a restart."""

import io
import json
import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import wait_until
from tests.watcher.support import FakeClock
from tests.web import Answer, Web
from watcher import notify
from watcher.dkron.runs import Runs
from watcher.logs import Redactor, open_log
from watcher.metrics import Metrics
from watcher.notify import Notifier, Wishes
from watcher.status import Board, CycleReport, Outcome, Reason, Snapshot
from watcher.targets import KINDS, kinds, problems, targets

# apprise loads its hundred plugins when the first target is made, and some of them warn.
pytestmark = [pytest.mark.enable_socket, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
SECRET = "s3cret-value"


@dataclass
class Told:
    """A notifier with everything around it."""

    notifier: Notifier
    board: Board
    clock: FakeClock
    metrics: Metrics
    stream: io.StringIO

    def look(self, runs: Runs | None = None) -> None:
        self.notifier.look(runs or Runs(), self.clock)

    def close(self) -> None:
        self.notifier.close()

    def cycle(self, outcome: Outcome, detail: str = "") -> None:
        self.board.add(CycleReport(1, Reason.INTERVAL, outcome, self.clock.now(), 1.0, detail))

    def count(self, result: str) -> float | None:
        return self.metrics.registry.get_sample_value("watcher_notifications_total", {"result": result})


def told(file: Path, *addresses: str, **changes: Any) -> Told:
    clock, stream, metrics, redactor = FakeClock(), io.StringIO(), Metrics("1", "dev"), Redactor([SECRET])
    board = Board(Snapshot("dev", clock.now(), 300))
    given = {
        "kinds": frozenset(KINDS),
        "public_url": "https://jobs.example/",
        "file": file / "notified.json",
        **changes,
    }
    wishes = Wishes(addresses, **given)
    log = open_log("json", "debug", redactor, stream)
    return Told(Notifier(wishes, board, log, metrics, redactor), board, clock, metrics, stream)


def overdue(clock: FakeClock, *names: str) -> Runs:
    runs = Runs()
    jobs = [
        {"name": name, "schedule": "@hourly", "last_success": "2023-11-14T10:00:00Z", "success_count": 1}
        for name in names
    ]
    runs.note(
        [*jobs, {**jobs[0], "name": "fresh", "last_success": "2023-11-14T22:13:00Z"}],
        datetime.fromtimestamp(clock.now(), UTC),
    )
    return runs


def answering(status: int) -> Web:
    return Web(lambda _request: Answer(status))


def bodies(web: Web) -> list[Any]:
    return [request.json() for request in web.asked]


def test_a_library_that_is_gone_for_a_while_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(200) as web:
        made = told(tmp_path, f"json://127.0.0.1:{web.port}/hook")
        with monkeypatch.context() as broken:
            broken.setitem(sys.modules, "apprise", None)
            made.cycle(Outcome.REFUSED, "12 deletions")
            made.look()
            wait_until(lambda: made.count("failed") == 1, "the first message to fail")
        made.look(overdue(made.clock, "nightly"))
        made.close()
        (sent,) = bodies(web)
    assert sent["message"].startswith("job nightly overdue")


def test_a_refusal_and_an_overdue_job_arrive_with_a_link_and_their_end_too(tmp_path: Path) -> None:
    with answering(200) as web:
        made = told(tmp_path, f"json://127.0.0.1:{web.port}/hook")
        made.cycle(Outcome.REFUSED, f"12 deletions {SECRET}")
        made.look(overdue(made.clock, "nightly"))
        made.look(overdue(made.clock, "nightly"))
        made.cycle(Outcome.UNCHANGED)
        runs = overdue(made.clock, "nightly")
        runs.found = {}
        made.look(runs)
        made.close()
        sent = bodies(web)
    assert [body["title"] for body in sent] == ["Dkron jobs, stack dev"] * 4
    texts = [body["message"] for body in sent]
    assert texts[0].startswith("a change was refused: 12 deletions [secret];")
    assert texts[0].endswith("\nhttps://jobs.example/")
    assert texts[1] == "job nightly overdue since 11:00, 11 hours (UTC)\nhttps://jobs.example/jobs/nightly"
    assert sorted(text.partition(":")[0] for text in texts[2:]) == ["over", "over"]
    assert [body["type"] for body in sent] == ["warning", "warning", "success", "success"]
    assert made.count("sent") == 4


def test_what_was_told_survives_a_restart(tmp_path: Path) -> None:
    with answering(200) as web:
        for _ in range(2):
            made = told(tmp_path, f"json://127.0.0.1:{web.port}/", public_url="")
            made.look(overdue(made.clock, "nightly"))
            made.close()
        assert len(web.asked) == 1
        (tmp_path / "notified.json").write_text('{"a": 5}')
        made = told(tmp_path, f"json://127.0.0.1:{web.port}/")
        made.look(overdue(made.clock, "nightly"))
        made.close()
        assert len(web.asked) == 2


def test_a_dead_target_is_tried_three_times_and_is_a_metric_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "PAUSE_S", 0.0)
    with answering(500) as dead, answering(200) as alive:
        made = told(tmp_path, f"json://127.0.0.1:{dead.port}/{SECRET}", f"json://127.0.0.1:{alive.port}/")
        made.look(overdue(made.clock, "nightly"))
        made.close()
        assert (len(dead.asked), len(alive.asked)) == (3, 1)
    assert (made.count("failed"), made.count("sent")) == (1, 1)
    (line,) = [json.loads(line) for line in made.stream.getvalue().splitlines()]
    assert (line["event"], line["target"], line["tries"]) == ("notify.failed", 1, 3)
    assert SECRET not in made.stream.getvalue()


def test_what_no_target_took_is_told_again_after_an_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "PAUSE_S", 0.0)
    with answering(500) as web:
        made = told(tmp_path, f"json://127.0.0.1:{web.port}/")
        runs = overdue(made.clock, "nightly")
        made.look(runs)
        wait_until(lambda: made.notifier._unsent, "the end of three tries")
        web.answer = lambda _request: Answer(200)
        for after in (60, 3500, 3700, 7400):
            made.clock.seconds = after
            made.look(runs)
            told_at = {notice.at - made.clock.now() + after for notice in made.notifier._told.values()}
            assert (max(told_at) > 0) is (after >= 3700), after
        made.close()
        assert len(web.asked) == 4


def test_a_target_that_hangs_holds_up_nobody_and_the_queue_has_an_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "QUEUE", 2)
    with Web(lambda _request: Answer(hang="head")) as web:
        made = told(tmp_path, f"json://127.0.0.1:{web.port}/")
        for number in range(6):
            made.look(overdue(made.clock, f"j{number}"))
            if number == 0:
                wait_until(lambda: web.asked, "the first request")
        made.notifier._stop.set()
        made.notifier.close(patience_s=0.01)
    assert (made.count("dropped") or 0) >= 3


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with answering(200) as web:
        made = told(tmp_path / "file", f"json://127.0.0.1:{web.port}/")
        made.look(overdue(made.clock, "nightly"))
        made.close()
    assert "notify.not_kept" in made.stream.getvalue()


# -- by mail


@contextmanager
def mail_server() -> Iterator[tuple[int, list[str]]]:
    """An SMTP server that takes every mail: its port, and the mails."""
    mails: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 test\r\n")
            while line := self.rfile.readline().decode().strip():
                if line.upper().startswith("DATA"):
                    self.wfile.write(b"354 go on\r\n")
                    mail = ""
                    while (text := self.rfile.readline().decode()) != ".\r\n":
                        mail += text
                    mails.append(mail)
                self.wfile.write(b"221 bye\r\n" if line.upper() == "QUIT" else b"250 ok\r\n")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield int(server.server_address[1]), mails
        server.shutdown()


def test_a_mail_arrives(tmp_path: Path) -> None:
    with mail_server() as (port, mails):
        made = told(tmp_path, f"mailto://127.0.0.1:{port}?from=jobs@example.com&to=ops@example.com&mode=insecure")
        made.look(overdue(made.clock, "nightly"))
        made.close()
    assert len(mails) == 1
    assert "Subject: Dkron jobs, stack dev" in mails[0]
    assert "job nightly overdue since 11:00" in mails[0]


# -- the settings


def test_targets_are_separated_by_commas_and_keep_their_own() -> None:
    assert targets(" json://a/?x=1,2, mailto://b:c@d ,") == ("json://a/?x=1,2", "mailto://b:c@d")
    assert targets("") == targets(" , ") == ()


def test_a_malformed_target_is_told_by_its_number_only() -> None:
    assert problems(()) == []
    assert problems(("json://127.0.0.1:1/",)) == []
    (problem,) = problems(("json://127.0.0.1:1/", f"nosuch://{SECRET}"))
    assert problem == "NOTIFY: target 2 is malformed, or of a kind that apprise doesn't know"


def test_the_kinds_are_checked() -> None:
    assert kinds("job, Drift") == (frozenset({"job", "drift"}), [])
    assert kinds("jobs")[1] == [
        'NOTIFY_ON names "jobs": it must be of refused, failed, person, job, plan, drift, recovered'
    ]
