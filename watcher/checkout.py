"""Checkouts of a git repository under the watcher's own directory: one directory for each commit, and which is good.

Each new commit is fetched alone, into a directory of its own that gets its name when it is whole: no reader ever sees
half of one, two processes don't disturb each other, and a rewritten history needs no care. It runs no hook and asks
nobody.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from provider.errors import DkronJobsError, SettingsError
from provider.settings import read_variable
from watcher.clock import Control
from watcher.logs import Redactor
from watcher.own_files import make_directory, read_file, replace_file
from watcher.pulumi import child
from watcher.pulumi.child import Command
from watcher.repository import TOKEN, Repository, environment, is_commit, patterns, reason, tip, total_size

LOOK_S = 20.0  # time limit of a look at the repository's refs: drift waits for it
FETCH_S = 120.0
_NEW = ".new-"
_ABANDONED_S = 10 * FETCH_S


class NotFetched(DkronJobsError):
    """The repository could not be fetched; the text says why, without secrets."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """Declarations of one commit. `new`: whether it has just been fetched."""

    commit: str
    folder: Path
    new: bool = False


class Checkouts:
    """Keeps those of one repository. `directory` is the watcher's own."""

    def __init__(
        self, repository: Repository, directory: Path, env: Mapping[str, str], control: Control, redactor: Redactor
    ) -> None:
        key = sha256(f"{repository.url}\n{repository.ref}\n{repository.folder}".encode()).hexdigest()[:12]
        self.repository, self.directory = repository, directory / "git" / key
        self.env, self.control, self.redactor = env, control, redactor

    @property
    def _noted(self) -> Path:
        return self.directory / "current"

    def last(self) -> Checkout | None:
        """The last good one, also of an earlier process; None if there is none."""
        try:
            commit = read_file(self._noted).strip()
        except (OSError, ValueError):
            return None
        return self._of(commit) if is_commit(commit) else None

    def _of(self, commit: str) -> Checkout | None:
        folder = self.directory / commit / self.repository.folder
        return Checkout(commit, folder) if folder.is_dir() else None

    def fetch(self) -> Checkout:
        """The newest one, fetched where it isn't there. Raises NotFetched."""
        try:
            token = read_variable(TOKEN, self.env) or ""
            self.redactor.learn([token] if token else [])
            env = environment(self.repository, self.env, token)
            make_directory(self.directory)
            name, commit = self._tip(env)
            found = self._of(commit) or self._fetched(name, env)
            self._note(found.commit)
        except SettingsError as error:
            raise NotFetched(str(error)) from None
        except OSError as error:
            raise NotFetched(f"cannot use {self.directory}: {error.strerror or error}") from None
        return found

    def _tip(self, env: Mapping[str, str]) -> tuple[str, str]:
        repository = self.repository
        if repository.commit:
            return repository.commit, repository.commit
        arguments = ["ls-remote", "--quiet", "--", repository.url, *patterns(repository.ref)]
        found = tip(self._git(arguments, env, LOOK_S), repository.ref)
        if found is None:
            wanted = f'no branch or tag "{repository.ref}" (GIT_REF)' if repository.ref else "no commit"
            raise NotFetched(f"the repository has {wanted}")
        return found

    def _fetched(self, name: str, env: Mapping[str, str]) -> Checkout:
        """Fetches one commit and lays the declarations out."""
        repository, most = self.repository, self.repository.most_mb * 1_000_000
        with tempfile.TemporaryDirectory(dir=self.directory, prefix=_NEW) as made:
            tree = Path(made) / "tree"
            here = ["-C", str(tree)]
            self._git(["init", "--quiet", "--template=", str(tree)], env, LOOK_S)
            options = ["--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules"]
            self._git([*here, "fetch", *options, "--", repository.url, name], env, FETCH_S, tree)
            commit = self._git([*here, "rev-parse", "--verify", "FETCH_HEAD^{commit}"], env, LOOK_S).strip()
            listed = self._git([*here, "ls-tree", "-r", "-l", commit, "--", repository.folder], env, LOOK_S)
            if total_size(listed) > most:
                raise self._too_large()
            folder = tree / repository.folder
            if listed.strip():
                self._git([*here, "checkout", "--quiet", commit, "--", repository.folder], env, FETCH_S)
            if not folder.is_dir():
                raise NotFetched(f"the repository has no directory {repository.folder} (GIT_DIR) at {commit[:8]}")
            shutil.rmtree(tree / ".git")
            if self._of(commit) is None:
                shutil.rmtree(self.directory / commit, ignore_errors=True)
                tree.rename(self.directory / commit)
        return Checkout(commit, self.directory / commit / repository.folder, new=True)

    def _git(self, arguments: list[str], env: Mapping[str, str], limit_s: float, growing: Path | None = None) -> str:
        """What git prints. `growing`: the directory that may become too large. Raises NotFetched."""
        most = self.repository.most_mb * 1_000_000

        def enough() -> bool:
            return growing is not None and _size(growing) > most

        done = child.run(Command("git", ["git", *arguments], self.directory, env, limit_s, enough=enough), self.control)
        if enough():
            raise self._too_large()
        if done.stopped:
            raise NotFetched("it was stopped")
        if done.timed_out:
            raise NotFetched(f"git {_verb(arguments)} took more than {limit_s:g} s")
        if not done.ok:
            raise NotFetched(reason(self.redactor(done.stderr)))
        return done.stdout

    def _too_large(self) -> NotFetched:
        return NotFetched(f"the repository is larger than {self.repository.most_mb} MB (GIT_MAX_MB)")

    def _note(self, commit: str) -> None:
        """Names the good one, and removes what is older than the one before it."""
        before = self.last()
        if before is not None and before.commit == commit:
            return
        replace_file(self._noted, commit)
        kept = {commit, before.commit if before else commit}
        for entry in self.directory.iterdir():
            if (is_commit(entry.name) and entry.name not in kept) or self._abandoned(entry):
                shutil.rmtree(entry, ignore_errors=True)

    def _abandoned(self, entry: Path) -> bool:
        """Whether a process that died left it."""
        return entry.name.startswith(_NEW) and self.control.clock.now() - entry.stat().st_mtime > _ABANDONED_S


def _verb(arguments: list[str]) -> str:
    return arguments[2] if arguments[0] == "-C" else arguments[0]


def _size(folder: Path) -> int:
    """Bytes in a directory that grows and changes meanwhile."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += (Path(root) / name).lstat().st_size
    return total
