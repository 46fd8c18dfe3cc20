"""preview, up, refresh and destroy: from the command line's options to a run, and from its outcome to an exit code."""

import argparse
import signal
import time
from collections import Counter
from typing import Any

from .console import CONFIGURATION, UNEXPECTED_CHANGES, CliError
from .display import Digest, Display, print_line
from .workspace import Stack, Workspace


def operate(options: argparse.Namespace) -> int:
    """Carries out one of the four commands; returns the exit code."""
    preview = options.command == "preview"
    if not (preview or options.yes or options.skip_preview):
        message = "--yes or --skip-preview must be passed in to proceed; the sandbox never asks"
        raise CliError(message, CONFIGURATION)
    stack = Workspace.open().stack(options.stack)
    _settle(options, stack)
    stack.crypter.verify()
    if preview:
        return _run(options, stack, preview=True)
    with stack.files.locked():
        code = 0 if options.skip_preview else _run(options, stack, preview=True)
        return code or _run(options, stack, preview=False)


def _settle(options: argparse.Namespace, stack: Stack) -> None:
    """Completes the flags by what the project says."""
    asked = stack.project.refresh_always if options.refresh is None else options.refresh == "true"
    options.refresh = asked or options.command == "refresh"
    options.target = [*options.target, *options.target_replace]
    options.replace = [*options.replace, *options.target_replace]


def _run(options: argparse.Namespace, stack: Stack, *, preview: bool) -> int:
    from .recorder import Recorder  # late: these import gRPC and the SDK, which other commands can do without
    from .report import Report
    from .run import Run

    started = int(time.time())
    snapshot = stack.snapshot()
    values = stack.config.resolved(stack.project, stack.crypter)
    secrets = sorted(stack.config.secure)
    report = Report(_sink(options, stack, preview=preview), [values[key] for key in secrets], planning=preview)
    recorder = Recorder(None if preview else stack.files, snapshot, stack.crypter)
    run = Run(options, preview, stack.project, stack.name, dict(sorted(values.items())), secrets, report, recorder)
    good = _execute(run)
    if not preview:
        _record(options, stack, started, report.changes, good=good)
    if good and options.expect_no_changes and any(op != "same" for op in +report.changes):
        raise CliError("no changes were expected but changes were proposed", UNEXPECTED_CHANGES)
    return 0 if good else 1


def _sink(options: argparse.Namespace, stack: Stack, *, preview: bool) -> Any:
    if options.json:
        return Digest() if options.command == "preview" else print_line
    return Display(f"{'preview of ' if preview else ''}{options.command}, {stack.name}", diff=options.diff)


def _record(options: argparse.Namespace, stack: Stack, started: int, changes: Counter[str], *, good: bool) -> None:
    stack.files.record(
        {
            "kind": {"up": "update"}.get(options.command, options.command),
            "startTime": started,
            "message": options.message,
            "result": "succeeded" if good else "failed",
            "endTime": int(time.time()),
            "resourceChanges": +changes,
        }
    )


def _execute(run: Any) -> bool:
    """The first INT or TERM finishes what is under way; a second of its kind ends this process, as kill -9 would."""
    from .deployment import Deployment

    def interrupt(number: int, _frame: Any) -> None:
        signal.signal(number, signal.SIG_DFL)
        run.interrupted = run.stopped = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    return Deployment(run).execute()
