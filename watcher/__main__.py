"""`python -m watcher`: wires the parts, takes the signals, ends with an exit code. Holds no policy of its own."""

import argparse
import os
import signal
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

from provider.errors import SettingsError
from watcher import needs, notify, once, secrets, settings
from watcher.allowance import Allowance, user
from watcher.clock import Control, SystemClock
from watcher.cycle import Cycle
from watcher.logs import EventLog, Redactor, open_log
from watcher.loop import Loop
from watcher.metrics import Metrics
from watcher.notify import Notifier, Wishes
from watcher.pulumi.cli import Limits, PulumiCli
from watcher.recovery.recovery import Tools
from watcher.report import FORMATS
from watcher.restraint import PlanOnly
from watcher.setting_table import TABLE
from watcher.settings import WatcherSettings
from watcher.status import EXIT_CODES, Board, Snapshot
from watcher.web.clean import cleaner
from watcher.web.live import LiveJobs, Sources
from watcher.web.page import pages
from watcher.web.server import Asked, HttpServer, health_routes

BAD_SETTINGS = 2
PRIVATE = 0o077  # the state and its history, which the runs write, are their owner's alone


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that one process has of a kind."""

    tools: Tools
    board: Board
    cycle: Cycle
    loop: Loop
    clock: SystemClock


def help_text() -> str:
    """The settings and exit codes, for --help."""
    rows = [f"  {s.name:26}{s.meaning}{f' [{s.default}]' if s.default else ''}" for s in TABLE]
    meanings = {BAD_SETTINGS: "a setting is missing or malformed"}
    for outcome, code in EXIT_CODES.items():
        meanings[code] = f"{meanings[code]} or {outcome.value}" if code in meanings else outcome.value
    codes = [f"  {code}  {meanings[code]}" for code in sorted(meanings)]
    head, middle = (
        "settings (environment; NAME_FILE names a file for a secret NAME):",
        "exit codes of --once:",
    )
    return "\n".join([head, *rows, "", middle, *codes])


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m watcher",
        description="Runs `pulumi up` on an interval, and at once when a job drifts in Dkron.",
        epilog=help_text(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--once", action="store_true", help="run one cycle; the exit code tells the outcome")
    parser.add_argument("--report", action="store_true", help="show what a cycle would do, and change nothing")
    parser.add_argument("--format", choices=FORMATS, default="text", help="of --report: text, json, or markdown")
    parser.add_argument("--allow-deletes", type=_count, metavar="N", help="allow one change set to delete up to N jobs")
    parser.add_argument("--allow-updates", type=_count, metavar="N", help="allow one change set to update up to N jobs")
    parser.add_argument("--create-stack", action="store_true", help="create the stack if there is none (dev: always)")
    return parser.parse_args(argv)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError("must be a whole number")
    return int(text)


def version() -> str:
    try:
        project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))
        return str(project["project"]["version"])
    except (OSError, ValueError, KeyError):
        return "unknown"


def assemble(chosen: WatcherSettings, allowance: Allowance) -> Parts:
    clock = SystemClock()
    control = Control(clock)
    redactor = Redactor(chosen.secrets)
    limits = Limits(chosen.up_timeout_s, chosen.grace_s)
    tools = Tools(
        settings=chosen,
        control=control,
        cli=PulumiCli(chosen.program_dir, chosen.stack, chosen.env, limits, control),
        log=open_log(chosen.log_format, chosen.log_level, redactor),
        metrics=Metrics(version(), chosen.stack),
        redactor=redactor,
    )
    board = Board(Snapshot(chosen.stack, clock.now(), chosen.interval_s))
    cycle = Cycle(tools, board, allowance)
    notifier = None
    if chosen.notify:
        file = chosen.work_dir / notify.FILE
        wishes = Wishes(chosen.notify, chosen.notify_on, chosen.public_url, file)
        notifier = Notifier(wishes, board, tools.log, tools.metrics, cleaner(redactor, places(chosen)))
    return Parts(tools, board, cycle, Loop(tools, cycle, board, notifier), clock)


def places(chosen: WatcherSettings) -> dict[str, str]:
    """Where the state and the watcher's own files lie, by what is to stand for it."""
    return {
        "state": chosen.env.get("PULUMI_BACKEND_URL", "").removeprefix("file://"),
        "work directory": str(chosen.work_dir),
        "program directory": str(chosen.program_dir),
        "Pulumi's home": chosen.env.get("PULUMI_HOME", ""),
    }


def take_signals(parts: Parts) -> None:
    """TERM and INT end it after the operation in hand, HUP starts a cycle now."""
    control = parts.tools.control

    def on_stop(_signum: int, _frame: FrameType | None) -> None:
        control.stop()

    def on_hangup(_signum: int, _frame: FrameType | None) -> None:
        control.force()

    signal.signal(signal.SIGTERM, on_stop)
    signal.signal(signal.SIGINT, on_stop)
    signal.signal(signal.SIGHUP, on_hangup)
    parts.clock.arm()


def status_pages(parts: Parts) -> Mapping[str, Asked]:
    """The page for people and its data, without the places where the state lies."""
    cycle, chosen = parts.cycle, parts.tools.settings
    sources = Sources(
        lambda: cycle.connector.current, lambda: cycle.census.noted, parts.loop.runs, parts.tools.settings.show_output
    )
    live = LiveJobs(sources, parts.board, parts.clock)
    return pages(parts.board, live, parts.clock, cleaner(parts.tools.redactor, places(chosen)), chosen.front.base)


def serve(parts: Parts) -> list[HttpServer]:
    """The HTTP side: the page's server, and the metrics' where they have an address of their own.

    Raises SettingsError where an address can't be had.
    """
    chosen, tools = parts.tools.settings, parts.tools
    clean = cleaner(tools.redactor, places(chosen))
    routes = health_routes(parts.board, tools.metrics, parts.clock, clean, brief=chosen.front.login is not None)
    metrics = {"/metrics": routes.pop("/metrics")} if chosen.front.metrics else {}

    def bug(what: str) -> None:
        tools.log.error("http.bug", what=what)

    servers: list[HttpServer] = []
    name, address = "HEALTH_ADDR", chosen.health
    try:
        if address:
            servers.append(HttpServer(address, routes, bug, status_pages(parts), chosen.front))
        name, address = "METRICS_ADDR", chosen.front.metrics
        if address:
            servers.append(HttpServer(address, metrics, bug))
    except OSError as error:
        close(servers)
        where = ":".join(map(str, address or ()))
        raise SettingsError([f"{name}: cannot listen on {where}: {error.strerror or error}"]) from None
    return servers


def close(servers: Iterable[HttpServer]) -> None:
    for server in servers:
        server.close()


def run_for_ever(parts: Parts) -> int:
    servers = serve(parts)
    log, chosen = parts.tools.log, parts.tools.settings
    listening = f"{chosen.health[0]}:{servers[0].port}" if servers and chosen.health else "off"
    log.info("watcher.started", version=version(), stack=chosen.stack, interval_s=chosen.interval_s, http=listening)
    try:
        parts.loop.run()
    finally:
        close(servers)
    log.info("watcher.stopped")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    options = arguments(argv)
    try:
        chosen = replace(settings.load(), create_stack=options.create_stack)
        needs.require(chosen)
    except SettingsError as error:
        return complain(error)
    let_through = options.once and chosen.rules.plan_only is not PlanOnly.OFF
    allowance = Allowance(options.allow_deletes, options.allow_updates, user(), let_through)
    parts = assemble(chosen, allowance)
    take_signals(parts)
    for name in secrets.weak(chosen.env):
        why = "it is a word that anybody would try, or so short that it is hidden only where it stands alone"
        parts.tools.log.warning("secret.weak", name=name, why=f"{why}; choose one of 16 characters or more")
    try:
        if options.report:
            return once.report_once(parts.tools, parts.cycle, options.format)
        if allowance.given:
            parts.tools.log.warning("allowance.given", who=allowance.who, **allowance.shown)
        return once.run_once(parts.tools, parts.cycle, parts.loop) if options.once else run_for_ever(parts)
    except SettingsError as error:
        return complain(error, parts.tools.log)
    finally:
        if parts.loop.notifier is not None:
            parts.loop.notifier.close()
        parts.cycle.close()
        parts.clock.close()


def complain(error: SettingsError, log: EventLog | None = None) -> int:
    """Every problem on a line of its own."""
    for problem in error.problems:
        if log is not None:
            log.error("settings.bad", problem=problem)
        else:
            sys.stderr.write(f"watcher: {problem}\n")
    return BAD_SETTINGS


if __name__ == "__main__":
    os.umask(PRIVATE)
    sys.exit(main())
