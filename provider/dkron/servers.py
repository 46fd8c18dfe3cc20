"""What the servers of a cluster say, each for itself: its leader, its members, its own store.

The client builds on it. Policy is not decided here: what the answers amount to is `cluster`'s and `client`'s to say.
"""

import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, NoReturn
from urllib.parse import quote

from ..errors import DkronError, NoLeader, Paused, TimedOut, Unreachable
from ..settings import DkronSettings
from .answers import json_body, refusal
from .cluster import Word
from .pace import Pace
from .wire import Answer, Wire

Job = dict[str, Any]


class Servers:
    """The servers of one cluster, the one that answered last first. Safe to share by threads.

    `tell` hears in one line if they fail under load.
    """

    def __init__(self, settings: DkronSettings, tell: Callable[[str], None] = lambda _line: None) -> None:
        self.settings = settings
        self._wire = Wire(settings, tell)
        self._current = 0
        self.version = ""  # the leader's, as it said when it was asked last
        self._led_at: dict[int, float] = {}  # server -> when it last named a leader

    @property
    def pace(self) -> Pace:
        """How many requests may be under way at once."""
        return self._wire.pace

    def close(self) -> None:
        """Closes the connections."""
        self._wire.close()

    def leaders(self) -> dict[str, str]:
        """The leader that each server names, by the server's address; those that name none are left out."""
        named = {}
        for server, url in enumerate(self.settings.urls):
            try:
                name = self._leader_of(server)
            except (Unreachable, TimedOut, Paused):
                continue
            if name is not None:
                named[url] = name
        return named

    def members(self) -> dict[str, frozenset[str]]:
        """GET /v1/members: the members that each server knows, by the server's address; those that don't say left out.

        A member is its name and its addresses: nodes of two clusters may have one name, and advertise one port.
        """
        known = {}
        for server, url in enumerate(self.settings.urls):
            try:
                found = self._plain(server, "/v1/members")
            except DkronError:
                continue
            rows = [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
            known[url] = frozenset(map(_member, rows))
        return known

    def words(self, owner_tag: str) -> list[Word]:
        """What each server itself says of our jobs; those that don't answer are left out.

        GET /v1/isleader is 200 on the leader's own node only, whatever the others name.
        """
        heard = []
        for server, url in enumerate(self.settings.urls):
            try:
                leads = self._wire.send(server, "GET", "/v1/isleader").status_code == HTTPStatus.OK
                listed = self._plain(server, "/v1/jobs", {"metadata[managed_by]": owner_tag})
            except DkronError:
                continue
            heard.append(Word(url, leads, bool(listed)))
        return heard

    def _plain(self, server: int, path: str, params: dict[str, str] | None = None) -> Any:
        """The JSON that one server answers. Raises DkronError."""
        answer = self._wire.send(server, "GET", path, params or {})
        if answer.status_code != HTTPStatus.OK:
            self._refused(answer, f"GET {path}", ())
        return json_body(answer.status_code, answer.content, path)

    def get_job_anywhere(self, name: str) -> Job | None:
        """The job as any server other than the one just asked shows it, None if none of them does.

        A follower reads its own store, which may be old or empty. A server that gives no good answer is passed over.
        """
        for server in self._servers()[1:]:
            try:
                job = self._plain(server, path_of(name))
            except DkronError:
                continue
            if isinstance(job, dict):
                return job
        return None

    @property
    def _url(self) -> str:
        return self.settings.urls[self._current]

    def _servers(self) -> list[int]:
        """The servers to ask, the one that answered last first."""
        count = len(self.settings.urls)
        return [(self._current + i) % count for i in range(count)]

    def _leader_of(self, server: int) -> str | None:
        """The leader that one server names, None if it names none (500 "null", recorded) or doesn't answer properly.

        Raises Paused where it, or a proxy in front of it, asks to wait.
        """
        answer = self._wire.send(server, "GET", "/v1/leader")
        waits = answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE and answer.retry_after_s
        if waits or answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            url = self.settings.urls[server]
            line = f"{url} asks to wait ({answer.status_code}); it will be tried again on the next run"
            raise Paused(line, answer.status_code, answer.retry_after_s)
        if HTTPStatus.MULTIPLE_CHOICES <= answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
            # A login page, a redirect or no such path: no Dkron, and not to be waited for.
            self._refused(answer, "GET /v1/leader", ())
        if answer.status_code != HTTPStatus.OK:
            return None
        body = json_body(answer.status_code, answer.content, "GET /v1/leader")
        name = body.get("Name") if isinstance(body, dict) else None
        if not name:
            return None
        self._led_at[server] = time.monotonic()
        tags = body.get("Tags")
        self.version = str(tags.get("version") or "") if isinstance(tags, dict) else ""
        return str(name)

    def _no_leader(self, server: int) -> NoLeader:
        return NoLeader(
            f"Dkron at {self.settings.urls[server]} has no leader just now; it will be tried again on the next run"
        )

    def _refused(self, answer: Answer, what: str, secrets: Iterable[str]) -> NoReturn:
        """Raises the error that a bad answer stands for. `secrets` stay unsaid."""
        unsaid = (*secrets, *self.settings.secrets)
        raise refusal(answer.status_code, answer.content, what, answer.url, unsaid)


def _member(row: Job) -> str:
    tags = row.get("Tags")
    rpc = tags.get("rpc_addr") if isinstance(tags, dict) else None
    return f"{row.get('Name')} {row.get('Addr')}:{row.get('Port')} {rpc}"


def path_of(name: str) -> str:
    return f"/v1/jobs/{quote(name, safe='')}"
