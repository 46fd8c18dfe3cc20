"""The two gRPC services that a Pulumi program talks to: ResourceMonitor and Engine.

Turns requests into goals and answers into messages; what happens with a goal is deployment.py's. Options of a
registration that the engine can't honour are refused, naming the option and the resource.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from concurrent import futures
from dataclasses import dataclass
from typing import Any, Protocol

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, resource_pb2, resource_pb2_grpc

from .errors import Bail, CliError, Refused, StorageError
from .planner import Goal
from .provider import CHANNEL_OPTIONS
from .run import Run
from .state import Resource
from .values import Properties, from_wire, to_wire

FEATURES = (
    resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
)
REFUSED_OPTIONS = (
    "aliases", "aliasURNs", "deletedWith", "importId", "hideDiffs", "packageRef", "pluginChecksums",
    "pluginDownloadURL", "provider", "providers", "remote", "replaceOnChanges", "replace_with", "snippetId",
    "state_migrations", "transforms", "version",
)  # fmt: skip
SEVERITIES = {
    engine_pb2.DEBUG: "debug", engine_pb2.INFO: "info", engine_pb2.WARNING: "warning", engine_pb2.ERROR: "error",
}  # fmt: skip
# The SDK tells only success from the rest.
RESULTS = {"success": resource_pb2.SUCCESS, "failed": resource_pb2.FAIL, "skipped": resource_pb2.FAIL}
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


@dataclass(frozen=True)
class Outcome:
    """The answer to a registration. `result` is success, failed or skipped."""

    state: Resource
    result: str = "success"
    unknown: bool = False  # nothing was made, so nothing is known of the outputs


class Engine(Protocol):
    """What the services ask for."""

    def register(self, goal: Goal) -> Outcome: ...
    def register_outputs(self, urn: str, outputs: Properties) -> None: ...
    def read(self, goal: Goal, identity: str) -> Resource: ...


class Monitor(resource_pb2_grpc.ResourceMonitorServicer, engine_pb2_grpc.EngineServicer):
    """Serves one run on a free port of the loopback interface."""

    def __init__(self, run: Run, engine: Engine, on_finished: Callable[[], None]) -> None:
        self._run, self._engine, self._on_finished = run, engine, on_finished
        # The SDK keeps up to four registrations per slot waiting for an answer, and each holds one thread here.
        pool = futures.ThreadPoolExecutor(max_workers=run.options.parallel * 4 + 16)
        self._server = grpc.server(pool, options=CHANNEL_OPTIONS)
        resource_pb2_grpc.add_ResourceMonitorServicer_to_server(self, self._server)
        engine_pb2_grpc.add_EngineServicer_to_server(self, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def close(self) -> None:
        self._server.stop(0).wait()

    # --- ResourceMonitor ---

    def GetDeploymentInfo(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        run = self._run
        return resource_pb2.DeploymentInfo(
            project=run.project.name,
            stack=run.stack,
            organization="organization",
            config=run.config,
            configSecretKeys=run.secret_keys,
            dryRun=run.options.preview,
            parallel=run.options.parallel,
            supportedFeatures=FEATURES,
        )

    def RegisterResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        with _answered(self._run, context, f"{request.type} resource '{request.name}'"):
            outcome = self._engine.register(self._goal(request))
            if outcome.result != "success" and not request.supportsResultReporting:
                context.abort(grpc.StatusCode.INTERNAL, "resource registration failed")
            state, outputs = outcome.state, outcome.state.outputs if request.custom else {}
            return resource_pb2.RegisterResourceResponse(
                urn=state.urn,
                id=state.id,
                object=to_wire(outputs, secrets=request.acceptSecrets),
                result=RESULTS[outcome.result],
                unknown=outcome.unknown,
            )

    def _goal(self, request: Any) -> Goal:
        for option in REFUSED_OPTIONS:
            if getattr(request, option):
                raise Refused(f"the option {option} of {request.type} {request.name!r}")
        if request.HasField("replacement_trigger") or any(_lists(request.hooks)):
            raise Refused(f"replacement triggers and hooks ({request.type} {request.name!r})")
        _check_type(request.type, custom=request.custom)
        inputs = from_wire(request.object)
        dependencies = {key: sorted(found.urns) for key, found in request.propertyDependencies.items()}
        said = request.deleteBeforeReplaceDefined or request.deleteBeforeReplace
        position, trace = self._source(request)
        return Goal(
            type=request.type,
            name=request.name,
            custom=request.custom,
            inputs=inputs,
            parent=request.parent,
            dependencies=sorted(request.dependencies),
            property_dependencies={key: dependencies.get(key, []) for key in {*inputs, *dependencies}},
            protect=request.protect if request.HasField("protect") else None,
            retain_on_delete=request.retainOnDelete if request.HasField("retainOnDelete") else None,
            delete_before_replace=request.deleteBeforeReplace if said else None,
            ignore_changes=list(request.ignoreChanges),
            additional_secret_outputs=list(request.additionalSecretOutputs),
            custom_timeouts=_timeouts(request.customTimeouts),
            source_position=position,
            stack_trace=trace,
        )

    def _source(self, request: Any) -> tuple[str, list[dict[str, str]]]:
        root = str(self._run.project.root)
        frames = [_position(frame.pc, root) for frame in request.stackTrace.frames]
        trace = [{"sourcePosition": place} if place else {} for place in frames]
        return _position(request.sourcePosition, root), trace

    def RegisterResourceOutputs(self, request: Any, context: Any) -> Any:  # noqa: N802
        with _answered(self._run, context, request.urn):
            self._engine.register_outputs(request.urn, from_wire(request.outputs))
        return empty_pb2.Empty()

    def ReadResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        with _answered(self._run, context, f"{request.type} resource '{request.name}'"):
            if request.provider or request.version or request.packageRef:
                raise Refused(f"providers of one's own ({request.type} {request.name!r})")
            _check_type(request.type, custom=True)
            position, trace = self._source(request)
            goal = Goal(
                type=request.type,
                name=request.name,
                custom=True,
                inputs=from_wire(request.properties),
                parent=request.parent,
                dependencies=sorted(request.dependencies),
                additional_secret_outputs=list(request.additionalSecretOutputs),
                source_position=position,
                stack_trace=trace,
            )
            state = self._engine.read(goal, request.id)
            properties = to_wire(state.outputs, secrets=request.acceptSecrets)
            return resource_pb2.ReadResourceResponse(urn=state.urn, properties=properties, id=state.id)

    def SignalAndWaitForShutdown(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        self._on_finished()
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802
        with _answered(self._run, context, request.tok):
            raise Refused(f"invokes ({request.tok})")

    Call = Invoke

    def RegisterPackage(self, request: Any, context: Any) -> Any:  # noqa: N802
        with _answered(self._run, context, request.name):
            raise Refused(f"packages ({request.name})")

    # --- Engine ---

    def Log(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        self._run.events.diagnostic(SEVERITIES.get(request.severity, "info"), request.message, request.urn)
        if request.severity == engine_pb2.ERROR:
            self._run.failed = True
        return empty_pb2.Empty()

    def GetRootResource(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        return engine_pb2.GetRootResourceResponse(urn=self._run.root_urn)

    def SetRootResource(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        return engine_pb2.SetRootResourceResponse()


class _answered:  # noqa: N801  # reads as a statement
    """Turns what went wrong into a diagnostic, stops the run, and tells the program that the monitor is gone."""

    def __init__(self, run: Run, context: Any, subject: str) -> None:
        self._run, self._context, self._subject = run, context, subject

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, CliError):
            subject = "" if isinstance(error, StorageError) else f"{self._subject}: "
            self._run.events.diagnostic("error", subject + error.message)
        if isinstance(error, CliError | Bail):
            self._run.failed = self._run.failed or not self._run.stopped.is_set()
            self._run.stop()
            self._context.abort(grpc.StatusCode.UNAVAILABLE, "resource monitor shut down")


def _check_type(kind: str, *, custom: bool) -> None:
    package = kind.partition(":")[0]
    if custom and package != "pulumi-python":
        raise Refused(f"the provider {package} (type {kind}): only Python dynamic providers")


def _lists(message: Any) -> list[Any]:
    return [value for _, value in message.ListFields()]


def _timeouts(message: Any) -> dict[str, float]:
    """Go durations ("1h30m", "10s") as seconds."""
    found = {}
    for descriptor, text in message.ListFields():
        parts = re.findall(r"([0-9.]+)(h|ms|us|ns|m|s)", text)
        if not parts or "".join(number + unit for number, unit in parts) != text:
            raise CliError(f"unable to parse customTimeouts value {text!r}")
        found[descriptor.name] = sum(float(number) * _UNITS[unit] for number, unit in parts)
    return found


def _position(message: Any, root: str) -> str:
    """A source position relative to the project, as the real engine stores it; "" if there is none."""
    if not message.uri.startswith("file:///"):
        return ""
    column = f",{message.column}" if message.column else ""
    relative = os.path.relpath(message.uri.removeprefix("file://"), root)
    return f"project:///{relative}#{message.line}{column}"
