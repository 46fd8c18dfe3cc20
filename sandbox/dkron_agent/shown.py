"""Executions as the API shows them (recorded: http.json d06, j04-j13). Pure."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from .store import Execution


def execution(one: Execution, zone: ZoneInfo | None = None) -> dict[str, Any]:
    """One execution; without a zone its times are in UTC. An empty output is left out."""
    value: dict[str, Any] = {
        "id": one.id,
        "job_name": one.job,
        "started_at": one.started.within(zone).text(),
        "finished_at": one.finished.within(zone).text(),
        "success": one.success,
        "output": one.output.decode(errors="dkron"),
        "node_name": one.node,
        "group": one.group,
        "attempt": one.attempt,
    }
    return value if one.output else {name: value[name] for name in value if name != "output"}


def listed(one: Execution, zone: ZoneInfo | None, limit: int) -> dict[str, Any]:
    """One execution of a list; `limit` keeps the last bytes of its output, -1 all of it."""
    cut = -1 < limit < len(one.output)
    value = execution(one, zone)
    if cut:
        value["output"] = one.output[len(one.output) - limit :].decode(errors="dkron")
    return {**{name: value[name] for name in value if value[name] != ""}, "output_truncated": cut}


def ordered(executions: list[Execution], query: Mapping[str, str]) -> list[Execution]:
    """Newest first unless the query says otherwise; none for a sort that Dkron does not know (recorded: j07)."""
    keys = {
        "": lambda one: one.id,
        "id": lambda one: (one.started, one.id),
        "started_at": lambda one: (one.started, one.id),
        "finished_at": lambda one: (one.finished, one.id),
        "attempt": lambda one: (one.attempt, one.id),
    }
    key = keys.get(query.get("_sort", ""))
    return [] if key is None else sorted(executions, key=key, reverse=query.get("_order", "DESC") == "DESC")
