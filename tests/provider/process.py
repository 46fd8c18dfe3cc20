"""The real dynamic-provider process of Pulumi's SDK, driven as the engine drives it, over gRPC."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import grpc
from google.protobuf import json_format, struct_pb2
from pulumi.runtime.proto import provider_pb2 as pb
from pulumi.runtime.proto import provider_pb2_grpc

from provider.resource import JOB_TYPE, PROVIDER_REFERENCE
from tests.provider.examples import CANARY

ROOT = Path(__file__).parents[2]
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}  # how the engine marks one
PATIENCE_S = 60.0


def struct(values: dict[str, Any]) -> struct_pb2.Struct:
    return json_format.ParseDict(values, struct_pb2.Struct())


def plain(values: struct_pb2.Struct) -> dict[str, Any]:
    found: dict[str, Any] = json_format.MessageToDict(values)
    assert found.pop("__provider") == PROVIDER_REFERENCE
    return found


class Provider:
    """One process; `output` is what it wrote so far, `said` what a failed call told."""

    def __init__(self, folder: Path, config: dict[str, Any], env: dict[str, str] | None = None) -> None:
        self.log = folder / "provider.log"
        self.archive = folder / "archive"
        self.config, self.env = config, env or {}

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-u", "-m", "pulumi.dynamic"],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self._environment,
            )
        assert self.process.stdout is not None
        port = int(self.process.stdout.readline())
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self.stub = provider_pb2_grpc.ResourceProviderStub(self.channel)
        args = {f"dkron-jobs:{key}": value for key, value in self.config.items()}
        self.stub.Configure(pb.ConfigureRequest(args=struct(args), acceptSecrets=True), timeout=PATIENCE_S)
        return self

    def __exit__(self, *_: object) -> None:
        self.channel.close()
        self.process.kill()
        assert self.process.communicate(timeout=PATIENCE_S)[0] == b""
        assert "CANARY" not in self.output

    @property
    def _environment(self) -> dict[str, str]:
        ours = {"PULUMI_PROJECT": "dkron-jobs", "DKRON_JOBS_ARCHIVE": str(self.archive)}
        return {**os.environ, **ours, **self.env}

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def call(self, method: str, request: Any) -> Any:
        """The answer. Raises Failed with the text that the engine would show."""
        try:
            return getattr(self.stub, method)(request, timeout=PATIENCE_S)
        except grpc.RpcError as error:
            raise Failed(str(error.details())) from None

    def check(self, news: dict[str, Any], olds: dict[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, str]]:
        answer = self.call("Check", pb.CheckRequest(olds=struct(olds or {}), news=props(news)))
        return plain(answer.inputs), {failure.property: failure.reason for failure in answer.failures}

    def diff(self, olds: dict[str, Any], news: dict[str, Any]) -> Any:
        return self.call("Diff", pb.DiffRequest(id=olds["name"], olds=props(olds), news=props(news)))

    def create(self, values: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        answer = self.call("Create", pb.CreateRequest(type=JOB_TYPE, properties=props(values)))
        return answer.id, plain(answer.properties)

    def read(self, name: str, values: dict[str, Any]) -> tuple[str, dict[str, Any], dict[str, Any]]:
        answer = self.call("Read", pb.ReadRequest(id=name, properties=props(values), inputs=props(values)))
        return answer.id, plain(answer.properties), plain(answer.inputs) if answer.inputs.fields else {}

    def update(self, olds: dict[str, Any], news: dict[str, Any]) -> dict[str, Any]:
        return plain(
            self.call("Update", pb.UpdateRequest(id=olds["name"], olds=props(olds), news=props(news))).properties
        )

    def delete(self, name: str, values: dict[str, Any]) -> None:
        self.call("Delete", pb.DeleteRequest(id=name, properties=props(values)))


class Failed(Exception):
    """A hook failed. The text is the whole of what a person gets to read: one line, without a secret."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        assert "Traceback" not in text, text
        assert "\n" not in text.strip(), text
        assert "CANARY" not in text, text
        assert CANARY not in text


def props(values: dict[str, Any]) -> struct_pb2.Struct:
    return struct({**values, "__provider": PROVIDER_REFERENCE})


def secret(text: str) -> dict[str, str]:
    return {**SECRET, "value": text}
