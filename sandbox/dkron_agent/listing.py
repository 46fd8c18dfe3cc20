"""Which jobs GET /v1/jobs lists, in which order, and which page of them.

Stands in for Dkron's query parameters and the indexes of its store (recorded: http.json l01-l55). Pure.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from .job import Job, Panic

Query = Mapping[str, str]


class UnknownSort(Exception):
    """Dkron answers 500 with an empty body."""


def parse_query(text: str) -> dict[str, str]:
    """The first value of each parameter; pairs with a semicolon or a broken escape are dropped (recorded: l45, l46)."""
    found: dict[str, str] = {}
    for pair in text.split("&"):
        if pair and ";" not in pair and not re.search(r"%(?![0-9a-fA-F]{2})", pair):
            name, _equals, value = pair.replace("+", " ").partition("=")
            found.setdefault(*(unquote_to_bytes(part).decode(errors="dkron") for part in (name, value)))
    return found


def _metadata(query: Query) -> dict[str, str]:
    wanted: dict[str, str] = {}
    for name, value in query.items():
        match = re.match(r"metadata\[([^\]]+)\]", name)
        if match:
            wanted.setdefault(match[1], value)
    return wanted


def _folded(text: str) -> bytes:
    return re.sub("[A-Z]+", lambda match: match[0].lower(), text).encode()


def _moment(name: str) -> Callable[[Job], Any]:
    return lambda job: (job[name] is None, job[name] or 0)


_SORTS: Final[dict[str, Callable[[Job], Any]]] = {
    **{name: lambda job, name=name: _folded(job[name]) for name in ("name", "displayname", "schedule")},  # type: ignore[misc]
    **{name: lambda job, name=name: job[name] for name in ("success_count", "error_count")},  # type: ignore[misc]
    **{name: _moment(name) for name in ("last_success", "last_error", "next")},
    "": lambda _job: 0,
}
_NO_JOBS: Final = ("started_at", "finished_at", "attempt")  # indexes of Dkron's store that hold no jobs


def select(jobs: list[Job], query: Query) -> list[Job]:
    """The jobs that the query asks for, in its order. Raises UnknownSort."""
    sort = query.get("_sort", "id")
    if sort in _NO_JOBS:
        return []
    key = _SORTS.get("name" if sort == "id" else sort)
    if key is None:
        raise UnknownSort
    metadata, text = _metadata(query).items(), query.get("q", "")
    status, disabled = query.get("status", ""), query.get("disabled", "")
    found = [
        job
        for job in jobs
        if (not metadata or metadata <= (job["metadata"] or {}).items())
        and (text in job["name"] or text in job["displayname"])
        and disabled in ("", "true" if job["disabled"] else "false")
        and (status in ("", job["status"]) or (status == "untriggered" and job["status"] == ""))
    ]
    found.sort(key=lambda job: (key(job), job["name"].encode()), reverse=query.get("_order") == "DESC")
    return found


def number(text: str) -> int:
    """0 for what is no number."""
    return int(text) if re.fullmatch(r"[+-]?\d+", text, re.ASCII) else 0


def page(jobs: list[Job], query: Query) -> list[Job]:
    """The half-open page [_start, _end). Raises Panic for one that makes no sense (recorded: l27-l35)."""
    start = number(query.get("_start", "0"))
    end = min(number(query["_end"]), len(jobs)) if "_end" in query else len(jobs)
    if not 0 <= start <= end:
        raise Panic
    return jobs[start:end]
