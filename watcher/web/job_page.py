"""The page of one job at /jobs/NAME: its declaration without secrets, its next runs, and its last executions.

Nothing of a config is shown that may hold a secret; what a run printed only where the settings say so, and redacted.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from provider.job import health_words
from provider.job.executions import Execution
from provider.job.spec import canonical
from provider.redaction import shown_value
from provider.schedule.calendar import Entry, next_runs
from provider.text import one_line, printable
from watcher.web import view, words
from watcher.web.view import Clean, Job, JobRow

NEXT_RUNS: Final = 10
EXECUTIONS: Final = 20
OUTPUT: Final = 2048  # characters
CONCEALED: Final = "[not shown]"
Field = tuple[str, str]


def declaration(job: Job) -> list[Field]:
    """(field, value) of what is declared; what may hold a secret is concealed."""
    fields: list[Field] = []
    for name, value in canonical(job).items():
        if name == "processors":
            fields.append((name, one_line(", ".join(sorted(value)))))
        elif isinstance(value, Mapping):
            shown = {key: shown_value((name, key), str(value[key]), CONCEALED) for key in sorted(value)}
            fields += [(one_line(f"{name}.{key}"), one_line(text)) for key, text in shown.items()]
        else:
            fields.append((name, one_line(str(value))))
    return fields


def execution_rows(executions: Sequence[Execution], now: datetime, zone: tzinfo, clean: Clean) -> list[dict[str, Any]]:
    """The last executions in words, the newest first."""
    rows = []
    for execution in executions[:EXECUTIONS]:
        seconds = execution.seconds
        result = "running" if seconds is None else "good" if execution.success else "bad"
        took = f"since {health_words.span(now - execution.started)}" if seconds is None else words.duration(seconds)
        level = {"running": view.BUSY, "good": view.GOOD, "bad": view.BAD}[result]
        rows.append(
            {
                "started": words.stamp(execution.started, zone),
                "took": took,
                "node": one_line(execution.node),
                "attempt": execution.attempt,
                "result": result,
                "level": level,
                # Cleaned before it is cut, so that no half of a secret is left.
                "output": printable(clean(execution.output))[:OUTPUT],
            }
        )
    return rows


def values(job: Job, row: JobRow, now: float, zone: tzinfo, clean: Clean) -> dict[str, Any]:
    """What the template shows of the job itself."""
    moment = datetime.fromtimestamp(now, UTC)
    runs = next_runs(Entry.of(job), moment, NEXT_RUNS)
    health = health_words.in_words(row.health, moment, zone) if row.health else ""
    return {
        "name": row.name,
        "displayname": row.displayname,
        "schedule": row.schedule,
        "words": row.words,
        "timezone": row.timezone,
        "health": health,
        "hold": f"{row.state} {row.detail}" if row.state == view.HELD else "",
        "successes": row.successes,
        "errors": row.errors,
        "declaration": [(clean(field), clean(value)) for field, value in declaration(job)],
        "coming": runs if isinstance(runs, str) else [words.stamp(run, zone) for run in runs],
    }
