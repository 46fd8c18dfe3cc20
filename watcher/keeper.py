"""What outlives a cycle: the memory beside the state, a person's allowance, the program's revision.

It writes its own files only. A disk that takes nothing costs the memory, and so some of what could be done, never the
cycle. It judges nothing.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from provider.archive import DIRECTORY_VARIABLE, Archive, passphrase_from
from provider.settings import KEYS, environment_name
from watcher import causes
from watcher.allowance import Allowance, AllowanceFile
from watcher.dkron.connection import Connection
from watcher.judgement import Case
from watcher.memory import Identity, Memory, MemoryFile
from watcher.pulumi import workspace
from watcher.pulumi.changes import protected_words
from watcher.pulumi.workspace import Fingerprint, Workspace, files_fingerprint
from watcher.recovery.recovery import Tools
from watcher.restraint import Restraint, restraint
from watcher.revision import revision
from watcher.secrets import exposed
from watcher.setting_table import TABLE
from watcher.source import Source
from watcher.status import Board, Reason
from watcher.unkept import begun, words
from watcher.work import Work


class Keeper:
    """Keeps them for one watcher."""

    def __init__(self, tools: Tools, allowance: Allowance) -> None:
        self.tools, self.allowance = tools, allowance
        self.source = Source(tools)
        self._seen = self._files_now()
        self._file: MemoryFile | None = None
        # As it was read last: a change of its files starts a cycle, which reads it anew.
        self._space: Workspace | None = None
        self._revision: tuple[Fingerprint, str] | None = None
        self._told: object = None
        self._protected: frozenset[str] = frozenset()

    # -- what a cycle begins with

    def workspace(self) -> Workspace:
        """Raises ProgramBroken."""
        settings = self.tools.settings
        self._space = None
        self._space = workspace.read(settings.program_dir, settings.stack, settings.env)
        return self._space

    def files(self) -> Fingerprint:
        """The program's files and the declarations, where this cycle takes them from."""
        return self._files_of(self.tools.settings.program_dir) | self._files_of(self.source.place.folder)

    def _files_of(self, folder: Path | None) -> Fingerprint:
        return files_fingerprint(folder) if folder is not None else frozenset()

    def _files_now(self) -> tuple[Fingerprint, Fingerprint]:
        """The program's, and the declarations where the next cycle would take them from: a link may lead elsewhere."""
        return self._files_of(self.tools.settings.program_dir), self._files_of(self.source.folder_now())

    def note_files(self) -> None:
        """A cycle begins."""
        self._seen = self._files_now()

    def files_changed(self) -> bool:
        """Whether they are others than a cycle has seen."""
        return self._files_now() != self._seen

    def take_declarations(self, reason: Reason) -> None:
        """Those that the cycle goes by. Raises Ended where there are none yet."""
        self.source.take(reason)
        self._seen = self._seen[0], self._files_of(self.source.place.folder)

    def empty_case(self) -> Case:
        """Before anything is known."""
        return Case(Memory(), Identity("", "", ""), self.tools.control.clock.now(), revision=self._program())

    def case(self, space: Workspace, connection: Connection) -> Case:
        """What this cycle is judged by."""
        self._file = MemoryFile(space.directory(self.tools.settings.work_dir), space.name)
        now = self.tools.control.clock.now()
        return Case(
            self._file.load().as_of(now),
            connection.identity,
            now,
            causes.fingerprints(self._config(space)),
            revision=self._program(),
        )

    def _config(self, space: Workspace) -> dict[str, str]:
        """The config as the program sees it, but secrets: the environment's not at all, the stack's encrypted."""
        env = self.tools.settings.env
        hidden = {row.name for row in TABLE if row.secret}
        names = {key: environment_name(key) for key in {*KEYS, *space.known} - space.encrypted.keys()}
        given = {key: env.get(name, "").strip() for key, name in names.items() if name not in hidden}
        return {**space.encrypted, **space.plain, **{key: value for key, value in given.items() if value}}

    def _program(self) -> str:
        files = self.files()
        if self._revision is None or self._revision[0] != files:
            paths = [Path(path) for path, *_ in files]
            self._revision = files, revision(self.tools.settings.program_dir, paths, self.source.place)
        return self._revision[1]

    def archive(self) -> Archive:
        """Where copies of deleted jobs are kept: beside the watcher's other files, if the environment doesn't say."""
        env, log = self.tools.settings.env, self.tools.log
        folder = self._file.path.parent if self._file is not None else self.tools.settings.work_dir
        directory = Path(env.get(DIRECTORY_VARIABLE) or folder / "archive")
        return Archive(directory, passphrase_from(env), lambda why: log.warning("archive.not_written", why=why))

    # -- a person's word

    def allowance_file(self, space: Workspace) -> AllowanceFile:
        return AllowanceFile(space.directory(self.tools.settings.work_dir), space.name)

    def allowance_waits(self) -> bool:
        """Whether a `--once` has left one for this watcher."""
        return self._space is not None and self.allowance_file(self._space).waiting()

    def take_allowance(self, space: Workspace) -> None:
        """Takes what a `--once` beside this watcher has left."""
        taken = self.allowance_file(space).take(self.tools.control.clock.now())
        if taken is not None:
            self.allowance = taken
            self.tools.log.warning("allowance.given", who=taken.who, **taken.shown)

    def restraint(self) -> Restraint:
        """How much of a change set may be applied now."""
        return restraint(self.tools.settings.rules, self.tools.control.clock.now(), self.allowance.plan)

    def use_let_through(self) -> None:
        """A person lets one cycle's change set through, whatever becomes of it."""
        self.allowance = replace(self.allowance, plan=False)

    def tell_exposed(self, board: Board, connection: Connection) -> None:
        """Warns, once, of a passphrase that everybody knows."""
        line = exposed(self.tools.settings.env, connection.client.settings.urls)
        self.tools.metrics.exposed.set(bool(line))
        if line and line != board.now.exposed:
            self.tools.log.warning("passphrase.public", why=line)
        board.update(exposed=line)

    # -- what a cycle leaves

    def note_strays(self, work: Work) -> None:
        """Remembers when each was seen first, and tells of them when they change."""
        self._save(replace(work.case.memory, strays=work.strays.seen))
        strays, unmarked = found = work.strays.told(), work.unmarked
        if found == self._told:
            return
        self._told = found
        if strays:
            self.tools.log.warning("strays.found", jobs=strays)
        if unmarked:
            self.tools.log.info("unmarked.found", jobs=list(unmarked))

    def tell_protected(self, protected: Mapping[str, str]) -> None:
        """Tells of resources that the program would delete or rename and may not. `protected`: URN -> job."""
        for urn in sorted(protected.keys() - self._protected):
            detail = protected_words(protected[urn], urn)
            self.tools.log.warning("job.protected", job=protected[urn], detail=detail)
        self._protected = frozenset(protected)

    def note_changes(self, work: Work) -> None:
        """Remembers what is about to be done: a run that dies in the middle has used up its hour, too."""
        memory = replace(work.case.memory, strays=work.strays.seen)
        self._save(_with_changes(memory, work, len(work.part.doomed), len(work.part.revised)))

    def finish(self, work: Work) -> None:
        """Remembers what was done, and whether the cycle was good."""
        case, verdict = work.case, work.allowed
        for job, path in begun(case.memory.unkept, work.unkept):
            self.tools.log.warning("field.unkept", job=job, field=path, detail=words(job, path))
        left = {name: seen for name, seen in work.strays.seen.items() if name not in work.strays_deleted}
        memory = replace(case.memory, strays=left, unkept=work.unkept)
        memory = _with_changes(memory, work, work.deletions, work.revisions)
        if not work.failures and not work.waiting:
            memory = replace(
                memory,
                identity=case.here,
                jobs=work.part.declared,
                modules=case.modules or {},
                config=case.config,
                revision=case.revision,
            )
        self._save(memory)
        if verdict.uses_allowance:
            self.tools.log.warning("allowance.used", who=self.allowance.who, **self.allowance.shown)
            self.allowance = replace(
                self.allowance,
                deletes=None if verdict.allowed_deletes else self.allowance.deletes,
                updates=None if verdict.allowed_updates else self.allowance.updates,
            )

    def _save(self, memory: Memory) -> None:
        if self._file is None:
            return
        try:
            self._file.save(memory)
        except OSError as error:
            self.tools.log.warning("memory.not_saved", why=f"{self._file.path}: {error.strerror or error}")


def _with_changes(memory: Memory, work: Work, deleted: int, updated: int) -> Memory:
    """What a person allowed doesn't count."""
    allowed = work.allowed
    return memory.with_changes(
        work.case.now, 0 if allowed.allowed_deletes else deleted, 0 if allowed.allowed_updates else updated
    )
