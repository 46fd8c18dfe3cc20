"""The Prometheus metrics, in a registry of their own. Counts what it is told; decides nothing, asks nobody."""

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from provider.job.hold import Hold
from watcher.pulumi.changes import OPERATIONS
from watcher.status import CycleReport, Outcome, Reason

_BUCKETS = (0.5, 1, 2, 3, 5, 8, 13, 20, 30, 60, 120, 300, 600)
_LATENCY = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300)


@dataclass(frozen=True, slots=True)
class JobSample:
    """How one job does. Times are None where there is none; `seconds`: its last run's, if that was asked for."""

    job: str
    state: str
    success: datetime | None
    error: datetime | None
    next_run: datetime | None
    successes: int
    errors: int
    seconds: float | None
    hold: Hold | None = None


class _Jobs(Collector):
    """The metrics with a job's name, made when they are scraped."""

    def __init__(self, samples: Callable[[], Iterable[JobSample]]) -> None:
        self.samples = samples

    def collect(self) -> Iterator[Metric]:
        def gauge(name: str, meaning: str, *labels: str) -> GaugeMetricFamily:
            return GaugeMetricFamily(f"watcher_job_{name}", meaning, labels=["job", *labels])

        success = gauge("last_success_timestamp_seconds", "End of a job's last good run")
        error = gauge("last_error_timestamp_seconds", "End of a job's last failed run")
        coming = gauge("next_run_timestamp_seconds", "When a job is due next, by our own reckoning")
        health = gauge("health", "1 for the state that a job is in", "state")
        seconds = gauge("duration_seconds", "Length of a job's last run, where it was asked for")
        held = gauge("held_until_timestamp_seconds", "End of a job's hold, and its reason", "reason")
        runs = CounterMetricFamily("watcher_job_runs", "Runs of a job, as Dkron counts them", labels=["job", "result"])
        for sample in self.samples():
            times = ((success, sample.success), (error, sample.error), (coming, sample.next_run))
            for family, moment in times:
                if moment is not None:
                    family.add_metric([sample.job], moment.timestamp())
            runs.add_metric([sample.job, "success"], sample.successes)
            runs.add_metric([sample.job, "error"], sample.errors)
            health.add_metric([sample.job, sample.state], 1)
            if sample.hold is not None:
                held.add_metric([sample.job, sample.hold.reason], sample.hold.until.timestamp())
            if sample.seconds is not None:
                seconds.add_metric([sample.job], sample.seconds)
        yield from (success, error, coming, health, held, seconds, runs)


class _OfStacks(Collector):
    """The series of several stacks, each with its stack's name."""

    def __init__(self, by_stack: Mapping[str, "Metrics"]) -> None:
        self.by_stack = by_stack

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for stack, metrics in self.by_stack.items():
            for found in metrics.registry.collect():
                empty = Metric(found.name, found.documentation, found.type, found.unit)
                family = families.setdefault(found.name, empty)
                family.samples += [s._replace(labels={**s.labels, "stack": stack}) for s in found.samples]
        yield from families.values()


class Scraped:
    """What Prometheus scrapes of a registry."""

    registry: CollectorRegistry

    def text(self, accept: str = "") -> bytes:
        """OpenMetrics where its Accept header asks for that."""
        return choose_encoder(accept)[0](self.registry)

    def content_type(self, accept: str) -> str:
        """Of that text."""
        return choose_encoder(accept)[1]


class Together(Scraped):
    """The metrics of several stacks in one text."""

    def __init__(self, by_stack: Mapping[str, "Metrics"]) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(_OfStacks(by_stack))


class Metrics(Scraped):
    """One instance for each stack."""

    def __init__(self, version: str, stack: str) -> None:
        registry = self.registry = CollectorRegistry()

        def counter(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(f"watcher_{name}", meaning, labels, registry=registry)

        def gauge(name: str, meaning: str, *labels: str) -> Gauge:
            return Gauge(f"watcher_{name}", meaning, labels, registry=registry)

        def histogram(name: str, meaning: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(f"watcher_{name}", meaning, labels, buckets=buckets, registry=registry)

        self.cycles = counter("cycles", "Cycles by reason and outcome", "reason", "outcome")
        self.duration = histogram("cycle_duration_seconds", "Length of a cycle", _BUCKETS, "outcome")
        self.last_attempt = gauge("last_attempt_timestamp_seconds", "Start of the last cycle")
        self.last_success = gauge("last_success_timestamp_seconds", "End of the last good cycle")
        self.failures = gauge("consecutive_failures_count", "Cycles since the last good one")
        self.changes = counter("changes", "Jobs changed, by operation", "operation")
        self.failed_jobs = gauge("failed_jobs_count", "Jobs that failed in the last cycle")
        self.jobs = gauge("jobs_count", "Jobs in Dkron by kind: managed, foreign, stray, unmarked", "kind")
        self.repairs = counter("drift_repairs", "Drifted jobs brought back, by kind", "kind")
        self.repair_latency = histogram(
            "drift_repair_latency_seconds", "From the sight of a drift to its repair", _LATENCY
        )
        self.leader = gauge("leader_up", "1 while Dkron has a leader")
        self.stale_locks = counter("stale_locks_cleared", "Locks of dead runs cleared")
        self.state_repairs = counter("state_repairs", "Damaged state files mended")
        self.refused = gauge("refused_count", "1 while the guard refuses the change set")
        self.held = gauge("held_jobs_count", "Jobs that are left as they are until a time")
        self.exposed = gauge("public_passphrase_count", "1 while the public passphrase guards what it must not")
        self.fought = gauge("fought_jobs_count", "Jobs that another writer keeps rewriting")
        self.notifications = counter("notifications", "Messages by result: sent, failed, dropped", "result")
        self.probes = counter("probes", "Looks for drift by result", "result")
        self.fetches = counter("git_fetches", "Looks at the repository by result: new, same, failed", "result")
        self.program = Info("watcher_program", "What the last cycle ran", registry=registry)
        Info("watcher_build", "What runs here", registry=registry).info(
            {"version": version, "python": platform.python_version(), "stack": stack}
        )
        for reason in Reason:
            for outcome in Outcome:
                self.cycles.labels(reason.value, outcome.value)
        for operation in OPERATIONS:
            self.changes.labels(operation)
        for kind in ("managed", "foreign", "stray", "unmarked"):
            self.jobs.labels(kind)
        for kind in ("gone", "changed"):
            self.repairs.labels(kind)

    def observe(self, report: CycleReport, consecutive_failures: int) -> None:
        """Takes a finished cycle in."""
        self.cycles.labels(report.reason.value, report.outcome.value).inc()
        self.duration.labels(report.outcome.value).observe(report.seconds)
        self.failures.set(consecutive_failures)
        self.program.info({"revision": report.revision})
        self.failed_jobs.set(sum(1 for f in report.failures if f.job))
        self.refused.set(report.outcome is Outcome.REFUSED)
        for operation, count in report.changes.items():
            self.changes.labels(operation).inc(count)
        if report.outcome.good:
            self.last_success.set(report.started + report.seconds)
        if report.changes:
            failed = {f.job for f in report.failures}
            for drift in report.drift:
                if drift.job not in failed:
                    self.repairs.labels(drift.kind).inc()

    def count_jobs(self, counts: Mapping[str, int]) -> None:
        for kind, count in counts.items():
            self.jobs.labels(kind).set(count)

    def follow_jobs(self, samples: Callable[[], Iterable[JobSample]]) -> None:
        """Adds the metrics with a job's name."""
        self.registry.register(_Jobs(samples))
