"""The real starting and ending of processes, with a tiny `pulumi` of our own."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from watcher.clock import Control, SystemClock
from watcher.pulumi import processes
from watcher.pulumi.child import Finished
from watcher.pulumi.cli import Limits, PulumiCli, run_environment

# Children as the real one has them: other process groups, same session, and they outlive it.
SCRIPT = """#!/bin/bash
echo "$$ $*" >> calls
case "$1" in
preview) echo '{"steps": []}'; echo "secret=$SERVICE_KEY" >&2; exit 0;;
up) set -m; sleep 300 >/dev/null 2>&1 & echo $! > child; set +m; eval "$BODY";;
stack) cat; exit 3;;
esac
exit 1
"""


@pytest.fixture
def control() -> Iterator[Control]:
    clock = SystemClock()
    yield Control(clock)
    clock.close()


Maker = Callable[..., PulumiCli]


@pytest.fixture
def make(tmp_path: Path, control: Control) -> Maker:
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    (bin_dir / "pulumi").write_text(SCRIPT)
    (bin_dir / "pulumi").chmod(0o755)

    def made(body: str = "exit 0", run_s: float = 60, grace_s: float = 30, **env: str) -> PulumiCli:
        # Popen looks a command up in the child's own PATH.
        env = {"PATH": f"{bin_dir}{os.pathsep}{os.environ['PATH']}", "BODY": body, **env}
        return PulumiCli(tmp_path, "dev", env, Limits(run_s, grace_s), control)

    return made


def test_our_settings_of_a_run_win_and_our_defaults_do_not() -> None:
    usual = run_environment({"PULUMI_SKIP_CHECKPOINTS": "false", "HOME": "/home"})
    assert (usual["PULUMI_SKIP_CHECKPOINTS"], usual["HOME"], usual["GOGC"]) == ("true", "/home", "200")
    assert run_environment({"GOGC": "50"})["GOGC"] == "50"


def child(root: Path) -> int:
    deadline = time.monotonic() + 20
    while not ((root / "child").exists() and (root / "child").read_text().strip()):
        assert time.monotonic() < deadline, "the script never started its child"
        time.sleep(0.01)
    return int((root / "child").read_text())


def is_alive(pid: int) -> bool:
    return processes.alive(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def in_background(run: Callable[[], Finished]) -> tuple[threading.Thread, list[Finished]]:
    results: list[Finished] = []
    thread = threading.Thread(target=lambda: results.append(run()))
    thread.start()
    return thread, results


def test_a_run_gives_code_and_both_outputs(make: Maker, tmp_path: Path) -> None:
    done = make(SERVICE_KEY="k").preview()
    assert (done.code, done.ok, done.crashed) == (0, True, False)
    assert (done.stdout, done.stderr) == ('{"steps": []}\n', "secret=k\n")
    assert "secret" not in repr(done)
    assert "--stack dev" in (tmp_path / "calls").read_text()
    assert "k" not in (tmp_path / "calls").read_text().split()


def test_it_gets_no_standard_input_and_its_code_is_told(make: Maker, tmp_path: Path) -> None:
    cli = make()
    assert cli.export_stack().code == 3
    assert cli.create_stack().code == 3
    assert cli.import_stack(tmp_path / "x").code == 3
    assert cli.cancel().code == 1
    assert cli.config_value("key").code == 1
    assert cli.list_stacks().code == 3
    calls = (tmp_path / "calls").read_text()
    assert "stack init dev --no-select --non-interactive\n" in calls
    assert "stack ls --json --non-interactive\n" in calls
    assert "cancel --yes --non-interactive --stack dev\n" in calls


def test_a_missing_pulumi_is_told(tmp_path: Path, control: Control) -> None:
    done = PulumiCli(tmp_path, "dev", {"PATH": str(tmp_path)}, Limits(5, 5), control).up()
    assert (done.code, done.crashed) == (None, True)
    assert "is it on PATH?" in done.stderr


def test_what_outlives_a_run_is_ended(make: Maker, tmp_path: Path) -> None:
    done = make("exit 0").up()
    assert (done.ok, done.orphans) == (True, 0)
    assert not is_alive(child(tmp_path))


def test_a_run_that_failed_with_children_left_counts_as_a_crash(make: Maker, tmp_path: Path) -> None:
    done = make("exit 4").up()
    assert (done.code, done.crashed) == (4, True)
    assert not is_alive(child(tmp_path))


def test_a_killed_run_takes_its_session_with_it(make: Maker, tmp_path: Path) -> None:
    cli = make("sleep 300")
    started: list[tuple[str, int | None]] = []
    cli.on_start = lambda token, pid: started.append((token, pid))
    thread, results = in_background(cli.up)
    orphan = child(tmp_path)
    while len(started) < 2:  # the child may be faster than the thread that started it
        assert thread.is_alive()
        time.sleep(0.01)
    (token, none), (_, pid) = started
    assert none is None
    assert pid is not None
    assert set(processes.of_runs([token])) >= {pid, orphan}
    os.kill(pid, signal.SIGKILL)
    thread.join(30)
    assert results[0].code == -9
    assert results[0].crashed
    assert processes.of_runs([token]) == []


def test_the_time_limit_ends_everything(make: Maker, tmp_path: Path) -> None:
    done = make("sleep 300", run_s=0.5).up()
    assert (done.timed_out, done.crashed) == (True, True)
    assert not is_alive(child(tmp_path))


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_a_child_that_cannot_be_killed_is_left_behind(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    pulumi, tokens = make("sleep 300", run_s=0.5), set[str]()
    pulumi.on_start = lambda token, _pid: tokens.add(token)
    with monkeypatch.context() as stuck:  # as one that waits for its disk
        stuck.setattr("watcher.pulumi.child.LONGEST_END_S", 0.1)
        stuck.setattr("watcher.pulumi.processes.send", lambda *_: None)
        stuck.setattr("subprocess.Popen.kill", lambda _: None)
        stuck.setattr("watcher.pulumi.processes._await_end", lambda *_: None)
        done = pulumi.up()
    assert (done.code, done.timed_out, done.crashed) == (-signal.SIGKILL, True, True)
    assert processes.end_runs(tokens)


def test_a_stop_cuts_a_preview_short(make: Maker, control: Control) -> None:
    control.stop()
    done = make("sleep 300").config_value("x")
    assert done.code in (1, -9)
    started = time.monotonic()
    cli = make()
    cli._run(["up"], interruptible=True)
    assert time.monotonic() - started < 30


def test_a_stop_lets_an_up_come_to_its_end(make: Maker, tmp_path: Path, control: Control) -> None:
    thread, results = in_background(make("sleep 1; exit 0").up)
    child(tmp_path)
    control.stop()
    thread.join(30)
    assert (results[0].code, results[0].stopped) == (0, False)


def test_an_up_longer_than_the_grace_is_asked_then_ended(make: Maker, tmp_path: Path, control: Control) -> None:
    body = "trap 'echo asked >> asked' INT; while true; do sleep 0.1; done"
    (tmp_path / "body.sh").write_text(body)
    thread, results = in_background(make("source body.sh", grace_s=1).up)
    child(tmp_path)
    control.stop()
    thread.join(30)
    assert results[0].stopped
    assert results[0].crashed
    assert (tmp_path / "asked").read_text() == "asked\n"


def test_an_up_that_ends_when_asked_is_no_crash(make: Maker, tmp_path: Path, control: Control) -> None:
    (tmp_path / "body.sh").write_text("trap 'kill $(cat child); exit 1' INT; while true; do sleep 0.1; done")
    thread, results = in_background(make("source body.sh", grace_s=4).up)
    child(tmp_path)
    control.stop()
    thread.join(30)
    assert (results[0].code, results[0].stopped) == (1, True)


def test_every_line_is_told_while_it_runs(make: Maker) -> None:
    lines: list[str] = []
    cli = make("echo one; echo two")
    cli.on_event = lines.append
    cli.up()
    assert lines == ["one\n", "two\n"]


def test_a_process_that_inherits_a_lock_holds_it(make: Maker, tmp_path: Path) -> None:
    (tmp_path / "body.sh").write_text("ls -l /proc/self/fd | grep -c held")
    cli = make("source body.sh")
    with (tmp_path / "held").open("w") as held:
        cli.keep_open = (held.fileno(),)
        assert cli.up().stdout == "1\n"


# -- processes


def test_ending_a_run_that_is_gone_is_done() -> None:
    assert processes.end_runs(["no such token"]) == 0
    processes.send([4_000_001])


def test_every_run_is_recorded_before_and_after_its_start(make: Maker) -> None:
    cli = make("exit 0")
    started: list[int | None] = []
    cli.on_start = lambda _token, pid: started.append(pid)
    for run in (cli.preview, cli.up, cli.export_stack, cli.cancel):
        started.clear()
        run()
        assert started[0] is None
        assert started[1] is not None
