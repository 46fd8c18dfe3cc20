"""Registers declared jobs with the engine, parents first: by requests of its own, or by `Job` where the SDK is unknown.

It must not let the program end before the engine knows every declared job, since the engine deletes what it isn't told
of; so nothing is sent before everything is known to be sendable, and the SDK waits for all of it.
"""

import asyncio
from collections.abc import Awaitable, Collection, Mapping, Sequence
from types import ModuleType
from typing import Any, Final

import pulumi

from .job.spec import JobSpec
from .job.tags import accepted_codes, with_default
from .node_advice import note
from .program import filled_in, require_dkron
from .resource import DECLARED, Job, known_inputs, with_ownership
from .settings import Settings

# Minor versions of Pulumi's SDK: since 3.216 a read may return inputs, with which drift is named; the newest tried.
TESTED_SDK: Final = ((3, 216), (3, 272))


def declare(specs: Sequence[JobSpec], settings: Settings) -> None:
    """Registers declared jobs, parents before their children. The SDK waits for them at the program's end.

    Raises pulumi.RunError: one line each for references to config that isn't set and for values that have no JSON,
    one for a Dkron that can't be worked with.
    """
    if specs:
        require_dkron(settings.dkron)
    given = {spec.name: with_default(spec, settings.default_tags) for spec in specs}
    declared = {name: with_ownership(spec.inputs(), settings.owner_tag) for name, spec in given.items()}
    accept = {name: spec.accept for name, spec in given.items()}
    try:
        lean = _engine_requests()
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        pulumi.log.warn(f"each job is registered in Pulumi's own way, which takes longer with many jobs: {error}")
        _declare_as_resources(filled_in(declared, pulumi.Output.secret), accept)
        return
    jobs = filled_in(declared, lean.Sealed)
    for name, inputs in jobs.items():
        note(known_inputs(inputs), accepted_codes(accept[name], given[name].tags), settings.dkron)
    requests = {name: lean.request_of(name, inputs) for name, inputs in jobs.items()}
    order = parents_first(jobs)
    loop = asyncio.get_running_loop()
    known = loop.create_future()
    # An output, because the program's end waits for those and raises what they raise.
    ended: Awaitable[Any] = _all(known)
    pulumi.Output.from_input(ended)
    under_way: dict[str, asyncio.Task[str]] = {}
    for name in order:
        # A parent that comes later closes a cycle; check refuses that.
        parent = under_way.get(parent_of(jobs[name]))
        under_way[name] = loop.create_task(lean.register(requests[name], jobs[name], parent, accept[name]))
    DECLARED.update(under_way)
    known.set_result(list(under_way.values()))


async def _all(known: asyncio.Future[list[asyncio.Task[str]]]) -> int:
    """How many were registered. Raises the first failure when all have ended: no request is left hanging."""
    ended = await asyncio.gather(*await known, return_exceptions=True)
    for one in ended:
        if isinstance(one, BaseException):
            raise one
    return len(ended)


def _engine_requests() -> ModuleType:
    """The module that knows the SDK's inside, tried on one request.

    Raises ImportError, AttributeError, TypeError or ValueError where the SDK is not as that module knows it.
    """
    from pulumi._version import version as sdk

    oldest, newest = TESTED_SDK
    if not oldest <= (sdk.major, sdk.minor) <= newest:
        tested = " to ".join(".".join(map(str, minor)) for minor in TESTED_SDK)
        raise ImportError(f"Pulumi's SDK {sdk} is not one of those that this was tested with ({tested})")
    from . import engine_requests

    engine_requests.request_of("a-job", {"metadata": {"a": engine_requests.Sealed("text")}, "retries": 1})
    return engine_requests


def _declare_as_resources(jobs: Mapping[str, Mapping[str, Any]], accept: Mapping[str, Collection[str]]) -> None:
    for name in parents_first(jobs):
        Job(name, **jobs[name], accept=accept[name])


def parent_of(inputs: Mapping[str, Any]) -> str:
    """The name of a job's parent, "" if it has none; what is no text is left for check to refuse."""
    parent = inputs.get("parent_job")
    parent = getattr(parent, "text", parent)  # of one with a secret in it
    return parent if isinstance(parent, str) else ""


def parents_first(jobs: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The names, each after its parent; otherwise as declared. Jobs in a cycle keep their place: check refuses them."""
    ordered: dict[str, None] = {}
    for name in jobs:
        line = {name: None}  # the name, its parent, its parent's parent, as far as they have no place yet
        parent = parent_of(jobs[name])
        while parent in jobs and parent not in ordered and parent not in line:
            line[parent] = None
            parent = parent_of(jobs[parent])
        ordered.update(dict.fromkeys(reversed(line)))
    return list(ordered)
