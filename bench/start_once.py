"""One run of `bench.start`: a program under the SDK's mocks, up to the first custom resource that it registers."""

import asyncio
import logging
import os
import runpy
import sys
from typing import Any, NoReturn

from pulumi.runtime import configure
from pulumi.runtime.mocks import MockEngine, MockMonitor, MockResourceArgs, Mocks, MockSettings
from pulumi.runtime.stack import run_in_stack


def tell(text: str) -> NoReturn:
    """Says so and ends at once: what comes afterwards isn't measured."""
    os.write(1, f"{text}\n".encode())
    os._exit(0)


class _Nothing(Mocks):
    def call(self, args: Any) -> tuple[dict[str, Any], None]:  # noqa: ARG002 - the SDK names it
        return {}, None

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        return args.name, dict(args.inputs)


class _Monitor(MockMonitor):
    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the SDK's name
        if request.custom:
            tell("registers")
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]


def main(program: str) -> None:
    monitor = _Monitor(_Nothing())
    features = set(monitor.GetDeploymentInfo(None).supportedFeatures)  # type: ignore[no-untyped-call]
    settings = MockSettings(  # type: ignore[no-untyped-call]
        monitor=monitor, monitor_features=features, engine=MockEngine(logging.Logger("engine")), project="dkron-jobs",
        stack="bench", dry_run=False, organization=None, callbacks=None,
    )  # fmt: skip
    configure(settings)

    def start() -> None:
        if program:
            runpy.run_path(program, run_name="__main__")
        else:
            tell("ends")

    asyncio.run(run_in_stack(start))


main(sys.argv[1])
