"""Which texts must never be shown: the configured secrets, and whatever in a job may hold one. Pure.

The provider gets secrets as plain text (the SDK accepts no secret values there), and the CLI redacts only what it knows
as secret config. So every text that is not known to be harmless counts as a secret when Dkron's words are quoted.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from provider.ownership import OWNER_TAG_KEY
from provider.settings import SECRET_KEYS, from_environment

# What a refusal may have to quote, or what tells nothing.
HARMLESS_OPTIONS: Final = frozenset({
    "method", "timeout", "expectCode", "debug", "tlsNoVerifyPeer", "shell", "mem_limit", "cwd",
    "tlsRootCAsFile", "tlsCertificateFile", "tlsCertificateKeyFile",
})  # fmt: skip


def config_secrets(config: Callable[[str], Any], env: Mapping[str, str]) -> frozenset[str]:
    """The values of the secret settings, from the stack's config and from the environment."""
    found = [config(key) for key in SECRET_KEYS] + [from_environment(key, env) for key in SECRET_KEYS]
    return frozenset(str(value) for value in found if value)


def secret_texts(job: Mapping[str, Any]) -> Iterator[str]:
    """Every text in a job's inputs that may be, or may hold, a secret."""
    for option, value in _items(job.get("executor_config")):
        if option == "headers":
            yield from _header_values(value)
        if option not in HARMLESS_OPTIONS:
            yield value
    for config in (job.get("processors") or {}).values() if isinstance(job.get("processors"), Mapping) else ():
        yield from (value for _, value in _items(config))
    yield from (value for key, value in _items(job.get("metadata")) if key != OWNER_TAG_KEY)


def _items(mapping: Any) -> Iterator[tuple[str, str]]:
    if isinstance(mapping, Mapping):
        yield from ((str(key), value) for key, value in mapping.items() if isinstance(value, str) and value)


def _header_values(text: str) -> Iterator[str]:
    try:
        items = json.loads(text)
    except ValueError:
        return
    for item in items if isinstance(items, list) else ():
        if isinstance(item, str):
            yield item
            yield item.partition(":")[2].strip()
