"""`python -m jobs recreate`: deletes one of our jobs and posts it anew, for a job that Dkron has stopped running.

Dkron deletes no job that has children. So the children go first and come back after it. If a deletion fails on the way,
all that are gone are posted again; it must leave no job out.
"""

import signal
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from commands.act import DONE, Session, complain, confirm, say
from provider.dkron.client import Job
from provider.errors import DkronError, DkronJobsError, ForeignJob, JobError
from provider.job.ownership import Owner
from provider.job.spec import unknown_fields

TRIES = 5  # to post a job that is gone
PAUSE_S = 2.0  # between two of them


def recreate(options: Namespace) -> int:
    session, name = Session(options), options.name
    family = _family(session, name)
    names = [str(job["name"]) for job in family]
    with_children = f" and its children ({', '.join(names[1:])})" if names[1:] else ""
    question = f'Delete job "{name}"{with_children} and post it anew? Counters and executions are lost.'
    confirm(name, question, options.yes)
    with _uninterrupted():
        _make_anew(session, _family(session, name))
    say(f'recreated "{name}"{with_children}')
    return DONE


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Between the deletion and the post neither Ctrl-C nor SIGTERM ends this: the job would be missing."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _make_anew(session: Session, family: Sequence[Job]) -> None:
    for job in family:
        session.archive.keep(job, "recreated")
    gone: list[Job] = []
    try:
        _delete(session, family, gone)
    except DkronJobsError:
        _post(session, gone)
        if gone:
            complain(f"posted again, because not all could be deleted: {', '.join(str(job['name']) for job in gone)}")
        raise
    _post(session, gone)


def _family(session: Session, name: str) -> list[Job]:
    """The job and all below it, each parent before its children. Raises JobError if one of them must not be deleted."""
    found: dict[str, Job] = {}
    left = [name]
    while left:
        next_name = left.pop(0)
        if next_name in found:
            raise JobError(name, f'job "{name}" is its own ancestor ({next_name}), so nothing was done: Dkron cannot')
        job = session.ours(next_name)
        if session.owner(job) is Owner.UNMARKED:
            way_out = "`pulumi up` writes it where the job is declared"
            raise ForeignJob(
                next_name, f'job "{next_name}" carries no stack mark, so nothing was done to it: {way_out}'
            )
        found[next_name] = job
        left.extend(map(str, job.get("dependent_jobs") or ()))
    return list(found.values())


def _delete(session: Session, family: Sequence[Job], gone: list[Job]) -> None:
    """Children first. Puts each job that it deleted at the head of `gone`, so that parents come first there."""
    for job in reversed(family):
        name = str(job["name"])
        session.find(name)
        # It may be gone even if the answer says otherwise, and posting a job that is still there does no harm.
        gone.insert(0, job)
        session.client.delete_job(name)


def _post(session: Session, jobs: Sequence[Job]) -> None:
    """Posts them, parents first. Raises DkronError, and says before which jobs are missing now."""
    for number, job in enumerate(jobs):
        for attempt in range(1, TRIES + 1):
            try:
                session.writes.upsert(job, unknown_fields(job))
                break
            except DkronError as error:
                if error.soft and attempt < TRIES:
                    time.sleep(PAUSE_S)
                    continue
                names = " ".join(str(one["name"]) for one in jobs[number:])
                complain(
                    f"MISSING in Dkron now: {names}; `pulumi up` or `python -m jobs restore NAME` brings them back"
                )
                raise
