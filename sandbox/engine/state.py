"""Resources and snapshots as data, in and out of Pulumi's checkpoint JSON (version 3).

Fields and their spelling are ResourceV3's and DeploymentV3's, as found in state files of the real engine. A state
that uses what the stand-in can't carry on (views, taints, hooks, ...) is refused, never trimmed.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from .console import CliError, Refused
from .passphrase import PassphraseCrypter
from .values import Encode, Properties, from_state, to_state

VERSION = "3.260.0"  # of the engine whose behaviour was recorded; the manifest's magic is its hash
ROOT_TYPE = "pulumi:pulumi:Stack"
PROVIDER_TYPE = "pulumi:providers:pulumi-python"
NOT_KEPT = ("sourcePosition", "stackTrace", "created", "modified", "aliases")


@dataclass(eq=False)
class Resource:
    """One resource of a snapshot. `property_dependencies` maps input name to URNs.

    `delete`: it was replaced and must still be deleted.
    """

    urn: str
    type: str
    custom: bool = False
    delete: bool = False
    id: str = ""
    inputs: Properties = field(default_factory=dict)
    outputs: Properties = field(default_factory=dict)
    parent: str = ""
    protect: bool = False
    dependencies: list[str] = field(default_factory=list)
    provider: str = ""
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    retain_on_delete: bool = False
    ignore_changes: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.urn.split("::", 3)[3]

    @property
    def is_provider(self) -> bool:
        """Providers are the engine's own affair: never shown, never counted."""
        return self.type.startswith("pulumi:providers:")

    def needs(self) -> set[str]:
        """URNs that must exist before this one: provider, parent and dependencies."""
        named = {self.provider.rpartition("::")[0], self.parent, *self.dependencies}
        return named.union(*self.property_dependencies.values()) - {""}

    def to_json(self, encode: Encode) -> dict[str, Any]:
        """As ResourceV3; `encode` spells inputs and outputs."""
        data = {key: getattr(self, name) for name, key in SPELLING.items()}
        data |= {"inputs": encode(self.inputs), "outputs": encode(self.outputs)}
        return {key: value for key, value in data.items() if value or key in ("urn", "custom", "type")}

    @classmethod
    def from_json(cls, data: dict[str, Any], crypter: PassphraseCrypter) -> "Resource":
        """Raises Refused for a field that the stand-in would have to ignore."""
        known = {name: data[key] for name, key in SPELLING.items() if data.get(key) is not None}
        for key in data.keys() - {*SPELLING.values(), "inputs", "outputs", *NOT_KEPT}:
            if data[key]:
                raise Refused(f"{key} (resource {data['urn']})")
        return cls(
            **known,
            inputs=from_state(data.get("inputs") or {}, crypter),
            outputs=from_state(data.get("outputs") or {}, crypter),
        )


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


SPELLING = {item.name: _camel(item.name) for item in fields(Resource) if item.name not in ("inputs", "outputs")}


@dataclass
class Snapshot:
    """What is known of a stack: resources in dependency order, and operations that never reported back."""

    resources: list[Resource] = field(default_factory=list)
    pending: list[tuple[str, Resource]] = field(default_factory=list)  # (type as in pending_operations, resource)

    @classmethod
    def from_json(cls, data: dict[str, Any], crypter: PassphraseCrypter) -> "Snapshot":
        """From DeploymentV3. CliError unless each resource comes after all that it needs, and each live URN once."""
        for key in ("snippets", "extensions", "metadata"):
            if data.get(key):
                raise Refused(f"{key} in a state")
        resources = [Resource.from_json(item, crypter) for item in data.get("resources") or []]
        operations = data.get("pending_operations") or []
        pending = [(item["type"], Resource.from_json(item["resource"], crypter)) for item in operations]
        _verify(resources)
        return cls(resources, pending)

    def to_json(self, salt: str, crypter: PassphraseCrypter | None) -> dict[str, Any]:
        """As DeploymentV3; secrets are shown without a `crypter`."""

        def spelled(item: Resource) -> dict[str, Any]:
            return item.to_json(lambda value: to_state(value, crypter))

        magic = hashlib.sha256(VERSION.encode()).hexdigest()
        found: dict[str, Any] = {
            "manifest": {"time": now(), "magic": magic, "version": VERSION},
            "secrets_providers": {"type": "passphrase", "state": {"salt": salt}},
            "metadata": {},
        }
        if self.resources:
            found["resources"] = [spelled(item) for item in self.resources]
        if self.pending:
            found["pending_operations"] = [{"resource": spelled(item), "type": kind} for kind, item in self.pending]
        return found


def _verify(resources: Iterable[Resource]) -> None:
    seen: set[str] = set()
    live: set[str] = set()
    for item in resources:
        problems = [f"{item.urn} refers to missing {urn}" for urn in item.needs() - seen]
        problems += [f"duplicate resource {item.urn}"] if item.urn in live and not item.delete else []
        if problems:
            raise CliError(f"snapshot integrity failure; refusing to use it: {problems[0]}")
        seen.add(item.urn)
        if not item.delete:
            live.add(item.urn)


def checkpoint(stack: str, deployment: dict[str, Any]) -> str:
    """The text of a state file."""
    data = {"version": 3, "checkpoint": {"stack": stack, "latest": deployment}}
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def parse_checkpoint(text: str) -> dict[str, Any]:
    """The `latest` deployment of a state file's text, empty for an empty stack; CliError when it is damaged."""
    try:
        data = json.loads(text)
        version = data.get("version", 3)
    except (ValueError, AttributeError) as error:
        raise CliError(f"failed to load checkpoint: {error}") from None
    if version not in (3, 4) or data.get("features"):
        raise CliError(f"failed to load checkpoint: version {version} isn't supported, only 3 without features")
    return data.get("checkpoint", {}).get("latest") or {}


def repair(resources: Iterable[Resource]) -> None:
    """Drops, in place, references to resources that are gone; a child of a gone parent moves to the stack."""
    seen: set[str] = set()
    root = ""
    for item in resources:
        root = item.urn if item.type == ROOT_TYPE else root
        item.parent = root if item.parent and item.parent not in seen else item.parent
        item.dependencies = [urn for urn in item.dependencies if urn in seen]
        needed = item.property_dependencies.items()
        item.property_dependencies = {key: [urn for urn in urns if urn in seen] for key, urns in needed}
        seen.add(item.urn)


def now() -> str:
    """RFC 3339, UTC."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
