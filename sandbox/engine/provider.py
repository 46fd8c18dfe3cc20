"""Asks the dynamic provider process what the engine has to ask, in the real engine's order and with its payloads.

Secrets travel plain, because the Python dynamic provider doesn't take them, and are marked again in what it answers
(recorded: sessions 01-14). Errors are ProviderError with the provider's own words. Decides nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2, json_format
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from .errors import CliError
from .processes import Child, OnLine, start_provider
from .project import Project
from .state import Resource
from .values import Properties, from_wire, mark_secrets, plain, to_wire

_LOG_LOCK = threading.Lock()
CHANNEL_OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class ProviderError(Exception):
    """A hook of the provider failed; the text is for a person."""


@dataclass(frozen=True)
class Diff:
    """What the provider said of a change. `changed` is None when it left the question to the engine."""

    changed: bool | None
    replaces: tuple[str, ...] = ()
    delete_before_replace: bool = False
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checked:
    inputs: Properties
    failures: list[tuple[str, str]] = field(default_factory=list)  # (property, reason)


@dataclass(frozen=True)
class ReadBack:
    """`id` is "" when the thing is gone; `inputs` is None when the provider said nothing of them."""

    id: str
    outputs: Properties
    inputs: Properties | None


class Dynamic:
    """One running `pulumi.dynamic` process. Thread safe: gRPC is."""

    def __init__(self, project: Project, on_line: OnLine) -> None:
        self._child: Child
        self._child, address = start_provider(project, on_line)
        self._channel = grpc.insecure_channel(address, options=CHANNEL_OPTIONS)
        self._stub = provider_pb2_grpc.ResourceProviderStub(self._channel)
        self._optional("Handshake", provider_pb2.ProviderHandshakeRequest(engine_address="127.0.0.1:0"))
        self._call("GetPluginInfo", empty_pb2.Empty())

    def check_config(self, provider: Resource, olds: Properties, *, compare: bool) -> None:
        """CheckConfig, and DiffConfig when there was a configuration before. The SDK implements neither."""
        named = _named(provider)
        news = to_wire(provider.inputs)
        self._optional("CheckConfig", provider_pb2.CheckRequest(**named, olds=to_wire(olds), news=news))
        if compare:
            request = provider_pb2.DiffRequest(
                **named, id=provider.id, olds=to_wire(olds), news=news, old_inputs=to_wire(olds)
            )
            self._optional("DiffConfig", request)

    def configure(self, provider: Resource) -> None:
        variables = {
            f"pulumi-python:config:{key}": value if isinstance(value, str) else json.dumps(value)
            for key, value in plain(provider.inputs).items()
        }
        request = provider_pb2.ConfigureRequest(
            variables=variables,
            args=to_wire(provider.inputs, secrets=True),
            acceptSecrets=True,
            acceptResources=True,
            sends_old_inputs=True,
            sends_old_inputs_to_delete=True,
            id=provider.id,
            urn=provider.urn,
            name=provider.name,
            type=provider.type,
        )
        self._call("Configure", request)

    def check(self, resource: Resource, olds: Properties, news: Properties) -> Checked:
        request = provider_pb2.CheckRequest(
            **_named(resource), olds=to_wire(olds), news=to_wire(news), randomSeed=os.urandom(32)
        )
        answer = self._call("Check", request)
        inputs = from_wire(answer.inputs)
        mark_secrets(inputs, news)
        return Checked(inputs, [(failure.property, failure.reason) for failure in answer.failures])

    def diff(self, resource: Resource, old_inputs: Properties, old_outputs: Properties, news: Properties) -> Diff:
        request = provider_pb2.DiffRequest(
            **_named(resource),
            id=resource.id,
            olds=to_wire(old_outputs),
            news=to_wire(news),
            old_inputs=to_wire(old_inputs),
            ignoreChanges=resource.ignore_changes,
        )
        answer = self._call("Diff", request)
        known = {
            provider_pb2.DiffResponse.DIFF_NONE: False,
            provider_pb2.DiffResponse.DIFF_SOME: True,
        }.get(answer.changes)
        return Diff(known, tuple(answer.replaces), answer.deleteBeforeReplace, tuple(answer.diffs))

    def create(self, new: Resource) -> tuple[str, Properties]:
        request = provider_pb2.CreateRequest(
            **_named(new), properties=to_wire(new.inputs), timeout=new.custom_timeouts.get("create", 0)
        )
        answer = self._call("Create", request)
        if not answer.id:
            raise ProviderError(f"plugin returned empty resource.ID from create '{new.urn}'")
        outputs = from_wire(answer.properties)
        mark_secrets(outputs, new.inputs)
        return answer.id, outputs

    def update(self, old: Resource, new: Resource) -> Properties:
        request = provider_pb2.UpdateRequest(
            **_named(new),
            id=old.id,
            olds=to_wire(old.outputs),
            news=to_wire(new.inputs),
            old_inputs=to_wire(old.inputs),
            timeout=new.custom_timeouts.get("update", 0),
            ignoreChanges=new.ignore_changes,
        )
        outputs = from_wire(self._call("Update", request).properties)
        mark_secrets(outputs, new.inputs)
        return outputs

    def delete(self, old: Resource) -> None:
        request = provider_pb2.DeleteRequest(
            **_named(old),
            id=old.id,
            properties=to_wire(old.outputs),
            old_inputs=to_wire(old.inputs),
            timeout=old.custom_timeouts.get("delete", 0),
        )
        self._call("Delete", request)

    def read(self, resource: Resource, inputs: Properties, state: Properties) -> ReadBack:
        request = provider_pb2.ReadRequest(
            **_named(resource),
            id=resource.id,
            properties=to_wire(state),
            inputs=to_wire(inputs),
            timeout=resource.custom_timeouts.get("read", 0),
        )
        answer = self._call("Read", request)
        outputs = from_wire(answer.properties)
        mark_secrets(outputs, state)
        new_inputs = from_wire(answer.inputs) if answer.HasField("inputs") else None
        if new_inputs is not None:
            mark_secrets(new_inputs, inputs)
        return ReadBack(answer.id, outputs, new_inputs)

    def close(self) -> None:
        """Cancel, then the process is killed, as the real engine ends its plugins."""
        with contextlib.suppress(grpc.RpcError):  # it may be gone already, and that is what we want
            self._ask("Cancel", empty_pb2.Empty(), timeout=1)
        self._channel.close()
        self._child.kill()

    def _ask(self, method: str, request: Any, timeout: float | None = None) -> Any:
        log_call(method, request, "request_started")
        try:
            answer = getattr(self._stub, method)(request, timeout=timeout)
        except grpc.RpcError as error:
            words = f"rpc error: code = {error.code().name} desc = {error.details()}"
            log_call(method, request, "response_completed", errors=[words])
            raise
        log_call(method, request, "response_completed", response=_as_json(answer))
        return answer

    def kill(self) -> None:
        self._child.kill()

    def _call(self, method: str, request: Any) -> Any:
        try:
            return self._ask(method, request)
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.UNAVAILABLE:
                raise ProviderError(f"the provider process ended during {method}") from None
            raise ProviderError(error.details() or str(error.code())) from None

    def _optional(self, method: str, request: Any) -> None:
        try:
            self._ask(method, request)
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNIMPLEMENTED:
                raise CliError(f"the provider failed in {method}: {error.details()}") from None


def log_call(method: str, request: Any, progress: str, **answer: Any) -> None:
    """Appends the call to the file named by PULUMI_DEBUG_GRPC, as the real CLI does. In clear, secrets too."""
    if path := os.environ.get("PULUMI_DEBUG_GRPC"):
        line = {"method": f"/pulumirpc.ResourceProvider/{method}", "request": _as_json(request)}
        text = json.dumps(line | answer | {"progress": progress}) + "\n"
        with _LOG_LOCK, Path(path).open("a", encoding="utf-8") as file:
            file.write(text)


def _as_json(message: Any) -> Any:
    return json_format.MessageToDict(message)


def _named(resource: Resource) -> dict[str, Any]:
    return {"urn": resource.urn, "name": resource.name, "type": resource.type}
