"""Which rows of the table a page shows where they are too many for one: searched, sorted, cut into pages. Pure.

What a query asks for is a stranger's text: nothing in it is believed, and nothing of it is wrong.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlencode

from watcher.web.view import JobRow

WHOLE: Final = 500  # so many rows are still on one page
ROWS: Final = 200  # of a page, where there are more
LONGEST_TEXT: Final = 100
MOST_FIELDS: Final = 20
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_OLDEST: Final = datetime.min.replace(tzinfo=UTC)

SORTS: Final[Mapping[str, Callable[[JobRow], Any]]] = {
    "name": lambda row: row.name,
    "next": lambda row: (row.next_run if isinstance(row.next_run, datetime) else _NEVER, row.name),
    "success": lambda row: (row.last_success or _OLDEST, row.name),
    "error": lambda row: (-row.last_error.timestamp() if row.last_error else 0.0, row.name),
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What a query asks for. `q`: a text in a job's name or display name; `state`: of the definition or of the runs;
    `sort`: one of SORTS, "" for what is in trouble first."""

    q: str = ""
    state: str = ""
    sort: str = ""
    page: int = 1

    @classmethod
    def of(cls, query: str) -> "Wish":
        try:
            found = parse_qs(query, max_num_fields=MOST_FIELDS)
        except ValueError:
            return cls()
        q, state, sort, page = (
            found.get(key, [""])[0].strip()[:LONGEST_TEXT] for key in ("q", "state", "sort", "page")
        )
        number = int(page) if page.isascii() and page.isdigit() and len(page) < 10 else 1
        return cls(q, state, sort if sort in SORTS else "", max(1, number))

    def link(self, page: int, zone: str) -> str:
        """The query of another page of the same."""
        values = {**asdict(self), "page": page, "tz": zone}
        return "?" + urlencode({key: value for key, value in values.items() if value not in ("", 1)})


@dataclass(frozen=True, slots=True)
class Chosen:
    """The rows of one page. `found`: how many all `pages` have together; `total`: of how many they were chosen."""

    rows: Sequence[JobRow]
    page: int
    pages: int
    found: int
    total: int

    @property
    def is_part(self) -> bool:
        """Whether some jobs are not shown."""
        return len(self.rows) < self.total


def choose(rows: Sequence[JobRow], wish: Wish) -> Chosen:
    """A page that is beyond the last one is the last one."""
    text = wish.q.lower()
    found = [
        row
        for row in rows
        if (not text or text in row.name.lower() or text in row.displayname.lower())
        and (not wish.state or wish.state in (row.state, row.health.state.value if row.health else ""))
    ]
    if wish.sort:
        found.sort(key=SORTS[wish.sort])
    size = WHOLE if len(found) <= WHOLE else ROWS
    pages = max(1, -(-len(found) // size))
    page = min(wish.page, pages)
    return Chosen(found[(page - 1) * size : page * size], page, pages, len(found), len(rows))
