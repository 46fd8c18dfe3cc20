"""preview, up, refresh and destroy: from the command line's options to a run, and from its outcome to an exit code."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .backend import StackFiles
from .display import Display
from .errors import CONFIGURATION, TERMINATED, UNEXPECTED_CHANGES, CliError
from .events import Events, Listener
from .jsonout import Digest, Lines
from .output import say
from .passphrase import PassphraseCrypter
from .project import StackConfig
from .recorder import Recorder
from .run import Options, Run
from .switches import switched_on
from .workspace import Workspace, crypter_of, load_snapshot

KINDS = {"preview": "update", "up": "update", "refresh": "refresh", "destroy": "destroy"}


def operate(options: argparse.Namespace) -> int:
    """Carries out one of the four commands; returns the exit code."""
    if options.command != "preview":
        _need_consent(options)
    job = _Job(options)
    if options.command == "preview":
        good, changes = job.run(preview=True)
        return _verdict(options, changes, "preview") if good else 1
    with job.files.locked():
        return job.apply()


def _need_consent(options: argparse.Namespace) -> None:
    interactive = sys.stdin.isatty() and not options.non_interactive
    if not (options.yes or options.skip_preview or interactive):
        raise CliError(
            "--yes or --skip-preview or --preview-only must be passed in to proceed when running in non-interactive "
            "mode",
            CONFIGURATION,
        )


class _Job:
    """One command on one stack."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._workspace = Workspace.open()
        self.files: StackFiles = self._workspace.stack(options.stack)
        self._config = StackConfig.load(self._workspace.project, self.files.name)
        self._crypter: PassphraseCrypter = crypter_of(self._config)
        try:
            self._crypter.verify()
        except CliError as error:
            raise CliError(f"getting stack configuration: get stack secrets manager: {error.message}") from None
        self._values = self._config.resolved(self._workspace.project, self._crypter)
        try:
            self._config.validate(self._workspace.project, self.files.name, self._values)
        except CliError as error:
            raise CliError(f"validating stack config: {error.message}") from None

    def apply(self) -> int:
        options = self._options
        if not options.skip_preview:
            if not self.run(preview=True)[0]:
                return 1
            if not options.yes and not _confirmed(options.command):
                raise CliError("confirmation declined, not proceeding with the update")
        good, changes = self.run(preview=False)
        if not good:
            return 1
        if options.command == "destroy" and not options.json:
            say(
                "The resources in the stack have been deleted, but the history and configuration associated with the "
                "stack are still maintained. \nIf you want to remove the stack completely, run "
                f"`pulumi stack rm {self.files.name}`."
            )
        return _verdict(options, changes, options.command.replace("up", "update"))

    def run(self, *, preview: bool) -> tuple[bool, Counter[str]]:
        from .deployment import Deployment  # late: it imports gRPC and the SDK, which `pulumi version` can do without

        started = int(time.time())
        snapshot = load_snapshot(self.files.read(), self._crypter)
        secrets = [self._values[key] for key in self._config.secure]
        events = Events(self._listeners(preview=preview), secrets, planning=preview)
        every_step = not switched_on("PULUMI_SKIP_CHECKPOINTS")
        recorder = Recorder(None if preview else self.files, snapshot, self._crypter, every_step=every_step)
        run = Run(
            self._run_options(preview=preview),
            self._workspace.project,
            self.files.name,
            dict(sorted(self._values.items())),
            sorted(self._config.secure),
            events,
            recorder,
        )
        with _signals(run, self.files):
            good = Deployment(run).execute()
        if not preview:
            self._record(started, events.changes, good=good)
        return good, events.changes

    def _run_options(self, *, preview: bool) -> Options:
        options = self._options
        refresh = self._workspace.project.refresh_always if options.refresh is None else options.refresh
        return Options(
            kind=KINDS[options.command],
            preview=preview,
            refresh=refresh or options.command == "refresh",
            run_program=options.run_program,
            continue_on_error=options.continue_on_error,
            parallel=max(1, options.parallel),
            legacy_diff=switched_on("PULUMI_ENABLE_LEGACY_DIFF"),
            legacy_refresh_diff=switched_on("PULUMI_ENABLE_LEGACY_REFRESH_DIFF"),
        )

    def _listeners(self, *, preview: bool) -> list[Listener]:
        options = self._options
        if options.json and options.command == "preview":
            return [Digest(say)]
        if options.json:
            return [Lines(say, planning=preview, show_secrets=options.show_secrets)]
        display = Display(
            say,
            planning=preview,
            rich=options.diff,
            outputs=not options.suppress_outputs,
            show_secrets=options.show_secrets,
        )
        display.title(KINDS[options.command], self.files.name)
        return [display]

    def _record(self, started: int, changes: Counter[str], *, good: bool) -> None:
        plain: dict[str, Any] = {key: value for key, value in self._values.items() if key not in self._config.secure}
        self.files.record(
            {
                "kind": KINDS[self._options.command],
                "startTime": started,
                "message": self._options.message,
                "environment": {"exec.kind": "cli", "pulumi.sandbox": "true"},
                "config": plain | {key: {"secure": text} for key, text in self._config.secure.items()},
                "version": 0,
                "result": "succeeded" if good else "failed",
                "endTime": int(time.time()),
                "resourceChanges": dict(changes),
            }
        )


def _verdict(options: argparse.Namespace, changes: Counter[str], what: str) -> int:
    if options.expect_no_changes and any(count for op, count in changes.items() if op != "same"):
        raise CliError(f"no changes were expected for {what} but changes were proposed", UNEXPECTED_CHANGES)
    return 0


def _confirmed(command: str) -> bool:
    return input(f"Do you want to perform this {command.replace('up', 'update')}? [yes/no] ").strip().lower() == "yes"


@contextmanager
def _signals(run: Run, files: StackFiles) -> Iterator[None]:
    """The first INT or TERM finishes what is under way; the second gives up at once with exit code 8.

    A thread acts on them, told through a pipe: a handler would run in the middle of whatever the main thread does,
    locks held, and a second signal in the middle of the first one's handler.
    """
    ours = (signal.SIGINT, signal.SIGTERM)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = {number: signal.signal(number, lambda *_: None) for number in ours}
    told = signal.set_wakeup_fd(writing)

    def act() -> None:
        while byte := os.read(reading, 1):
            if byte[0] not in ours:
                continue
            if run.interrupted:
                run.providers.kill()
                files.unlock()
                os._exit(TERMINATED)
            run.interrupt()

    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(told)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(writing)
        thread.join()
        os.close(reading)
