"""The engine's requests, built by hand on what the SDK keeps to itself: one for each declared job.

The SDK's own way (`Job`, a CustomResource) makes a future of each property, a stack trace and four calls to the log for
each resource, and its waiting for them grows with their square: 12 of 15 seconds of a thousand jobs. Everything is
known here, so the request is built at once; it is the very request that the SDK would send, which a test holds.
With an SDK that has not what this needs, importing it or `request_of` fails: `registration` then does without.
"""

import asyncio
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
import pulumi
from pulumi.runtime import get_root_resource
from pulumi.runtime.proto import engine_pb2, resource_pb2
from pulumi.runtime.settings import get_engine, get_monitor, grpc_error_to_exception

from .resource import JOB_TYPE, PROVIDER_REFERENCE, known_inputs

# How the engine's protocol marks a secret.
SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET_MARK: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the mark, no secret itself


@dataclass(frozen=True, slots=True)
class Sealed:
    """A value with a secret in it, mostly a text."""

    text: Any = field(repr=False)


def request_of(name: str, inputs: Mapping[str, Any]) -> resource_pb2.RegisterResourceRequest:
    """The request that registers one job. Raises pulumi.RunError for a value that has no JSON."""
    no_references = os.environ.get("PULUMI_DISABLE_RESOURCE_REFERENCES", "").upper() in ("TRUE", "1")
    request = resource_pb2.RegisterResourceRequest(
        type=JOB_TYPE,
        name=name,
        custom=True,
        acceptSecrets=True,
        acceptResources=not no_references,
        supportsPartialValues=True,
        supportsResultReporting=True,
    )
    request.hooks.SetInParent()
    for key, value in {**inputs, "__provider": PROVIDER_REFERENCE}.items():
        if value is None:
            continue
        try:
            request.object.update({key: _as_json(value)})
        except (TypeError, ValueError, OverflowError) as error:
            raise pulumi.RunError(f'job "{name}": {key} can\'t be sent to the engine: {error}') from None
        # Named, and depending on nothing: without an entry the engine takes each property to depend on the parent job.
        request.propertyDependencies[key].SetInParent()
    return request


def _as_json(value: Any) -> Any:
    """A value as protobuf's Struct takes it, with the engine's mark around a secret."""
    if isinstance(value, Sealed):
        return {SIGNATURE: SECRET_MARK, "value": _as_json(value.text)}
    if isinstance(value, Mapping):
        return {key: _as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(item) for item in value]
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(f"{type(value).__name__} is no kind of JSON")


async def register(
    request: resource_pb2.RegisterResourceRequest,
    inputs: Mapping[str, Any],
    parent: asyncio.Task[str] | None,
    accept: Collection[str] = (),
) -> str:
    """Sends one request, after that of its parent job, and the warnings that it doesn't accept. Returns the URN."""
    root = get_root_resource()
    monitor: Any = get_monitor()
    engine: Any = get_engine()
    request.parent = (await root.urn.future() or "") if root is not None else ""
    if parent is not None:
        request.dependencies.append(await parent)
    try:
        answer = await asyncio.to_thread(monitor.RegisterResource, request)
        # Imported here, because the grammar of schedules takes as long as all else, and the engine is busy now anyway.
        from .job.validation import warnings_for

        for warning in warnings_for(known_inputs(inputs), accept):
            told = engine_pb2.LogRequest(severity=engine_pb2.WARNING, message=warning, urn=answer.urn)
            await asyncio.to_thread(engine.Log, told)
    except grpc.RpcError as error:
        raise grpc_error_to_exception(error) from None
    return str(answer.urn)
