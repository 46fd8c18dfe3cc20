"""Resources and snapshots as data, in and out of Pulumi's checkpoint JSON (version 3).

Fields and their spelling are ResourceV3's and DeploymentV3's, as found in state files of the real engine. A state
that uses what the stand-in can't carry on (views, taints, hooks, ...) is refused, never trimmed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from .errors import CliError, Refused
from .values import Crypter, Properties, from_state, to_state

VERSION = "3.260.0"  # of the engine whose behaviour was recorded; the manifest's magic is its hash
ROOT_TYPE = "pulumi:pulumi:Stack"
PROVIDER_TYPE = "pulumi:providers:pulumi-python"
REFUSED_FIELDS = (
    "deletedWith", "extensionRef", "refreshBeforeUpdate", "replaceWith", "replacementTrigger", "resourceHooks",
    "snippetID", "taint", "viewOf",
)  # fmt: skip
_PLAIN_FIELDS = (
    ("urn", "urn"), ("custom", "custom"), ("delete", "delete"), ("id", "id"), ("type", "type"),
    ("parent", "parent"), ("protect", "protect"), ("external", "external"), ("dependencies", "dependencies"),
    ("init_errors", "initErrors"), ("provider", "provider"), ("property_dependencies", "propertyDependencies"),
    ("pending_replacement", "pendingReplacement"), ("additional_secret_outputs", "additionalSecretOutputs"),
    ("custom_timeouts", "customTimeouts"), ("retain_on_delete", "retainOnDelete"), ("created", "created"),
    ("modified", "modified"), ("source_position", "sourcePosition"), ("stack_trace", "stackTrace"),
    ("ignore_changes", "ignoreChanges"),
)  # fmt: skip
_ALWAYS = ("urn", "custom", "type")


@dataclass(eq=False)
class Resource:
    """One resource of a snapshot. `property_dependencies` maps input name to URNs; times are RFC 3339 texts."""

    urn: str
    type: str
    custom: bool = False
    id: str = ""
    inputs: Properties = field(default_factory=dict)
    outputs: Properties = field(default_factory=dict)
    parent: str = ""
    protect: bool = False
    external: bool = False
    dependencies: list[str] = field(default_factory=list)
    provider: str = ""
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    delete: bool = False
    pending_replacement: bool = False
    additional_secret_outputs: list[str] = field(default_factory=list)
    custom_timeouts: dict[str, float] = field(default_factory=dict)
    retain_on_delete: bool = False
    created: str = ""
    modified: str = ""
    source_position: str = ""
    stack_trace: list[dict[str, str]] = field(default_factory=list)
    ignore_changes: list[str] = field(default_factory=list)
    init_errors: list[str] = field(default_factory=list)
    rest: dict[str, Any] = field(default_factory=dict)
    _text: str | None = field(default=None, repr=False)

    def __setattr__(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)
        if name != "_text":
            object.__setattr__(self, "_text", None)

    def changed(self) -> None:
        """Forgets the remembered text; for fields that were set while another thread was writing it."""
        self._text = None

    @property
    def name(self) -> str:
        return self.urn.split("::", 3)[3]

    @property
    def is_provider(self) -> bool:
        return self.type.startswith("pulumi:providers:")

    @property
    def hidden(self) -> bool:
        """Default providers are the engine's own affair: never shown, never counted."""
        return self.is_provider and self.name.startswith("default")

    def needs(self) -> list[str]:
        """URNs that must exist before this one: provider, parent and dependencies."""
        named = [self.provider.rpartition("::")[0], self.parent, *self.dependencies]
        named += [urn for urns in self.property_dependencies.values() for urn in urns]
        return [urn for urn in named if urn]

    def copy(self) -> Resource:
        return replace(self)

    def to_json(self, crypter: Crypter | None, *, show: bool = False) -> dict[str, Any]:
        """As ResourceV3. With `show` secrets are plain text."""
        data = {key: getattr(self, name) for name, key in _PLAIN_FIELDS if getattr(self, name) or key in _ALWAYS}
        if self.inputs:
            data["inputs"] = to_state(self.inputs, crypter, show=show)
        if self.outputs:
            data["outputs"] = to_state(self.outputs, crypter, show=show)
        return {**data, **self.rest}

    def to_text(self, crypter: Crypter | None) -> str:
        """`to_json` as text; remembered until a field is set, for a checkpoint is written after every step."""
        if self._text is None:
            self._text = json.dumps(self.to_json(crypter), ensure_ascii=False, separators=(",", ":"))
        return self._text

    @classmethod
    def from_json(cls, data: dict[str, Any], crypter: Crypter | None) -> Resource:
        """Raises Refused for a field that the stand-in would have to ignore."""
        for key in REFUSED_FIELDS:
            if data.get(key):
                raise Refused(f"{key} (resource {data['urn']})")
        known = {name: data[key] for name, key in _PLAIN_FIELDS if data.get(key) is not None}
        spelled = {key for _, key in _PLAIN_FIELDS} | {"inputs", "outputs"}
        return cls(
            **known,
            inputs=from_state(data.get("inputs") or {}, crypter),
            outputs=from_state(data.get("outputs") or {}, crypter),
            rest={key: value for key, value in data.items() if key not in spelled},
        )


@dataclass
class Snapshot:
    """What is known of a stack: resources in dependency order, and operations that never reported back."""

    resources: list[Resource] = field(default_factory=list)
    pending: list[tuple[str, Resource]] = field(default_factory=list)  # (type as in pending_operations, resource)
    secrets_provider: dict[str, Any] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    def to_json(self, crypter: Crypter | None, *, show: bool = False) -> dict[str, Any]:
        """As DeploymentV3."""
        return {
            **self._head(),
            **_unless_empty("resources", [item.to_json(crypter, show=show) for item in self.resources]),
            **_unless_empty(
                "pending_operations",
                [{"resource": item.to_json(crypter, show=show), "type": kind} for kind, item in self.pending],
            ),
            "metadata": self.metadata,
        }

    def _head(self) -> dict[str, Any]:
        magic = hashlib.sha256(VERSION.encode()).hexdigest()
        head: dict[str, Any] = {"manifest": {"time": now(), "magic": magic, "version": VERSION}}
        return head | ({"secrets_providers": self.secrets_provider} if self.secrets_provider else {})

    def checkpoint(self, stack: str, crypter: Crypter | None) -> str:
        """The text of the state file for the fully qualified stack name."""
        parts = [json.dumps(self._head(), separators=(",", ":"))[1:-1]]
        if self.resources:
            parts.append(f'"resources":[{",".join(item.to_text(crypter) for item in self.resources)}]')
        if self.pending:
            pending = (f'{{"resource":{item.to_text(crypter)},"type":"{kind}"}}' for kind, item in self.pending)
            parts.append(f'"pending_operations":[{",".join(pending)}]')
        parts.append(f'"metadata":{json.dumps(self.metadata)}')
        head = f'{{"version":3,"checkpoint":{{"stack":{json.dumps(stack)},"latest":'
        return f"{head}{{{','.join(parts)}}}}}}}"

    @classmethod
    def from_json(cls, data: dict[str, Any], crypter: Crypter | None) -> Snapshot:
        """From DeploymentV3; CliError if it contradicts itself."""
        snapshot = cls(
            [Resource.from_json(item, crypter) for item in data.get("resources") or []],
            [
                (item["type"], Resource.from_json(item["resource"], crypter))
                for item in data.get("pending_operations") or []
            ],
            data.get("secrets_providers"),
            data.get("metadata") or {},
        )
        if any(data.get(key) for key in ("snippets", "extensions")):
            raise Refused("snippets and extensions in a state")
        snapshot.verify()
        return snapshot

    def verify(self) -> None:
        """Every resource comes after all that it needs, and no live URN twice."""
        seen: set[str] = set()
        live: set[str] = set()
        for item in self.resources:
            for urn in item.needs():
                if urn not in seen:
                    raise CliError(
                        f"snapshot integrity failure; refusing to use it: {item.urn} refers to missing {urn}"
                    )
            if item.urn in live and not item.delete:
                raise CliError(f"snapshot integrity failure; refusing to use it: duplicate resource {item.urn}")
            seen.add(item.urn)
            if not item.delete:
                live.add(item.urn)


def parse_checkpoint(text: str) -> dict[str, Any] | None:
    """The `latest` deployment of a state file's text, None for an empty stack; CliError when it is damaged."""
    try:
        data = json.loads(text)
        version = data.get("version", 0)
    except (ValueError, AttributeError) as error:
        raise CliError(f"failed to load checkpoint: {error or 'unexpected end of JSON input'}") from None
    if not data:
        return None
    if version not in (3, 4):
        raise CliError(f"failed to load checkpoint: version {version} of the state format isn't 3")
    if data.get("features"):
        raise Refused(f"a deployment that needs the features {', '.join(data['features'])}")
    latest: dict[str, Any] | None = data.get("checkpoint", {}).get("latest")
    return latest


def repair(resources: list[Resource], *, all_of_them: bool) -> None:
    """Removes, in place, references to resources that are gone; a child of a gone parent moves to the grandparent.

    As in the real engine, what is gone over loses the input names that depend on nothing; with `all_of_them` that is
    every resource (a refresh of the state), else those that had a reference removed (a refresh by the program).
    """
    seen: set[str] = set()
    parents: dict[str, str] = {}
    for item in resources:
        gone = any(urn not in seen for urn in item.needs() if urn != item.provider.rpartition("::")[0])
        if item.parent and item.parent not in seen:
            item.parent = parents.get(item.parent, "")
        if gone or all_of_them:
            item.dependencies = [urn for urn in item.dependencies if urn in seen]
            kept = {key: [urn for urn in urns if urn in seen] for key, urns in item.property_dependencies.items()}
            item.property_dependencies = {key: urns for key, urns in kept.items() if urns}
        seen.add(item.urn)
        parents[item.urn] = item.parent


def now() -> str:
    """RFC 3339, UTC."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def _unless_empty(key: str, value: list[Any]) -> dict[str, Any]:
    return {key: value} if value else {}
