"""The dynamic provider: keeps one Dkron job true. Each hook looks, decides by the pure modules, then does one thing.

FROZEN: `provider.job_provider.JobProvider` stands, by reference, in every state file; moved or renamed, no job of an
existing stack could be refreshed or deleted. It must not raise but where the engine can live with it: in `create`,
`update` and `delete` for one job's sake, in `read` only when Dkron as a whole can't be read.
"""

import os
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)
from pulumi.output import Unknown

from .dkron.client import DkronClient, Job
from .dkron.snapshot import Snapshot
from .errors import DkronJobsError, ForeignJob, InvalidJob, NoLeader, ServerFault, TimedOut, Unreachable
from .event_loops import keep_event_loops
from .job import ownership, validation
from .job.diff import changed_fields, replacing
from .job.spec import UNKNOWN, canonical, to_dkron
from .redaction import config_secrets, secret_texts
from .settings import load_dkron, load_owner

# Set by the watcher: a bad declaration then fails at that job's create or update, not in check, where it would end the
# engine's run for all jobs.
DEFER_CHECKS = "DKRON_JOBS_DEFER_CHECKS"

Props = dict[str, Any]


class JobProvider(ResourceProvider):
    """One instance serves all jobs of a process, from four threads."""

    serialize_as_secret_always = False

    def __init__(self) -> None:
        """Holds nothing: the instance is pickled by reference, and `configure` sets it up."""
        super().__init__()

    # -- the hooks

    def configure(self, req: ConfigureRequest) -> None:
        """Connects to the cluster that the environment or the stack's config names. Raises SettingsError."""
        # The SDK turns an exception of a hook into its traceback; without frames, one line is left for a person.
        sys.tracebacklimit = 0
        keep_event_loops()
        config: Callable[[str], Any] = req.config.get
        self.client = DkronClient(load_dkron(config))
        self.owner_tag, self.adopt = load_owner(config)
        self.config_secrets = config_secrets(config, os.environ)
        self.defer_checks = bool(os.environ.get(DEFER_CHECKS))
        self.snapshot = Snapshot(self.client)
        self._parents: dict[str, str] = {}
        self._lock = threading.Lock()

    def check(self, _olds: Props, news: Props) -> CheckResult:
        """The canonical inputs, and every problem on its property. Needs no network."""
        news = plain(news)
        inputs = canonical(news)
        if self.defer_checks:
            return CheckResult(inputs, [])
        return CheckResult(inputs, [CheckFailure(field, reason) for field, reason in self._problems(news)])

    def diff(self, _id: str, _olds: Props, _news: Props) -> DiffResult:
        """Field by field on the canonical form. Create before delete: a failing delete first would hang the engine."""
        changed = changed_fields(plain(_olds), plain(_news))
        return DiffResult(changes=bool(changed), replaces=replacing(changed), delete_before_replace=False)

    def create(self, props: Props) -> CreateResult:
        """Looks first: absent is created; ours is adopted and written only if it differs; a foreign job is refused."""
        name = self._write(props)
        return CreateResult(name, canonical(props))

    def read(self, id_: str, props: Props) -> ReadResult:  # noqa: ARG002 - the SDK names it
        """The live job as outputs and as inputs, so that a preview names the drifted fields; no id if it is gone."""
        job = self.snapshot.job(id_)
        if job is None:
            return ReadResult("", {})
        # Two dicts: the SDK writes into each.
        return ReadResult(id_, canonical(job), canonical(job))

    def update(self, _id: str, _olds: Props, _news: Props) -> UpdateResult:
        """In place, by an upsert of all fields; Dkron keeps counters and history."""
        self._write(_news)
        return UpdateResult(canonical(_news))

    def delete(self, _id: str, _props: Props) -> None:
        """Deletes the job while it still carries our tag; else leaves it, with a warning. Missing is fine."""
        job = self.client.get_job(_id)
        # Not the tag in the properties: a refresh has put the live job's own there.
        ours = self.owner_tag
        if job is None:
            _warn(f'job "{_id}" was already gone from Dkron')
        elif not ownership.is_ours(job, ours):
            _warn(ownership.left_alone(_id, ownership.owner_tag(job), ours))
        elif not self.client.delete_job(_id):
            _warn(f'job "{_id}" was gone from Dkron before it could be deleted')

    # -- what they share

    def _write(self, props: Props) -> str:
        """Makes the live job equal to `props`, and returns its name. Raises InvalidJob, ForeignJob, DkronError."""
        problems = self._problems(props) if self.defer_checks else []
        name = str(props.get("name", ""))
        if problems:
            raise InvalidJob(name, problems) from None
        live = self.snapshot.before_write(name)
        if live is not None and not self.adopt and not ownership.is_ours(live, self.owner_tag):
            found = ownership.owner_tag(live)
            raise ForeignJob(name, found, ownership.refusal(name, found, self.owner_tag)) from None
        if live is None or changed_fields(live, props):
            self._upsert(name, props)
        return name

    def _upsert(self, name: str, props: Props) -> None:
        secrets = {*self.config_secrets, *secret_texts(props)}
        try:
            self.client.upsert_job(to_dkron(props), secrets)
        except (TimedOut, NoLeader, ServerFault, Unreachable) as fault:
            # It may have been stored all the same; then there is nothing to complain of.
            if not self._is_stored(name, props):
                raise fault from None

    def _is_stored(self, name: str, props: Props) -> bool:
        try:
            live: Job | None = self.client.get_job(name)
        except DkronJobsError:
            return False
        return live is not None and not changed_fields(live, props)

    def _problems(self, props: Mapping[str, Any]) -> list[validation.Problem]:
        """The job's own problems, and the cycle of parents that it closes among the jobs this process has checked."""
        problems = validation.check_job(props)
        tag = ownership.owner_tag(props)
        if tag not in (None, UNKNOWN, self.owner_tag):
            problems.append(("metadata.managed_by", f'is "{tag}", but ownerTag is "{self.owner_tag}": leave it out'))
        name, parent = str(props.get("name")), props.get("parent_job") or ""
        with self._lock:
            self._parents[name] = parent if parent != UNKNOWN else ""
            cycle = validation.parent_cycle(name, self._parents)
        if cycle and len(cycle) > 2:
            problems.append(("parent_job", f"closes a cycle ({' -> '.join(cycle)}); Dkron could delete none of them"))
        return problems


def plain(value: Any) -> Any:
    """`value` with the SDK's objects for "not known yet" replaced by the text that stands for them on the wire."""
    if isinstance(value, Unknown):
        return UNKNOWN
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return value


def _warn(message: str) -> None:
    """A line for the person at the CLI; the engine shows what a provider writes to its standard error."""
    sys.stderr.write(f"warning: {message}\n")
    sys.stderr.flush()
