"""Runs a Pulumi program under the SDK's mocks, in a process of its own, and prints what it registered, as JSON.

A process of its own, because a program owns its process: __main__.py sets signals and the garbage collector, and the
SDK keeps one stack in module globals. Reads {"program": path, "config": {}, "secrets": [], "slow": false} from its
standard input.
"""

import asyncio
import json
import logging
import os
import runpy
import sys
import threading
from typing import Any

import pulumi
from google.protobuf import json_format
from pulumi.runtime import configure, mocks
from pulumi.runtime.config import set_all_config
from pulumi.runtime.mocks import MockEngine, MockMonitor, MockResourceArgs, Mocks, MockSettings
from pulumi.runtime.stack import run_in_stack


class Echo(Mocks):
    """An engine that gives every resource its inputs as outputs."""

    def call(self, args: Any) -> tuple[dict[str, Any], None]:
        return {}, None

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        return f"{args.name}-id", dict(args.inputs)


def _whole(request: Any) -> dict[str, Any]:
    """All of a request but where in the program it comes from."""
    whole: dict[str, Any] = json_format.MessageToDict(request)
    return {key: value for key, value in whole.items() if key not in ("sourcePosition", "stackTrace")}


class Recorder(MockMonitor):
    def __init__(self) -> None:
        super().__init__(Echo())
        self.registered: list[dict[str, Any]] = []
        self.outputs: dict[str, Any] = {}
        # Where the test asks for it, no job is registered before the program's last line has run.
        self.program_ended = threading.Event()

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the SDK's name
        if request.custom:
            self.program_ended.wait()
            self.registered.append(
                {
                    "name": request.name,
                    "type": request.type,
                    "inputs": json_format.MessageToDict(request.object),
                    "after": sorted(urn.rpartition("::")[2] for urn in request.dependencies),
                    "parent": request.parent,
                    "request": _whole(request),
                }
            )
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 - the SDK's name
        self.outputs = json_format.MessageToDict(request.outputs)
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]


class Log(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def main() -> None:
    asked = json.load(sys.stdin)
    monitor, log = Recorder(), Log()
    if not asked.get("slow"):
        monitor.program_ended.set()
    logger = logging.Logger("engine", logging.WARNING)
    logger.addHandler(log)
    features = set(monitor.GetDeploymentInfo(None).supportedFeatures)  # type: ignore[no-untyped-call]
    settings = MockSettings(  # type: ignore[no-untyped-call]
        monitor=monitor,
        monitor_features=features,
        engine=MockEngine(logger),
        project="dkron-jobs",
        stack="test",
        dry_run=asked["dry_run"],
        organization=None,
        callbacks=None,
    )
    if not asked["dry_run"]:
        # What asks Dkron before a change goes by the monitor's class. This one stands for the engine's own.
        vars(mocks)["MockMonitor"] = type("Other", (mocks.MockMonitor,), {})
    configure(settings)
    set_all_config(
        {f"dkron-jobs:{k}": v for k, v in asked["config"].items()}, [f"dkron-jobs:{k}" for k in asked["secrets"]]
    )
    error = None

    def program() -> None:
        try:
            runpy.run_path(asked["program"], run_name="__main__")
        finally:
            monitor.program_ended.set()

    try:
        asyncio.run(run_in_stack(program))
    except (pulumi.RunError, SystemExit, ZeroDivisionError) as failure:
        error = str(failure)
    answer = {"registered": monitor.registered, "outputs": monitor.outputs, "log": log.lines, "error": error}
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()
    # The SDK leaves event loops open, of which Python complains while it ends, now and then.
    os._exit(0)


main()
