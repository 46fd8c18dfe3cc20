"""What a cycle asks of `pulumi`: a stack, a preview, an up; and what their failures amount to.

It turns a run into values or into the end of the cycle, tells nothing unredacted, and decides nothing about changes.
"""

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from provider.archive import DIRECTORY_VARIABLE
from provider.job.declarations import MODULES_VARIABLE
from provider.job.limits import LIMITS_VARIABLE, Limits
from watcher.endings import Ended, Stopped, outcome_of
from watcher.pulumi import interpreter, output, workspace
from watcher.pulumi.changes import Applied, ChangeSet, Failure
from watcher.pulumi.child import Finished
from watcher.pulumi.cli import EVERYTHING, Scoped, run_environment
from watcher.pulumi.preview import parse_preview
from watcher.recovery import locks
from watcher.recovery.recovery import Recovery, Tools
from watcher.status import Outcome

SHOWN_FAILURES = 3
WORK_PREFIX = "dkron-jobs-"
DEV = "dev"  # the one stack that is made without being asked for

Modules = Mapping[str, tuple[str, ...]]
Unkept = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class ProgramFacts:
    """What the program says of itself. `modules`: module -> its jobs, None where it doesn't say; `accepted`: job -> the
    codes of warnings that it accepts."""

    modules: Modules | None = None
    accepted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Engine:
    """Runs `pulumi` for one stack."""

    def __init__(self, tools: Tools, recovery: Recovery) -> None:
        self.tools, self.recovery = tools, recovery

    def preview(self, unkept: Unkept, may_create: bool = False) -> tuple[ChangeSet, ProgramFacts]:
        """What an up would change, and what the program says of itself. Raises Ended, Stopped.

        `unkept`: the fields that are not compared. Creates the stack if it may and there is none.
        """
        self.tools.log.progress.show("preview ...")
        limits = Limits(unkept=unkept)
        run, said = self._run_preview(limits)
        if run.stopped:
            raise Stopped
        if may_create and run.no_stack:
            self.create_stack()
            return self.preview(unkept)
        self.recovery.unusable.note(run)
        self._ended_badly(run)
        found, failures = self._parsed(run)
        if not run.ok and found.protected:
            # The engine refuses to delete these, and then judges nothing else. Left out, they hold up nobody.
            spared = found.protected
            run, said = self._run_preview(limits, Scoped(spared=spared.keys()))
            if run.stopped:
                raise Stopped
            self._ended_badly(run)
            found, failures = self._parsed(run, spared)
        if not run.ok:
            failures = self._explained(run, failures)
            raise Ended(outcome_of(failures), told(failures))
        return found, said

    def _run_preview(self, limits: Limits, scoped: Scoped = EVERYTHING) -> tuple[Finished, ProgramFacts]:
        with tempfile.TemporaryDirectory(prefix=WORK_PREFIX) as folder:
            path = Path(folder) / "modules.json"
            run = self.tools.cli.preview({MODULES_VARIABLE: str(path), **_written(limits, Path(folder))}, scoped)
            return run, _told_in(path)

    def up(
        self, limits: Limits, message: str, archive: Path, scoped: Scoped = EVERYTHING
    ) -> tuple[Applied, tuple[Failure, ...]]:
        """Applies the program within `limits`: what was done, and what failed (redacted).

        `archive`: where the provider keeps copies of what it deletes; `scoped`: the resources that it is about. Raises
        Ended if it was cut short.
        """
        with tempfile.TemporaryDirectory(prefix=WORK_PREFIX) as folder:
            told_run = {**_written(limits, Path(folder)), DIRECTORY_VARIABLE: str(archive)}
            return self._up(lambda: self._run_up(message, told_run, scoped))

    def _up(self, once: Callable[[], Finished]) -> tuple[Applied, tuple[Failure, ...]]:
        run = once()
        if locks.locked(run.stdout, run.stderr):
            self.recovery.clear_remote_lock(run.stderr)
            run = once()
            if locks.locked(run.stdout, run.stderr):
                raise self.recovery.locked_by(locks.holders_in(run.stderr))
        self.recovery.suspect = self.recovery.suspect or run.crashed
        self._ended_badly(run)
        applied = output.parse_up(run.stdout)
        if run.ok:
            return applied, ()
        failures = self._explained(run, applied.failures)
        return applied, tuple(replace(f, reason=self.tools.redactor(f.reason)) for f in failures)

    def _parsed(self, run: Finished, spared: Mapping[str, str] | None = None) -> tuple[ChangeSet, tuple[Failure, ...]]:
        """Raises Ended for what is no preview."""
        try:
            return parse_preview(run.stdout, spared)
        except ValueError:
            raise Ended(Outcome.FAILED, told(self._explained(run, ()))) from None

    def _explained(self, run: Finished, failures: tuple[Failure, ...]) -> tuple[Failure, ...]:
        """Why a run failed. Of a broken Python the engine's words name no way out; those of our provider do."""
        if any(failure.code for failure in failures):
            return failures
        folder, env = self.tools.settings.program_dir, run_environment(self.tools.settings.env)
        why = interpreter.fault(workspace.virtualenv(folder), folder, env, self.tools.control)
        if why:
            return (Failure("", why),)
        return failures or (_unexplained(run),)

    def create_stack(self) -> None:
        """Makes the stack where that was asked for. Raises Ended."""
        stack = self.tools.settings.stack
        if not (self.tools.settings.create_stack or stack == DEV):
            others = ", ".join(self._stacks()) or "none"
            way_out = "set STACK to one of them, or create this one with `python -m watcher --create-stack`"
            raise Ended(Outcome.REFUSED, f'there is no stack "{stack}" (there are: {others}): {way_out}')
        run = self.tools.cli.create_stack()
        if run.ok:
            self.tools.log.warning("stack.created", stack=stack)
        elif stack not in self._stacks():
            raise Ended(Outcome.FAILED, f"cannot create the stack: {self.tools.redactor(run.why)}")

    def _stacks(self) -> list[str]:
        """The names of the project's stacks, as far as they can be had."""
        try:
            return [str(row["name"]) for row in json.loads(self.tools.cli.list_stacks().stdout)]
        except (ValueError, KeyError, TypeError):
            return []

    def _ended_badly(self, run: Finished) -> None:
        """Raises Ended for a run that didn't come to its own end."""
        if run.code is None:
            raise Ended(Outcome.FAILED, run.stderr)
        if run.timed_out:
            limit = self.tools.settings.up_timeout_s
            raise Ended(Outcome.FAILED, f"pulumi {run.command} was ended after {limit:g} s (UP_TIMEOUT_MS)")
        if run.code < 0:
            raise Ended(Outcome.FAILED, f"pulumi {run.command} was killed by signal {-run.code}; it will recover")

    def _run_up(self, message: str, told_run: Mapping[str, str], scoped: Scoped) -> Finished:
        done = 0

        def count(line: str) -> None:
            nonlocal done
            if '"resOutputsEvent"' in line:
                done += 1
                self.tools.log.progress.show(f"up ... {done} done")

        self.tools.cli.on_event = count
        try:
            return self.tools.cli.up(message, told_run, scoped)
        finally:
            self.tools.cli.on_event = None


def _written(limits: Limits, folder: Path) -> dict[str, str]:
    """Writes the limits to a file of ours alone. Returns how a run is told of it."""
    path = folder / "limits.json"
    path.touch(mode=0o600)
    path.write_text(limits.to_json(), encoding="utf-8")
    return {LIMITS_VARIABLE: str(path)}


def _told_in(path: Path) -> ProgramFacts:
    """What the program left there, nothing if it can't be read."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return ProgramFacts(_lists(said["modules"]), _lists(said["accepted"]))
    except (OSError, ValueError, AttributeError, TypeError, KeyError):
        return ProgramFacts()


def _lists(values: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    return {str(name): tuple(map(str, items)) for name, items in values.items()}


def told(failures: tuple[Failure, ...]) -> str:
    """The first few failures in one line."""
    lines = [f"{f.job}: {f.reason}" if f.job and f.job not in f.reason else f.reason for f in failures]
    more = f"; and {len(lines) - SHOWN_FAILURES} more" if len(lines) > SHOWN_FAILURES else ""
    return "; ".join(lines[:SHOWN_FAILURES]) + more


def _unexplained(run: Finished) -> Failure:
    """For a run that named no failing job: what it said last."""
    return Failure("", output.reason(run.stderr) or f"pulumi {run.command} ended with code {run.code} and no reason")
