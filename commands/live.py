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
from provider.dkron.doubt import SECOND_LOOK_AFTER_S, lost_many
from provider.errors import NoLeader, SettingsError
from provider.settings import (
    DkronSettings,
    Lookup,
    from_environment,
    load_default_tags,
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
            raise SettingsError([f"--dkron {reason}"])
        env["DKRON_URL"] = address
    elif from_environment("dkronUrl", env) is None and not config("dkronUrl"):
        raise SettingsError(["no Dkron is named: give --dkron http://host:port, or set DKRON_URL"])
    return load_dkron(config, env)


def our_tag(stack: str | None = None) -> str:
    """Our owner tag: OWNER_TAG, else what the stack's file says, else the default. Raises SettingsError."""
    return load_owner(_config_of(stack))[0]


def default_tags(stack: str | None = None) -> dict[str, str]:
    """The tags of jobs that declare none: DEFAULT_TAGS, else what the stack's file says. Raises SettingsError."""
    return load_default_tags(_config_of(stack))


def value_in(stack: str) -> Lookup:
    """Looks a config key up that the environment or the stack's file gives in clear. Raises SettingsError."""
    config = _config_of(stack)

    def value(key: str) -> str | None:
        given = known_value(key)
        return given if given is not None else config(key)

    return value


def _config_of(stack: str | None) -> Lookup:
    """The plain config of a stack, of the chosen one for None; read from its file only once."""
    environ = {**os.environ, **({"STACK": stack} if stack else {})}
    return cache(partial(plain_config, environ=environ))


def known_value(key: str) -> str | None:
    """The value of a config key if the environment gives it (gatewayUrl: GATEWAY_URL). Raises SettingsError."""
    return from_environment(key, os.environ)


def live_jobs(
    chosen: DkronSettings, expected: Collection[str] = (), sleep: Callable[[float], None] = time.sleep
) -> Jobs:
    """All jobs of the cluster, by name. Raises DkronError.

    A server that has just started lists no or few jobs, with 200: where many of the expected are missing, or there is
    no job at all, a second look decides.
    """
    from provider.dkron.client import DkronClient

    client = DkronClient(chosen)
    try:
        with progress(f"reading the jobs of {chosen.shown}"):
            if client.leader() is None:
                raise NoLeader(f"Dkron at {chosen.shown} has no leader just now; try again in a moment")
            found = {str(job.get("name")): job for job in client.list_jobs()}
            if not found or lost_many(expected, found):
                sleep(SECOND_LOOK_AFTER_S)
                found |= {str(job.get("name")): job for job in client.list_jobs()}
            return found
    finally:
        client.close()
