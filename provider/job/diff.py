"""Which managed fields differ between two forms of a job, and which difference needs a replacement. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from .spec import DEFAULTS, canonical

# A Dkron job is its name: another name is another job. Everything else an upsert changes in place.
REPLACING_FIELDS: Final = frozenset({"name"})


def changed_fields(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The managed fields that differ, in Dkron's order; either side in any form that `canonical` takes."""
    left, right = canonical(old), canonical(new)
    return [name for name, default in DEFAULTS.items() if left.get(name, default) != right.get(name, default)]


def replacing(changed: list[str]) -> list[str]:
    """Those of the changed fields that need a new job."""
    return [name for name in changed if name in REPLACING_FIELDS]
