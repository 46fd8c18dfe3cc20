"""The Dkron jobs in a Terraform state, in the form that a live Dkron would give them in. Pure.

Public providers write `dkron_job` in two ways: with `executor_config` (sylviettee/dkron), or with the options of the
shell executor beside the job's fields (bozerkins/dkron; peertransfer's has only `command`, and a map `slack`).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

RESOURCE: Final = "dkron_job"
VERSION: Final = 4
# Their names in the flat form; what Dkron ignores among them is told later, as for any job.
_FLAT: Final = ("command", "env", "timeout", "cwd", "shell", "mem_limit_kb", "project", "allowed_exitcodes")
# What says nothing of the job: where the provider's server is, what Terraform keeps for itself.
_TERRAFORMS_OWN: Final = ("dkron_host", "timeouts")
_EMPTY: Final = (None, "", False)


class NoState(Exception):
    """The text is no state that can be read; the text says why."""


def jobs_in(state: Any) -> Iterator[tuple[Mapping[str, Any], list[str]]]:
    """Each job, with the texts that Terraform knows as sensitive. Raises NoState."""
    if (
        not isinstance(state, Mapping)
        or not isinstance(state.get("resources"), list)
        or state.get("version") != VERSION
    ):
        raise NoState(f"is no Terraform state of version {VERSION}: `terraform state pull` gives one")
    for resource in state["resources"]:
        if not isinstance(resource, Mapping) or resource.get("type") != RESOURCE or resource.get("mode") == "data":
            continue
        for instance in resource.get("instances") or ():
            attributes = instance.get("attributes") if isinstance(instance, Mapping) else None
            if not isinstance(attributes, Mapping):
                raise NoState(f"holds a {RESOURCE} without attributes")
            sensitive = [text for path in instance.get("sensitive_attributes") or () for text in _at(attributes, path)]
            yield _job(attributes), sensitive


def _job(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    job = {key: value for key, value in attributes.items() if key not in (*_FLAT, *_TERRAFORMS_OWN, "slack")}
    flat = {key: attributes[key] for key in _FLAT if attributes.get(key) not in _EMPTY}
    if flat and not job.get("executor_config"):
        job["executor_config"] = flat
    blocks = attributes.get("processors")
    if isinstance(blocks, list) and all(isinstance(block, Mapping) and block.get("type") for block in blocks):
        job["processors"] = {
            str(block["type"]): {key: item for key, item in block.items() if key != "type" and item not in _EMPTY}
            for block in blocks
        }
    if attributes.get("slack"):
        job["processors"] = {"slack": attributes["slack"]}
    return job


def _at(value: Any, path: Any) -> Iterator[str]:
    """The texts at a path of the state: [{"type": "get_attr", "value": "command"}]."""
    for step in path if isinstance(path, list) else ():
        key = step.get("value") if isinstance(step, Mapping) else None
        key = key.get("value") if isinstance(key, Mapping) else key
        value = value.get(key) if isinstance(value, Mapping) and isinstance(key, str) else value
    yield from _texts(value)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(item)
