"""`python -m jobs hold | unhold | freeze`: leaves jobs of ours as they are until a time, for an incident.

The hold lies in the job's own metadata, where every watcher and `pulumi up` find it. What a hold is, and what it lets
pass, is decided in `provider.job.hold`; here it is only put on and taken off.
"""

import getpass
import os
from argparse import Namespace
from datetime import UTC, datetime

from commands.act import Session, for_each, restarted, say
from commands.listing import parse_moment
from provider.errors import JobError, SettingsError
from provider.job.hold import (
    LONGEST_NAME,
    LONGEST_REASON,
    Hold,
    checked_end,
    cleaned,
    end_after,
    mentions_hold,
    put_on,
    taken_off,
)


def hold(options: Namespace) -> int:
    """Puts a hold on the jobs, over one that is there."""
    wanted = _wanted(options)
    session = Session(options)
    names = list(session.all_ours()) if options.all else options.names

    def one(name: str) -> None:
        job = session.ours(name)
        session.writes.upsert(put_on(job, wanted), job)
        say(f'"{name}" is {wanted.words}{restarted(job)}')

    return for_each(names, one) if names else _none(session)


def freeze(options: Namespace) -> int:
    """Holds all jobs of the stack."""
    return hold(Namespace(**vars(options), all=True, disable=False))


def unhold(options: Namespace) -> int:
    """Takes the hold off; what it left is put back by the next run."""
    session = Session(options)
    names = [n for n, job in session.all_ours().items() if mentions_hold(job)] if options.all else options.names

    def one(name: str) -> None:
        job = session.ours(name)
        if not mentions_hold(job):
            raise JobError(name, f'job "{name}" is not held, so nothing was done')
        session.writes.upsert(taken_off(job), job)
        say(f'"{name}" is held no longer; the watcher or `pulumi up` puts it back as declared{restarted(job)}')

    return for_each(names, one) if names else _none(session)


def _wanted(options: Namespace) -> Hold:
    """Raises SettingsError for a reason or an end that is none."""
    now, reason = datetime.now(UTC), cleaned(options.reason, LONGEST_REASON)
    if not reason:
        raise SettingsError(["--reason is empty: say why, so that others know"])
    try:
        until = end_after(options.length, now) if options.length else checked_end(parse_moment(options.until), now)
    except ValueError as error:
        raise SettingsError([f"{'--for' if options.length else '--until'}: {error}"]) from None
    return Hold(until, reason, cleaned(_user(), LONGEST_NAME), options.disable)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"


def _none(session: Session) -> int:
    say(f"no job of {session.mark} in Dkron at {session.settings.shown} is meant, so nothing was done")
    return 0
