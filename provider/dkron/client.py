"""The only door to Dkron's REST API: one method per endpoint, and the meaning of every answer.

Policy is not decided here. What is: which server of the cluster to ask, what counts as "gone" (a 404 also means that
the store or the leader failed, so only a server with a leader is believed), and which error an answer is.
"""

import math
import time
from collections.abc import Iterable
from http import HTTPStatus

from ..errors import BadAnswer, DeleteRefused, DkronError, NoLeader, Paused, TimedOut, Unreachable
from .answers import json_body, live_nodes
from .servers import Job, Servers, path_of
from .wire import Answer

__all__ = ["DkronClient", "Job"]

LED_WITHIN_S = 1.0


class DkronClient(Servers):
    """A cluster of one or more servers, asked through whichever answers and has a leader. Safe to share by threads."""

    # -- endpoints

    def leader(self) -> str | None:
        """GET /v1/leader: the leader's name, None without one. /health is no use: it is 200 without a leader."""
        failure: DkronError | None = None
        for server in self._servers():
            try:
                name = self._leader_of(server)
            except (Unreachable, TimedOut, Paused) as error:
                failure = failure or error
                continue
            if name is not None:
                self._current = server
                return name
            failure = failure or self._no_leader(server)
        if failure is not None and not isinstance(failure, NoLeader):
            raise failure
        return None

    def require_leader(self) -> None:
        """As `leader`, but raises NoLeader without one."""
        if self.leader() is None:
            servers = self.settings.shown
            raise NoLeader(f"Dkron at {servers} has no leader just now, so nothing was changed; try again in a moment")

    def list_jobs(self, owner_tag: str | None = None) -> list[Job]:
        """GET /v1/jobs, all of them or, filtered on the server, those with metadata.managed_by = `owner_tag`.

        A server that has just started answers 200 with no or few jobs for seconds: the caller must doubt a list that
        lost many jobs at once.
        """
        params = {} if owner_tag is None else {"metadata[managed_by]": owner_tag}
        answer = self._get("/v1/jobs", params)
        jobs = json_body(answer.status_code, answer.content, "the list of jobs")
        if not isinstance(jobs, list):
            raise BadAnswer(f"{self._url} answered GET /v1/jobs with no list: is this a Dkron?", answer.status_code)
        return [job for job in jobs if isinstance(job, dict)]

    def count_jobs(self) -> int | None:
        """How many jobs there are, whoever owns them, None if the server doesn't say: an empty page of the list.

        For Dkron it is no more work than a filtered list (recorded: http.json l42).
        """
        told = self._get("/v1/jobs", {"_start": "0", "_end": "0"}).total
        return int(told) if told.isascii() and told.isdigit() else None

    def get_job(self, name: str) -> Job | None:
        """GET /v1/jobs/{name}: the job, None if it doesn't exist and a leader vouches for that."""
        return self._job(name, led_within_s=0.0)

    def get_job_in_a_row(self, name: str) -> Job | None:
        """The same, for many jobs in a row: a server that named a leader a moment ago is not asked for it again."""
        return self._job(name, LED_WITHIN_S)

    def _job(self, name: str, led_within_s: float) -> Job | None:
        answer = self._get(path_of(name), {}, missing_is_an_answer=True, led_within_s=led_within_s)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        job = json_body(answer.status_code, answer.content, f'job "{name}"')
        if not isinstance(job, dict):
            raise BadAnswer(f'{self._url} answered GET for job "{name}" with no job', answer.status_code)
        return job

    def upsert_job(self, job: Job, secrets: Iterable[str] = ()) -> None:
        """POST /v1/jobs: creates the job or replaces all of its fields, whoever owned it before. `secrets` stay unsaid.

        After TimedOut, NoLeader or ServerFault the job may have been stored all the same (recorded: cluster.json).
        """
        answer = self._write("POST", "/v1/jobs", job)
        if answer.status_code != HTTPStatus.CREATED:
            self._refused(answer, f'job "{job.get("name")}"', secrets)

    def delete_job(self, name: str) -> bool:
        """DELETE /v1/jobs/{name}: True if it was deleted, False if there was no such job.

        Missing, children, no leader and lost leadership are all a 404 with an empty body, so it asks again.
        """
        answer = self._write("DELETE", path_of(name), None)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            job = self.get_job(name)
            if job is None:
                return False
            children = ", ".join(map(str, job.get("dependent_jobs") or ()))
            why = f"it has children ({children}); delete those first" if children else "and did not say why; try again"
            raise DeleteRefused(f'Dkron did not delete job "{name}": {why}', answer.status_code)
        if answer.status_code >= HTTPStatus.MULTIPLE_CHOICES:
            self._refused(answer, f'deleting job "{name}"', ())
        return True

    def run_job(self, name: str) -> None:
        """POST /v1/jobs/{name}: runs it once, now; the answer comes only when the run and its retries have ended.

        One server is asked, and once: where the connection breaks, the run may have begun.
        """
        self.require_leader()
        answer = self._wire.send(self._current, "POST", path_of(name))
        if answer.status_code >= HTTPStatus.MULTIPLE_CHOICES:
            self._refused(answer, f'running job "{name}"', ())

    def executions(self, name: str, with_output: bool = False) -> list[Job]:
        """GET /v1/jobs/{name}/executions: the newest first, at most the hundred that Dkron keeps; none for no job."""
        params = {"_sort": "started_at", "_order": "DESC"} | ({} if with_output else {"output_size_limit": "0"})
        return self._listed(f"{path_of(name)}/executions", params, f'the executions of job "{name}"')

    def busy(self) -> list[Job]:
        """GET /v1/busy: the executions that the servers are at."""
        return self._listed("/v1/busy", {}, "the running executions")

    def nodes(self) -> list[dict[str, str]]:
        """GET /v1/members: the tags of each node that runs jobs now; none where that isn't known."""
        return live_nodes(self._listed("/v1/members", {}, "the nodes"))

    def _listed(self, path: str, params: dict[str, str], what: str) -> list[Job]:
        answer = self._get(path, params, missing_is_an_answer=True)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return []
        found = json_body(answer.status_code, answer.content, what)
        if not isinstance(found, list):
            raise BadAnswer(f"{self._url} answered GET {path} with no list", answer.status_code)
        return [item for item in found if isinstance(item, dict)]

    # -- requests

    def _get(
        self, path: str, params: dict[str, str], missing_is_an_answer: bool = False, led_within_s: float = 0.0
    ) -> Answer:
        """The first good answer. A 404 or 5xx is only believed from a server that knows a leader."""
        failure: DkronError | None = None
        for server in self._servers():
            try:
                answer = self._wire.send(server, "GET", path, params)
                if answer.status_code == HTTPStatus.OK:
                    self._current = server
                    return answer
                if answer.status_code != HTTPStatus.NOT_FOUND and answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
                    self._refused(answer, f"GET {path}", ())
                missing = answer.status_code == HTTPStatus.NOT_FOUND
                led = missing and time.monotonic() - self._led_at.get(server, -math.inf) < led_within_s
                if not led and self._leader_of(server) is None:
                    failure = self._no_leader(server)
                    continue
                self._current = server
            except (Unreachable, TimedOut) as error:
                failure = failure or error
                continue
            if answer.status_code == HTTPStatus.NOT_FOUND and missing_is_an_answer:
                return answer
            self._refused(answer, f"GET {path}", ())
        raise failure or Unreachable("no server is known")

    def _write(self, method: str, path: str, body: Job | None) -> Answer:
        """The answer of the first server that takes the request and knows a leader; sent again only where that is safe.

        An upsert or a delete may be repeated; after a time-out it is not, because Dkron may still be at it.
        """
        failure: DkronError | None = None
        for server in self._servers():
            try:
                answer = self._wire.send(server, method, path, body=body)
            except Unreachable as error:
                failure = failure or error
                continue
            doubtful = answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or (
                answer.status_code == HTTPStatus.NOT_FOUND and not answer.content
            )
            paused = answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
            if doubtful and not paused and self._leader_of(server) is None:
                failure = self._no_leader(server)
                continue
            self._current = server
            return answer
        raise failure or Unreachable("no server is known")
