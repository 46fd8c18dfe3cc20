"""What people are to be told, and when: one message for each event and cause, again after a day, and its end. Pure.

It compares what is wrong now with what was told before; `watcher.notify` sends and remembers. No secret goes in: texts
come cleaned, and a stranger's is one line.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from provider.job import health_words
from provider.job.health import Health, State
from provider.text import one_line
from watcher.status import Outcome, Snapshot
from watcher.targets import DRIFT, FAILED, JOB, PERSON, PLAN, RECOVERED, REFUSED

AGAIN_S: Final = 24 * 3600.0
SET_BACK_S: Final = 3600.0  # a clock that differs by more was set back
FLOOD: Final = 5  # more messages at once become one
ALARMING: Final = (State.STUCK, State.OVERDUE, State.FAILING)


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that is wrong. `subject`: a job's name, or "" for the watcher; `at`: when it was told, seconds since
    1970."""

    kind: str
    subject: str
    text: str
    at: float = 0.0


Notices = Mapping[str, Notice]  # by event and cause


def of_cycles(snapshot: Snapshot, now: float, clean: Callable[[str], str]) -> dict[str, Notice]:
    """What the last cycles call for."""
    last = snapshot.last
    found: dict[str, Notice] = {}
    if last is None:
        return found
    detail = one_line(clean(last.detail))
    if last.outcome is Outcome.REFUSED:
        words = f"a change was refused: {detail}; allow it with `python -m watcher --once --allow-deletes N`"
        found[REFUSED] = Notice(REFUSED, "", words)
    elif not last.outcome.good and now - (snapshot.last_good or snapshot.started) > 2 * snapshot.interval_s:
        count = snapshot.consecutive_failures
        found[FAILED] = Notice(FAILED, "", f"no good cycle for {count} tries, {last.outcome.value}: {detail}")
    for failure in last.failures:
        if failure.job and last.outcome is Outcome.FAILED:
            reason = one_line(clean(failure.reason))
            found[f"{PERSON} {failure.job}"] = Notice(
                PERSON, failure.job, f"job {failure.job} needs a person: {reason}"
            )
    if last.outcome is Outcome.PLANNED:
        mark = hashlib.sha256("\n".join(last.waiting).encode()).hexdigest()[:12]
        found[f"{PLAN} {mark}"] = Notice(PLAN, "", _planned(last.waiting, detail))
    for drift in last.drift if last.outcome in (Outcome.CHANGED, Outcome.PLANNED) else ():
        words = f"job {drift.job} was changed by hand ({drift.words}) and brought back"
        found[f"{DRIFT} {last.started} {drift.job}"] = Notice(DRIFT, drift.job, one_line(words))
    return found


def _planned(waiting: tuple[str, ...], detail: str) -> str:
    """A line of what holds the changes back, then one for each of the first changes."""
    first = [one_line(line) for line in waiting[:FLOOD]]
    more = [f"and {len(waiting) - FLOOD} more"] if len(waiting) > FLOOD else []
    return "\n".join([detail, *first, *more])


def of_jobs(healths: Mapping[str, Health], now: float) -> dict[str, Notice]:
    """The jobs that don't run as they should; a single failure is none of them. What was missed is one thing."""
    at = datetime.fromtimestamp(now, UTC)
    found: dict[str, Notice] = {}
    for name, health in healths.items():
        if health.state in ALARMING:
            words = one_line(f"job {name} {health_words.in_words(health, at)} (UTC)")
            found[f"{JOB} {name} {health.state.value}"] = Notice(JOB, name, words)
    missed = sum(health.missed is not None for health in healths.values())
    if missed:
        jobs = health_words.plural(missed, "job")
        found[f"{JOB}s missed"] = Notice(JOB, "", f"{jobs} missed a run while Dkron was down")
    return found


def to_tell(
    current: Notices, told: Notices, judged: Collection[str], wanted: Collection[str], now: float
) -> tuple[list[Notice], dict[str, Notice]]:
    """The messages that are due, and what was told then. Of kinds that aren't `judged` now nothing is over."""
    kept = {key: notice for key, notice in told.items() if key in current or notice.kind not in judged}
    messages = []
    for key, notice in current.items():
        before = told.get(key)
        if notice.kind in wanted and (before is None or not -SET_BACK_S < now - before.at < AGAIN_S):
            still = "" if before is None else "still: "
            messages.append(Notice(notice.kind, notice.subject, still + notice.text))
            kept[key] = Notice(notice.kind, notice.subject, notice.text, now)
    unwell = {(notice.kind, notice.subject) for notice in current.values()}
    for key in told.keys() - kept.keys():
        over = told[key]
        if RECOVERED in wanted and over.kind not in (DRIFT, PLAN) and (over.kind, over.subject) not in unwell:
            messages.append(Notice(RECOVERED, over.subject, f"over: {over.text}"))
    return _few(messages), kept


def _few(messages: list[Notice]) -> list[Notice]:
    """A flood is one message."""
    if len(messages) <= FLOOD:
        return messages
    first = "\n".join(f"- {message.text}" for message in messages[:FLOOD])
    more = len(messages) - FLOOD
    return [Notice(messages[0].kind, "", f"{len(messages)} messages at once:\n{first}\n- and {more} more")]
