"""How long to wait before trying again: doubling, capped, with jitter. Decides only; sleeps nowhere."""


def doubling(attempt: int, first_s: float, cap_s: float) -> float:
    """Seconds after failed attempt number `attempt` (1, 2, ...): the first, twice that, ... never above the cap."""
    if attempt < 1:
        return 0.0
    # 2**60 is far above any cap, and 2**attempt of a watcher that failed for a year is no float any more.
    return float(min(cap_s, first_s * 2 ** min(attempt - 1, 60)))


def jittered(delay_s: float, chance: float) -> float:
    """`delay_s` shortened by up to a half; `chance` in [0, 1) decides. Many watchers then don't ask in step."""
    return delay_s * (1 - chance / 2)
