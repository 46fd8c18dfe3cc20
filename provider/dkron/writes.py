"""The only place that changes a job in Dkron for a stack: whose is it, was it judged, is a copy kept, then one write.

What is wanted is decided elsewhere; the job as it is comes from the caller, who has looked. Nothing here may be passed
by: each write and each deletion of a run asks for the owner and for its limits. Only commands, which judge themselves,
call `upsert`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ..archive import Archive
from ..errors import DkronJobsError, ForeignJob, NoLeader, NotJudged, ServerFault, TimedOut, Unreachable
from ..job import hold, ownership
from ..job.limits import Limits
from ..job.spec import changed_fields, to_dkron
from ..redaction import secret_texts
from .client import DkronClient, Job
from .version import forgets_children

Props = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rights:
    """What this run may change: jobs with our tag, any job with `adopt`, never more than `limits` (None: no limit)."""

    tag: str
    adopt: bool = False
    limits: Limits | None = None


class Writes:
    """Safe to share by threads."""

    def __init__(
        self,
        client: DkronClient,
        rights: Rights,
        archive: Archive,
        warn: Callable[[str], None],
        secrets: Iterable[str] = (),
    ) -> None:
        self._client = client
        self._rights = rights
        self._archive = archive
        self._warn = warn
        self._secrets = frozenset(secrets)

    def write(self, props: Props, live: Job | None, adopting: bool = False) -> None:
        """Makes the live job equal to `props`; an equal one is not written. Raises ForeignJob, NotJudged, DkronError.

        `adopting`: the state didn't hold the job so far, so a copy is kept of what is overwritten, and a held job is
        left as it is. Else a new declaration is written over a held one, with the hold kept.
        """
        name = str(props.get("name", ""))
        if live is not None:
            owner = self._check_owner(name, props, live)
            now = datetime.now(UTC)
            held = hold.hold_of(live, now) if ownership.may_delete(owner) else None
            if held is not None and adopting:
                self._warn(f'job "{name}" is {held.words}; it is left as it is until then')
                return
            if held is not None:
                props = hold.kept(props, live, now)
            if not changed_fields(live, props):
                return
            self._check_overwrite(name)
            if held is not None:
                self._warn(f'job "{name}" is {held.words}; its new declaration is written, and the hold stays')
            if adopting or not ownership.may_delete(owner):
                self._archive.keep(live, "overwritten")
        self.upsert(props, live or {})

    def delete(self, name: str, job: Job | None, mark: str) -> None:
        """Deletes the live job while it is ours; else leaves it, with a warning. Missing is fine.

        `mark`: our stack's. Raises NotJudged, DkronError.
        """
        tag = self._rights.tag
        if job is None:
            self._warn(f'job "{name}" was already gone from Dkron')
        elif not ownership.may_delete(ownership.owner_of(job, tag, mark)):
            self._warn(ownership.left_alone(job, name, tag, mark))
        else:
            reason = self._rights.limits and self._rights.limits.against_delete(name)
            if reason:
                raise NotJudged(name, reason) from None
            held = hold.hold_of(job, datetime.now(UTC))
            if held is not None:
                self._warn(f'job "{name}" is {held.words}; it is declared no longer, so it is deleted all the same')
            self._archive.keep(job, "deleted")
            if not self._client.delete_job(name):
                self._warn(f'job "{name}" was gone from Dkron before it could be deleted')

    def _check_owner(self, name: str, props: Props, live: Job) -> ownership.Owner:
        tag, mark = self._rights.tag, ownership.stack_mark(props) or ""
        owner = ownership.owner_of(live, tag, mark)
        if not ownership.may_write(owner, self._rights.adopt):
            raise ForeignJob(name, ownership.refusal(live, name, tag, mark)) from None
        return owner

    def _check_overwrite(self, name: str) -> None:
        reason = self._rights.limits and self._rights.limits.against_overwrite(name)
        if reason:
            raise NotJudged(name, reason) from None

    def upsert(self, props: Props, live: Props) -> None:
        """Writes `props` over `live`, unasked: the caller has judged, and knows that they differ. Raises DkronError."""
        # Dkron may quote the new job and, after a rotation, the one that it replaces.
        secrets = {*self._secrets, *secret_texts(props), *secret_texts(live)}
        try:
            self._client.upsert_job(self.body(props, live), secrets)
        except (TimedOut, NoLeader, ServerFault, Unreachable) as fault:
            # It may have been stored all the same; then there is nothing to complain of.
            if not self._is_stored(str(props.get("name", "")), props):
                raise fault from None

    def body(self, props: Props, live: Props) -> Job:
        """The JSON that makes `live`, {} for no job, equal to `props`. Raises DkronError."""
        body = to_dkron(props, live)
        children = live.get("dependent_jobs")
        if children and not self._client.version:
            self._client.leader()
        if children and forgets_children(self._client.version):
            body["dependent_jobs"] = children
        return body

    def _is_stored(self, name: str, props: Props) -> bool:
        try:
            live = self._client.get_job(name)
        except DkronJobsError:
            return False
        return live is not None and not changed_fields(live, props)
