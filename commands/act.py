"""`python -m jobs release | delete | repost`, and what all commands share that act on live jobs.

Each looks a job up by name before it writes, refuses one that isn't ours, and keeps a copy of what it deletes or
overwrites. It must not act for another stack than the one that is meant: the owner tag and the stack mark decide.
"""

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable
from functools import partial

from commands import live
from commands.stack import chosen_stack, plain_config, project_name
from provider.archive import Archive, directory_from, passphrase_from
from provider.dkron.client import DkronClient, Job
from provider.dkron.snapshot import Snapshot
from provider.dkron.writes import Rights, Writes
from provider.errors import ForeignJob, JobError, Rejected
from provider.job import ownership
from provider.jobs_dir import gather
from provider.redaction import config_secrets, secret_texts
from provider.settings import load_owner
from provider.text import printable

DONE, REFUSED = 0, 2


def say(line: str) -> None:
    sys.stdout.write(printable(f"{line}\n"))


def complain(line: str) -> None:
    sys.stderr.write(printable(f"{line}\n"))


def warn(line: str) -> None:
    complain(f"warning: {line}")


class Session:
    """One stack at one cluster. `options`: `dkron` and `stack`, each None if it wasn't given. Raises SettingsError."""

    def __init__(self, options: Namespace) -> None:
        env = {**os.environ, **({"STACK": options.stack} if options.stack else {})}
        config = partial(plain_config, environ=env)
        self.tag = load_owner(config, env)[0]
        self.stack = chosen_stack(env)
        self.mark = ownership.mark_of(project_name(), self.stack)
        self.settings = live.settings(options.dkron, env, config)
        self.secrets = config_secrets(config, env)
        self.client = DkronClient(self.settings)
        passphrase = passphrase_from(env)
        self.seals = bool(passphrase)
        self.archive = Archive(directory_from(env), passphrase, warn)
        self.writes = Writes(self.client, Rights(self.tag), self.archive, warn, self.secrets)
        self._snapshot = Snapshot(self.client, self.tag)

    def find(self, name: str) -> Job | None:
        """The job as it is now, None if there is none. Raises ForeignJob for one that isn't ours, DkronError."""
        job = self._snapshot.before_create(name)
        if job is not None and not ownership.may_delete(self.owner(job)):
            raise ForeignJob(name, ownership.not_touched(job, name, self.tag, self.mark))
        return job

    def ours(self, name: str) -> Job:
        """The same, but raises JobError if there is none."""
        job = self.find(name)
        if job is None:
            raise JobError(name, f'job "{name}" is not in Dkron at {self.settings.shown}, so there is nothing to do')
        return job

    def all_ours(self) -> dict[str, Job]:
        """Every job with our tag and our mark, by name, as one list shows them. Raises DkronError."""
        jobs = live.live_jobs(self.settings, self.tag)
        return {name: jobs[name] for name in sorted(jobs) if self.owner(jobs[name]) is ownership.Owner.OURS}

    def owner(self, job: Job) -> ownership.Owner:
        return ownership.owner_of(job, self.tag, self.mark)


def confirm(name: str, question: str, yes: bool) -> None:
    """Goes on only if a person says so, here or by --yes. Raises JobError."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise JobError(name, f"nothing was done, because nobody can be asked here; add --yes. The question: {question}")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise JobError(name, "nothing was done")


def for_each(names: Iterable[str], act: Callable[[str], None]) -> int:
    """Acts on each job; one that is refused is told and holds up no other. The exit code."""
    code = DONE
    for name in dict.fromkeys(names):
        try:
            act(name)
        except (JobError, Rejected) as error:
            complain(str(error))
            code = REFUSED
    return code


def release(options: Namespace) -> int:
    """Takes our tag and mark off, so that the job stays in Dkron and nobody of ours touches it."""
    session = Session(options)

    def one(name: str) -> None:
        job = session.ours(name)
        kept = {k: v for k, v in job["metadata"].items() if k not in ownership.OWNERSHIP_KEYS}
        session.archive.keep(job, "released")
        session.writes.upsert({**job, "metadata": kept}, job)
        say(f'released "{name}": it stays in Dkron as it is; where it is declared, remove the declaration')

    return for_each(options.names, one)


def delete(options: Namespace) -> int:
    """Deletes a job of ours that nobody declares here."""
    session, name = Session(options), options.name
    session.ours(name)
    declared = gather().in_stack(session.stack).by_name.get(name)
    if declared is not None:
        way_out = "remove the declaration, and the next run deletes it"
        raise JobError(name, f'job "{name}" is declared at {declared.declared_at}, so it was not deleted: {way_out}')
    unsealed = "" if session.seals else " Without PULUMI_CONFIG_PASSPHRASE its copy will hold no secrets."
    where = f"from Dkron at {session.settings.shown}"
    confirm(name, f'Delete job "{name}" {where}, with its history?{unsealed}', options.yes)
    job = session.ours(name)
    session.archive.keep(job, "deleted")
    if not session.client.delete_job(name):
        raise JobError(name, f'job "{name}" was gone from Dkron before it could be deleted')
    say(f'deleted "{name}"; a copy is in {session.archive.directory}')
    return DONE


def repost(options: Namespace) -> int:
    """Writes jobs again although nothing differs.

    With --all no copies are kept: the new ones, which tell nothing, would push out the older ones.
    """
    session = Session(options)
    names = list(session.all_ours()) if options.all else options.names

    def one(name: str) -> None:
        job = session.ours(name)
        if not options.all:
            session.archive.keep(job, "reposted")
        session.client.upsert_job(session.writes.body(job, job), {*session.secrets, *secret_texts(job)})
        say(f'reposted "{name}"{restarted(job)}')

    code = for_each(names, one)
    if not names:
        say(f"no job in Dkron at {session.settings.shown} carries the mark of {session.mark}, so nothing was reposted")
    return code


def restarted(job: Job) -> str:
    """What else a write does to the job, as the end of a line."""
    return "; its interval (@every) starts anew" if str(job.get("schedule")).startswith("@every") else ""
