"""The dynamic provider: keeps one Dkron job true. Each hook looks, decides by the pure modules, then does one thing.

FROZEN: `provider.job_provider.JobProvider` stands, by reference, in every state file; moved or renamed, no job of an
existing stack could be refreshed or deleted. It must not raise but where the engine can live with it: in `create`,
`update` and `delete` for one job's sake, in `read` only when Dkron as a whole can't be read.
"""

import functools
import os
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

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

from .archive import Archive, directory_from, passphrase_from
from .dkron.client import DkronClient
from .dkron.snapshot import Snapshot
from .dkron.writes import Rights, Writes
from .errors import DkronError, DkronJobsError, HookError, InvalidJob, SettingsError, with_code
from .event_loops import keep_event_loops
from .job import hold, lifetime, limits, ownership, unkept, validation
from .job.declared import Declared
from .job.spec import UNKNOWN, canonical, changed_fields
from .moved import moved
from .recording import kept_mark, recorded, recorded_mark
from .redaction import config_secrets
from .settings import load_dkron, load_owner

Props = dict[str, Any]
P = ParamSpec("P")
R = TypeVar("R")


def coded(hook: Callable[P, R]) -> Callable[P, R]:
    """A hook whose errors are one line that ends with their code, since the engine passes on their text alone."""

    @functools.wraps(hook)
    def told(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return hook(*args, **kwargs)
        except DkronJobsError as error:
            raise HookError(with_code(str(error), error.code)) from None

    return told


class JobProvider(ResourceProvider):
    """One instance serves all jobs of a process, from four threads."""

    serialize_as_secret_always = False

    def __init__(self) -> None:
        """Holds nothing: the instance is pickled by reference, and `configure` sets it up."""
        super().__init__()

    # -- the hooks

    def configure(self, req: ConfigureRequest) -> None:
        """Connects to the cluster that the environment or the stack's config names.

        The SDK calls it anew for each job where it raises, so what is wrong is kept for the hooks that need Dkron.
        """
        # The SDK turns an exception of a hook into its traceback; without frames, one line is left for a person.
        sys.tracebacklimit = 0
        keep_event_loops()
        self.unread = threading.Lock()  # held once a read has failed
        self.declared = Declared()
        self.defer_checks = bool(os.environ.get(limits.DEFER_CHECKS))
        self.wrong: SettingsError | None = None
        try:
            self._connect(req.config.get)
        except SettingsError as error:
            self.wrong = error

    def _connect(self, config: Callable[[str], Any]) -> None:
        """Raises SettingsError."""
        settings = load_dkron(config)
        client = DkronClient(settings, _warn)
        self.urls = settings.urls
        self.owner_tag, self.adopt = load_owner(config)
        self.cannot_look = False
        self.moved: dict[str, str | None] = {}  # stack mark -> why the address is not the stack's any more
        told = limits.told(os.environ)
        self.unkept = told.unkept if told else {}
        rights = Rights(self.owner_tag, self.adopt, told)
        archive = Archive(directory_from(os.environ), passphrase_from(os.environ), _warn)
        self.writes = Writes(client, rights, archive, _warn, config_secrets(config, os.environ))
        # The watcher tells of the servers' version by itself.
        self.snapshot = Snapshot(client, self.owner_tag, tell=None if self.defer_checks else _warn)

    @coded
    def check(self, _olds: Props, news: Props) -> CheckResult:
        """The canonical inputs, and every problem on its property. What it asks Dkron for is only for words."""
        self._require_settings()
        news = plain(news)
        self.declared.add(news)
        if not _olds and not self.defer_checks:
            self._tell_adoption(news)
        inputs = canonical(news)
        if self.defer_checks:
            return CheckResult(inputs, [])
        return CheckResult(inputs, [CheckFailure(field, reason) for field, reason in self._problems(news)])

    def diff(self, _id: str, _olds: Props, _news: Props) -> DiffResult:
        """Field by field on the canonical form. Create before delete: a failing delete first would hang the engine."""
        changed = changed_fields(plain(_olds), plain(_news))
        # A Dkron job is its name: another name is another job. Everything else an upsert changes in place.
        replaces = ["name"] if "name" in changed else []
        return DiffResult(changes=bool(changed), replaces=replaces, delete_before_replace=False)

    @coded
    def create(self, props: Props) -> CreateResult:
        """Looks first: absent is created; ours is adopted and written only if it differs; a foreign job is refused."""
        name = self._checked(props)
        live = self.snapshot.before_create(name)
        self.writes.write(props, live, adopting=True)
        return CreateResult(name, canonical(props))

    @coded
    def read(self, id_: str, props: Props) -> ReadResult:
        """As `_read`, but a Dkron that can't be read is told once: the first error ends the run, and the others, of
        each job one, would only repeat it. Those jobs are read as the state holds them."""
        try:
            return self._read(id_, props)
        except (DkronError, SettingsError):
            if not props.get("name") or self.unread.acquire(blocking=False):
                raise
            return ReadResult(id_, dict(props))

    def _read(self, id_: str, props: Props) -> ReadResult:
        """The live job as outputs and as inputs, so that a preview names the drifted fields; no id if it is gone.

        A job that ended by itself, and one that is held, is read as the state holds it, and so is a field that Dkron
        doesn't keep as written; a foreign job by its owner and a digest alone, unless it is imported.
        """
        self._check_address(recorded_mark(props))
        job = self.snapshot.job(id_)
        if lifetime.is_done_when_gone(props) if job is None else self._is_held(job, props):
            # As it was: no drift, and nothing to write until the declaration changes.
            return ReadResult(id_, dict(props))
        if job is None:
            return ReadResult("", {})
        if props.get("name"):
            found = recorded(job, plain(props), self.owner_tag, recorded_mark(props))
        else:
            found = canonical(hold.taken_off(job))  # an import: a declaration has no hold
        if ownership.DIGEST_KEY not in found:
            found = unkept.as_written(found, props, self.unkept.get(id_, {}))
        # Two dicts: the SDK writes into each.
        return ReadResult(id_, {**found, **kept_mark(props, job)}, dict(found))

    @coded
    def update(self, _id: str, _olds: Props, _news: Props) -> UpdateResult:
        """In place, by an upsert of all fields; Dkron keeps counters and history."""
        name = self._checked(_news)
        self.writes.write(_news, self.snapshot.before_change(name))
        return UpdateResult(canonical(_news))

    @coded
    def delete(self, _id: str, _props: Props) -> None:
        """Deletes the job while it is ours and no declared resource holds its name; else leaves it, with a warning."""
        if self.declared.holds(_id):
            _warn(f'job "{_id}" is held by a declared resource, so it was left in Dkron; only the old one is forgotten')
        else:
            self._check_address(recorded_mark(_props))
            live = self.snapshot.before_change(_id)
            self.writes.delete(_id, live, recorded_mark(_props) or self.declared.mark)

    # -- what they share

    def _is_held(self, job: Props, props: Props) -> bool:
        """Whether a job that the state knows is to be left as it is. A job that others took has no hold for us."""
        owner = ownership.owner_of(job, self.owner_tag, recorded_mark(props))
        held = hold.hold_of(job, datetime.now(UTC)) is not None
        return held and bool(props.get("name")) and ownership.may_delete(owner)

    def _tell_adoption(self, news: Props) -> None:
        """Says what a job that will be created meets in Dkron. Nothing for a new one."""
        if self.cannot_look:
            return
        try:
            live = self.snapshot.before_adoption(str(news.get("name")))
            line = ownership.adoption_words(live, news, self.owner_tag, self.adopt)
        except DkronError as error:
            self.cannot_look = True
            line = f"it can't be said which jobs are in Dkron already: {error}"
        if line:
            _say(line)

    def _require_settings(self) -> None:
        if self.wrong is not None:
            raise self.wrong

    def _check_address(self, mark: str) -> None:
        """Raises SettingsError where settings are wrong, or the stack's config names another Dkron by now."""
        self._require_settings()
        if mark not in self.moved:
            self.moved[mark] = moved(mark, self.urls, Path())  # a file is read: once a run, not for each job
        reason = self.moved[mark]
        if reason:
            raise SettingsError([reason])

    def _checked(self, props: Props) -> str:
        """The name of a job that may be written. Raises InvalidJob for what a deferred check found, SettingsError."""
        self._require_settings()
        problems = self._problems(props) if self.defer_checks else []
        name = str(props.get("name", ""))
        if problems:
            raise InvalidJob(name, problems) from None
        return name

    def _problems(self, props: Mapping[str, Any]) -> list[validation.Problem]:
        """The job's own problems, and the cycle of parents that it closes among the jobs this process has checked."""
        problems = validation.check_job(props)
        tag = ownership.owner_tag(props)
        if tag not in (None, UNKNOWN, self.owner_tag):
            problems.append(("metadata.managed_by", f'is "{tag}", but ownerTag is "{self.owner_tag}": leave it out'))
        cycle = self.declared.parent_cycle(str(props.get("name")))
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
    _say(f"warning: {message}")


def _say(message: str) -> None:
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()
