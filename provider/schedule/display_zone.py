"""The time zone in which a picture or a page shows its hours: a name of the time zone database. Pure."""

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

from .words import one_line
from .zones import zone_names


def display_zone(name: str) -> tzinfo:
    """The zone of that name; "" is UTC. Raises ValueError, one clear line, for a name that is none."""
    if name in ("", "UTC"):
        return UTC
    if name not in zone_names():
        raise ValueError(f'"{one_line(name, 60)}" is no time zone such as Europe/Berlin or UTC')
    return ZoneInfo(name)
