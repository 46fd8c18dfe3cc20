"""A state that Pulumi can parse and can't use: repaired by Pulumi, else replaced by a backup, else built anew.

The bad file is always kept. Nothing is touched that may be good: not for what the disk or the machine did, not for a
panic that Pulumi has without the state, too, not where a newer Pulumi wrote it or only the passphrase is wrong. What
is lost with a state costs nothing: the next run adopts our jobs.
"""

import json
from collections.abc import Callable
from typing import Any

from watcher.endings import Ended, Stopped
from watcher.logs import Redactor
from watcher.pulumi.child import Finished
from watcher.pulumi.cli import PulumiCli
from watcher.pulumi.workspace import Workspace
from watcher.recovery import locks
from watcher.recovery.soundness import is_newer, salt_of, strangers, unsound
from watcher.recovery.state_files import Repair, StateFiles
from watcher.status import Outcome

# Pulumi's words, matched here and nowhere else; it prints them before the program runs, so nobody else can say them.
_NEWER = ("unsupported checkpoint version", "needs support for the following features")
_SHUT = "incorrect passphrase"
_REFUSALS = ("snapshot integrity error", "failed to load checkpoint", "resource missing required")
_UNREAD = "(code="  # the store couldn't give or take the file, whatever stands in it
_TRIES = 3
SHOWN = 3


class Unusable:
    """Remembers what Pulumi said of the state, and mends that before the next run."""

    def __init__(self, cli: PulumiCli, redactor: Redactor) -> None:
        self.cli, self.redactor = cli, redactor
        self._tries = 0
        self._why = ""
        self._panicked = False
        self._shut = False
        self._is_newer = False

    def note(self, run: Finished) -> None:
        """Takes in how a preview ended. Raises Ended for a state that a newer Pulumi wrote."""
        if not _ended_by_itself(run):
            return
        said = "" if run.stdout.strip() else run.stderr
        if any(words in said for words in _NEWER) or (said and self._is_newer):
            raise Ended(
                Outcome.FAILED,
                f"the state was written by a newer Pulumi than the one here ({_line(said, 'error:')}): "
                "use that version here, too; the state was left as it is",
            )
        self._panicked = _is_panic(run)
        self._shut = _SHUT in said
        if self._panicked or (any(words in said for words in _REFUSALS) and _UNREAD not in said):
            self._why = f"Pulumi refused it: {_line(said, 'panic:' if self._panicked else 'error:')}"
        elif not self._shut:
            self._tries = 0

    def mend(self, files: StateFiles, document: Any, space: Workspace, now: Callable[[], float]) -> Repair | None:
        """What was done about the state `document`, None if nothing was. Raises OSError, Stopped."""
        self._is_newer = is_newer(document)
        if document is None or self._is_newer:
            return None
        if self._is_shut(document, space):
            return files.restore(now(), "the state's secrets have another salt than the stack's", space.salt)
        why = unsound(document) or self._refusal()
        if not why or self._tries >= _TRIES:
            return None
        problem = f"Pulumi can't use the state ({why})"
        if self._tries == 0:
            kept = files.keep_copy(now())
            run = self._asked(self.cli.repair_state())
            if not _ended_by_itself(run) or _UNREAD in run.stderr or locks.locked(run.stdout, run.stderr):
                return None
            repaired = files.document()
            if run.ok and repaired != document and not unsound(repaired):
                self._tries += 1
                return Repair(problem, "repaired by `pulumi state repair`", kept)
        self._tries += 1
        return files.restore(now(), problem, space.salt, empty=self._tries >= _TRIES)

    def _refusal(self) -> str:
        """What speaks against the state, by Pulumi's words; "" if nothing does.

        A panic may come from the program or from Pulumi alone: it counts if Pulumi has it without the program, too.
        """
        why, self._why = self._why, ""
        if why and self._panicked and not _is_panic(self._asked(self.cli.destroy_preview())):
            return ""
        return why

    def _asked(self, run: Finished) -> Finished:
        if run.stopped:
            raise Stopped
        return run

    def _is_shut(self, document: object, space: Workspace) -> bool:
        """Whether the passphrase opens the stack's config, and not the state, which has another salt."""
        shut, self._shut = self._shut, False
        if not shut or not space.encrypted or salt_of(document) in ("", space.salt):
            return False
        return self.cli.config_value(min(space.encrypted)).ok

    # -- what Pulumi would run

    def check_providers(self, space: Workspace, document: Any = None) -> None:
        """Pulumi runs what stands in the state as each resource's provider. Raises Ended where that isn't ours.

        `document`: the state, if it is known already.
        """
        try:
            document = self._state(space) if document is None else document
        except OSError as error:
            raise Ended(Outcome.FAILED, f"cannot read the state: {error.strerror or error}") from None
        found = strangers(document)
        if found:
            more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
            raise Ended(
                Outcome.REFUSED,
                f"the state names another provider than ours for {', '.join(found[:SHOWN])}{more}, and Pulumi would "
                "run that as code: find out who wrote the state, and put a backup in its place",
            )

    def _state(self, space: Workspace) -> Any:
        """The state as it is now, None if there is none."""
        if space.state_dir is None:
            return self.exported()
        files = StateFiles(space.state_dir, space.project, space.stack)
        if files.checkpoint.exists():
            return files.document()
        is_packed = files.checkpoint.with_name(f"{files.checkpoint.name}.gz").exists()
        return self.exported() if is_packed else None

    def exported(self) -> Any:
        """What `pulumi stack export` prints, None where there is no stack. Raises Ended, Stopped."""
        run = self.cli.export_stack()
        if run.stopped:
            raise Stopped
        if run.no_stack:
            return None
        if not run.ok:
            raise Ended(Outcome.FAILED, f"cannot export the stack: {self.redactor(run.why)}")
        try:
            return json.loads(run.stdout)
        except ValueError:
            raise Ended(Outcome.FAILED, "cannot read what `pulumi stack export` printed") from None


def _ended_by_itself(run: Finished) -> bool:
    """Whether what it said is all that it had to say."""
    return run.code is not None and run.code >= 0 and not run.timed_out


def _is_panic(run: Finished) -> bool:
    """Whether Pulumi itself died. What a program prints stands on stdout, within the result."""
    return not run.stdout.strip() and any(line.startswith("panic:") for line in run.stderr.splitlines())


def _line(text: str, words: str) -> str:
    """The line of a text with these words in it."""
    found = next((line for line in text.splitlines() if words in line), "")
    return found.removeprefix("error: ").strip()
