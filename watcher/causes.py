"""Why so many jobs change at once: the keys of the stack's config that changed. Pure.

A value is known by its fingerprint only, so that none stands in a file or in a line.
"""

import hashlib
from collections.abc import Mapping

LARGE = 0.5  # of the jobs: a change of more is told with its cause


def fingerprints(values: Mapping[str, str]) -> dict[str, str]:
    """Key -> what tells one value from another."""
    return {key: hashlib.sha256(f"{key}={value}".encode()).hexdigest()[:16] for key, value in values.items()}


def changed_keys(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """The keys whose fingerprints differ. None where nothing is known of before."""
    if not before:
        return ()
    return tuple(sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key)))


def large_change(updated: int, existing: int, keys: tuple[str, ...]) -> str:
    """One line for a change of more than half of the jobs, "" for a smaller one."""
    if updated <= 1 or updated <= existing * LARGE:
        return ""
    cause = f"{', '.join(keys)} changed" if keys else "the declarations changed"
    return f"{cause}: {updated} of {existing} jobs are updated"
