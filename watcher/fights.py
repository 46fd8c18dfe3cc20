"""Two writers that fight over a job: who rewrites what, how often, and which jobs we let rest. Pure.

A job that is repaired more than five times in ten minutes has another writer. It is told once, and then repaired by the
cycles of the interval only; after a time without drift it is repaired at once again.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from watcher.pulumi.changes import Drift

MOST = 5
WINDOW_S = 600.0


@dataclass(frozen=True, slots=True)
class Fight:
    """One job's, as it is told. `count`: how often it was rewritten within the window."""

    job: str
    fields: tuple[str, ...]
    count: int

    @property
    def words(self) -> str:
        what = ", ".join(self.fields) or "the whole job"
        return (
            f'job "{self.job}" has another writer: {what} rewritten {self.count} times in {WINDOW_S / 60:g} minutes; '
            "it is repaired on the interval only until that ends"
        )


@dataclass(slots=True)
class Fights:
    """Remembers the repairs of the last ten minutes. `calm_s`: how long a job must stay undisturbed."""

    calm_s: float = WINDOW_S
    _repairs: dict[str, deque[float]] = field(default_factory=dict)
    _resting: dict[str, float] = field(default_factory=dict)

    @property
    def resting(self) -> frozenset[str]:
        """The jobs that the probe leaves alone."""
        return frozenset(self._resting)

    def note(self, now: float, drift: Iterable[Drift]) -> list[Fight]:
        """Takes in what one cycle found drifted. Returns the fights that began."""
        begun = []
        for seen in drift:
            times = self._repairs.setdefault(seen.job, deque())
            times.append(now)
            while times[0] < now - WINDOW_S:
                times.popleft()
            if seen.job in self._resting:
                self._resting[seen.job] = now
            elif len(times) > MOST:
                self._resting[seen.job] = now
                begun.append(Fight(seen.job, seen.fields, len(times)))
        self._forget(now)
        return begun

    def _forget(self, now: float) -> None:
        calm = max(self.calm_s, WINDOW_S)
        self._resting = {job: at for job, at in self._resting.items() if at >= now - calm}
        self._repairs = {job: times for job, times in self._repairs.items() if times[-1] >= now - WINDOW_S}
