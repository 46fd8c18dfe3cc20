"""Asks the dynamic provider process what the engine has to ask, in the real engine's order and with its payloads.

Secrets travel plain, because the Python dynamic provider doesn't take them, and are marked again in what it answers
(recorded: sessions 01-14). Errors are CliError with the provider's own words. Decides nothing.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import json_format
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from .console import CliError
from .processes import OnLine, start_provider
from .project import Project
from .state import Resource
from .values import Properties, from_wire, marked, plain, to_wire

CHANNEL_OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


@dataclass(frozen=True)
class Diff:
    """What the provider said of a change. `changed` is None when it left the question to the engine."""

    changed: bool | None
    replaces: tuple[str, ...] = ()
    delete_first: bool = False


class Dynamic:
    """One running `pulumi.dynamic` process."""

    def __init__(self, project: Project, on_line: OnLine) -> None:
        self._child, address = start_provider(project, on_line)
        self._channel = grpc.insecure_channel(address, options=CHANNEL_OPTIONS)
        self._stub = provider_pb2_grpc.ResourceProviderStub(self._channel)

    def configure(self, provider: Resource) -> None:
        variables = {
            f"pulumi-python:config:{key}": value if isinstance(value, str) else json.dumps(value)
            for key, value in plain(provider.inputs).items()
        }
        args = to_wire(provider.inputs, secrets=True)
        request = provider_pb2.ConfigureRequest(
            variables=variables,
            args=args,
            acceptSecrets=True,
            acceptResources=True,
            sends_old_inputs=True,
            sends_old_inputs_to_delete=True,
            **_about(provider, identity=True),
        )
        self._ask("Configure", request)

    def check(self, resource: Resource, olds: Properties, news: Properties) -> tuple[Properties, list[tuple[str, str]]]:
        """The checked inputs, and (property, reason) for each that is wrong."""
        request = provider_pb2.CheckRequest(
            **_about(resource), olds=to_wire(olds), news=to_wire(news), randomSeed=os.urandom(32)
        )
        answer = self._ask("Check", request)
        failures = [(failure.property, failure.reason) for failure in answer.failures]
        return marked(from_wire(answer.inputs), news), failures

    def diff(self, new: Resource, old_inputs: Properties, old_outputs: Properties) -> Diff:
        answer = self._ask("Diff", provider_pb2.DiffRequest(**_change(new, old_inputs, old_outputs)))
        unknown = answer.changes == provider_pb2.DiffResponse.DIFF_UNKNOWN
        changed = None if unknown else answer.changes == provider_pb2.DiffResponse.DIFF_SOME
        return Diff(changed, tuple(answer.replaces), answer.deleteBeforeReplace)

    def create(self, new: Resource) -> tuple[str, Properties]:
        answer = self._ask("Create", provider_pb2.CreateRequest(**_about(new), properties=to_wire(new.inputs)))
        if not answer.id:
            raise CliError(f"plugin returned empty resource.ID from create '{new.urn}'")
        return answer.id, marked(from_wire(answer.properties), new.inputs)

    def update(self, old: Resource, new: Resource) -> Properties:
        answer = self._ask("Update", provider_pb2.UpdateRequest(**_change(new, old.inputs, old.outputs)))
        return marked(from_wire(answer.properties), new.inputs)

    def delete(self, old: Resource) -> None:
        known = _about(old, identity=True) | {"properties": to_wire(old.outputs), "old_inputs": to_wire(old.inputs)}
        self._ask("Delete", provider_pb2.DeleteRequest(**known))

    def read(self, old: Resource) -> tuple[str, Properties, Properties]:
        """ID, inputs and outputs as they are; the ID is "" when the thing is gone."""
        known = _about(old, identity=True) | {"properties": to_wire(old.outputs), "inputs": to_wire(old.inputs)}
        answer = self._ask("Read", provider_pb2.ReadRequest(**known))
        inputs = marked(from_wire(answer.inputs), old.inputs) if answer.HasField("inputs") else old.inputs
        return answer.id, inputs, marked(from_wire(answer.properties), old.outputs)

    def close(self) -> None:
        self._channel.close()
        self._child.kill()

    def _ask(self, method: str, request: Any) -> Any:
        _log_call(method, request, progress="request_started")
        try:
            answer = getattr(self._stub, method)(request)
        except grpc.RpcError as error:
            words = error.details() or str(error.code())
            _log_call(method, request, progress="response_completed", errors=[words])
            if error.code() == grpc.StatusCode.UNAVAILABLE:
                words = f"the provider process ended during {method}"
            raise CliError(words, urn=getattr(request, "urn", "")) from None
        _log_call(method, request, progress="response_completed", response=answer)
        return answer


def _log_call(method: str, request: Any, **answer: Any) -> None:
    """Appends the call to the file named by PULUMI_DEBUG_GRPC, as the real CLI does. In clear, secrets too."""
    if path := os.environ.get("PULUMI_DEBUG_GRPC"):
        call = {"method": f"/pulumirpc.ResourceProvider/{method}", "request": request, **answer}
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(call, default=json_format.MessageToDict) + "\n")


def _about(resource: Resource, *, identity: bool = False) -> dict[str, Any]:
    named = {"urn": resource.urn, "name": resource.name, "type": resource.type}
    return named | ({"id": resource.id} if identity else {})


def _change(new: Resource, old_inputs: Properties, old_outputs: Properties) -> dict[str, Any]:
    """What Diff and Update are told alike."""
    return _about(new, identity=True) | {
        "olds": to_wire(old_outputs),
        "news": to_wire(new.inputs),
        "old_inputs": to_wire(old_inputs),
        "ignoreChanges": new.ignore_changes,
    }
