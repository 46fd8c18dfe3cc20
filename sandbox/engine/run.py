"""What the parts of one run share: the options, the record, the report, the providers, and whether to go on.

No decisions about resources are taken here.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from .errors import Bail, CliError
from .project import Project
from .provider import Dynamic
from .recorder import Recorder
from .report import Report
from .state import ROOT_TYPE, Resource


@dataclass(frozen=True)
class Options:
    """What the command line asks for. `targets` and `replaces` are URNs, in which ** and * may stand."""

    command: str = "up"  # preview, up, refresh or destroy
    preview: bool = False
    refresh: bool = False
    run_program: bool = False
    continue_on_error: bool = False
    parallel: int = 8
    targets: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    legacy_diff: bool = False  # the real engine's setting that spares diffs of equal inputs


@dataclass
class Run:
    """One preview or one update of one stack. `skipped`: URNs that failed, or were left out because of one that did."""

    options: Options
    project: Project
    stack: str
    config: dict[str, str]
    secret_keys: list[str]
    report: Report
    recorder: Recorder
    stopped: threading.Event = field(default_factory=threading.Event)
    wake: threading.Event = field(default_factory=threading.Event)
    interrupted: bool = False
    failed: bool = False
    skipped: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.providers = Providers(self.recorder, lambda: Dynamic(self.project, self.report.message))
        self.slots = threading.Semaphore(self.options.parallel)
        self.root_urn = self.urn(ROOT_TYPE, f"{self.project.name}-{self.stack}")

    def urn(self, kind: str, name: str, parent: str = "") -> str:
        above = parent.split("::")[2] if parent else ROOT_TYPE
        qualified = kind if above == ROOT_TYPE else f"{above}${kind}"
        return f"urn:pulumi:{self.stack}::{self.project.name}::{qualified}::{name}"

    def stop(self) -> None:
        """No step begins from now on."""
        self.stopped.set()
        self.wake.set()

    def check(self) -> None:
        """Raises Bail once the run was stopped."""
        if self.stopped.is_set():
            raise Bail

    def fail(self, urn: str) -> None:
        """A step failed: its dependents are left out, and without --continue-on-error everything else too."""
        self.failed = True
        self.skipped.add(urn)
        if not self.options.continue_on_error:
            self.stop()

    def targets(self, resource: Resource) -> bool:
        """May the run touch it? Providers and the stack itself always."""
        implied = resource.is_provider or resource.type == ROOT_TYPE
        return implied or not self.options.targets or matches(self.options.targets, resource.urn)


def matches(patterns: tuple[str, ...], urn: str) -> bool:
    """Is the URN one of them? ** stands for any text, * for one without a colon."""
    for pattern in patterns:
        parts = [r"[^:]*".join(map(re.escape, part.split("*"))) for part in pattern.split("**")]
        if re.fullmatch(".*".join(parts), urn):
            return True
    return False


class Providers:
    """The provider processes of a run by reference (URN::ID). One process for each configuration."""

    def __init__(self, recorder: Recorder, spawn: Callable[[], Dynamic]) -> None:
        self._recorder, self._spawn = recorder, spawn
        self._running: dict[str, tuple[Resource, Dynamic]] = {}
        self._lock = threading.Lock()

    def get(self, reference: str) -> Dynamic:
        """The process behind a reference, started with the configuration in the state if need be."""
        with self._lock:
            for resource in self._recorder.base.resources if reference not in self._running else ():
                if reference_of(resource) == reference:
                    self._start(resource)
            if reference not in self._running:
                raise CliError(f"unknown provider {reference}")
            return self._running[reference][1]

    def configure(self, resource: Resource) -> None:
        """Starts the provider as the program has it, unless it runs with that very configuration."""
        with self._lock:
            running = self._running.get(reference_of(resource))
            if not running or running[0].inputs != resource.inputs:
                self.close(reference_of(resource))
                self._start(resource)

    def _start(self, resource: Resource) -> None:
        process = self._spawn()
        self._running[reference_of(resource)] = (resource, process)
        process.configure(resource)

    def close(self, only: str = "") -> None:
        for reference in [only] if only else list(self._running):
            if reference in self._running:
                self._running.pop(reference)[1].close()

    def kill(self) -> None:
        """At once, with what is under way; called when a second signal arrives."""
        for _, process in self._running.values():
            process.kill()


def reference_of(provider: Resource) -> str:
    return f"{provider.urn}::{provider.id}"
