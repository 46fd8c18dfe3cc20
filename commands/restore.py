"""`python -m jobs restore`: writes a job back as it was before it was deleted or overwritten.

It shows what it will write, secrets hidden as an export hides them. A copy whose secrets were not kept is refused: a
job with "[secret]" in the place of a key would be worse than none.
"""

from argparse import Namespace
from datetime import datetime

from commands.act import DONE, Session, complain, confirm, say
from commands.diff import shown
from commands.export.conceal import Concealer, Keys
from commands.listing import parse_moment
from provider.archive import MASK, Copy
from provider.dkron.client import Job
from provider.errors import JobError, SettingsError
from provider.job.ownership import Owner
from provider.job.spec import canonical, changed_fields, to_dkron, unknown_fields


def restore(options: Namespace) -> int:
    session, name = Session(options), options.name
    copy = _copy(session, name, _until(options.at))
    live = session.find(name)
    wanted = to_dkron(copy.job)
    if live is not None and not changed_fields(live, wanted):
        raise JobError(name, f'job "{name}" is in Dkron as it was at {_stamp(copy)}, so there is nothing to do')
    complain(f'job "{name}" as it was at {_stamp(copy)}, before it was {copy.why}:')
    hide = Concealer(Keys(), name)
    for field, value in canonical(copy.job).items():
        complain(f"    {field}: {shown((field,), value, hide, str(copy.job.get('executor', '')))}")
    over = "over the one that is there" if live is not None else "which is not there now"
    confirm(name, f'Write job "{name}", {over}, to Dkron at {session.settings.shown}?', options.yes)
    live = session.find(name)
    if live is not None:
        session.archive.keep(live, "overwritten by a restore")
    session.writes.upsert(wanted, live or unknown_fields(copy.job))
    say(f'restored "{name}" as it was at {_stamp(copy)}{_what_follows(session, wanted)}')
    return DONE


def _until(text: str | None) -> datetime | None:
    try:
        return parse_moment(text) if text is not None else None
    except ValueError as error:
        raise SettingsError([f"--at: {error}"]) from None


def _copy(session: Session, name: str, at: datetime | None) -> Copy:
    """The copy that is meant. Raises JobError if there is none, or none that can be written."""
    try:
        copies = session.archive.entries(name)
    except ValueError as error:
        raise JobError(name, str(error)) from None
    fitting = [copy for copy in copies if at is None or copy.at <= at]
    if not fitting:
        others = f"; there are copies of {', '.join(map(_stamp, copies))}" if copies else ""
        raise JobError(name, f'there is no copy of job "{name}" in {session.archive.directory}{others}')
    copy = fitting[-1]
    if copy.masked and MASK in str(copy.job):
        way_out = "write it from its declaration, or by hand"
        raise JobError(
            name,
            f'the copy of job "{name}" of {_stamp(copy)} holds no secrets, because there was no '
            f"PULUMI_CONFIG_PASSPHRASE to seal them with: {way_out}",
        )
    return copy


def _what_follows(session: Session, job: Job) -> str:
    if session.owner(job) is Owner.OURS:
        return "; declare it or `release` it, else the next run puts it back or deletes it"
    return "; it doesn't carry our tag and mark"


def _stamp(copy: Copy) -> str:
    return f"{copy.at:%Y-%m-%dT%H:%M:%SZ}"
