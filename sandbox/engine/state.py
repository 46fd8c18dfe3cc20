"""Resources and snapshots as data, in and out of Pulumi's checkpoint JSON (version 3).

Fields and their spelling are ResourceV3's and DeploymentV3's, as found in state files of the real engine. A state
that uses what the stand-in can't carry on (views, taints, hooks, ...) is refused, never trimmed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any

from .errors import CliError, Refused
from .values import Crypter, Properties, from_state, to_state

VERSION = "3.260.0"  # of the engine whose behaviour was recorded; the manifest's magic is its hash
ROOT_TYPE = "pulumi:pulumi:Stack"
PROVIDER_TYPE = "pulumi:providers:pulumi-python"
REFUSED_FIELDS = (
    "deletedWith",
    "extensionRef",
    "external",
    "refreshBeforeUpdate",
    "replaceWith",
    "replacementTrigger",
    "resourceHooks",
    "snippetID",
    "taint",
    "viewOf",
)
Encode = Callable[[Any], Any]


@dataclass(eq=False)
class Resource:
    """One resource of a snapshot. `property_dependencies` maps input name to URNs; times are RFC 3339 texts.

    `delete`: it was replaced and must still be deleted. `pending_replacement`: it was deleted, its successor is due.
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
    init_errors: list[str] = field(default_factory=list)
    provider: str = ""
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    pending_replacement: bool = False
    retain_on_delete: bool = False
    created: str = ""
    modified: str = ""
    ignore_changes: list[str] = field(default_factory=list)
    rest: dict[str, Any] = field(default_factory=dict)  # fields that are carried on unread

    @property
    def name(self) -> str:
        return self.urn.split("::", 3)[3]

    @property
    def is_provider(self) -> bool:
        """Providers are the engine's own affair: never shown, never counted."""
        return self.type.startswith("pulumi:providers:")

    def needs(self) -> list[str]:
        """URNs that must exist before this one: provider, parent and dependencies."""
        named = [self.provider.rpartition("::")[0], self.parent, *self.dependencies]
        named += [urn for urns in self.property_dependencies.values() for urn in urns]
        return [urn for urn in named if urn]

    def keep_needs(self, new_name: Callable[[str], str]) -> None:
        """Renames what it needs (but its provider); "" drops the reference."""
        self.parent = new_name(self.parent) if self.parent else ""
        self.dependencies = _renamed(self.dependencies, new_name)
        self.property_dependencies = {key: _renamed(urns, new_name) for key, urns in self.property_dependencies.items()}

    def copy(self) -> Resource:
        return replace(self)

    def to_json(self, encode: Encode) -> dict[str, Any]:
        """As ResourceV3; `encode` spells inputs and outputs."""
        data = {key: getattr(self, name) for name, key in SPELLING.items()}
        data |= {"inputs": encode(self.inputs), "outputs": encode(self.outputs)}
        return {key: value for key, value in data.items() if value or key in ("urn", "custom", "type")} | self.rest

    @classmethod
    def from_json(cls, data: dict[str, Any], crypter: Crypter) -> Resource:
        """Raises Refused for a field that the stand-in would have to ignore."""
        for key in REFUSED_FIELDS:
            if data.get(key):
                raise Refused(f"{key} (resource {data['urn']})")
        known = {name: data[key] for name, key in SPELLING.items() if data.get(key) is not None}
        spelled = {*SPELLING.values(), "inputs", "outputs", "sourcePosition", "stackTrace"}
        return cls(
            **known,
            inputs=from_state(data.get("inputs") or {}, crypter),
            outputs=from_state(data.get("outputs") or {}, crypter),
            rest={key: value for key, value in data.items() if key not in spelled},
        )


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


SPELLING = {item.name: _camel(item.name) for item in fields(Resource) if item.name not in ("inputs", "outputs", "rest")}


def _renamed(urns: list[str], new_name: Callable[[str], str]) -> list[str]:
    return [found for found in map(new_name, urns) if found]


@dataclass
class Snapshot:
    """What is known of a stack: resources in dependency order, and operations that never reported back."""

    resources: list[Resource] = field(default_factory=list)
    pending: list[tuple[str, Resource]] = field(default_factory=list)  # (type as in pending_operations, resource)
    metadata: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: dict[str, Any], crypter: Crypter) -> Snapshot:
        """From DeploymentV3. Call `verify` before it is used."""
        for key in ("snippets", "extensions"):
            if data.get(key):
                raise Refused(f"{key} in a state")
        resources = [Resource.from_json(item, crypter) for item in data.get("resources") or []]
        operations = data.get("pending_operations") or []
        pending = [(item["type"], Resource.from_json(item["resource"], crypter)) for item in operations]
        return cls(resources, pending, data.get("metadata") or {})

    def verify(self) -> None:
        """CliError unless every resource comes after all that it needs, and no live URN is there twice."""
        seen: set[str] = set()
        live: set[str] = set()
        for item in self.resources:
            problem = f"duplicate resource {item.urn}" if item.urn in live and not item.delete else ""
            for urn in item.needs():
                if urn not in seen:
                    problem = f"{item.urn} refers to missing {urn}"
            if problem:
                advice = "`pulumi state repair` mends what it can"
                raise CliError(f"snapshot integrity failure; refusing to use it: {problem}. {advice}")
            seen.add(item.urn)
            if not item.delete:
                live.add(item.urn)

    def to_json(self, salt: str, crypter: Crypter | None) -> dict[str, Any]:
        """As DeploymentV3; secrets are shown without a `crypter`."""

        def encode(value: Any) -> Any:
            return to_state(value, crypter)

        found: dict[str, Any] = head(salt)
        if self.resources:
            found["resources"] = [item.to_json(encode) for item in self.resources]
        if self.pending:
            found["pending_operations"] = [
                {"resource": item.to_json(encode), "type": kind} for kind, item in self.pending
            ]
        return found | {"metadata": self.metadata}


def head(salt: str) -> dict[str, Any]:
    """What a deployment begins with."""
    magic = hashlib.sha256(VERSION.encode()).hexdigest()
    return {
        "manifest": {"time": now(), "magic": magic, "version": VERSION},
        "secrets_providers": {"type": "passphrase", "state": {"salt": salt}},
    }


def checkpoint(stack: str, deployment: dict[str, Any]) -> str:
    """The text of a state file."""
    data = {"version": 3, "checkpoint": {"stack": stack, "latest": deployment}}
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def parse_checkpoint(text: str) -> dict[str, Any]:
    """The `latest` deployment of a state file's text, empty for an empty stack; CliError when it is damaged."""
    try:
        data = json.loads(text)
        version = data.get("version", 0)
    except (ValueError, AttributeError) as error:
        raise CliError(f"failed to load checkpoint: {error or 'unexpected end of JSON input'}") from None
    if not data:
        return {}
    if version not in (3, 4):
        raise CliError(f"failed to load checkpoint: version {version} of the state format isn't 3")
    if data.get("features"):
        raise Refused(f"a deployment that needs the features {', '.join(data['features'])}")
    return data.get("checkpoint", {}).get("latest") or {}


def repair(resources: Iterable[Resource]) -> list[Resource]:
    """Drops, in place, references to resources that are gone; a child of a gone parent moves to the stack.

    Returns the resources that had to be changed.
    """
    seen: set[str] = set()
    root = ""
    touched = []
    for item in resources:
        root = item.urn if item.type == ROOT_TYPE else root
        if any(urn not in seen for urn in item.needs() if urn != item.provider.rpartition("::")[0]):
            item.keep_needs(lambda urn: urn if urn in seen else "")
            item.parent = item.parent or root
            touched.append(item)
        seen.add(item.urn)
    return touched


def now() -> str:
    """RFC 3339, UTC."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
