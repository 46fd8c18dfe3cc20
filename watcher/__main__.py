"""`python -m watcher`: wires the parts, takes the signals, ends with an exit code. Holds no policy of its own."""

import argparse
import os
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import FrameType

from provider.errors import SettingsError
from watcher import loop, needs, once, secrets, settings, stacks
from watcher.allowance import Allowance, user
from watcher.clock import Control, SystemClock
from watcher.logs import EventLog
from watcher.metrics import Together
from watcher.parts import Parts, assemble, cleaner_of, version
from watcher.report import FORMATS
from watcher.restraint import PlanOnly
from watcher.setting_table import TABLE
from watcher.settings import WatcherSettings
from watcher.status import EXIT_CODES
from watcher.web.live import LiveJobs, Sources
from watcher.web.page import pages
from watcher.web.server import HttpServer, Route, health_routes

BAD_SETTINGS = 2
PRIVATE = 0o077  # the state and its history, which the runs write, are their owner's alone


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


def take_signals(control: Control, clock: SystemClock) -> None:
    """TERM and INT end it after the operation in hand, HUP starts a cycle now."""

    def on_stop(_signum: int, _frame: FrameType | None) -> None:
        control.stop()

    def on_hangup(_signum: int, _frame: FrameType | None) -> None:
        control.force()

    signal.signal(signal.SIGTERM, on_stop)
    signal.signal(signal.SIGINT, on_stop)
    signal.signal(signal.SIGHUP, on_hangup)
    clock.arm()


def status_pages(parts: Sequence[Parts]) -> dict[str, Route]:
    """The page for people and its data, of each stack, without the places where the state lies."""
    return stacks.pages_of({one.board.now.stack: _pages(one, parts) for one in parts})


def _pages(parts: Parts, everyone: Sequence[Parts]) -> Mapping[str, Route]:
    cycle, chosen = parts.cycle, parts.tools.settings
    sources = Sources(
        lambda: cycle.connector.current, lambda: cycle.census.noted, parts.loop.runs, parts.tools.settings.show_output
    )
    live = LiveJobs(sources, parts.board, parts.clock)
    names, base = [one.board.now.stack for one in everyone], chosen.front.base
    own = stacks.base_of(base, parts.board.now.stack) if len(names) > 1 else base
    clean = cleaner_of(chosen, parts.tools.redactor)
    return pages(parts.board, live, parts.clock, clean, own, stacks.tabs_of(base, names))


def serve(parts: Sequence[Parts]) -> list[HttpServer]:
    """The HTTP side: the page's server, and the metrics' where they have an address of their own.

    Raises SettingsError where an address can't be had.
    """
    tools = parts[0].tools
    chosen = tools.settings
    clean, brief = cleaner_of(chosen, tools.redactor), chosen.front.login is not None
    by_stack = {
        one.board.now.stack: health_routes(one.board, one.tools.metrics, one.clock, clean, brief=brief) for one in parts
    }
    routes = stacks.routes_of(by_stack, Together({one.board.now.stack: one.tools.metrics for one in parts}))
    metrics = {"/metrics": routes.pop("/metrics")} if chosen.front.metrics else {}

    def bug(what: str) -> None:
        tools.log.error("http.bug", what=what)

    servers: list[HttpServer] = []
    name, address = "HEALTH_ADDR", chosen.health
    try:
        if address:
            servers.append(HttpServer(address, routes | status_pages(parts), bug, chosen.front))
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


def run_for_ever(parts: Sequence[Parts]) -> int:
    servers = serve(parts)
    log, chosen = parts[0].tools.log, parts[0].tools.settings
    listening = f"{chosen.health[0]}:{servers[0].port}" if servers and chosen.health else "off"
    for one in parts:
        told = {"stack": one.board.now.stack, "interval_s": chosen.interval_s, "http": listening}
        log.info("watcher.started", version=version(), **told)
    try:
        loop.run([one.loop for one in parts])
    finally:
        close(servers)
    log.info("watcher.stopped")
    return 0


def require(chosen: WatcherSettings, options: argparse.Namespace) -> None:
    """Raises SettingsError with what is missing, of all stacks."""
    several = len(chosen.stacks) > 1
    problems = []
    if several and (options.allow_deletes is not None or options.allow_updates is not None):
        problems.append("an allowance is for one stack: give it with STACK=NAME")
    for one in stacks.each(chosen):
        try:
            needs.require(one)
        except SettingsError as error:
            problems += stacks.problems_of(one.stack, error, several)
    if problems:
        raise SettingsError(problems)


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    options = arguments(argv)
    try:
        chosen = replace(settings.load(), create_stack=options.create_stack)
        require(chosen, options)
    except SettingsError as error:
        return complain(error)
    let_through = options.once and chosen.rules.plan_only is not PlanOnly.OFF
    allowance = Allowance(options.allow_deletes, options.allow_updates, user(), let_through)
    parts = assemble(chosen, allowance)
    tools, clock = parts[0].tools, parts[0].clock
    take_signals(tools.control, clock)
    for name in secrets.weak(chosen.env):
        why = "it is a word that anybody would try, or so short that it is hidden only where it stands alone"
        tools.log.warning("secret.weak", name=name, why=f"{why}; choose one of 16 characters or more")
    try:
        if options.report:
            return stacks.worst(once.report_once(one.tools, one.cycle, options.format) for one in parts)
        if allowance.given:
            tools.log.warning("allowance.given", who=allowance.who, **allowance.shown)
        if options.once:
            return stacks.worst([once.run_once(one.tools, one.cycle, one.loop) for one in parts])
        return run_for_ever(parts)
    except SettingsError as error:
        return complain(error, tools.log)
    finally:
        for one in parts:
            if one.loop.notifier is not None:
                one.loop.notifier.close()
            one.cycle.close()
        clock.close()


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
