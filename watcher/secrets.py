"""Which texts of the environment must never be shown, and which reach whom. Reads files that variables name; pure else.

Whatever a variable's name or an address makes look like a secret counts as one: too much hidden is a nuisance, too
little a leak. It redacts nothing by itself.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, unquote_plus, urlsplit

from provider.credentials import is_loopback
from provider.errors import SettingsError
from provider.redaction import SHORTEST_SAFE
from provider.settings import read_variable
from watcher import repository, targets

FILE: Final = "_FILE"
PUBLIC_PASSPHRASE: Final = "dkron-jobs-dev"  # noqa: S105 - it stands in the documents, for the dev stack's example key
# What `pulumi` and the programs that it starts have no use for.
NOT_FOR_RUNS: Final = frozenset(
    {"NOTIFY", "NOTIFY_FILE", "HTTP_PASSWORD", "HTTP_PASSWORD_FILE", "DKRON_MGR__SERVICE_KEY", *repository.SETTINGS}
)
_NAME: Final = re.compile(r"SECRET|PASSWORD|PASSWD|PASSPHRASE|TOKEN|CREDENTIAL|(^|_)KEY$")
_PARAMETER: Final = re.compile(r"pass|pwd|secret|token|credential|^sas$|^sig(nature)?$|key$")
_LONE_LOGIN: Final = 16  # characters; a user without a password that is longer is a token
_NO_SECRETS: Final = frozenset({"true", "false", "yes", "no", "on", "off", "0", "1"})
_COMMON: Final = frozenset({"password", "passw0rd", "changeme", "change-me", "12345678", "secretkey", "service-key"})


def url_secrets(text: str) -> Iterator[str]:
    """The password in an address and its parameters that are named like secrets, as they stand and percent-decoded."""
    place, _, query = text.partition("://")[2].partition("?")
    # Up to the last "@": a password may hold one, or a slash, unescaped.
    login, at, _ = place.rpartition("@")
    user, colon, password = login.partition(":")
    if at and (colon or len(user) > _LONE_LOGIN):
        yield from _spellings(password if colon else user)
    for pair in re.split("[&;]", query):
        name, _, value = pair.partition("=")
        if _PARAMETER.search(name.lower()):
            yield from _spellings(value)


def known_secrets(env: Mapping[str, str]) -> tuple[str, ...]:
    """Every text that must never be shown, files that variables name included."""
    found = [text for _, text in _named(env)]
    found += [secret for text in (*env.values(), *found) if "://" in text for secret in url_secrets(text)]
    found += targets.targets(env.get("NOTIFY", ""))
    return tuple(dict.fromkeys(text.strip() for text in found if text.strip()))


def weak(env: Mapping[str, str]) -> list[str]:
    """The variables with secrets that can't be hidden wherever they stand, or that anybody would guess."""
    ours = ("SERVICE_KEY", "DKRON_TOKEN", "DKRON_PASSWORD", "HTTP_PASSWORD", "PULUMI_CONFIG_PASSPHRASE")
    return sorted(
        name for name, text in _named(env) if name in ours and (len(text) < SHORTEST_SAFE or text.lower() in _COMMON)
    )


def exposed(env: Mapping[str, str], addresses: Iterable[str]) -> str:
    """What the public passphrase guards and must not, one line; "" if nothing. `addresses`: Dkron's."""
    try:
        passphrase = read_variable("PULUMI_CONFIG_PASSPHRASE", env)
        has_key = read_variable("SERVICE_KEY", env) is not None
    except SettingsError:
        return ""
    elsewhere = [address for address in addresses if not is_loopback(urlsplit(address).hostname or "")]
    if passphrase != PUBLIC_PASSPHRASE or not (has_key or elsewhere):
        return ""
    found = [*(["a SERVICE_KEY is set"] if has_key else []), *(["Dkron is on another machine"] if elsewhere else [])]
    return (
        f"everybody knows the passphrase that seals the secrets in the state, and {' and '.join(found)}: choose one of "
        "your own with `pulumi stack change-secrets-provider passphrase`, and give it as PULUMI_CONFIG_PASSPHRASE"
    )


def _named(env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The variables that are named like secrets, each with its text; of a JSON text the secrets in it, too."""
    for name in env:
        stem = name.removesuffix(FILE)
        if not _NAME.search(stem):
            continue
        text = ""
        with suppress(SettingsError):
            text = read_variable(stem, env) or ""
        if text and text.lower() not in _NO_SECRETS and not _is_path(text):
            yield stem, text
            with suppress(ValueError):
                yield from ((stem, inner) for inner in _inside(json.loads(text)))


def _inside(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _inside(item, str(key))
    elif isinstance(value, str) and _NAME.search(name.upper()):
        yield value


def _is_path(text: str) -> bool:
    return text.startswith(("/", "./", "~")) and "\n" not in text and Path(text).expanduser().exists()


def _spellings(text: str) -> tuple[str, ...]:
    return text, unquote(text), unquote_plus(text)
