"""What the parts of one run share: the options, the record, the report, the providers, and whether to go on.

No decisions about resources are taken here.
"""

import argparse
import threading
from dataclasses import dataclass, field

from .console import Bail, CliError
from .project import Project
from .provider import Dynamic
from .recorder import Recorder
from .report import Report
from .state import ROOT_TYPE, Resource


@dataclass
class Run:
    """One preview or one update of one stack. `skipped`: URNs that failed, or were left out because of one that did.

    Whoever works on resources holds `lock`: one operation at a time.
    """

    options: argparse.Namespace  # the command line's
    preview: bool
    project: Project
    stack: str
    config: dict[str, str]
    secret_keys: list[str]
    report: Report
    recorder: Recorder
    lock: threading.Lock = field(default_factory=threading.Lock)
    stopped: bool = False  # no step begins from now on
    interrupted: bool = False
    failed: bool = False
    skipped: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.providers = Providers(self)
        self.root_urn = self.urn(ROOT_TYPE, f"{self.project.name}-{self.stack}")

    def urn(self, kind: str, name: str) -> str:
        return f"urn:pulumi:{self.stack}::{self.project.name}::{kind}::{name}"

    def check(self) -> None:
        """Raises Bail once the run was stopped."""
        if self.stopped:
            raise Bail

    def fail(self, urn: str) -> None:
        """A step failed: its dependents are left out, and without --continue-on-error everything else too."""
        self.failed = True
        self.skipped.add(urn)
        self.stopped = self.stopped or not self.options.continue_on_error

    def targets(self, resource: Resource) -> bool:
        """May the run touch it? Providers and the stack itself always."""
        implied = resource.is_provider or resource.type == ROOT_TYPE
        return implied or not self.options.target or resource.urn in self.options.target


class Providers:
    """The provider processes of a run by reference (URN::ID). One process for each configuration."""

    def __init__(self, run: "Run") -> None:
        self._run = run
        self._running: dict[str, tuple[Resource, Dynamic]] = {}

    def get(self, reference: str) -> Dynamic:
        """The process behind a reference, started with the configuration in the state if need be."""
        if reference not in self._running:
            known = [item for item in self._run.recorder.base.resources if reference_of(item) == reference]
            if not known:
                raise CliError(f"unknown provider {reference}")
            self.configure(known[0])
        return self._running[reference][1]

    def configure(self, resource: Resource) -> None:
        """Starts the provider as the program has it, unless it runs with that very configuration."""
        running = self._running.get(reference_of(resource))
        if running and running[0].inputs == resource.inputs:
            return
        if running:
            running[1].close()
        process = Dynamic(self._run.project, self._run.report.message)
        self._running[reference_of(resource)] = (resource, process)
        process.configure(resource)

    def close(self) -> None:
        for _, process in self._running.values():
            process.close()


def reference_of(provider: Resource) -> str:
    return f"{provider.urn}::{provider.id}"
