"""Job names and time zone names: would Dkron take them? A reason on one line, or None.

Pure, and the same on every machine: letters come from a fixed table, zones from the `tzdata` package. Length is never a
reason; Dkron stores names of 64 KB (recorded: http.json n09-n18).
"""

from typing import Final

from ..schedule.text import as_sent
from ..schedule.words import one_line
from ..schedule.zones import zone_names, zone_problem
from .names_letters import LOWER_CASE

_ALLOWED: Final = LOWER_CASE | frozenset("0123456789_-")


def check_name(text: str) -> str | None:
    """Why Dkron refuses a job's name; None if it takes it (recorded: names.json, names_unicode.json)."""
    if not text:
        return "a job's name can't be empty"
    bad = next((character for character in as_sent(text) if character not in _ALLOWED), None)
    if bad is None:
        return None
    allowed = 'Dkron takes lower-case letters, digits, "_" and "-"'
    better = "".join("-" if character in " ./:" else character for character in text.lower())
    if len(better) < 100 and _ALLOWED.issuperset(better):
        allowed += f'; "{better}" would do'
    return f'the name "{one_line(text)}" contains the illegal character "{one_line(bad)}" ({allowed})'


def check_timezone(text: str) -> str | None:
    """Why Dkron refuses a job's timezone; None if it takes it (recorded: timezones.json). "" is the server's own."""
    problem = zone_problem(text)
    if problem is None:
        return None
    wanted = text.strip().replace(" ", "_").lower()
    alike = next((name for name in zone_names() if name.lower() == wanted), None)
    way_out = f"did you mean {alike}?" if alike else "use a name such as Europe/Berlin, or UTC"
    return f'Dkron knows no time zone "{one_line(text)}": {one_line(problem)}; {way_out}'
