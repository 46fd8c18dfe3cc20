"""The declared jobs as a table or as JSON, with their next runs. Pure."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from provider.job.references import Lookup, Reference, shown, with_known
from provider.job.spec import JobSpec
from provider.job.tags import where_it_runs
from provider.schedule.calendar import Entry, in_words, next_runs

_READ: Final = ("schedule", "timezone", "parent_job", "displayname", "starts_at", "expires_at", "disabled", "tags")
HEAD: Final = ("JOB", "SCHEDULE", "IN WORDS", "TIME ZONE", "NODES", "NEXT RUNS (UTC)")
RUNS: Final = 3


def known_here(specs: Iterable[JobSpec], lookup: Lookup) -> list[JobSpec]:
    """The jobs with the plain settings filled in that are known here, in the fields that are listed."""
    return [replace(spec, **{name: with_known(name, getattr(spec, name), lookup) for name in _READ}) for spec in specs]


def entry_of(spec: JobSpec) -> Entry:
    """What the list and the calendar know of a job."""
    inputs = {name: value for name, value in spec.inputs().items() if name in (*_READ, "name")}
    open_keys = [
        key
        for name in ("schedule", "timezone", "starts_at", "expires_at", "disabled")
        if isinstance(value := inputs.get(name), Reference)
        for key in value.keys
    ]
    if isinstance(inputs.get("disabled"), Reference):
        del inputs["disabled"]
    texts = {name: shown(value) if isinstance(value, Reference) else value for name, value in inputs.items()}
    return replace(Entry.of(texts), unknown=", ".join(dict.fromkeys(open_keys)))


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns side by side, the first row is the head."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def _short(runs: list[datetime] | str) -> str:
    """Three moments, the day only where it changes."""
    if isinstance(runs, str):
        return runs
    words, day = [], None
    for run in runs:
        words.append(f"{run:%Y-%m-%d %H:%M:%S}" if run.date() != day else f"{run:%H:%M:%S}")
        day = run.date()
    return ", ".join(words)


def as_table(specs: Iterable[JobSpec], after: datetime, where: str = "") -> str:
    """One line for each job, in order of declaration, under a head; then how many, and `where`."""
    rows: list[Sequence[str]] = [HEAD]
    for spec in specs:
        entry = entry_of(spec)
        rows.append(
            (
                entry.name,
                entry.schedule or "-",
                in_words(entry),
                entry.timezone or "-",
                _where(spec),
                _short(next_runs(entry, after, RUNS)),
            )
        )
    count = len(rows) - 1
    return f"{table(rows)}\n\n{count} {'job' if count == 1 else 'jobs'} declared{where}"


def _where(spec: JobSpec) -> str:
    try:
        return where_it_runs({name: shown(value) for name, value in spec.tags.items()})
    except (AttributeError, TypeError):
        return "bad tags"


def as_json(specs: Iterable[JobSpec], after: datetime) -> str:
    """A list of objects; `nextRuns` in UTC, `why` where there is none."""
    found: list[dict[str, Any]] = []
    for spec in specs:
        entry = entry_of(spec)
        runs = next_runs(entry, after, RUNS)
        found.append(
            {
                "name": spec.name,
                "displayname": shown(spec.displayname),
                "schedule": entry.schedule,
                "words": in_words(entry),
                "timezone": entry.timezone,
                "disabled": shown(spec.disabled) if isinstance(spec.disabled, Reference) else spec.disabled,
                "parent": entry.parent,
                "nextRuns": [] if isinstance(runs, str) else [_stamp(run) for run in runs],
                "why": runs if isinstance(runs, str) else "",
                "where": _where(spec),
                "declaredAt": spec.declared_at,
            }
        )
    return json.dumps(found, indent=2, ensure_ascii=False)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_moment(text: str) -> datetime:
    """An ISO 8601 date, with time and offset if given (else midnight, UTC). Raises ValueError with one clear line."""
    try:
        moment = datetime.fromisoformat(text.strip())
        moment = moment if moment.utcoffset() is not None else moment.replace(tzinfo=UTC)
        moment = moment.astimezone(UTC)
        # Room for what is counted forward and back from it.
        _ = moment - timedelta(days=1), moment + timedelta(days=366 * 10)
    except (ValueError, OverflowError):
        raise ValueError(f'"{text[:60]}" is no date such as 2026-12-24 or 2026-12-24T00:00Z') from None
    return moment
