"""The running Pulumi program as the deployment sees it: started, has registered everything, may leave, is gone."""

from __future__ import annotations

import json
import threading
from typing import Any

from .errors import Bail
from .monitor import Monitor
from .processes import start_program
from .run import Run

LOGGED = 32  # run_program.py: the program raised, and that was told already


class Program:
    """One run of the program. Close it in any case."""

    def __init__(self, run: Run, engine: Any) -> None:
        self._run = run
        self._registered, self._may_leave = threading.Event(), threading.Event()
        self._monitor = Monitor(run, engine, self._registered_all)
        settings = {
            "monitor": self._monitor.address,
            "engine": self._monitor.address,
            "project": run.project.name,
            "stack": run.stack,
            "organization": "organization",
            "root_directory": str(run.project.root),
            "parallel": run.options.parallel,
            "dry_run": run.options.preview,
        }
        variables = {
            "PULUMI_CONFIG": json.dumps(run.config),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(run.secret_keys),
        }
        self._child = start_program(run.project, [json.dumps(settings)], variables, run.report.message)
        threading.Thread(target=self._watch, daemon=True).start()

    def _registered_all(self) -> None:
        """Called for the program when it has said everything; keeps it waiting until it may leave."""
        self._registered.set()
        self._run.wake.set()
        self._may_leave.wait()

    def _watch(self) -> None:
        self._child.wait()
        self._run.wake.set()

    def wait(self) -> None:
        """Until all is registered. Bail when the run was stopped or the program ended badly before."""
        self._run.wake.wait()
        self._run.check()
        if not self._registered.is_set():
            self._complain(self._child.wait())

    def leave(self) -> None:
        """Lets the program end; Bail when it ends badly."""
        self._may_leave.set()
        self._complain(self._child.wait())

    def _complain(self, code: int | None) -> None:
        if code == LOGGED or (code and self._run.report.errors):
            raise Bail
        if code:
            raise Bail(f"an unhandled error occurred: Program exited with non-zero exit code: {code}")

    def close(self) -> None:
        self._may_leave.set()
        self._child.stop()
        self._monitor.close()
