"""What the cluster's nodes make of the declared jobs: asked for once in a run, and told once for all jobs together.

It costs one request, only where a job is tagged or an http job is not, while the engine is busy with the jobs. Whatever
goes wrong with it is nobody's trouble: the provider tells of a Dkron that can't be read. In the watcher's runs it is
silent, since the watcher tells it by itself.
"""

import asyncio
import os
from collections.abc import Awaitable, Collection, Mapping
from dataclasses import replace
from typing import Any, Final

import pulumi

from .job.limits import DEFER_CHECKS
from .job.tags import asks_for_nodes, cluster_advice
from .settings import DkronSettings

TIMEOUT_S: Final = 2.0
MAX_ANSWER_MB: Final = 4

_jobs: Final[list[Mapping[str, Any]]] = []
_accepted: Final[dict[str, Collection[str]]] = {}


def note(inputs: Mapping[str, Any], accepted: Collection[str], dkron: DkronSettings) -> None:
    """Takes in a declared job: what is known of its inputs, and the codes that it accepts.

    The first one begins the look, which waits for the program's last line; the SDK waits for it.
    """
    if os.environ.get(DEFER_CHECKS):
        return
    _jobs.append(inputs)
    _accepted[str(inputs.get("name"))] = accepted
    if len(_jobs) == 1:
        # An output, because the program's end waits for those.
        told: Awaitable[Any] = asyncio.ensure_future(_tell(dkron))
        pulumi.Output.from_input(told)


async def _tell(dkron: DkronSettings) -> None:
    if not any(map(asks_for_nodes, _jobs)):
        return
    for found in cluster_advice(_jobs, await asyncio.to_thread(_nodes, dkron), _accepted):
        pulumi.log.warn(found.line)


def _nodes(dkron: DkronSettings) -> list[dict[str, str]]:
    """The nodes that run jobs, none where Dkron doesn't say."""
    try:
        from .dkron.client import DkronClient  # takes longer than all else, and the engine is busy now anyway

        client = DkronClient(replace(dkron, timeout_s=TIMEOUT_S, max_answer_mb=MAX_ANSWER_MB))
        try:
            return client.nodes()
        finally:
            client.close()
    except Exception:  # noqa: BLE001 - a warning must not end a run
        return []
