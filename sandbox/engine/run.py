"""What the parts of one run share: the options, the snapshot, the providers, and whether to go on.

No decisions about resources are taken here.
"""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import Bail
from .events import Events
from .project import Project
from .recorder import Recorder
from .state import PROVIDER_TYPE, ROOT_TYPE, Resource, now
from .values import UNKNOWN_STRING, Properties, Secret

if TYPE_CHECKING:
    from .provider import Dynamic


@dataclass(frozen=True)
class Options:
    """`kind` is update, refresh or destroy. The legacy settings spare diffs of what is equal."""

    kind: str = "update"
    preview: bool = False
    refresh: bool = False
    run_program: bool = False
    continue_on_error: bool = False
    parallel: int = 8
    legacy_diff: bool = False
    legacy_refresh_diff: bool = False


@dataclass
class Run:
    """One preview or one update of one stack."""

    options: Options
    project: Project
    stack: str
    config: dict[str, str]
    secret_keys: list[str]
    events: Events
    recorder: Recorder
    stopped: threading.Event = field(default_factory=threading.Event)
    wake: threading.Event = field(default_factory=threading.Event)
    interrupted: bool = False
    failed: bool = False
    step_failed: bool = False  # then "update failed" is said at the end; of other errors it would be said twice
    skipped: set[str] = field(default_factory=set)  # URNs that failed or were left out because of one that did

    def __post_init__(self) -> None:
        self.providers = Providers(self)
        self.slots = threading.Semaphore(self.options.parallel)
        self.root_urn = f"urn:pulumi:{self.stack}::{self.project.name}::{ROOT_TYPE}::{self.project.name}-{self.stack}"

    @property
    def folder(self) -> Path:
        return self.project.root

    def stop(self) -> None:
        """No step begins from now on."""
        self.stopped.set()
        self.wake.set()

    def interrupt(self) -> None:
        self.interrupted = True
        self.stop()

    def check(self) -> None:
        """Raises Bail once the run was stopped."""
        if self.stopped.is_set():
            raise Bail

    def fail(self, urn: str) -> None:
        """A step failed: its dependents are left out, and without --continue-on-error everything else too."""
        self.failed = self.step_failed = True
        self.skipped.add(urn)
        if not self.options.continue_on_error:
            self.stop()

    def is_skipped(self, resource: Resource) -> bool:
        return any(urn in self.skipped for urn in resource.needs())

    def line(self, severity: str, text: str) -> None:
        """A line that a child process wrote."""
        self.events.diagnostic(severity, text)

    def default_provider(self) -> Resource:
        """The provider resource as the configuration of this run would have it."""
        inputs: Properties = {
            key: Secret(value) if key in self.secret_keys else value for key, value in self.config.items()
        }
        urn = f"urn:pulumi:{self.stack}::{self.project.name}::{PROVIDER_TYPE}::default"
        return Resource(urn=urn, type=PROVIDER_TYPE, custom=True, inputs=inputs)

    def new_provider_id(self) -> str:
        return UNKNOWN_STRING if self.options.preview else str(uuid.uuid4())

    def stamp(self, resource: Resource, *, created: bool) -> None:
        resource.modified = now()
        if created:
            resource.created = resource.modified


class Providers:
    """The provider processes of a run by reference (URN::ID). One process for each configuration."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._by_reference: dict[str, Dynamic] = {}
        self._all: list[Dynamic] = []
        self._lock = threading.Lock()

    def get(self, reference: str) -> Dynamic:
        """The process behind a reference, started with the configuration in the state if need be."""
        with self._lock:
            if reference not in self._by_reference:
                urn, _, identity = reference.rpartition("::")
                for resource in self._run.recorder.base.resources:
                    if resource.urn == urn and resource.id == identity:
                        self._configure(self.spawn(), resource)
                        break
                else:
                    raise Bail(f"unknown provider {reference}")
            return self._by_reference[reference]

    def known(self, reference: str) -> Dynamic | None:
        return self._by_reference.get(reference)

    def spawn(self) -> Dynamic:
        from .provider import Dynamic

        process = Dynamic(self._run.project, self._run.line)
        self._all.append(process)
        return process

    def configure(self, process: Dynamic, resource: Resource) -> None:
        with self._lock:
            self._configure(process, resource)

    def _configure(self, process: Dynamic, resource: Resource) -> None:
        process.configure(resource)
        self._by_reference[f"{resource.urn}::{resource.id}"] = process

    def close(self) -> None:
        for process in self._all:
            process.close()

    def kill(self) -> None:
        """At once, with what is under way; called from a signal handler."""
        for process in self._all:
            process.kill()
