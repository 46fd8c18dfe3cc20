"""When the next cycle runs, and why: interval, retry, drift, changed files, a signal. `plan_next` decides purely.

It runs one cycle at a time, whatever the number of stacks, and never ends by itself. A bug of ours in a cycle is
logged and counts as a failed cycle.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from provider.dkron.cluster import lost_many
from provider.errors import DkronError
from watcher.backoff import doubling
from watcher.clock import Control, Jumps
from watcher.cycle import Cycle
from watcher.dkron.probe import Unsettled
from watcher.dkron.runs import Runs
from watcher.logs import MOST_NAMES
from watcher.notify import Notifier
from watcher.recovery.recovery import Tools
from watcher.status import Board, CycleReport, Outcome, Reason

RETRY_FIRST_S = 5.0
WAITING_CAP_S = 30.0  # others' locks, leaders and pauses end without us: look again soon
FILES_S = 10.0  # how often to look for changed files while the probe is off
PROBE_S = 2.0
PROBE_SHARE = 50  # of its own time a probe waits at least: it takes a fiftieth of the time at most
_WAITING = (Outcome.LOCKED, Outcome.NO_LEADER, Outcome.PAUSED, Outcome.RETRY)


@dataclass(frozen=True, slots=True)
class Next:
    """The next cycle: seconds from the end of this one, and its reason if nothing else comes first."""

    delay_s: float
    reason: Reason


def plan_next(report: CycleReport, failures: int, interval_s: float) -> Next:
    """The interval counts from start to start. A refusal waits for a person, so it isn't retried sooner."""
    until_due = max(0.0, interval_s - report.seconds)
    if report.outcome.good or report.outcome is Outcome.REFUSED:
        return Next(until_due, Reason.INTERVAL)
    cap = min(interval_s, WAITING_CAP_S) if report.outcome in _WAITING else interval_s
    return Next(doubling(failures, RETRY_FIRST_S, cap), Reason.RETRY)


class Loop:
    """Drives a `Cycle` for ever."""

    def __init__(self, tools: Tools, cycle: Cycle, board: Board, notifier: Notifier | None = None) -> None:
        self.tools, self.cycle, self.board, self.notifier = tools, cycle, board, notifier
        self._drift_seen: float | None = None
        self._probe_took = self._due = self._look_at = 0.0
        self._coming = Next(0.0, Reason.START)
        self._jumps = Jumps(tools.control.clock)
        self.runs = Runs()

        if tools.settings.job_metrics:
            tools.metrics.follow_jobs(self.runs.samples)

    def run(self) -> None:
        """Until a stop is asked for."""
        run([self])

    def turn(self, reason: Reason) -> bool:
        """One cycle, and when the next one is due. False if a stop was asked for before it did anything."""
        report = self.once(reason)
        if report is None:
            return False
        clock = self.tools.control.clock
        self._coming = plan_next(report, self.board.now.consecutive_failures, self.tools.settings.interval_s)
        self._due = clock.monotonic() + self._coming.delay_s
        self._look_at = clock.monotonic() + self._pause()
        self.board.update(mode="idle", next_cycle=clock.now() + self._coming.delay_s)
        return True

    def once(self, reason: Reason) -> CycleReport | None:
        """One cycle, told to log, metrics and status. None if it was stopped before it did anything."""
        clock, metrics = self.tools.control.clock, self.tools.metrics
        started, since = clock.now(), clock.monotonic()
        metrics.last_attempt.set(started)
        self.board.update(mode="working", next_cycle=None, attempted=since)
        self.cycle.keeper.note_files()
        self.tools.log.debug("cycle.started", reason=reason.value)
        try:
            report = self.cycle.run(reason)
        except Exception as error:
            self.tools.log.exception("cycle.bug", kind=type(error).__name__)
            detail = self.tools.redactor(f"a bug: {type(error).__name__}: {error}")
            report = CycleReport(0, reason, Outcome.FAILED, started, clock.monotonic() - since, detail)
        if report is not None:
            snapshot = self.board.add(report)
            metrics.observe(report, snapshot.consecutive_failures)
            if report.outcome.good:
                self.runs.led(datetime.fromtimestamp(started, UTC))
            self._mind_the_clock()
            self._latency(report)
            log = self.tools.log
            (log.info if report.outcome.good else log.error)("cycle.done", **report.told)
            self._tell_holds()
            self._notify()
        return report

    def _latency(self, report: CycleReport) -> None:
        if self._drift_seen is not None and report.outcome.good and report.changes:
            self.tools.metrics.repair_latency.observe(self.tools.control.clock.monotonic() - self._drift_seen)
        self._drift_seen = None

    def _tell_holds(self) -> None:
        connection = self.cycle.connector.current
        if connection is not None:
            self.cycle.census.tell_holds(connection.probe.held)

    # -- between cycles

    @property
    def wakes_at(self) -> float:
        """When there is something to do next, by the monotonic clock."""
        return min(self._due, self._look_at)

    def called(self) -> Reason | None:
        """Why a cycle must run now, None if it need not. Looks around if that is due."""
        clock = self.tools.control.clock
        now = clock.monotonic()
        if now >= self._due:
            return self._coming.reason
        if now < self._look_at:
            return None
        found = self._look_around()
        self._look_at = clock.monotonic() + self._pause()
        return found

    def _pause(self) -> float:
        """Seconds until the next look around; the interval at most, since a cycle looks, too."""
        settings = self.tools.settings
        if settings.probe_s is None:
            return min(settings.interval_s, max(PROBE_S, PROBE_SHARE * self._probe_took))
        return settings.probe_s or FILES_S

    def _look_around(self) -> Reason | None:
        """Changed files, then a person's allowance, then drift."""
        if self.cycle.keeper.files_changed():
            self.tools.log.info("files.changed")
            return Reason.FORCED
        if self.cycle.keeper.allowance_waits():
            return Reason.FORCED
        drifted = self.tools.settings.probe_s != 0 and self._has_drifted()
        self._follow_runs()
        return Reason.DRIFT if drifted else None

    def _mind_the_clock(self) -> None:
        """What was due in a time that was jumped over was missed; of what lies ahead by now nothing is known."""
        jump = self._jumps.since_last()
        if jump == 0.0:
            return
        self.tools.log.warning("clock.jumped", seconds=round(jump))
        self.board.move(jump)
        if jump > 0:
            self.runs.lost()
        else:
            self.runs.forget()

    def _follow_runs(self) -> None:
        """What the last look showed of the jobs' runs; where it raises doubts, a few requests more."""
        self._mind_the_clock()
        connection = self.cycle.connector.current
        if connection is None or connection.probe.latest is None:
            return
        jobs, seen = connection.probe.latest
        at = datetime.fromtimestamp(seen, UTC)
        if self.runs.at != at:
            self.runs.note(jobs, at)
            self.runs.ask(connection.client, at)
            self._notify()

    def _notify(self) -> None:
        if self.notifier is not None:
            self.notifier.look(self.runs, self.tools.control.clock)

    def _has_drifted(self) -> bool:
        connection, noted = self.cycle.connector.current, self.cycle.census.noted
        if connection is None or noted is None:
            return False
        seen_at = self.tools.control.clock.monotonic()
        probes = self.tools.metrics.probes
        try:
            look = connection.probe.look()
            # Not of a look that fails: waiting for an answer that never comes costs nobody anything.
            self._probe_took = self.tools.control.clock.monotonic() - seen_at
            if lost_many(noted, look.names):
                look = connection.probe.settled_look(look)
        except (DkronError, Unsettled) as error:
            probes.labels("error").inc()
            self.runs.lost()
            self.tools.log.debug("probe.failed", why=str(error))
            return False
        self._tell_holds()
        found = self.cycle.census.drifted(look) - self.cycle.fights.resting
        probes.labels("drift" if found else "same").inc()
        if found:
            self._drift_seen = seen_at
            self.tools.log.info("probe.drift", jobs=sorted(found)[:MOST_NAMES], count=len(found))
        return bool(found)


def run(loops: Sequence[Loop]) -> None:
    """Drives the loops of some stacks, one after the other, until a stop is asked for. They share one control."""
    control = loops[0].tools.control
    turns = [(loop, Reason.START) for loop in loops]
    while turns:
        done = all(not control.stopping and loop.turn(reason) for loop, reason in turns)
        turns = _rest(loops, control) if done else []
    for loop in loops:
        loop.board.update(mode="stopping", next_cycle=None)


def _rest(loops: Sequence[Loop], control: Control) -> list[tuple[Loop, Reason]]:
    """Sleeps until cycles are due or something calls for them: whose, and why. Nothing if a stop was asked for."""
    while not control.stopping:
        if control.forced:
            control.forced = False
            return [(loop, Reason.FORCED) for loop in loops]
        if not _sleep(min(loop.wakes_at for loop in loops), control):
            continue
        called = [(loop, reason) for loop in loops if (reason := loop.called()) is not None]
        if called:
            return called
    return []


def _sleep(until: float, control: Control) -> bool:
    """Until a moment of the monotonic clock; False if somebody asked for something meanwhile."""
    while not (control.stopping or control.forced):
        rest = until - control.clock.monotonic()
        if rest <= 0:
            return True
        control.clock.wait(rest)
    return False
