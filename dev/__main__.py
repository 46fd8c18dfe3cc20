"""`python -m dev up | preview | down | destroy | watch`: what `make` calls. STACK (dev) names the stack."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NoReturn

from commands import listing
from commands.live import config_of, our_tag
from dev.say import ROOT, STATE, say, stop
from dev.server import ensure_dkron, stop_dkron
from dev.tools import choose_pulumi
from provider.dkron.client import DkronClient, Job
from provider.errors import DkronJobsError
from provider.schedule.calendar import Entry, next_run
from provider.settings import load_dkron
from provider.text import one_line
from watcher.secrets import PUBLIC_PASSPHRASE

STACK = os.environ.get("STACK", "").strip() or "dev"


def environment(dkron_url: str) -> dict[str, str]:
    """The environment of the Pulumi CLI: the address in use, and for the dev stack its documented passphrase."""
    env = {**os.environ, "DKRON_URL": dkron_url, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    if STACK == "dev" and not any(env.get(f"PULUMI_CONFIG_PASSPHRASE{end}") for end in ("", "_FILE")):
        env["PULUMI_CONFIG_PASSPHRASE"] = PUBLIC_PASSPHRASE
    return env


def run_pulumi(commands: Sequence[Sequence[str]], dkron_url: str) -> None:
    """Runs Pulumi commands one after the other, their output shown; stops at the first that fails."""
    pulumi = str(choose_pulumi().path)
    say("stack", f"{STACK}, state in {os.environ.get('PULUMI_BACKEND_URL') or '.state/'}")
    for command in [["stack", "select", "--create", STACK], *commands]:
        done = subprocess.run(
            [pulumi, *command, "--non-interactive"], cwd=ROOT, env=environment(dkron_url), check=False
        )
        if done.returncode != 0:
            stop(f"`pulumi {' '.join(command)}` ended with exit code {done.returncode}; the reason stands above")


def up() -> None:
    url = ensure_dkron()
    run_pulumi([["up", "--yes", "--stack", STACK]], url)
    client = DkronClient(load_dkron({"dkronUrl": url}.get))
    jobs = client.list_jobs(our_tag(config_of(STACK)))
    client.close()
    sys.stdout.write(f"\n{len(jobs)} jobs of ours in Dkron at {url}:\n\n{table(jobs, datetime.now(UTC))}\n")


def table(jobs: Iterable[Job], now: datetime) -> str:
    """One line for each live job, sorted by name; its next run is ours, since Dkron's own ignores the time zone."""
    rows: list[Sequence[str]] = [("JOB", "SCHEDULE", "TIME ZONE", "NEXT RUN (UTC)", "DISPLAY NAME")]
    for job in sorted(jobs, key=lambda j: str(j["name"])):
        texts = [one_line(str(job.get(field) or "-")) for field in ("name", "schedule", "timezone")]
        run = next_run(Entry.of(job), now)
        when = run if isinstance(run, str) else f"{run:%Y-%m-%d %H:%M:%S}"
        rows.append((*texts, when, one_line(str(job.get("displayname") or ""))))
    return listing.table(rows)


def preview() -> None:
    run_pulumi([["preview", "--diff", "--stack", STACK]], ensure_dkron())


def destroy() -> None:
    run_pulumi(
        [
            ["destroy", "--yes", "--stack", STACK],
            ["stack", "rm", "--yes", "--preserve-config", "--stack", STACK],
        ],
        ensure_dkron(),
    )


def watch() -> None:
    """Becomes the watcher, without a container: signals go to it and its exit code is ours."""
    url = ensure_dkron()
    folder = choose_pulumi().path.parent
    env = {"LOG_FORMAT": "text", **environment(url), "STACK": STACK}
    env["PATH"] = f"{folder}{os.pathsep}{env.get('PATH', '')}"
    say("watcher", f"stack {STACK}, {env.get('HEALTH_ADDR') or '127.0.0.1:8080'}; Ctrl-C ends it")
    os.chdir(ROOT)
    os.execve(sys.executable, [sys.executable, "-m", "watcher"], env)  # noqa: S606 - no shell is wanted


def main(arguments: Sequence[str]) -> NoReturn:
    """Runs one command. Exit code 0, 1 (with one line that says why) or 2 (wrong usage)."""
    commands = {"up": up, "preview": preview, "down": stop_dkron, "destroy": destroy, "watch": watch}
    if len(arguments) != 1 or arguments[0] not in commands:
        sys.stderr.write(f"usage: python -m dev {' | '.join(commands)}\n")
        raise SystemExit(2)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.umask(0o077)  # the state and its history are their owner's alone
    STATE.mkdir(exist_ok=True)
    try:
        commands[arguments[0]]()
    except DkronJobsError as error:
        stop(str(error))
    raise SystemExit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
