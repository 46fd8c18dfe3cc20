"""Which jobs and executions a list shows, in which order, and which page of them.

Stands in for Dkron's query parameters (recorded: http.json j07, l01-l55). Pure.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

from .job import Job, Panic
from .store import Execution

Query = Mapping[str, str]

_BROKEN_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})")
_METADATA = re.compile(r"metadata\[([^\]]+)\]")
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_SORTS: Final = (
    *("", "name", "displayname", "schedule", "next"),
    *("success_count", "error_count", "last_success", "last_error"),
)
_SORTS_OF_EXECUTIONS: Final = ("id", "started_at", "finished_at", "attempt")  # an id begins with its time


def parse_query(text: str) -> dict[str, str]:
    """The first value of each parameter; pairs with a semicolon or a broken escape are dropped (recorded: l45, l46)."""
    pairs = [pair for pair in text.split("&") if ";" not in pair and not _BROKEN_ESCAPE.search(pair)]
    return dict(reversed(parse_qsl("&".join(pairs), keep_blank_values=True, errors="replace")))


def number(text: str) -> int | None:
    return int(text) if _WHOLE.fullmatch(text) else None


def select(jobs: Sequence[Job], query: Query) -> list[Job]:
    """The jobs that the query asks for, in its order. Raises Panic for an unknown one."""
    sort = query.get("_sort", "id")
    sort = "name" if sort == "id" else sort
    if sort in _SORTS_OF_EXECUTIONS:
        return []
    if sort not in _SORTS:
        raise Panic
    wanted = {match[1]: value for name, value in query.items() if (match := _METADATA.match(name))}
    text, status, disabled = (query.get(name, "") for name in ("q", "status", "disabled"))
    found = [
        job
        for job in jobs
        if wanted.items() <= (job["metadata"] or {}).items()
        and (text in job["name"] or text in job["displayname"])
        and disabled in ("", "true" if job["disabled"] else "false")
        and status in ("", job["status"] or "untriggered")
    ]
    found.sort(key=lambda job: (_sort_key(job.get(sort)), job["name"].encode()), reverse=query.get("_order") == "DESC")
    return found


def _sort_key(value: Any) -> Any:
    """Texts without regard to case, dates that never were last."""
    return value.lower().encode() if isinstance(value, str) else (value is None, value or 0)


def page(jobs: Sequence[Job], query: Query) -> Sequence[Job]:
    """The half-open page [_start, _end). Raises Panic for one that makes no sense (recorded: l27-l35)."""
    start = number(query.get("_start", "")) or 0
    end = min(number(query["_end"]) or 0, len(jobs)) if "_end" in query else len(jobs)
    if not 0 <= start <= end:
        raise Panic
    return jobs[start:end]


def ordered(executions: Sequence[Execution], query: Query) -> list[Execution]:
    """Newest first unless the query says otherwise; none for an unknown sort (recorded: j07)."""
    sort = query.get("_sort") or "id"
    if sort not in _SORTS_OF_EXECUTIONS:
        return []
    descending = query.get("_order", "DESC") == "DESC"
    return sorted(executions, key=lambda one: (getattr(one, sort), one.id), reverse=descending)
