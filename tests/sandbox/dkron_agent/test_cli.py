"""The command line: what it says, what it refuses, and that it can be started from anywhere."""

import re
import socket
import subprocess
from pathlib import Path

import pytest

from tests.sandbox.dkron_agent.agents import SANDBOX

NOTICE = "sandbox dkron: a stand-in for development and tests, not Dkron"
AGENT = ["agent", "--server", "--bootstrap-expect=1"]


def dkron(*arguments: str, program: Path = SANDBOX, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(program), *arguments], capture_output=True, text=True, timeout=60, check=False, cwd=cwd or Path("/")
    )


@pytest.mark.parametrize("arguments", [["--help"], ["agent", "--help"], [], [*AGENT, "--join=a"]])
def test_the_first_line_says_what_it_is(arguments: list[str]) -> None:
    assert dkron(*arguments).stdout.splitlines()[0] == NOTICE
    assert "Version: 4.0.9-sandbox" in dkron("version").stdout


def test_it_starts_through_links_from_any_directory(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "one").symlink_to(SANDBOX)
    (tmp_path / "bin" / "dkron").symlink_to("../one")
    assert dkron("version", program=tmp_path / "bin" / "dkron", cwd=tmp_path).returncode == 0


def test_a_module_in_the_working_directory_is_not_taken_for_its_own(tmp_path: Path) -> None:
    (tmp_path / "sandbox.py").write_text("raise SystemExit('wrong')")
    assert dkron("version", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([*AGENT, "--nosuch=1"], "--nosuch=1"),
        ([*AGENT, "--join=10.0.0.1"], "--join=10.0.0.1"),
        (["agent", "--server"], "--bootstrap-expect"),
        (["agent", "--bootstrap-expect=1"], "--server"),
        (["agent", "--server", "--bootstrap-expect=3"], "--bootstrap-expect"),
        ([*AGENT, "--http-addr=127.0.0.1:99999"], "127.0.0.1:99999"),
        (["leave"], "leave"),
        ([*AGENT, "--data-dir=/dev/null"], "can't start: "),
    ],
)
def test_what_it_does_not_do_it_refuses_in_one_line(arguments: list[str], said: str) -> None:
    done = dkron(*arguments)
    assert done.returncode == 1
    assert re.fullmatch(r"Error: .*\n", done.stderr)
    assert said in done.stderr


def test_data_that_are_none_and_a_taken_port_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "sandbox.sqlite").write_text("no database, but long enough to be looked at as one " * 99)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for trouble in (
            ["--http-addr=:0", f"--data-dir={tmp_path}"],
            [f"--http-addr=127.0.0.1:{port}", f"--data-dir={tmp_path}/new"],
        ):
            done = dkron(*AGENT, *trouble)
            assert done.returncode == 1
            assert re.fullmatch(r"Error: can't start: .*\n", done.stderr)
