"""Before a cycle: are we the only watcher, is the state whole, is the stack free? And after a crash: make it so.

It clears only what is proved dead (`locks`) and replaces only what can't be read (`state_files`); else it
ends the cycle with the reason. It never runs the program.
"""

import json
import socket
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from watcher.clock import Control, Jumps
from watcher.endings import Ended
from watcher.logs import EventLog, Redactor
from watcher.metrics import Metrics
from watcher.pulumi import processes
from watcher.pulumi.cli import PulumiCli
from watcher.pulumi.workspace import Workspace
from watcher.recovery import copies, locks
from watcher.recovery.private import Private
from watcher.recovery.run_locks import Busy, RunLocks
from watcher.recovery.soundness import has_pending
from watcher.recovery.state_files import StateFiles, take_over
from watcher.recovery.unusable import Unusable
from watcher.settings import WatcherSettings
from watcher.status import Outcome


@dataclass(frozen=True, slots=True)
class Tools:
    """What most parts of a cycle need."""

    settings: WatcherSettings
    control: Control
    cli: PulumiCli
    log: EventLog
    metrics: Metrics
    redactor: Redactor


class Recovery:
    """Keeps the locks of one stack for the watcher's life."""

    def __init__(self, tools: Tools) -> None:
        self.tools = tools
        self.suspect = True  # until a first look has shown otherwise
        self._locks: RunLocks | None = None
        self._seen: tuple[int, int] | None = None
        self._jumps, self._ahead_s = Jumps(tools.control.clock), 0.0
        self.unusable = Unusable(tools.cli, tools.redactor)
        self.private = Private(tools.log)

    def close(self) -> None:
        if self._locks is not None:
            self._locks.release()
            self._locks = None
            self.tools.cli.keep_open = ()

    def _is_stopping(self) -> bool:
        return self.tools.control.stopping

    # -- before a cycle

    def prepare(self, workspace: Workspace) -> None:
        """Raises Ended where the cycle can't go on."""
        directory = workspace.directory(self.tools.settings.work_dir)
        document = None
        if not self.tools.settings.pulumi_logs:
            self._keep_no_logs()
        try:
            self._acquire(workspace, directory)
            self.private.close(directory, self._is_stopping)
            if workspace.state_dir is not None:
                self._free_on_disk(workspace, workspace.state_dir)
                document = self._mend(workspace, workspace.state_dir)
        except OSError as error:
            raise Ended(Outcome.FAILED, f"cannot use the state in {directory}: {error.strerror or error}") from None
        if workspace.state_dir is None and self.suspect:
            document = self._take_over_pending(workspace)
        self.suspect = False
        self.unusable.check_providers(workspace, document)

    @property
    def _home(self) -> Path:
        home = self.tools.settings.env.get("PULUMI_HOME", "").strip()
        return Path(home) if home else Path.home() / ".pulumi"

    def _keep_no_logs(self) -> None:
        """Only a matter of time: a cycle does without it."""
        try:
            kept = not copies.keep_no_logs(self._home)
        except OSError as error:
            self.tools.log.warning("logs.kept", why=f"{self._home / 'logs'}: {error.strerror or error}")
            return
        if kept:
            self.tools.log.debug("logs.kept", why=f"{self._home / 'logs'} is there already: remove it")

    def _acquire(self, workspace: Workspace, directory: Path) -> None:
        if self._locks is None:
            self._locks = RunLocks(directory, workspace.name, self.tools.control.clock)
        try:
            ended = self._locks.acquire()
        except Busy as busy:
            raise Ended(Outcome.LOCKED, str(busy)) from None
        if ended:
            self.suspect = True
            self.tools.log.warning("run.leftovers_ended", processes=ended)
        self.tools.cli.keep_open = self._locks.inherited
        self.tools.cli.on_start = self._locks.note

    def other_watcher(self, workspace: Workspace) -> bool:
        """Whether another watcher works on the stack. Takes the locks if none does. Raises OSError."""
        try:
            self._acquire(workspace, workspace.directory(self.tools.settings.work_dir))
        except Ended:
            return self._locks is not None and not self._locks.alone
        return False

    def _evidence(self) -> locks.Evidence:
        runs = self._locks.record() if self._locks is not None else ()
        settings = self.tools.settings
        alone = self._locks is not None and self._locks.held
        self._ahead_s += self._jumps.since_last()
        return locks.Evidence(
            now=self.tools.control.clock.now(),
            alone=alone,
            alone_since=self._locks.held_since if self._locks is not None else 0.0,
            host=socket.gethostname(),
            alive=processes.alive,
            runs=runs,
            watcher_hosts=settings.hosts,
            run_limit_s=settings.up_timeout_s,
            ahead_s=max(0.0, self._ahead_s),
        )

    def _free_on_disk(self, workspace: Workspace, state_dir: Path) -> None:
        """Removes the files of dead locks; ends the cycle if a live one is left."""
        folder = locks.directory(state_dir, workspace.project, workspace.stack)
        evidence = self._evidence()
        dead, alive = locks.split(locks.holders_on_disk(folder), evidence)
        for holder, why in dead:
            path = Path(holder.key)
            path.unlink(missing_ok=True)
            path.with_name(path.name + ".attrs").unlink(missing_ok=True)
            self._cleared(holder, why)
        if alive:
            raise self.locked_by(alive)

    def locked_by(self, holders: Collection[locks.Holder]) -> Ended:
        """The end of a cycle that waits for these."""
        settings = self.tools.settings
        line = locks.waiting(holders, self.tools.control.clock.now(), settings.up_timeout_s, settings.stack)
        return Ended(Outcome.LOCKED, self.tools.redactor(line))

    def _cleared(self, holder: locks.Holder, why: str) -> None:
        self.suspect = True
        self.tools.metrics.stale_locks.inc()
        self.tools.log.warning("lock.cleared", user=holder.user, host=holder.host, pid=holder.pid, proof=why)

    def _mend(self, workspace: Workspace, state_dir: Path) -> Any:
        """Returns the state as it is then. It is large, so it is read once."""
        files, clock = StateFiles(state_dir, workspace.project, workspace.stack), self.tools.control.clock
        repairs, document = files.repair(clock.now())
        mended = self.unusable.mend(files, document, workspace, clock.now)
        if mended is not None:
            repairs.append(mended)
            document = files.document()
        for repair in repairs:
            self.tools.metrics.state_repairs.inc()
            self.tools.log.error("state.repaired", problem=repair.problem, remedy=repair.remedy, kept=repair.kept)
        seen = _signature(files.checkpoint)
        if (self.suspect or seen != self._seen) and has_pending(document):
            document = self._take_over_pending(workspace)
        self._seen = _signature(files.checkpoint)
        return document

    def _take_over_pending(self, workspace: Workspace) -> Any:
        """Creates that were pending when a run died become resources, so that no job is dropped. Raises Ended.

        Returns what was exported.
        """
        document = self.unusable.exported()
        if document is None:
            return None
        try:
            if not document.get("deployment", {}).get("pending_operations"):
                return document
            clean, taken, dropped = take_over(document)
        except (ValueError, AttributeError, TypeError, KeyError):
            raise Ended(Outcome.FAILED, "cannot read what `pulumi stack export` printed") from None
        with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
            json.dump(clean, file)
        try:
            imported = self.tools.cli.import_stack(Path(file.name))
        finally:
            Path(file.name).unlink(missing_ok=True)
        if not imported.ok:
            raise Ended(Outcome.FAILED, f"cannot take pending operations over: {self.tools.redactor(imported.why)}")
        self.tools.log.warning("state.pending_taken_over", project=workspace.project, jobs=taken, dropped=dropped)
        return clean

    @property
    def state_signature(self) -> tuple[int, int] | None:
        """What the state's file was when this watcher last saw it, None for a state that is no file."""
        return self._seen

    # -- when a run failed

    def clear_remote_lock(self, complaint: str) -> None:
        """For a state that is no directory: all holders proved dead are cleared; else Ended."""
        evidence = self._evidence()
        dead, alive = locks.split(locks.holders_in(complaint), evidence)
        if alive or not dead:
            raise self.locked_by(alive)
        run = self.tools.cli.cancel()
        if not run.ok:
            raise Ended(Outcome.LOCKED, f"cannot clear a dead lock: {self.tools.redactor(run.why)}")
        for holder, why in dead:
            self._cleared(holder, why)

    # -- after a cycle

    def prune(self, workspace: Workspace) -> None:
        """Keeps history, backups and logs from growing. What can't be pruned now is pruned later."""
        try:
            gone = copies.prune_newest(self._home / "logs", self._is_stopping)
            if workspace.state_dir is not None:
                files = StateFiles(workspace.state_dir, workspace.project, workspace.stack)
                gone += files.prune(self._is_stopping)
                self._seen = _signature(files.checkpoint)
        except OSError as error:
            self.tools.log.warning("prune.failed", why=error.strerror or str(error))
            return
        if gone:
            self.tools.log.debug("prune.done", files=gone)


def _signature(path: Path) -> tuple[int, int] | None:
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_size
