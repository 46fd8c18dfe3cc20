"""Live jobs as declarations: which of them, with what in the place of secrets, and what stands in the way. Pure.

A declaration gives exactly the job that is live, so that adopting it changes nothing; where the comfortable form would
not (headers written in another style of JSON, say), the plain one is taken.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from commands.export.conceal import PROCESSOR, Concealer, Keys, as_map, hidden
from commands.export.sound import without_ignored
from provider.job.config import json_texts
from provider.job.executors import HTTP_OPTIONS, SHELL_OPTIONS, Executor, http, shell
from provider.job.ownership import OWNER_TAG_KEY, OWNERSHIP_KEYS, owner_tag
from provider.job.references import ConfigValue, Reference, Text, parts_of, shown
from provider.job.spec import DEFAULTS
from provider.job.validation import check_job, parent_cycle

ORDER: Final = (
    "name",
    "displayname",
    "schedule",
    "timezone",
    "parent_job",
    "concurrency",
    "retries",
    "disabled",
    "ephemeral",
    "owner",
    "owner_email",
    "starts_at",
    "expires_at",
    "tags",
    "metadata",
    "executor",
    "executor_config",
    "processors",
)
_NAMES_OF: Final = {"http": HTTP_OPTIONS, "shell": SHELL_OPTIONS}
_TEXTS: Final = frozenset({"url", "headers", "body", "command", "env", "payload"})  # may hold references
_BUILDERS: Final[Mapping[str, Callable[..., Executor]]] = {"http": http, "shell": shell}


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a builder: `http(...)`, as it is to be written."""

    builder: str
    arguments: Mapping[str, Any]


@dataclass(slots=True)
class Imported:
    """One live job. `fields`: the arguments of its JobSpec; `tag`: the owner tag that it carries; `against`: why it
    can't be declared as it is, one line each; `ignored`: what was left out because Dkron ignores it, as it may be
    shown, by its path."""

    name: str
    tag: str | None
    fields: dict[str, Any]
    against: list[str] = field(default_factory=list)
    ignored: dict[str, str] = field(default_factory=dict)

    @property
    def keys(self) -> list[str]:
        """The secret config keys that it needs."""
        return [
            p.key for text in _texts(self.fields) for p in parts_of(text) if isinstance(p, ConfigValue) and p.secret
        ]


def chosen(live: Iterable[Mapping[str, Any]], tag: str | None) -> list[Mapping[str, Any]]:
    """The jobs that carry an owner tag, all of them for None; by name."""
    return sorted((j for j in live if tag is None or owner_tag(j) == tag), key=lambda j: str(j.get("name")))


def bring_in(
    live: Iterable[Mapping[str, Any]],
    keys: Keys,
    declared: Mapping[str, str],
    against: Mapping[str, str] | None = None,
) -> list[Imported]:
    """The jobs as declarations. `declared`: the names that are declared already, with their places; `against`: what is
    known to stand against a job, by its name."""
    jobs = [(job, *without_ignored(job)) for job in live]
    for _, fields, _ in jobs:  # once to learn all secrets, once to find them everywhere
        _fields(fields, keys)
    parents = {str(job.get("name")): str(job.get("parent_job") or "") for job, _, _ in jobs}
    result = []
    for job, fields, ignored in jobs:
        name = str(job.get("name"))
        hide = Concealer(keys, name)
        found = Imported(name, owner_tag(job), _fields(fields, keys))
        found.ignored = {path: hidden(hide.option(path.rpartition(".")[2], value)) for path, value in ignored.items()}
        found.against += [reason for reason in [(against or {}).get(name)] if reason]
        if name in declared:
            found.against.append(f"is declared already, at {declared[name]}")
        metadata = {**fields.get("metadata", {}), OWNER_TAG_KEY: "x"}
        for where, reason in check_job({**fields, "metadata": metadata}):
            found.against.append(f"{where}: {shown(hide.text(reason, 'reason'))}")
        cycle = parent_cycle(name, parents)
        if cycle and len(cycle) > 2:
            found.against.append(f"parent_job: closes a cycle ({' -> '.join(cycle)})")
        result.append(found)
    return result


def _fields(canonical_job: Mapping[str, Any], keys: Keys) -> dict[str, Any]:
    values = dict(canonical_job)
    hide = Concealer(keys, str(values.get("name")))
    for name in ("displayname", "owner", "owner_email"):
        if name in values:
            values[name] = hide.text(values[name], name, names=False)
    metadata = {k: v for k, v in values.pop("metadata", {}).items() if k not in OWNERSHIP_KEYS}
    if metadata:
        values["metadata"] = {key: hide.option(key, value) for key, value in metadata.items()}
    if "processors" in values:
        values["processors"] = {
            name: {key: hide.option(key, value, PROCESSOR) for key, value in config.items()}
            for name, config in values["processors"].items()
        }
    config = values.pop("executor_config", {})
    if values.get("executor"):
        values["executor"] = _executor(values["executor"], config, hide)
    elif config:
        values["executor_config"] = {key: hide.option(key, value) for key, value in config.items()}
    return {
        name: values[name] for name in ORDER if name in values and (name == "name" or values[name] != DEFAULTS[name])
    }


def _executor(name: str, config: Mapping[str, str], hide: Concealer) -> Call:
    """The builder's call that gives exactly this config; `plugin(...)` always does."""
    if name in _BUILDERS and config.keys() <= _NAMES_OF[name].keys():
        arguments = {_NAMES_OF[name][k]: _argument(name, k, v, hide) for k, v in config.items()}
        ordered = {k: arguments[k] for k in _NAMES_OF[name].values() if k in arguments}
        if _gives(_BUILDERS[name], ordered, config, hide.keys):
            return Call(name, ordered)
    plain: dict[str, Any] = {key: hide.option(key, value, name) for key, value in config.items()}
    return Call("plugin", {"name": name, "config": plain} if plain else {"name": name})


def _argument(executor: str, option: str, value: str, hide: Concealer) -> Any:
    """An option's value as the argument of the builder."""
    if option == "headers":
        items = [hide.header(item) for item in json_texts(value) or []]
        return as_map(items, ": ") or items or None
    if option == "env":
        return as_map(hide.pairs(value), "=")
    if option in ("debug", "tlsNoVerifyPeer", "shell"):
        return True if value == "true" else None
    whole = value.isascii() and value.isdigit() and str(int(value)) == value if len(value) < 10 else False
    if whole and executor == "http" and option in ("timeout", "expectCode"):
        return int(value)
    text = hide.option(option, value, executor)
    return text if option in _TEXTS or isinstance(text, str) else None


def _gives(
    builder: Callable[..., Executor], arguments: Mapping[str, Any], config: Mapping[str, str], keys: Keys
) -> bool:
    """Whether the call gives exactly the config."""
    if None in arguments.values():
        return False
    try:
        built = builder(**arguments).config
    except TypeError:  # an argument that the builder insists on is missing
        return False
    return {k: v.resolve(keys.value) if isinstance(v, Reference) else v for k, v in built.items()} == dict(config)


def _texts(value: Any) -> Iterable[Text]:
    if isinstance(value, Call):
        value = value.arguments
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str | Reference):
        yield value
