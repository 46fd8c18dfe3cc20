"""A limit as people write it: a number of jobs, or a share of the managed ones. Pure.

A share is never less than one job, so that a small stack isn't stopped by its size; "none at all" is written 0.
"""

from dataclasses import dataclass

DEFAULT_COUNT, DEFAULT_SHARE = 5, 1 / 3


@dataclass(frozen=True, slots=True)
class Bound:
    """At most `count` jobs and at most this `share` (0 to 1) of the managed ones; None for no such limit."""

    count: int | None = None
    share: float | None = None
    shown: str = ""

    def of(self, managed: int) -> int:
        """How many jobs that is where so many are managed."""
        by_share = None if self.share is None else max(1, int(managed * self.share + 1e-9))
        given = [limit for limit in (self.count, by_share) if limit is not None]
        return min(given, default=managed)


# Five deletions are too many for a stack of eight jobs.
DEFAULT = Bound(DEFAULT_COUNT, DEFAULT_SHARE, "5 or a third of the jobs, whichever is less")


def parse_bound(text: str) -> Bound:
    """ "5" or "20%". Raises ValueError for anything else."""
    number = text.removesuffix("%").rstrip()
    if not (number.isascii() and number.isdigit() and len(number) <= 9):
        raise ValueError('must be a whole number, or a share such as "20%"')
    if not text.endswith("%"):
        return Bound(count=int(number), shown=text)
    if int(number) > 100:
        raise ValueError("must be a share of at most 100%")
    # 0% is meant as none, which no share could say.
    return Bound(share=int(number) / 100, shown=text) if int(number) else Bound(count=0, shown=text)
