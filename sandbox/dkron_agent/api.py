"""The REST API: requests in, the recorded statuses, fields and effects out (tests/data/dkron-4.0.9/http.json).

It refuses with 501 what Dkron has and this stand-in has not: the UI, leave, restore, the debug page. What is no route
of Dkron either is Dkron's 404. It stores and runs nothing itself.
"""

import json
import re
import threading
import uuid
from collections.abc import Callable
from typing import Any, Final

from . import job, listing
from .node import Node
from .store import Execution, ParentMissing
from .web import TEXT, Request, Response

JSON: Final = "application/json; charset=utf-8"
# Dkron's limit is on the message between its nodes, 4,194,304 bytes; this is the body that makes one (recorded: n12).
_MAX_JOB: Final = 4_194_311
_ALIVE: Final = {"id": str(uuid.uuid4()), "statusText": "alive"}  # what the list of members says besides


def _text(status: int, text: str) -> Response:
    return Response(status, text.encode(errors="replace"), TEXT)


def _json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """None stands for what can't be written, and is an empty body (recorded: p03, p04)."""
    body = b"" if value is None else json.dumps(value, ensure_ascii=False).encode()
    return Response(status, body, JSON, headers or {})


def _list(values: list[Any], total: int | None = None) -> Response:
    """A list with the count of all there are."""
    headers = {"X-Total-Count": str(len(values) if total is None else total)}
    return _json(None if None in values else values, headers=headers)


def _job(value: job.Job, status: int = 200, location: str = "") -> Response:
    return _json(job.as_shown(value), status, {"Location": location})


class Api:
    """`answer` may be called from several threads at once."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._store = node.store
        self._paused = False
        self._routes: list[tuple[str, str, Callable[..., Response]]] = [
            ("GET", "/v1/?", lambda _request: _json(node.about())),
            ("GET", "/health", lambda _request: _json({"status": "healthy"})),
            ("GET", "/v1/leader", lambda _request: _json(node.member())),
            ("GET", "/v1/isleader", lambda _request: _json("I am a leader")),
            ("GET", "/v1/members", lambda _request: _list([node.member() | _ALIVE])),
            ("GET", "/v1/busy", lambda _request: _list([one.as_shown() for one in node.runner.active()])),
            ("GET", "/v1/pause", lambda _request: _json({"paused": self._paused})),
            ("POST", "/v1/(un|)pause", self._pause),
            ("GET", "/v1/jobs", self._list),
            ("POST|PATCH", "/v1/jobs", self._upsert),
            ("PUT", "/v1/jobs/([^/]+)", self._upsert),
            ("GET", "/v1/jobs/([^/]+)", self._get),
            ("DELETE", "/v1/jobs/([^/]+)", self._delete),
            ("POST", "/v1/jobs/([^/]+)(?:/run)?", self._run),
            ("POST", "/v1/jobs/([^/]+)/toggle", self._toggle),
            ("GET", "/v1/jobs/([^/]+)/executions", self._executions),
            ("GET", "/v1/jobs/([^/]+)/executions/([^/]+)", self._execution),
            ("GET", "/|/ui.*|/debug/vars", self._refuse),
            ("POST", "/v1/leave|/v1/restore", self._refuse),
        ]

    def answer(self, request: Request) -> Response:
        handler = self._handler(request.method, request.path)
        if handler is None and request.path.endswith("/") and self._handler(request.method, request.path[:-1]):
            path, mark, query = request.target.partition("?")
            status = 301 if request.method == "GET" else 307
            return Response(status, headers={"Location": path[:-1] + mark + query})
        if handler is None:
            return Response(404, b"404 page not found", "text/plain")
        try:
            return handler(request)
        except job.Panic:
            return Response(500)

    def _handler(self, method: str, path: str) -> Callable[[Request], Response] | None:
        for methods, pattern, handler in self._routes:
            match = re.fullmatch(pattern, path, re.DOTALL)
            if match and re.fullmatch(methods, method):
                return lambda request: handler(request, *match.groups())
        return None

    def _refuse(self, request: Request) -> Response:
        return _text(501, f"{request.method} {request.path} is not part of this stand-in; use a real Dkron for it")

    def _pause(self, _request: Request, un: str) -> Response:
        self._paused = not un
        return _json({"paused": self._paused})

    def _list(self, request: Request) -> Response:
        query = listing.parse_query(request.query)
        found = listing.select(self._store.jobs(), query)
        try:
            return _list([job.as_shown(one) for one in listing.page(found, query)], len(found))
        except job.Panic:
            return Response(500, headers={"X-Total-Count": str(len(found))})

    def _get(self, _request: Request, name: str) -> Response:
        found = self._store.get(name)
        return Response(404) if found is None else _job(found)

    def _upsert(self, request: Request, _name: str = "") -> Response:
        """The name in the path does not count (recorded: d23)."""
        if self._paused:
            return _text(503, "New job submissions are currently paused")
        try:
            wanted = job.parse(request.body)
            job.validate(wanted)
        except job.Refused as error:
            return _text(400, str(error))
        if len(request.body) > _MAX_JOB:
            return _text(500, "grpc: received message larger than max")
        try:
            self._node.put(wanted)
        except ParentMissing:
            return _text(404, "specified parent job not found")
        if "runoncreate" in listing.parse_query(request.query):
            threading.Thread(target=self._node.runner.run, args=(wanted["name"],), daemon=True).start()
        return _job(wanted, 201, location=f"{request.target}/{wanted['name']}")

    def _delete(self, _request: Request, name: str) -> Response:
        gone = self._node.delete(name)
        return Response(404) if gone is None else _job(gone)

    def _run(self, request: Request, name: str) -> Response:
        before = self._node.runner.run(name)
        return Response(404) if before is None else _job(before, location=request.target)

    def _toggle(self, request: Request, name: str) -> Response:
        found = self._store.get(name)
        if found is None:
            return Response(404)
        flipped = found | {"disabled": not found["disabled"]}
        self._node.put(flipped)
        return _job(flipped, location=request.target)

    def _executions(self, request: Request, name: str) -> Response:
        if self._store.get(name) is None:
            return Response(404)
        query = listing.parse_query(request.query)
        limit = listing.number(query.get("output_size_limit", ""))
        return _list([_listed(one, limit) for one in listing.ordered(self._store.executions(name), query)])

    def _execution(self, _request: Request, name: str, execution: str) -> Response:
        if self._store.get(name) is None:
            return Response(404)
        found = next((one for one in self._store.executions(name) if one.id == execution), None)
        return Response(200) if found is None else _json(found.as_shown())  # 200: recorded j03, j09


def _listed(execution: Execution, limit: int | None) -> dict[str, Any]:
    """One execution of a list; `limit` keeps the last characters of its output."""
    shown = execution.as_shown()
    cut = limit is not None and 0 <= limit < len(execution.output)
    if cut:
        shown["output"] = execution.output[len(execution.output) - (limit or 0) :]
    return shown | {"output_truncated": cut}
