"""A Dkron in memory, on a real socket: upsert, read, list and delete as recorded (http.json c, d, f, g), and faults.

It checks no schedule and runs nothing: tests that need more have the stand-in or the real server.
"""

import json
import threading
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from provider.schedule.moments import utc_time
from tests.web import Answer, Request, Web, as_json, as_text

NEVER = "0001-01-01T00:00:00Z"
SERVER_FIELDS: dict[str, Any] = {
    "success_count": 0,
    "error_count": 0,
    "last_success": None,
    "last_error": None,
    "status": "",
    "next": NEVER,
    "dependent_jobs": None,
}
EMPTY: dict[str, Any] = {
    "displayname": "",
    "timezone": "",
    "schedule": "",
    "owner": "",
    "owner_email": "",
    "disabled": False,
    "tags": None,
    "metadata": None,
    "retries": 0,
    "parent_job": "",
    "processors": {},
    "concurrency": "allow",
    "executor": "",
    "executor_config": None,
    "ephemeral": False,
    "starts_at": None,
    "expires_at": None,
}


def as_stored(body: dict[str, Any]) -> dict[str, Any]:
    """A posted job as a GET shows it, without the fields that are the server's own (recorded: c01-c32, d04-d05)."""
    stored = {**EMPTY, **{key: value for key, value in body.items() if key in EMPTY and value is not None}}
    for name in ("tags", "metadata", "executor_config"):
        values = stored[name] or {}
        stored[name] = {key: "" if value is None else value for key, value in values.items()} or None
    stored["processors"] = {key: value or {} for key, value in stored["processors"].items()}
    for name in ("starts_at", "expires_at"):
        stored[name] = stored[name] and utc_time(stored[name])
    return {"id": body["name"], "name": body["name"], **stored}


class FakeDkron(Web):
    """Jobs by name; `faults` maps "METHOD /path" to what is answered instead, `leader` may be None."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.jobs: dict[str, dict[str, Any]] = {}
        self.faults: dict[str, Answer] = {}
        self.leader: str | None = "n1"
        self.version = ""
        self.more: frozenset[str] = frozenset()  # fields of a version that nobody knows yet
        self.lists: list[list[str]] = []  # the names that the next lists show, if not all
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    def put(self, body: dict[str, Any]) -> dict[str, Any]:
        """Stores a job as a person's own POST would; counters and status are kept (recorded: d04-d08)."""
        old = self.jobs.get(body["name"], SERVER_FIELDS)
        more = {name: body.get(name) for name in self.more}
        self.jobs[body["name"]] = {**as_stored(body), **{name: old[name] for name in SERVER_FIELDS}, **more}
        return self.jobs[body["name"]]

    @property
    def writes(self) -> list[str]:
        """The names of the jobs that were posted, in order."""
        return [request.json()["name"] for request in self.asked if request.method == "POST"]

    def _answer(self, request: Request) -> Answer:
        url = urlsplit(request.path)
        with self._lock:
            if fault := self.faults.get(f"{request.method} {url.path}"):
                return fault
            if url.path == "/v1/leader":
                member = {"Name": self.leader, "Tags": {"version": self.version}}
                return as_json(member) if self.leader else as_json(None, 500)
            if url.path == "/v1/isleader":
                return as_json("I am a leader", 200 if self.leader else 404)
            if url.path == "/v1/jobs":
                return self._post(request) if request.method == "POST" else self._list(dict(parse_qsl(url.query)))
            return self._one(request.method, unquote(url.path.removeprefix("/v1/jobs/")))

    def _post(self, request: Request) -> Answer:
        body = json.loads(request.body)
        if self.leader is None:
            return as_text("failed to exit idle mode", 500)
        if body.get("parent_job") and body["parent_job"] not in self.jobs:
            return as_text("specified parent job not found", 404)
        self.put(body)
        return as_json(body, 201)

    def _list(self, query: dict[str, str]) -> Answer:
        names = self.lists.pop(0) if self.lists else list(self.jobs)
        owner = query.get("metadata[managed_by]")
        shown = [self.jobs[name] for name in names]
        found = [j for j in shown if owner is None or (j["metadata"] or {}).get("managed_by") == owner]
        page = found[int(query.get("_start", 0)) : int(query.get("_end", len(found)))]
        answer = as_json(page)
        return Answer(answer.status, answer.body, {**answer.headers, "X-Total-Count": str(len(found))})

    def _one(self, method: str, name: str) -> Answer:
        found = self.jobs.get(name)
        children = [job for job in self.jobs.values() if job["parent_job"] == name]
        if found is None or (method == "DELETE" and (children or self.leader is None)):
            return Answer(404)
        if method == "DELETE":
            del self.jobs[name]
        return as_json({**found, "dependent_jobs": [job["name"] for job in children] or None})


class Crowd(FakeDkron):
    """Jobs of ours among a hundred thousand of others, so many that nobody may ask for all of them."""

    OTHERS = 100_000

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    @property
    def whole_lists(self) -> list[str]:
        """The requests that asked for every job."""
        return [path for path in self.paths("GET") if path.startswith("/v1/jobs") and self._is_whole(path)]

    @staticmethod
    def _is_whole(path: str) -> bool:
        url = urlsplit(path)
        query = dict(parse_qsl(url.query))
        return url.path == "/v1/jobs" and "metadata[managed_by]" not in query and query.get("_end") != "0"

    def _list(self, query: dict[str, str]) -> Answer:
        answer = super()._list(query)
        self.bytes += len(answer.body)
        if "metadata[managed_by]" in query:
            return answer
        total = str(len(self.jobs) + self.OTHERS)
        return Answer(answer.status, answer.body, {**answer.headers, "X-Total-Count": total})
