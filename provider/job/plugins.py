"""The other executors and the processors that Dkron 4.0.9 ships: what each needs and reads.

A cluster may have plugins of its own, also under these names, so all of it is advice and nothing is refused. Pure.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ..advice import Advice
from ..text import did_you_mean, one_line
from .config import BOOLEANS, Config, Finding, base64_problem, json_texts, known, unknown_options
from .executors import SHIPPED


@dataclass(frozen=True, slots=True)
class _Plugin:
    """What an executor can't do without, and what else it reads."""

    required: tuple[str, ...]
    others: tuple[str, ...] = ()


_EXECUTORS: Final[Mapping[str, _Plugin]] = {
    "kafka": _Plugin(
        ("brokerAddress", "topic"),
        (
            "key",
            "message",
            "debug",
            "tlsEnable",
            "tlsInsecureSkipVerify",
            "saslUsername",
            "saslPassword",
            "saslMechanism",
        ),
    ),
    "nats": _Plugin(("url", "subject"), ("message", "userName", "password", "debug")),
    "rabbitmq": _Plugin(
        ("url", "queue.name"),
        (
            "exchange",
            "queue.create",
            "queue.durable",
            "queue.auto_delete",
            "queue.exclusive",
            "message.content_type",
            "message.delivery_mode",
            "message.messageId",
            "message.body",
            "message.base64Body",
        ),
    ),
    "grpc": _Plugin(("url",), ("body", "headers", "timeout", "expectCode")),
    "gcppubsub": _Plugin(("project", "topic"), ("data", "attributes")),
}
PROCESSORS: Final[Mapping[str, frozenset[str]]] = {
    "files": frozenset({"forward", "log_dir"}),
    "fluent": frozenset({"forward"}),
    "log": frozenset({"forward"}),
    "syslog": frozenset({"forward"}),
}
WINDOWS_SHELL: Final = "shell.exe"
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_CODE = re.compile(r"[0-9]{1,9}", re.ASCII)
_BYTE_RANGE: Final = range(256)


def executor_advice(executor: str, config: Config) -> Iterator[Advice]:
    """Advice about an executor that is neither http nor shell."""
    if executor == WINDOWS_SHELL:
        yield Advice(
            "windows-executor", f"{WINDOWS_SHELL} is the shell executor of Windows nodes; elsewhere every run fails"
        )
    elif executor not in SHIPPED:
        near = did_you_mean(executor, SHIPPED)
        yield Advice("unknown-executor", f'Dkron 4.0.9 ships no executor "{one_line(executor)}"{near}')
    plugin = _EXECUTORS.get(executor)
    if plugin is None:
        return
    for option in plugin.required:
        if not config.get(option):
            yield Advice("missing-option", f"{executor}: {option} is missing, so every run would fail")
    for option, reason in unknown_options(config, frozenset(plugin.required + plugin.others), executor):
        yield Advice("unknown-option", f"{one_line(option)}: {reason}")
    check = _CHECKS.get(executor)
    for option, reason in check(config) if check is not None else ():
        yield Advice("bad-option", f"{executor}: {option} {reason}")


def processor_advice(processors: Mapping[str, Config]) -> Iterator[Advice]:
    """Advice about the processors of a job."""
    for name, config in processors.items():
        options = PROCESSORS.get(name)
        if options is None:
            near = did_you_mean(name, PROCESSORS)
            yield Advice("unknown-processor", f'Dkron 4.0.9 ships no processor "{one_line(name)}" and ignores it{near}')
            continue
        for option in config:
            if option not in options:
                yield Advice(
                    "unknown-option",
                    f"the processor {name} has no option {one_line(option)}{did_you_mean(option, options)}",
                )
        if (forward := known(config, "forward")) and forward not in BOOLEANS:
            yield Advice("bad-option", f'the processor {name} takes forward "{one_line(forward)}" for "false"')


def _kafka(config: Config) -> Iterator[Finding]:
    if config.get("saslUsername") and config.get("saslPassword"):
        mechanism = config.get("saslMechanism", "")
        if mechanism not in ("sha256", "sha512") and (not mechanism or known(config, "saslMechanism")):
            yield "saslMechanism", 'must be "sha256" or "sha512", or every run would fail'


def _rabbitmq(config: Config) -> Iterator[Finding]:
    if config.get("message.body") and config.get("message.base64Body"):
        yield "message.body", "and message.base64Body are both set, so every run would fail"
    yield from base64_problem(config, "message.base64Body")
    mode = known(config, "message.delivery_mode")
    if mode and not (_CODE.fullmatch(mode) and int(mode) in _BYTE_RANGE):
        yield "message.delivery_mode", "must be a number such as 2, or every run would fail"


def _grpc(config: Config) -> Iterator[Finding]:
    if (url := known(config, "url")) and "/" not in url:
        yield "url", "must look like host:port/package.Service/Method, or every run would fail"
    if (timeout := known(config, "timeout")) and not _NUMBER.fullmatch(timeout):
        yield "timeout", 'must be whole seconds such as "30", or every run would fail'
    if (code := known(config, "expectCode")) and not _CODE.fullmatch(code):
        yield "expectCode", "must be the number of a gRPC status, or every run would fail"
    if (headers := known(config, "headers")) and json_texts(headers) is None:
        yield "headers", 'must be a JSON list of texts such as ["name: value"], or every run would fail'


def _gcppubsub(config: Config) -> Iterator[Finding]:
    if not config.get("data") and not config.get("attributes"):
        yield "data", "and attributes are both missing: one is needed, or every run would fail"
    yield from base64_problem(config, "data")
    if attributes := known(config, "attributes"):
        try:
            value = json.loads(attributes)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            yield "attributes", "must be a JSON map from text to text, or every run would fail"


_CHECKS: Final = {"kafka": _kafka, "rabbitmq": _rabbitmq, "grpc": _grpc, "gcppubsub": _gcppubsub}
