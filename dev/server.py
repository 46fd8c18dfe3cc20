"""A Dkron for development: on loopback, its data under .state/, started when needed and stopped by `make down`."""

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from dev.say import ROOT, STATE, say, stop
from dev.tools import Tool, choose_dkron, docker_answers, sandbox_choice, stand_in
from provider.dkron.client import DkronClient
from provider.errors import DkronError
from provider.settings import DkronSettings

IMAGE = "dkron/dkron:4.0.9"
CONTAINER = "dkron-jobs-dev"
PORT = 8888  # the dev stack's dkronUrl
START_TIMEOUT_S = 60
RECORD = STATE / "dkron.json"  # what we started: {"url", "pid" | "container", "born"}


def ensure_dkron() -> str:
    """The address of a Dkron with a leader: DKRON_URL's, the one that runs already, else one that is started now."""
    given = os.environ.get("DKRON_URL", "").strip()
    if given:
        say("dkron", f"{given}, because DKRON_URL names it")
        return given
    record = _running()
    if record:
        say("dkron", f"{record['url']}, started here before and still running")
        return str(record["url"])
    tool = choose_dkron()
    in_container = tool is None and docker_answers()
    record = _start_container() if in_container else _start(tool or _last_resort())
    RECORD.write_text(json.dumps(record), encoding="utf-8")
    _wait_for_leader(record["url"])
    return str(record["url"])


def stop_dkron() -> None:
    """Stops what `ensure_dkron` started; its data stay. Says what it did."""
    record = _running()
    if record is None:
        say("dkron", "none was started here, or it is stopped already")
    elif "container" in record:
        subprocess.run(["docker", "rm", "-f", record["container"]], capture_output=True, timeout=60, check=False)
        say("dkron", f"container {record['container']} removed")
    else:
        _end(int(record["pid"]))
        say("dkron", f"stopped (process {record['pid']}); its data stay under .state/")
    RECORD.unlink(missing_ok=True)


def _last_resort() -> Tool:
    reason = "no dkron on PATH, no DKRON_URL, and no Docker engine answers"
    if sandbox_choice() is False:
        stop(f"dkron: {reason}: install Dkron 4.0.9 or Docker, set DKRON_URL, or allow SANDBOX")
    return stand_in("dkron", reason)


def _running() -> dict[str, Any] | None:
    """What we started, if it still runs."""
    try:
        record = json.loads(RECORD.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if "container" in record:
        shown = subprocess.run(
            ["docker", "inspect", "-f", "{{.State.Running}}", record["container"]],
            capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
        return record if shown.stdout.strip() == "true" else None
    return record if _born(int(record["pid"])) == record["born"] else None


def _born(pid: int) -> str:
    """When a process started, as the kernel counts: a number that another process of the same id can't have."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return ""
    state, *fields = stat.rpartition(")")[2].split()
    return "" if state == "Z" else fields[18]


def _free_port(wanted: int) -> int:
    """`wanted` if nothing listens there, else any free port on loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start(tool: Tool) -> dict[str, Any]:
    port = _free_port(PORT)
    if port != PORT:
        say("dkron", f"port {PORT} is taken by something else, so it listens on {port}")
    data = STATE / ("dkron-sandbox" if tool.sandbox else "dkron")
    data.mkdir(parents=True, exist_ok=True)
    command = [
        str(tool.path), "agent", "--server", "--bootstrap-expect=1", f"--http-addr=127.0.0.1:{port}",
        f"--bind-addr=127.0.0.1:{_free_port(0)}",
        "--advertise-addr=127.0.0.1", f"--rpc-port={_free_port(0)}", f"--data-dir={data}",
        "--node-name=dev", "--disable-usage-stats", "--log-level=error",
    ]  # fmt: skip
    with (STATE / "dkron.log").open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT, start_new_session=True,
            env={**os.environ, "GIN_MODE": "release"},
        )  # fmt: skip
    say("dkron", f"started on http://127.0.0.1:{port}, data under .state/, log in .state/dkron.log")
    return {"url": f"http://127.0.0.1:{port}", "pid": process.pid, "born": _born(process.pid)}


def _start_container() -> dict[str, Any]:
    port = _free_port(PORT)
    say("dkron", f"container {CONTAINER} of {IMAGE}, because Docker runs here and no dkron is on PATH")
    done = subprocess.run(
        ["docker", "run", "-d", "--name", CONTAINER, "-p", f"127.0.0.1:{port}:8080", IMAGE,
         "agent", "--server", "--bootstrap-expect=1", "--node-name=dev", "--disable-usage-stats"],
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        stop(f"dkron: docker could not start {IMAGE}: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    return {"url": f"http://127.0.0.1:{port}", "container": CONTAINER}


def _wait_for_leader(url: str) -> None:
    client = DkronClient(DkronSettings((url,)))
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            if client.leader():
                client.close()
                return
        except DkronError:
            pass
        if _running() is None:
            stop("dkron: it ended at once; its last words are in .state/dkron.log")
        time.sleep(0.1)
    stop(f"dkron: no leader at {url} within {START_TIMEOUT_S} s; see .state/dkron.log")


def _end(pid: int) -> None:
    os.kill(pid, signal.SIGTERM)
    born = _born(pid)
    deadline = time.monotonic() + 15
    while _born(pid) == born and born and time.monotonic() < deadline:
        time.sleep(0.1)
    if born and _born(pid) == born:
        os.killpg(pid, signal.SIGKILL)
