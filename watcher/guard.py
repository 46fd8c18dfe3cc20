"""Is this change set safe to apply without a person? Decides only: no clock, no file, no network.

It refuses what a broken program looks like: too many deletions, the deletion of everything, a program that declares
nothing. A refusal is never retried into success; a person allows it once, by number.
"""

from collections.abc import Collection
from dataclasses import dataclass

SHOWN = 10  # names in a refusal; more would not be read


@dataclass(frozen=True, slots=True)
class Verdict:
    """`refusal` is "" if the change set may be applied, else one line: what, why, and the way out."""

    refusal: str = ""
    uses_allowance: bool = False

    @property
    def safe(self) -> bool:
        return not self.refusal


@dataclass(frozen=True, slots=True)
class Limits:
    """`max_deletes` holds always; `allowed` (None: nothing special) is what a person allowed for once."""

    max_deletes: int
    allowed: int | None = None


def judge(deletes: Collection[str], existing: int, declared: int, limits: Limits, replaced: int = 0) -> Verdict:
    """Whether `deletes` (names of jobs) may go. `existing`: managed jobs now; `declared`: by the program.

    `replaced` counts jobs that are deleted because they were renamed: they count as deletions, not towards "all".
    """
    count = len(deletes) + replaced
    why = ""
    if declared == 0:
        why = "the program declares no job at all"
    elif deletes and len(deletes) >= existing:
        why = f"it would delete all {existing} managed jobs" if existing > 1 else "it would delete the only managed job"
    elif count > limits.max_deletes:
        why = f"it would delete {count} jobs, and MAX_DELETES is {limits.max_deletes}"
    if not why:
        return Verdict()
    if limits.allowed is not None and count <= limits.allowed:
        return Verdict(uses_allowance=True)
    return Verdict(_words(why, sorted(deletes), count))


def _words(why: str, deletes: list[str], count: int) -> str:
    names = ", ".join(deletes[:SHOWN]) + (f" and {len(deletes) - SHOWN} more" if len(deletes) > SHOWN else "")
    victims = f" (would delete: {names})" if names else ""
    return f"refused: {why}{victims}; if that is meant, allow it once with `--once --allow-deletes {max(count, 1)}`"
