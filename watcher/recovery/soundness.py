"""Whether Pulumi could work with a state that it can parse, and whose code it would run. Pure; mends nothing.

It knows what Pulumi 3 checks of a snapshot, and what it dies of without a check. A state that passes here and that
Pulumi still refuses is told by Pulumi itself. A format that it doesn't know is not judged.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from provider.reference import OURS
from provider.text import one_line

KNOWN_VERSIONS: Final = (1, 2, 3, 4)
KNOWN_FEATURES: Final = (
    "refreshBeforeUpdate",
    "views",
    "hooks",
    "taint",
    "replaceWith",
    "snippets-prototype",
    "extensionParameterization",
    "byteString",
)
_PROVIDER_TYPE: Final = "pulumi:providers:"
_DYNAMIC: Final = "pulumi-python:dynamic"
_OURS: Final = tuple(OURS)  # what is compared with them may be no text


def resources_in(document: Any) -> list[Any]:
    """The resources of a checkpoint file or of an exported stack, as they stand there."""
    latest = _latest(document)
    resources, pending = latest.get("resources"), latest.get("pending_operations")
    operations = [one.get("resource") for one in pending if isinstance(one, dict)] if isinstance(pending, list) else []
    return [*(resources if isinstance(resources, list) else ()), *operations]


def has_pending(document: Any) -> bool:
    """Whether a dead run left operations pending in the state."""
    return bool(_latest(document).get("pending_operations"))


def _latest(document: Any) -> dict[str, Any]:
    """The deployment in a checkpoint file or in an exported stack, {} if there is none."""
    if not isinstance(document, dict):
        return {}
    checkpoint = document.get("checkpoint")
    found = checkpoint.get("latest") if isinstance(checkpoint, dict) else document.get("deployment")
    return found if isinstance(found, dict) else {}


def salt_of(document: Any) -> str:
    """The salt of the passphrase that the state's secrets are encrypted with, "" if it has none."""
    provider = _latest(document).get("secrets_providers")
    state = provider.get("state") if isinstance(provider, dict) else None
    return str(state.get("salt") or "") if isinstance(state, dict) else ""


def is_newer(document: Any) -> bool:
    """Whether a state has a format that isn't known here, as that of a newer Pulumi."""
    if not isinstance(document, dict):
        return False
    features = document.get("features") or []
    known = isinstance(features, list) and all(feature in KNOWN_FEATURES for feature in features)
    return document.get("version", 3) not in KNOWN_VERSIONS or not known


def unsound(document: Any) -> str:
    """Why Pulumi could not use the state, one line; "" if nothing speaks against it."""
    if is_newer(document):
        return ""
    seen: set[str] = set()
    living: set[str] = set()
    providers: set[str] = set()
    for resource in _latest(document).get("resources") or ():
        reason = _misshapen(resource) or next(_broken_links(resource, seen, providers), "")
        if reason:
            return reason
        urn = resource["urn"]
        if not resource.get("delete"):
            if urn in living:
                return f"it holds {_name(resource)} twice"
            living.add(urn)
        seen.add(urn)
        if str(resource.get("type", "")).startswith(_PROVIDER_TYPE):
            providers.add(f"{urn}::{resource.get('id')}")
    return ""


def _misshapen(resource: Any) -> str:
    """What is wrong with one resource by itself, "" if nothing."""
    if not isinstance(resource, dict) or not isinstance(resource.get("urn"), str):
        return "it holds a resource without a URN"
    name = _name(resource)
    if any(not isinstance(resource.get(key), dict | None) for key in ("inputs", "outputs")):
        return f"the inputs or outputs of {name} are no mapping"
    if not resource.get("custom"):
        return ""
    if not resource.get("id"):
        return f"{name} has no id"
    dynamic = str(resource.get("type", "")).startswith(_DYNAMIC)
    if dynamic and "__provider" not in {**(resource.get("inputs") or {}), **(resource.get("outputs") or {})}:
        return f"{name} has no provider"
    return ""


def _broken_links(resource: Mapping[str, Any], seen: set[str], providers: set[str]) -> Iterator[str]:
    name = _name(resource)
    provider = resource.get("provider")
    if provider and str(provider) not in providers and not resource.get("pendingReplacement"):
        yield f"{name} refers to a provider that isn't there"
    for key in ("parent", "dependencies"):
        value = resource.get(key)
        named = value if isinstance(value, list) else [value] if value else []
        if any(str(urn) not in seen for urn in named):
            yield f"{name} refers to a resource that isn't there before it"


def strangers(document: Any) -> list[str]:
    """The resources that would run other code than our provider's when Pulumi reads the state."""
    found = []
    for resource in resources_in(document):
        if not isinstance(resource, dict):
            continue
        for key in ("inputs", "outputs"):
            properties = resource.get(key)
            if isinstance(properties, dict) and "__provider" in properties and properties["__provider"] not in _OURS:
                found.append(_name(resource))
    return list(dict.fromkeys(found))


def _name(resource: Mapping[str, Any]) -> str:
    return f'"{one_line(str(resource.get("urn", "")).rpartition("::")[2])}"'
