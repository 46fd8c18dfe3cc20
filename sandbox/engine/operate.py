"""preview, up, refresh and destroy: from the command line's options to a run, and from its outcome to an exit code."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections import Counter
from typing import Any

from .console import switched_on
from .display import Digest, Display, print_line
from .errors import CONFIGURATION, TERMINATED, UNEXPECTED_CHANGES, CliError
from .workspace import Stack, Workspace

TITLES = {"preview": "Previewing update", "up": "Updating", "destroy": "Destroying", "refresh": "Refreshing"}


def operate(options: argparse.Namespace) -> int:
    """Carries out one of the four commands; returns the exit code."""
    preview = options.command == "preview"
    consent = preview or options.yes or options.skip_preview
    if not consent and (options.non_interactive or not sys.stdin.isatty()):
        message = "--yes or --skip-preview must be passed in to proceed when running in non-interactive mode"
        raise CliError(message, CONFIGURATION)
    stack = Workspace.open().stack(options.stack)
    try:
        stack.crypter.verify()
    except CliError as error:
        raise CliError(f"getting stack configuration: get stack secrets manager: {error.message}") from None
    if preview:
        return _run(options, stack, preview=True)
    with stack.files.locked():
        if not options.skip_preview:
            if code := _run(options, stack, preview=True):
                return code
            if not consent and input(f"Do you want to {options.command}? [yes/no] ").strip() != "yes":
                raise CliError("confirmation declined, not proceeding with the update")
        return _run(options, stack, preview=False)


def _run(options: argparse.Namespace, stack: Stack, *, preview: bool) -> int:
    from .deployment import Deployment  # late: it imports gRPC and the SDK, which other commands can do without
    from .recorder import Recorder
    from .report import Report
    from .run import Run

    started = int(time.time())
    snapshot = stack.snapshot()
    snapshot.verify()
    values = stack.config.resolved(stack.project, stack.crypter)
    missing = sorted(key.partition(":")[2] for key in stack.project.schema.keys() - values.keys())
    if missing:
        raise CliError(f"validating stack config: Stack '{stack.name}' is missing configuration values {missing}")
    secrets = sorted(stack.config.secure)
    report = Report(_sink(options, stack, preview=preview), [values[key] for key in secrets], planning=preview)
    recorder = Recorder(None if preview else stack.files, snapshot, stack.crypter)
    run_options = _run_options(options, stack, preview=preview)
    run = Run(run_options, stack.project, stack.name, dict(sorted(values.items())), secrets, report, recorder)
    _listen(run, stack)
    good = Deployment(run).execute()
    if not preview:
        _record(options, stack, started, report.changes, good=good)
    if good and options.expect_no_changes and any(op != "same" for op in +report.changes):
        raise CliError("no changes were expected but changes were proposed", UNEXPECTED_CHANGES)
    return 0 if good else 1


def _run_options(options: argparse.Namespace, stack: Stack, *, preview: bool) -> Any:
    from .run import Options

    refresh = stack.project.refresh_always if options.refresh is None else options.refresh
    return Options(
        command=options.command,
        preview=preview,
        refresh=options.command == "refresh" or refresh,
        run_program=options.run_program or switched_on("PULUMI_RUN_PROGRAM"),
        continue_on_error=options.continue_on_error or switched_on("PULUMI_CONTINUE_ON_ERROR"),
        parallel=max(1, options.parallel),
        targets=(*options.target, *options.target_replace),
        replaces=(*options.replace, *options.target_replace),
        legacy_diff=switched_on("PULUMI_ENABLE_LEGACY_DIFF"),
    )


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


def _listen(run: Any, stack: Stack) -> None:
    """The first INT or TERM finishes what is under way; the second gives up at once with exit code 8.

    A thread acts on them, told through a pipe: a handler would run in the middle of whatever the main thread does,
    locks held, and a second signal in the middle of the first one's handler.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(writing)

    def act() -> None:
        while byte := os.read(reading, 1):
            if byte[0] in (signal.SIGINT, signal.SIGTERM):
                if run.interrupted:
                    run.recorder.freeze()
                    run.providers.kill()
                    stack.files.unlock()
                    os._exit(TERMINATED)
                run.interrupted = True
                run.stop()

    threading.Thread(target=act, daemon=True).start()
