"""A Dkron for development: on loopback, its data under .state/, started when needed and stopped by `make down`."""

import contextlib
import json
import os
import subprocess
import time
from typing import Any

import psutil

from commands.stack import DEFAULT_STACK, plain_config
from dev.agent import START_TIMEOUT_S, AgentFailed, free_port, serves, start_agent
from dev.say import ROOT, STATE, say, stop
from dev.tools import Tool, choose_dkron, docker_answers, known_good, sandbox_choice, stand_in

CONTAINER = "dkron-jobs-dev"
PORT = 8888  # the dev stack's dkronUrl
RECORD = STATE / "dkron.json"  # what we started: {"url", "pid" | "container", "born"}


def ensure_dkron() -> str:
    """The address of a Dkron with a leader.

    DKRON_URL's, that of a stack other than dev, the one that runs already, else one that is started now. Raises
    SettingsError.
    """
    given = os.environ.get("DKRON_URL", "").strip()
    if given:
        say("dkron", f"{given}, because DKRON_URL names it")
        return given
    stack = os.environ.get("STACK", "").strip() or DEFAULT_STACK
    if stack != DEFAULT_STACK:
        return _of_stack(stack)
    url = _own_dkron()
    if url != f"http://127.0.0.1:{PORT}":
        say("dkron", f"for `pulumi` and `python -m jobs`: export DKRON_URL={url}")
    return url


def _of_stack(stack: str) -> str:
    """What the stack itself says: no Dkron of this machine is meant."""
    configured = plain_config("dkronUrl", {"STACK": stack}, ROOT)
    if not configured:
        stop(f"dkron: stack {stack} names none: `pulumi config set dkronUrl URL --stack {stack}`, or set DKRON_URL")
    say("dkron", f"{configured}, because stack {stack} names it")
    return configured


def _own_dkron() -> str:
    record = _running()
    if record:
        say("dkron", f"{record['url']}, started here before and still running")
        return str(record["url"])
    tool = choose_dkron()
    in_container = tool is None and docker_answers()
    return _start_container() if in_container else _start(tool or _last_resort())


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
        stop(f"dkron: {reason}: install Dkron {known_good('dkron')} or Docker, set DKRON_URL, or allow SANDBOX")
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
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        return record if shown.stdout.strip() == "true" else None
    # The kernel's idea of when a process started moves with the clock; no id comes round again within a minute.
    return record if abs(_born(int(record["pid"])) - float(record["born"])) < 60 else None


def _born(pid: int) -> float:
    """When a process started, 0 for none: with its id it tells it from a later process of the same id."""
    try:
        process = psutil.Process(pid)
        return 0.0 if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return 0.0


def _remember(url: str, **what: Any) -> None:
    """Written before the wait for the server, so that `make down` finds it also after a Ctrl-C."""
    RECORD.write_text(json.dumps({"url": url, **what}), encoding="utf-8")


def _start(tool: Tool) -> str:
    port = free_port(PORT)
    if port != PORT:
        say("dkron", f"port {PORT} is taken by something else, so it listens on {port}")
    agent = start_agent(tool.path, STATE / ("dkron-sandbox" if tool.sandbox else "dkron"), port, "dev")
    _remember(agent.url, pid=agent.process.pid, born=_born(agent.process.pid))
    try:
        agent.wait_until_it_serves()
    except AgentFailed as error:
        stop(f"dkron: it did not start: {(str(error).strip().splitlines() or ['no reason given'])[-1]}")
    say("dkron", f"started on {agent.url}, data under .state/, log in .state/{agent.log.name}")
    return agent.url


def _start_container() -> str:
    image = f"dkron/dkron:{known_good('dkron')}"
    port = free_port(PORT)
    say("dkron", f"container {CONTAINER} of {image}, because Docker runs here and no dkron is on PATH")
    command = ["docker", "run", "-d", "--name", CONTAINER, "-p", f"127.0.0.1:{port}:8080", image, "agent", "--server"]
    command += ["--bootstrap-expect=1", "--node-name=dev", "--disable-usage-stats"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        stop(f"dkron: docker could not start {image}: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    url = f"http://127.0.0.1:{port}"
    _remember(url, container=CONTAINER)
    deadline = time.monotonic() + START_TIMEOUT_S
    while not serves(url):
        if time.monotonic() > deadline:
            stop(f"dkron: no leader at {url} within {START_TIMEOUT_S:.0f} s: see `docker logs {CONTAINER}`")
        time.sleep(0.1)
    return url


def _end(pid: int) -> None:
    """Ends the process, by force after ten seconds."""
    process = psutil.Process(pid)
    process.terminate()
    with contextlib.suppress(psutil.TimeoutExpired):
        process.wait(10)
        return
    process.kill()
