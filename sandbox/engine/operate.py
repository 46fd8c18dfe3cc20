"""preview, up, refresh and destroy: from the command line's options to a run, and from its outcome to an exit code."""

import argparse
import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .console import switched_on
from .display import Digest, Display, print_line
from .errors import CONFIGURATION, TERMINATED, UNEXPECTED_CHANGES, CliError
from .workspace import Stack, Workspace

TITLES = {"preview": "Previewing update", "up": "Updating", "destroy": "Destroying", "refresh": "Refreshing"}


def operate(options: argparse.Namespace) -> int:
    """Carries out one of the four commands; returns the exit code."""
    preview = options.command == "preview"
    if not (preview or options.yes or options.skip_preview):
        message = "--yes or --skip-preview must be passed in to proceed; the sandbox never asks"
        raise CliError(message, CONFIGURATION)
    stack = Workspace.open().stack(options.stack)
    _settle(options, stack)
    try:
        stack.crypter.verify()
    except CliError as error:
        raise CliError(f"getting stack configuration: get stack secrets manager: {error.message}") from None
    if preview:
        return _run(options, stack, preview=True)
    with stack.files.locked():
        code = 0 if options.skip_preview else _run(options, stack, preview=True)
        return code or _run(options, stack, preview=False)


def _settle(options: argparse.Namespace, stack: Stack) -> None:
    """Completes the flags by what the project and the environment say."""
    asked = stack.project.refresh_always if options.refresh is None else options.refresh == "true"
    options.refresh = asked or options.command == "refresh"
    options.run_program = options.run_program or switched_on("PULUMI_RUN_PROGRAM")
    options.continue_on_error = options.continue_on_error or switched_on("PULUMI_CONTINUE_ON_ERROR")
    options.target = [*options.target, *options.target_replace]
    options.replace = [*options.replace, *options.target_replace]


def _run(options: argparse.Namespace, stack: Stack, *, preview: bool) -> int:
    from .recorder import Recorder  # late: these import gRPC and the SDK, which other commands can do without
    from .report import Report
    from .run import Run

    started = int(time.time())
    snapshot = stack.snapshot()
    values = stack.config.resolved(stack.project, stack.crypter)
    missing = sorted(key.partition(":")[2] for key in stack.project.schema.keys() - values.keys())
    if missing:
        raise CliError(f"validating stack config: Stack '{stack.name}' is missing configuration values {missing}")
    secrets = sorted(stack.config.secure)
    report = Report(_sink(options, stack, preview=preview), [values[key] for key in secrets], planning=preview)
    recorder = Recorder(None if preview else stack.files, snapshot, stack.crypter)
    run = Run(options, preview, stack.project, stack.name, dict(sorted(values.items())), secrets, report, recorder)
    good = _execute(run, stack)
    if not preview:
        _record(options, stack, started, report.changes, good=good)
    if good and options.expect_no_changes and any(op != "same" for op in +report.changes):
        raise CliError("no changes were expected but changes were proposed", UNEXPECTED_CHANGES)
    return 0 if good else 1


def _sink(options: argparse.Namespace, stack: Stack, *, preview: bool) -> Any:
    if options.json:
        return Digest() if options.command == "preview" else print_line
    title = f"{TITLES[options.command]}{', first a preview' if preview and options.command != 'preview' else ''}"
    return Display(f"{title} ({stack.name})", diff=options.diff)


def _record(options: argparse.Namespace, stack: Stack, started: int, changes: Counter[str], *, good: bool) -> None:
    config = stack.config
    stack.files.record(
        {
            "kind": {"up": "update"}.get(options.command, options.command),
            "startTime": started,
            "message": options.message,
            "environment": {"exec.kind": "cli", "pulumi.sandbox": "true"},
            "config": config.values | {key: {"secure": text} for key, text in config.secure.items()},
            "version": 0,
            "result": "succeeded" if good else "failed",
            "endTime": int(time.time()),
            "resourceChanges": +changes,
        }
    )


def _execute(run: Any, stack: Stack) -> bool:
    """The first INT or TERM finishes what is under way; the second gives up at once with exit code 8.

    The run has a thread of its own: so the handler, in this one, meets no lock that it interrupted.
    """
    from .deployment import Deployment

    def interrupt(_number: int, _frame: Any) -> None:
        if run.interrupted:
            run.recorder.frozen = True
            run.providers.kill()
            stack.files.unlock()
            os._exit(TERMINATED)
        run.interrupted = True
        run.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    with ThreadPoolExecutor(max_workers=1) as thread:
        ending = thread.submit(Deployment(run).execute)
        while not ending.done():
            time.sleep(0.05)  # not a wait: a signal that reaches another thread would not end that
        return ending.result()
