"""What Dkron keeps of a job's runs, as values. Pure: it reads JSON, and judges nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Execution:
    """One attempt of one run on one node. `finished` is None while it runs, or was lost."""

    started: datetime
    finished: datetime | None
    success: bool
    node: str = ""
    attempt: int = 1
    group: int = 0
    output: str = ""

    @property
    def seconds(self) -> float | None:
        return None if self.finished is None else (self.finished - self.started).total_seconds()


def moment(value: Any) -> datetime | None:
    """Dkron's time in UTC; its year 1, and 1970, stand for never."""
    try:
        found = datetime.fromisoformat(value).astimezone(UTC) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None
    return found if found and found.year > 1970 else None


def count(value: Any) -> int:
    return value if isinstance(value, int) else 0


def executions(found: Iterable[Mapping[str, Any]]) -> tuple[Execution, ...]:
    """Those of a list that have a start, in its order."""
    return tuple(
        Execution(
            started,
            moment(data.get("finished_at")),
            data.get("success") is True,
            str(data.get("node_name") or ""),
            count(data.get("attempt")),
            count(data.get("group")),
            str(data.get("output") or ""),
        )
        for data in found
        if (started := moment(data.get("started_at"))) is not None
    )


def busy_since(found: Iterable[Mapping[str, Any]]) -> dict[str, datetime]:
    """When the oldest run began that the servers are at, by job."""
    busy: dict[str, datetime] = {}
    for data in found:
        began, name = moment(data.get("started_at")), str(data.get("job_name"))
        if began is not None:
            busy[name] = min(began, busy.get(name, began))
    return busy
