"""A state that Pulumi can parse and can't use: repaired by Pulumi, else replaced by a backup, else built anew.

The bad file is always kept. A state that a newer Pulumi wrote is never touched, and neither is one that only the wrong
passphrase keeps shut. What it loses costs nothing: the next run adopts our jobs.
"""

import json
from collections.abc import Callable
from typing import Any

from watcher.endings import Ended, Stopped
from watcher.logs import Redactor
from watcher.pulumi import output
from watcher.pulumi.child import Finished
from watcher.pulumi.cli import PulumiCli
from watcher.pulumi.workspace import Workspace
from watcher.recovery.soundness import has_unknown_version, salt_of, strangers, unsound
from watcher.recovery.state_files import Repair, StateFiles
from watcher.status import Outcome

# Pulumi's words, matched here and nowhere else; it prints them before the program runs, so nobody else can say them.
_NEWER = "unsupported checkpoint version"
_SHUT = "incorrect passphrase"
_REFUSALS = ("snapshot integrity error", "failed to load checkpoint", "resource missing required")
_LAST_TRY = 3
SHOWN = 3


class Unusable:
    """Remembers what Pulumi said of the state, and mends that before the next run."""

    def __init__(self, cli: PulumiCli, redactor: Redactor) -> None:
        self.cli, self.redactor = cli, redactor
        self._refusals = 0
        self._why = ""
        self._shut = False
        self._is_newer = False

    def note(self, run: Finished) -> None:
        """Takes in how a preview ended. Raises Ended for a state that a newer Pulumi wrote."""
        said = "" if run.stdout.strip() else run.stderr
        if _NEWER in said or (said and self._is_newer):
            raise Ended(
                Outcome.FAILED,
                f"the state was written by a newer Pulumi than the one here ({_line(said, 'error:')}): "
                "use that version here, too; the state was left as it is",
            )
        panicked = any(line.startswith("panic:") for line in run.stderr.splitlines())
        self._shut = _SHUT in said
        if panicked or any(words in said for words in _REFUSALS):
            self._refusals += 1
            self._why = f"Pulumi refused it: {_line(said, 'panic:' if panicked else 'error:')}"
        elif not self._shut:
            self._refusals = 0

    def mend(self, files: StateFiles, space: Workspace, now: Callable[[], float]) -> Repair | None:
        """What was done about the state, None if nothing was. Raises OSError."""
        document = files.document()
        why = unsound(document) or self._why
        self._is_newer = has_unknown_version(document)
        self._why = ""
        if self._is_shut(document, space):
            return files.restore(now(), "the state's secrets have another salt than the stack's", space.salt)
        if not why or self._refusals > _LAST_TRY:
            return None
        problem = f"Pulumi can't use the state ({why})"
        if self._refusals <= 1:
            kept = files.keep_copy(now())
            run = self.cli.repair_state()
            repaired = files.document()
            if run.ok and repaired != document and not unsound(repaired):
                return Repair(problem, "repaired by `pulumi state repair`", kept)
        return files.restore(now(), problem, empty=self._refusals >= _LAST_TRY)

    def _is_shut(self, document: object, space: Workspace) -> bool:
        """Whether the passphrase opens the stack's config, and not the state, which has another salt."""
        shut, self._shut = self._shut, False
        if not shut or not space.encrypted or salt_of(document) in ("", space.salt):
            return False
        return self.cli.config_value(min(space.encrypted)).ok

    # -- what Pulumi would run

    def check_providers(self, space: Workspace, exported: Any = None) -> None:
        """Pulumi runs what stands in the state as each resource's provider. Raises Ended where that isn't ours.

        `exported`: the state, if it is known already.
        """
        try:
            document = exported if exported is not None else self._state(space)
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
            why = self.redactor(output.reason(run.stderr) or f"exit code {run.code}")
            raise Ended(Outcome.FAILED, f"cannot export the stack: {why}")
        try:
            return json.loads(run.stdout)
        except ValueError:
            raise Ended(Outcome.FAILED, "cannot read what `pulumi stack export` printed") from None


def _line(text: str, words: str) -> str:
    """The line of a text with these words in it."""
    found = next((line for line in text.splitlines() if words in line), "")
    return found.removeprefix("error: ").strip()
