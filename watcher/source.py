"""Where the declarations of a cycle come from: beside the program, the directory JOBS_DIR, or a checkout of GIT_URL.

It is found out once, at the start of a cycle, and handed to each run, so that a cycle sees one state however links are
swapped meanwhile. A fetch that fails goes on with the last good checkout and tells; it never falls back to the jobs
beside the program.
"""

from pathlib import Path, PurePosixPath

from provider.jobs_dir import JOBS_DIR, JOBS_FROM, PACKAGE, resolved
from watcher.checkout import Checkouts, NotFetched
from watcher.endings import Ended
from watcher.recovery.recovery import Tools
from watcher.revision import SHORT, Place, commit_of
from watcher.status import Outcome, Reason


class Source:
    """Finds them for one watcher."""

    def __init__(self, tools: Tools) -> None:
        self.tools = tools
        chosen = tools.settings
        self._checkouts = None
        if chosen.git is not None:
            self._checkouts = Checkouts(chosen.git, chosen.work_dir, chosen.env, tools.control, tools.redactor)
        self._tried: float | None = None
        self._fault = ""
        self.place = self._found()

    def folder_now(self) -> Path | None:
        """Where they are now; None: beside the program, or not fetched yet."""
        chosen = self.tools.settings
        if self._checkouts is not None:
            last = self._checkouts.last()
            return last.folder if last is not None else None
        return resolved(chosen.program_dir / Path(chosen.jobs_dir).expanduser()) if chosen.jobs_dir else None

    def _found(self) -> Place:
        if self._checkouts is not None:
            last = self._checkouts.last()
            return Place(last.folder, last.commit) if last is not None else Place()
        folder = self.folder_now()
        return Place(folder, commit_of(folder)) if folder is not None else Place()

    def take(self, reason: Reason) -> None:
        """What the cycle that begins now goes by. Raises Ended where nothing has ever been fetched."""
        if self._checkouts is not None and self._due(reason):
            self._fetch(self._checkouts)
        self.place = self._found()
        if self._checkouts is not None and self.place.folder is None:
            raise Ended(Outcome.FAILED, f"no declarations yet: {self._fault or 'the repository was not fetched'}")
        self.tools.cli.handed = self._handed()

    @property
    def stale(self) -> str:
        """That older declarations are in use than there may be, and why; "" if not."""
        if not self._fault or self.place.folder is None:
            return ""
        return f"went on with the declarations of {self.place.commit[:SHORT]}: {self._fault}"

    def _due(self, reason: Reason) -> bool:
        """A repair of drift doesn't wait for the repository, unless only drift has called for cycles lately."""
        now, interval = self.tools.control.clock.monotonic(), self.tools.settings.interval_s
        return reason is not Reason.DRIFT or self._tried is None or now - self._tried >= interval

    def _fetch(self, checkouts: Checkouts) -> None:
        log, fetches = self.tools.log, self.tools.metrics.fetches
        self._tried = self.tools.control.clock.monotonic()
        log.progress.show("git fetch ...")
        try:
            fetched = checkouts.fetch()
        except NotFetched as error:
            if self.tools.control.stopping:
                return
            self._fault = f"git could not fetch: {error}"
            fetches.labels("failed").inc()
            log.warning("git.failed", why=str(error), program=self.place.commit[:SHORT])
            return
        self._fault = ""
        fetches.labels("new" if fetched.new else "same").inc()
        if fetched.new:
            log.info("git.fetched", commit=fetched.commit)

    def _handed(self) -> dict[str, str]:
        """What a run finds in its environment: where the declarations are, and how their directory is called."""
        chosen, folder = self.tools.settings, self.place.folder
        if folder is None:
            return {}
        name = PurePosixPath(chosen.git.folder).name or PACKAGE if chosen.git is not None else chosen.jobs_dir
        return {JOBS_DIR: name, JOBS_FROM: str(folder)}
