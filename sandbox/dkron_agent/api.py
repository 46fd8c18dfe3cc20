"""The REST API: recorded requests in, recorded answers out (tests/data/dkron-4.0.9/http.json).

It refuses with 501 what Dkron has and this stand-in has not: the UI, leave, restore, the debug page. What is no route
of Dkron either is Dkron's 404. It stores and runs nothing itself.
"""

import re
import threading
import uuid
from collections.abc import Callable
from typing import Any, Final

from . import gojson, gotime, job, listing, message, shown
from .node import Node
from .store import ParentMissing
from .web import TEXT, Request, Response

JSON: Final = "application/json; charset=utf-8"
_NO_LEADER: Final = "failed to exit idle mode: passthrough: received empty target in Build()"
_NOT_FOUND: Final = Response(404, b"404 page not found", "text/plain")
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")

Handler = Callable[[Request], Response]


def _text(status: int, text: str) -> Response:
    """A text answer; Dkron's server calls it binary when it looks so (recorded: e19)."""
    body = text.encode("utf-8", "surrogateescape")
    return Response(status, body, "application/octet-stream" if _BINARY.search(body[:512]) else TEXT)


def _json(request: Request, value: Any, status: int = 200) -> Response:
    pretty = "pretty" in listing.parse_query(request.query)
    return Response(status, gojson.encode(value, pretty=pretty), JSON)


class Api:
    """`answer` may be called from several threads at once."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._store = node.store
        self._paused = False
        self._fixed: dict[tuple[str, str], Handler] = {
            ("GET", "/v1"): self._index,
            ("GET", "/v1/"): self._index,
            ("GET", "/health"): lambda request: _json(request, {"status": "healthy"}),
            ("GET", "/v1/leader"): self._leader,
            ("GET", "/v1/isleader"): self._isleader,
            ("GET", "/v1/members"): self._members,
            ("GET", "/v1/busy"): self._busy,
            ("GET", "/v1/pause"): self._pause_state,
            ("POST", "/v1/pause"): lambda request: self._pause(request, paused=True),
            ("POST", "/v1/unpause"): lambda request: self._pause(request, paused=False),
            ("GET", "/v1/jobs"): self._list,
            ("POST", "/v1/jobs"): self._upsert,
            ("PATCH", "/v1/jobs"): self._upsert,
            **dict.fromkeys((("GET", "/"), ("GET", "/debug/vars"), ("POST", "/v1/leave")), self._refuse),
            ("POST", "/v1/restore"): self._refuse,
        }

    def answer(self, request: Request) -> Response:
        handler = self._route(request.method, request.path)
        if handler is None and request.path.endswith("/") and self._route(request.method, request.path[:-1]):
            return _without_slash(request)
        if handler is None:
            return Response(_NOT_FOUND.status, _NOT_FOUND.body, _NOT_FOUND.content_type)
        try:
            response = handler(request)
        except (job.Panic, listing.UnknownSort):
            response = Response(500)
        if request.path != "/health":
            response.headers.setdefault("X-Whom", self._node.name)
            if "origin" in request.headers:
                response.headers |= {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "*"}
        return response

    def _route(self, method: str, path: str) -> Handler | None:
        fixed = self._fixed.get((method, path))
        if fixed or not path.startswith("/v1/jobs/"):
            return fixed or (self._refuse if method == "GET" and path.startswith("/ui") else None)
        match method, path.removeprefix("/v1/jobs/").split("/"):
            case _, ["", *_] | [_, ""] | [_, _, ""]:
                return None
            case "GET", [name]:
                return lambda request: self._get(request, name)
            case "DELETE", [name]:
                return lambda request: self._delete(request, name)
            case "PUT", [_]:
                return self._upsert
            case ("POST", [name]) | ("POST", [name, "run"]):
                return lambda request: self._run(request, name)
            case "POST", [name, "toggle"]:
                return lambda request: self._toggle(request, name)
            case "GET", [name, "executions"]:
                return lambda request: self._executions(request, name)
            case "GET", [name, "executions", execution]:
                return lambda request: self._execution(request, name, execution)
        return None

    def _refuse(self, request: Request) -> Response:
        return _text(
            501, f"{request.method} {request.path} is not part of this stand-in for Dkron; use a real one for it"
        )

    def _index(self, request: Request) -> Response:
        return _json(request, self._node.about())

    def _leader(self, request: Request) -> Response:
        if not self._node.has_leader():
            return _text(500, "null")
        return _json(request, self._node.member())

    def _isleader(self, request: Request) -> Response:
        if self._node.has_leader():
            return _json(request, "I am a leader")
        return _json(request, "I am a follower", 404)

    def _members(self, request: Request) -> Response:
        response = _json(request, [self._node.member() | {"id": str(uuid.uuid4()), "statusText": "alive"}])
        response.headers["X-Total-Count"] = "1"
        return response

    def _busy(self, request: Request) -> Response:
        running = [shown.execution(one) for one in self._node.runner.active()]
        response = _json(request, running)
        response.headers["X-Total-Count"] = str(len(running))
        return response

    def _pause_state(self, request: Request) -> Response:
        return _json(request, {"paused": self._paused})

    def _pause(self, request: Request, *, paused: bool) -> Response:
        self._paused = paused
        return self._pause_state(request)

    def _list(self, request: Request) -> Response:
        query = listing.parse_query(request.query)
        found = listing.select(self._store.jobs(), query)
        headers = {"X-Total-Count": str(len(found))}
        try:
            page = listing.page(found, query)
        except job.Panic:
            return Response(500, headers=headers)
        if "pretty" in query:
            values = [job.plain(one) for one in page]
            body = b"" if None in values else gojson.encode(values, pretty=True)
        else:
            texts = [self._store.shown(one["name"]) for one in page]
            known = [text for text in texts if text is not None]
            body = b"[" + b",".join(known) + b"]" if len(known) == len(texts) else b""
        return Response(200, body, JSON, headers)

    def _job(self, request: Request, value: job.Job, status: int = 200) -> Response:
        """A job as the answer; an empty body when one of its times can't be written (recorded: p03)."""
        plain = job.plain(value)
        return Response(status, b"", JSON) if plain is None else _json(request, plain, status)

    def _get(self, request: Request, name: str) -> Response:
        found = self._store.get(name)
        return Response(404) if found is None else self._job(request, found)

    def _upsert(self, request: Request) -> Response:
        if self._paused:
            return _text(503, "New job submissions are currently paused")
        try:
            wanted = job.parse(request.body)
            job.validate(wanted)
        except job.Refused as error:
            return _text(400, str(error))
        if not self._node.has_leader():
            return _text(500, _NO_LEADER)
        size = message.size_of(wanted) if len(request.body) > message.LIMIT // 2 else 0
        if size > message.LIMIT:
            return _text(500, f"grpc: received message larger than max ({size} vs. {message.LIMIT})")
        try:
            self._node.put(wanted)
        except ParentMissing:
            return _text(404, "specified parent job not found")
        if "runoncreate" in listing.parse_query(request.query):
            threading.Thread(target=self._node.runner.run, args=(wanted["name"],), daemon=True).start()
        response = self._job(request, wanted, 201)
        response.headers["Location"] = f"{request.target}/{wanted['name']}"
        return response

    def _delete(self, request: Request, name: str) -> Response:
        gone = self._node.delete(name) if self._node.has_leader() else None
        return Response(404) if gone is None else self._job(request, gone)

    def _run(self, request: Request, name: str) -> Response:
        before = self._node.runner.run(name) if self._node.has_leader() else None
        if before is None:
            return Response(404)
        response = self._job(request, before)
        response.headers["Location"] = request.target
        return response

    def _toggle(self, request: Request, name: str) -> Response:
        found = self._store.get(name)
        if found is None:
            return Response(404)
        if not self._node.has_leader():
            return Response(422)
        flipped = found | {"disabled": not found["disabled"]}
        self._node.put(flipped)
        response = self._job(request, flipped)
        response.headers["Location"] = request.target
        return response

    def _executions(self, request: Request, name: str) -> Response:
        found = self._store.get(name)
        if found is None:
            return Response(404)
        query = listing.parse_query(request.query)
        executions = shown.ordered(self._store.executions(name), query)
        limit = query.get("output_size_limit", "")
        cut = listing.number(limit) if re.fullmatch(r"[+-]?\d+", limit, re.ASCII) else -1
        zone = gotime.zone(found["timezone"])
        response = _json(request, [shown.listed(one, zone, cut) for one in executions])
        response.headers["X-Total-Count"] = str(len(executions))
        return response

    def _execution(self, request: Request, name: str, execution: str) -> Response:
        found = self._store.get(name)
        if found is None:
            return Response(404)
        for one in self._store.executions(name):
            if one.id == execution:
                return _json(request, shown.execution(one, gotime.zone(found["timezone"])))
        return Response(200)  # recorded: j03, j09


def _without_slash(request: Request) -> Response:
    """The router's redirect (recorded: a13, m08-m10)."""
    mark = "?" if request.query else ""
    location = request.target.partition("?")[0][:-1] + mark + request.query
    if request.method != "GET":
        return Response(307, headers={"Location": location})
    body = f'<a href="{location}">Moved Permanently</a>.\n\n'
    return Response(301, body.encode(), "text/html; charset=utf-8", {"Location": location})
