"""Runs the Pulumi program and serves the two gRPC services that it talks to: ResourceMonitor and Engine.

Turns requests into goals and answers into messages; what happens with a goal is deployment.py's. Options of a
registration that the engine can't honour are refused, naming the option and the resource.
"""

import json
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf import empty_pb2
from google.protobuf.message import Message
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, resource_pb2, resource_pb2_grpc

from .console import Bail, CliError, Refused
from .processes import start_program
from .provider import CHANNEL_OPTIONS
from .run import Run
from .state import ROOT_TYPE, Resource
from .values import from_wire, to_wire

HONOURED = {
    *("type", "name", "parent", "custom", "object", "dependencies", "propertyDependencies"),
    *("protect", "ignoreChanges", "retainOnDelete"),
}
OF_THE_SDK = {  # how the SDK talks, nothing that the program's author chose
    *("acceptSecrets", "acceptResources", "supportsPartialValues", "supportsResultReporting"),
    *("aliasSpecs", "sourcePosition", "stackTrace"),
}
SEVERITIES = {engine_pb2.DEBUG: "debug", engine_pb2.INFO: "info", engine_pb2.WARNING: "warning"}


def run_program(run: Run, engine: Any) -> None:
    """Until the program has ended. Bail when it ended badly, or the run was stopped before."""
    monitor = Monitor(run, engine)
    settings = {
        "monitor": monitor.address,
        "engine": monitor.address,
        "project": run.project.name,
        "stack": run.stack,
        "organization": "organization",
        "root_directory": str(run.project.root),
        "dry_run": run.preview,
    }
    config, secrets = json.dumps(run.config), json.dumps(run.secret_keys)
    variables = {"PULUMI_CONFIG": config, "PULUMI_CONFIG_SECRET_KEYS": secrets}
    program = start_program(run.project, [json.dumps(settings)], variables, run.report.message)
    try:
        while (code := program.wait(0.1)) is None:
            run.check()
    finally:
        program.kill()
        monitor.server.stop(0).wait()
    run.check()
    if code and run.report.errors:
        raise Bail
    if code:
        raise Bail(f"an unhandled error occurred: Program exited with non-zero exit code: {code}")


class Monitor(resource_pb2_grpc.ResourceMonitorServicer, engine_pb2_grpc.EngineServicer):
    """Serves one run on a free port of the loopback interface. `engine` is the deployment."""

    def __init__(self, run: Run, engine: Any) -> None:
        self._run, self._engine = run, engine
        self.server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), options=CHANNEL_OPTIONS)
        resource_pb2_grpc.add_ResourceMonitorServicer_to_server(self, self.server)
        engine_pb2_grpc.add_EngineServicer_to_server(self, self.server)
        self.address = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()

    # --- ResourceMonitor ---

    def GetDeploymentInfo(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        # deletedWith too, so that the SDK sends it and it is refused.
        names = ("SECRETS", "ALIAS_SPECS", "DELETED_WITH")
        features = [getattr(resource_pb2, f"RESOURCE_MONITOR_FEATURE_{name}") for name in names]
        return resource_pb2.DeploymentInfo(supportedFeatures=features)

    def RegisterResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        with self._answered(context):
            outcome = self._engine.register(_resource(request, self._run))
        state = outcome.state
        return resource_pb2.RegisterResourceResponse(
            urn=state.urn,
            id=state.id,
            object=to_wire(state.outputs if request.custom else {}, secrets=request.acceptSecrets),
            result=resource_pb2.SUCCESS if outcome.good else resource_pb2.FAIL,
            unknown=outcome.unknown,
        )

    def RegisterResourceOutputs(self, request: Any, context: Any) -> Any:  # noqa: N802
        with self._answered(context):
            self._engine.register_outputs(request.urn, from_wire(request.outputs))
        return empty_pb2.Empty()

    def _refuse(self, request: Any, context: Any) -> Any:
        with self._answered(context):
            subject = getattr(request, "tok", "") or request.name
            raise Refused(f"functions, packages and existing resources by `get` ({subject})")

    Invoke = Call = RegisterPackage = ReadResource = _refuse

    # --- Engine ---

    def Log(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        if request.severity == engine_pb2.ERROR:
            self._run.failed = True
            self._run.report.error(request.message, request.urn)
        else:
            self._run.report.message(SEVERITIES[request.severity], request.message, request.urn)
        return empty_pb2.Empty()

    @contextmanager
    def _answered(self, context: Any) -> Iterator[None]:
        """Turns what went wrong into a diagnostic, stops the run, and tells the program that the monitor is gone."""
        try:
            with self._run.lock:
                self._run.check()
                yield
                self._run.check()
        except (CliError, Bail) as error:
            if isinstance(error, CliError):
                self._run.report.error(error.message, error.urn)
            self._run.failed = self._run.failed or not self._run.stopped
            self._run.stopped = True
            context.abort(grpc.StatusCode.UNAVAILABLE, "resource monitor shut down")


def _resource(request: Any, run: Run) -> Resource:
    subject = f"{request.type} {request.name!r}"
    for descriptor, value in request.ListFields():
        empty = isinstance(value, Message) and not value.ListFields()
        if descriptor.name not in HONOURED | OF_THE_SDK and not empty:
            raise Refused(f"the option {descriptor.name} of {subject}")
    if request.custom and not request.type.startswith("pulumi-python:"):
        raise Refused(f"providers other than Python's dynamic ones ({subject})")
    if not (request.custom or request.type == ROOT_TYPE) or request.parent not in ("", run.root_urn):
        raise Refused(f"components, and parents other than the stack ({subject})")
    for key in request.ignoreChanges:
        if any(mark in key for mark in '.[*"'):
            raise Refused(f"the ignoreChanges path {key!r} of {subject} (only whole properties)")
    inputs = from_wire(request.object)
    needed = {key: sorted(found.urns) for key, found in request.propertyDependencies.items()}
    return Resource(
        urn=run.urn(request.type, request.name),
        type=request.type,
        custom=request.custom,
        inputs=inputs,
        parent=request.parent,
        dependencies=sorted(request.dependencies),
        property_dependencies={key: needed.get(key, []) for key in {*inputs, *needed}},
        protect=request.protect,
        retain_on_delete=request.retainOnDelete,
        ignore_changes=list(request.ignoreChanges),
    )
