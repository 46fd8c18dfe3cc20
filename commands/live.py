"""What the commands need of a live Dkron: the jobs, believed only from a cluster with a leader, and its settings, from
the environment and where it is asked for from the stack's file. It writes nothing to Dkron."""

import os
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

from commands.stack import plain_config
from provider.dkron.cluster import SECOND_LOOK_AFTER_S, lost_many
from provider.errors import SettingsError
from provider.settings import (
    DkronSettings,
    Lookup,
    from_environment,
    load_dkron,
    load_owner,
    parse_urls,
)

Jobs = dict[str, dict[str, Any]]


@contextmanager
def progress(text: str) -> Iterator[None]:
    """One line on a terminal's standard error while something takes long; nothing in a pipe."""
    shown = sys.stderr.isatty()
    if shown:
        sys.stderr.write(f"\r\x1b[K{text} ...")
        sys.stderr.flush()
    try:
        yield
    finally:
        if shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _no_config(_key: str) -> str | None:
    """For the commands that only read: no stack is meant."""
    return None


def settings(
    address: str | None, environ: Mapping[str, str] | None = None, config: Lookup = _no_config
) -> DkronSettings:
    """Where Dkron is: --dkron, else DKRON_URL, else `config`; credentials likewise. Raises SettingsError."""
    env = dict(os.environ if environ is None else environ)
    if address is not None:
        urls, reason = parse_urls(address)
        if reason or not urls:
            file = "; --file reads a backup" if address.startswith("file:") else ""
            raise SettingsError([f"--dkron {reason}{file}"])
        env["DKRON_URL"] = address
    elif from_environment("dkronUrl", env) is None and not config("dkronUrl"):
        raise SettingsError(["no Dkron is named: give --dkron http://host:port, or set DKRON_URL"])
    return load_dkron(config, env)


def our_tag(config: Lookup | None = None) -> str:
    """Our owner tag: OWNER_TAG, else `config`, else what the stack's file says, else the default. Raises
    SettingsError."""
    return load_owner(config or plain_config)[0]


def value_in(stack: str) -> Lookup:
    """Looks a config key up that the environment or the stack's file gives in clear. Raises SettingsError."""
    return partial(known_value, config=config_of(stack))


def config_of(stack: str) -> Lookup:
    """The plain config of a stack; read from its file only once."""
    return cache(partial(plain_config, environ={**os.environ, "STACK": stack}))


def known_value(key: str, config: Lookup = _no_config) -> str | None:
    """The value of a config key if the environment gives it (gatewayUrl: GATEWAY_URL), else `config`. Raises
    SettingsError."""
    value = from_environment(key, os.environ)
    return value if value is not None else config(key)


def live_jobs(
    chosen: DkronSettings,
    owner_tag: str | None,
    expected: Collection[str] = (),
    sleep: Callable[[float], None] = time.sleep,
) -> Jobs:
    """The jobs with an owner tag (None: all of the cluster), and the expected ones, whoever owns them; by name.

    Raises DkronError. A server that has just started lists no or few jobs, with 200: where many of the expected are
    missing, or there is no job at all, a second look decides.
    """
    from provider.dkron.client import DkronClient

    client = DkronClient(chosen)

    def look() -> Jobs:
        found = {str(job.get("name")): job for job in client.list_jobs(owner_tag)}
        if owner_tag is not None:
            others = {name: client.get_job(name) for name in expected if name not in found}
            found |= {name: job for name, job in others.items() if job is not None}
        return found

    try:
        with progress(f"reading the jobs of {chosen.shown}"):
            client.require_leader()
            found = look()
            if not found or lost_many(expected, found):
                sleep(SECOND_LOOK_AFTER_S)
                found |= look()
            return found
    finally:
        client.close()
