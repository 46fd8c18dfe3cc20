"""Typed builders for what a job executes: `http`, `shell`, and `plugin` for any other executor by name.

Each gives an `Executor`, the pair of Dkron's fields `executor` and `executor_config`, with the spelling of keys and
values that Dkron 4.0.9 reads. Pure; validation is `validate`'s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from .references import Reference, Text, json_list
from .stacks import by_stack

# Dkron's options, each with the builder's argument that gives it.
HTTP_OPTIONS: Final = {
    "url": "url",
    "method": "method",
    "headers": "headers",
    "body": "body",
    "timeout": "timeout",
    "expectCode": "expect_code",
    "expectBody": "expect_body",
    "debug": "debug",
    "tlsNoVerifyPeer": "tls_no_verify_peer",
    "tlsRootCAsFile": "tls_root_cas_file",
    "tlsCertificateFile": "tls_certificate_file",
    "tlsCertificateKeyFile": "tls_certificate_key_file",
}
SHELL_OPTIONS: Final = {o: o for o in ("command", "shell", "env", "cwd", "timeout", "mem_limit", "payload", "su")}
# The others that Dkron 4.0.9 ships; any name is taken, since a cluster may have plugins of its own.
SHIPPED = frozenset({"http", "shell", "grpc", "kafka", "nats", "rabbitmq", "gcppubsub"})


@dataclass(frozen=True, slots=True)
class Executor:
    """Dkron's `executor` and `executor_config`."""

    name: str
    config: Mapping[str, Any] = field(default_factory=dict)


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _number(value: int | Text | None) -> Text | None:
    return value if value is None or isinstance(value, Reference) else str(value)


def _flag(name: str, value: object) -> str | None:
    """Raises TypeError for a reference: Dkron takes some of these for true whatever their text is."""
    if isinstance(value, Reference):
        raise TypeError(f"{name} must be True or False, and can't be a setting")
    return "true" if value else None


@by_stack
def http(  # noqa: PLR0913 - one argument for each option that Dkron's executor has
    url: Text,
    *,
    method: Text = "GET",
    headers: Mapping[str, Text] | Sequence[Text] = (),
    body: Text | None = None,
    timeout: int | Reference | None = None,
    expect_code: int | Text | None = None,
    expect_body: Text | None = None,
    debug: bool = False,
    tls_no_verify_peer: bool = False,
    tls_root_cas_file: Text | None = None,
    tls_certificate_file: Text | None = None,
    tls_certificate_key_file: Text | None = None,
) -> Executor:
    """An HTTP request.

    `headers`: name -> value, or a list of "Name: value". `timeout`: whole seconds (Dkron's default is 30; 0 is none).
    `expect_code`: the code, or codes separated by commas, that count as success; without it every answer does.
    `expect_body`: a Go regular expression that must match. `debug` writes the whole config, secrets too, to the output.
    """
    lines = [name + ": " + value for name, value in headers.items()] if isinstance(headers, Mapping) else list(headers)
    return Executor(
        "http",
        _present(
            {
                "method": method,
                "url": url,
                "headers": json_list(lines) if lines else None,
                "body": body,
                "timeout": _number(timeout),
                "expectCode": _number(expect_code),
                "expectBody": expect_body,
                "debug": _flag("debug", debug),
                "tlsNoVerifyPeer": _flag("tls_no_verify_peer", tls_no_verify_peer),
                "tlsRootCAsFile": tls_root_cas_file,
                "tlsCertificateFile": tls_certificate_file,
                "tlsCertificateKeyFile": tls_certificate_key_file,
            }
        ),
    )


@by_stack
def shell(  # noqa: PLR0913 - one argument for each option that Dkron's executor has
    command: Text,
    *,
    shell: bool = False,
    env: Mapping[str, Text] | None = None,
    cwd: Text | None = None,
    timeout: Text | None = None,
    mem_limit: Text | None = None,
    payload: Text | None = None,
    su: Text | None = None,
) -> Executor:
    """A command on the node. `shell`: run it by /bin/sh (pipes, variables). `timeout`: a Go duration such as "1h30m".

    `env`: values must hold no comma, at which Dkron splits. `mem_limit`: such as "512MB" (Dkron enforces it only
    together with a timeout). `payload`: base64, for the command's standard input. `su`: user or user:group.
    """
    return Executor(
        "shell",
        _present(
            {
                "command": command,
                "shell": _flag("shell", shell),
                "env": _env(env or {}),
                "cwd": cwd,
                "timeout": timeout,
                "mem_limit": mem_limit,
                "payload": payload,
                "su": su,
            }
        ),
    )


def _env(variables: Mapping[str, Text]) -> Text | Mapping[str, Text] | None:
    """Dkron's text for variables. Where a comma or "=" would cut one, the map itself: validation then names it."""
    pairs: Text | None = None
    for name, value in variables.items():
        if "," in name or "=" in name or (isinstance(value, str) and "," in value):
            return dict(variables)
        pair = name + "=" + value
        pairs = pair if pairs is None else pairs + "," + pair
    return pairs


@by_stack
def plugin(name: str, config: Mapping[str, Text] | None = None) -> Executor:
    """Any other executor by name (grpc, kafka, nats, rabbitmq, gcppubsub, or a cluster's own) with its config."""
    return Executor(name, dict(config or {}))
