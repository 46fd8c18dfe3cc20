"""`python -m jobs run`: runs one of our jobs once, now; with --wait it tells each attempt as it ends.

Dkron answers a request to run only when the run and its retries have ended. So the request has a thread of its own,
and what comes of it is read from the executions meanwhile. It is sent to one server only, once: a run is not repeated.
"""

import threading
import time
from argparse import Namespace
from collections.abc import Iterable, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from commands.act import DONE, REFUSED, Session, complain, say
from provider.dkron.client import DkronClient, Job
from provider.errors import DkronError, JobError, NoLeader
from provider.job.executions import Execution, executions
from provider.redaction import redact, secret_texts
from provider.text import one_line

FAILED: Final = 1
PAUSE_S = 0.5  # between two looks at the executions
MOST_LOOKS: Final = 20  # at executions that do not come, or do not end although Dkron says so
LONGEST_RUN_S: Final = 24 * 3600.0
Keys = set[tuple[object, ...]]


class Request(threading.Thread):
    """The request to run a job. Once `ended` is set, `error` tells what went wrong, if anything did."""

    def __init__(self, session: Session, name: str) -> None:
        super().__init__(daemon=True)
        server = next(iter(session.client.leaders()), None)
        if server is None:
            raise NoLeader(f"Dkron at {session.settings.shown} has no leader just now; try again in a moment")
        self._client = DkronClient(replace(session.settings, urls=(server,), timeout_s=LONGEST_RUN_S))
        self._job = name
        self.error: DkronError | None = None
        self.ended = threading.Event()

    def run(self) -> None:
        try:
            self._client.run_job(self._job)
        except DkronError as error:
            self.error = error
        finally:
            self._client.close()
            self.ended.set()


def run(options: Namespace) -> int:
    """The exit code: 0 it succeeded (without --wait: it began), 1 it failed, 2 it didn't run or nothing is known."""
    session = Session(options)
    job = session.ours(options.name)
    before = {_key(one) for one in _executions(session, options.name)}
    request = Request(session, options.name)
    request.start()
    attempts = _follow(session, job, before, request, options.wait)
    if not attempts:
        return _unseen(session, job)
    return _result(options.name, attempts) if options.wait else _begun(options.name, attempts)


def _follow(session: Session, job: Job, before: Keys, request: Request, wait: bool) -> list[Execution]:
    """The attempts, once there is one or, with `wait`, once all have ended; none if none was seen in time."""
    name, retries = str(job["name"]), int(job.get("retries") or 0)
    told: Keys = set()
    looks = 0
    while True:
        over = request.ended.wait(PAUSE_S)
        _raise_if_refused(job, request.error)
        attempts = _of_one_run(one for one in _executions(session, name) if _key(one) not in before)
        if wait:
            _tell(session, job, attempts, told)
        if attempts and (not wait or (over and _ended(attempts, retries))):
            return attempts
        if over and job.get("ephemeral") and session.client.get_job(name) is None:
            return attempts
        looks += 1 if over or not wait else 0
        if looks >= MOST_LOOKS and not (attempts and request.error):
            if request.error is not None:
                raise request.error
            return attempts
        if over:
            time.sleep(PAUSE_S)


def _key(one: Execution) -> tuple[object, ...]:
    return one.group, one.node, one.attempt


def _executions(session: Session, name: str) -> tuple[Execution, ...]:
    return executions(session.client.executions(name))


def _of_one_run(found: Iterable[Execution]) -> list[Execution]:
    """The attempts of the run that began first, oldest first: the schedule may have begun another meanwhile."""
    attempts = sorted(found, key=lambda one: one.started)
    return [one for one in attempts if one.group == attempts[0].group]


def _ended(attempts: Sequence[Execution], retries: int) -> bool:
    """Whether no attempt is running or to come, for when Dkron's own answer was lost."""
    last = {one.node: one for one in attempts}
    return bool(last) and all(one.finished and (one.success or one.attempt > retries) for one in last.values())


def _begun(name: str, attempts: Sequence[Execution]) -> int:
    nodes = dict.fromkeys(one_line(one.node) for one in attempts)  # each attempt is one
    say(f'"{name}" was started on {", ".join(nodes)}')
    return DONE


def _tell(session: Session, job: Job, attempts: Sequence[Execution], told: Keys) -> None:
    """One line for each attempt that has ended since the last look, and its output below it."""
    new = {_key(one) for one in attempts if one.finished} - told
    if not new:
        return
    secrets = {*session.secrets, *secret_texts(job)}
    name = str(job["name"])
    for one in executions(session.client.executions(name, with_output=True))[::-1]:
        if _key(one) in new:
            say(f'"{name}" {_outcome(one)} on {one_line(one.node)}, attempt {one.attempt}, {one.seconds or 0.0:.1f} s')
            for line in redact(one.output, secrets).splitlines():
                say(f"    {one_line(line)}")
    told |= new


def _outcome(one: Execution) -> str:
    return "succeeded" if one.success else "failed"


def _result(name: str, attempts: Sequence[Execution]) -> int:
    last = {one.node: one for one in attempts}
    failed = ", ".join(one_line(one.node) for one in last.values() if not one.success)
    say(f'"{name}" failed on {failed}' if failed else f'"{name}" succeeded')
    return FAILED if failed else DONE


def _unseen(session: Session, job: Job) -> int:
    name = str(job["name"])
    if job.get("ephemeral") and session.client.get_job(name) is None:
        say(f'"{name}" succeeded, and Dkron deleted it because it is ephemeral')
        return DONE
    complain(f'Dkron took the request to run job "{name}", but no run of it is to be seen')
    return REFUSED


def _raise_if_refused(job: Job, error: DkronError | None) -> None:
    """Raises what no waiting mends. Dkron's answer is an empty 404 for each reason not to run a job."""
    if error is None or error.soft:
        return
    if error.status != HTTPStatus.NOT_FOUND:
        raise error
    name = str(job["name"])
    if job.get("disabled"):
        raise JobError(name, f'Dkron runs no job that is disabled, so "{name}" was not run') from None
    raise JobError(
        name,
        f'Dkron did not run job "{name}": no node has its tags, or Dkron stored it and does not schedule it '
        f"(`python -m jobs repost {name}` mends that)",
    ) from None
