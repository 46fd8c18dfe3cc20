"""Time zones by the names that Dkron takes, and how far each is from UTC at an instant.

Whether a name is known is decided by the list in the `tzdata` package alone, so that every machine gives the same
verdict; the data come from the machine's own zone files, and from `tzdata` where it has none. Dkron reads the files of
its server as they are: those under right/ count leap seconds, so there the clocks change some seconds late. A machine
without right/ takes the plain zone instead, which differs only in those seconds.
"""

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .words import one_line

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY: Final = 86400
# Beyond these a zone's offset would lead out of the years that datetime holds; it is taken as it is there.
_FIRST: Final = int((datetime(1, 1, 3, tzinfo=UTC) - _EPOCH).total_seconds())
_LAST: Final = int((datetime(9999, 12, 29, tzinfo=UTC) - _EPOCH).total_seconds())
BLOCK_DAYS: Final = 8
_MAX_PATH: Final = 4074  # longer names don't fit into a path below Dkron's zone directory
_MAX_PART: Final = 255
_TABLES: Final = frozenset({"iso3166.tab", "leap-seconds.list", "leapseconds", "tzdata.zi", "zone.tab", "zone1970.tab"})
_LINKS: Final = {"posixrules": "America/New_York", "localtime": "UTC"}  # as on the machine that was recorded
# The server's own zone is not known here; it is UTC wherever Dkron was recorded, and in its container image.
_SERVER: Final = ("", "UTC", "Local")


class Zone:
    """The offsets of one zone. Remembers per block of days whether its clock stands still; safe to share by threads."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        # Of a zone whose clock is never changed, the offset.
        self.fixed = self._look_up(0) if isinstance(zone, timezone) else None
        self._calm: dict[int, int | None] = {}

    def offset(self, instant: int) -> int:
        """Seconds east of UTC at an instant in seconds since 1970."""
        known = self._calm.get(instant // (BLOCK_DAYS * _DAY))
        return self._look_up(instant) if known is None else known

    def _look_up(self, instant: int) -> int:
        moment = _EPOCH + timedelta(seconds=min(max(instant, _FIRST), _LAST))
        away = moment.astimezone(self._zone).utcoffset() or timedelta()
        return away.days * _DAY + away.seconds

    def calm(self, block: int) -> int | None:
        """The offset all through a block of BLOCK_DAYS days in UTC, None if the clock is changed in it."""
        try:
            return self._calm[block]
        except KeyError:
            start = block * BLOCK_DAYS * _DAY
            offsets = {self._look_up(start + day * _DAY) for day in range(BLOCK_DAYS + 1)}
            self._calm[block] = offsets.pop() if len(offsets) == 1 else None
            return self._calm[block]

    def changes(self, start: int, end: int) -> list[tuple[int, int, int]]:
        """The instants in [start, end) at which the clock is changed, each with the offsets before and after."""
        found = []
        for day in range(start, end, _DAY):
            before, after = self.offset(day), self.offset(day + _DAY)
            if before != after:
                low, high = day, day + _DAY
                while high - low > 1:
                    middle = (low + high) // 2
                    low, high = (middle, high) if self.offset(middle) == before else (low, middle)
                found.append((high, before, after))
        return found


UTC_ZONE: Final = Zone(UTC)


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Every zone name of the time zone database, old names included."""
    return frozenset(files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())


@lru_cache(maxsize=1)
def _inside() -> frozenset[str]:
    """What lies at the top of posix/ and right/: zones and the directories of zones."""
    return frozenset(name.partition("/")[0] for name in zone_names())


@lru_cache(maxsize=1)
def _directories() -> frozenset[str]:
    return frozenset(name[:index] for name in zone_names() for index, letter in enumerate(name) if letter == "/") | {
        "",
        "posix",
        "right",
    }


def zone_problem(name: str) -> str | None:
    """Why Dkron refuses a zone's name, in its words; None if it takes it (recorded: timezones.json)."""
    if name in _SERVER:
        return None
    if ".." in name or name.startswith(("/", "\\")):
        return "time: invalid location name"
    if "\0" in name:
        return "invalid argument"
    parts = name.split("/")
    size = len(name.encode("utf-8", "surrogatepass"))
    if size > _MAX_PATH or any(len(part.encode("utf-8", "surrogatepass")) > _MAX_PART for part in parts):
        return "file name too long"
    return _path_problem(name, parts)


def _path_problem(name: str, parts: list[str]) -> str | None:
    key = _key(parts)
    if key in zone_names() or key in _LINKS:
        # A path that goes on behind a file: "UTC/", "UTC/."
        return "not a directory" if parts[-1] in ("", ".") else None
    if key in _directories():
        return "is a directory"
    if key in _TABLES:
        return "malformed time zone information"
    while "/" in key:
        key = key.rpartition("/")[0]
        if key in zone_names() or key in _LINKS:
            return "not a directory"
    return f"unknown time zone {name}"


def _key(parts: list[str]) -> str:
    """The name's path without "." and empty parts, and without the directory posix/ or right/ in front."""
    kept = [part for part in parts if part not in ("", ".")]
    if len(kept) > 1 and kept[0] in ("posix", "right"):
        # Only zones lie in there, no links and no tables, and no second posix/ or right/.
        return "/".join(kept[1:] if "/".join(kept[1:2]) in _inside() else kept)
    return "/".join(kept)


@lru_cache(maxsize=1024)
def load_zone(name: str) -> Zone:
    """The zone of a name that `zone_problem` has nothing against; the names of the server's own zone are UTC."""
    if name in _SERVER:
        return UTC_ZONE
    parts = name.split("/")
    key = _key(parts)
    if next(part for part in parts if part not in ("", ".")) == "right":
        with suppress(ZoneInfoNotFoundError):
            return Zone(ZoneInfo(f"right/{key}"))
    return Zone(ZoneInfo(_LINKS.get(key, key)))


@lru_cache(maxsize=64)
def zone_of(zone: tzinfo) -> Zone:
    """The same for a zone that is an object already."""
    return Zone(zone)


def display_zone(name: str) -> tzinfo:
    """The zone in which a picture or a page shows its hours; "" is UTC. Raises ValueError, one line, for no name."""
    if name in ("", "UTC"):
        return UTC
    if name not in zone_names():
        raise ValueError(f'"{one_line(name, 60)}" is no time zone such as Europe/Berlin or UTC')
    return ZoneInfo(name)
