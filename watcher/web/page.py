"""The status page at /, the same as JSON at /api/status, and a page for each job. It decides nothing: it renders.

No script, nothing from elsewhere, every value escaped; the policy in the header allows this page's own style only.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, unquote

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from provider.job import health_words
from provider.job.health import State
from provider.schedule import calendar, calendar_svg
from provider.schedule.calendar import Calendar, Entry
from provider.schedule.display_zone import display_zone
from watcher.clock import Clock
from watcher.dkron.probe import fingerprints
from watcher.status import Board, CycleReport, Snapshot
from watcher.web import as_json, job_page, strip, view
from watcher.web.live import LiveJobs
from watcher.web.server import Answer
from watcher.web.view import Clean, JobRow, Live, Verdict

TEMPLATES: Final = Path(__file__).parent / "templates"
HOURS: Final = 24
LONGEST_ZONE: Final = 60
MOST_CHANGES: Final = 40  # of one cycle, on the page
LEVELS: Final[Mapping[str, str]] = {
    view.IN_SYNC: "good",
    view.DRIFTED: "warning",
    view.MISSING: "warning",
    view.STRAY: "warning",
    view.UNMARKED: "warning",
    view.PROTECTED: "warning",
    view.FOREIGN: "bad",
    view.FAILED: "bad",
    view.UNCHECKED: "busy",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at Dkron with everything that is reckoned from it, kept as long as the look itself."""

    live: Live
    last: CycleReport | None
    minute: datetime
    rows: list[JobRow]
    calendar: Calendar


class Page:
    """Renders. `clean` takes secrets and paths out of a text."""

    def __init__(self, board: Board, live: LiveJobs, clock: Clock, clean: Clean) -> None:
        self.board, self.live, self.clock, self.clean = board, live, clock, clean
        self.css = _squeezed((TEMPLATES / "status.css").read_text(encoding="utf-8") + calendar_svg.STYLE)
        environment = Environment(
            loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
        )
        self._template = environment.get_template("status.html")
        self._job_template = environment.get_template("job.html")
        self._seen: Seen | None = None
        digest = base64.b64encode(hashlib.sha256(self.css.encode()).digest()).decode()
        self.headers: Mapping[str, str] = {
            "Content-Security-Policy": (
                f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; "
                "frame-ancestors 'none'"
            ),
            "Referrer-Policy": "no-referrer",
        }

    # -- answers

    def html(self, query: str) -> Answer:
        """The page in the time zone that the query names (?tz=Europe/Berlin)."""
        zone_name, zone, problem = chosen_zone(query)
        now = datetime.fromtimestamp(self.clock.now(), UTC)
        seen, snapshot = self._look(now), self.board.now
        verdict = view.verdict(snapshot, seen.rows, seen.live, self.clock.now(), self.clean)
        text = self._template.render(
            css=Markup(self.css),  # noqa: S704 - our own file
            stack=snapshot.stack,
            now=view.stamp(now, zone),
            zone_name=zone_name,
            zone_problem=problem,
            zones=sorted({row.timezone for row in seen.rows if row.timezone} | {"UTC"})[:50],
            verdict=verdict,
            facts=self._facts(snapshot, seen, zone),
            picture=Markup(calendar_svg.svg(seen.calendar, zone, now, standalone=False)),  # noqa: S704 - escaped there
            picture_words=calendar_svg.summary(seen.calendar, zone),
            live_note=self._live_note(seen.live, verdict, zone),
            rows=[_shown(row, now, zone) for row in seen.rows],
            cycles=[self._cycle(cycle, zone) for cycle in reversed(snapshot.cycles)],
        )
        return Answer(200, text.encode("utf-8", "replace"), "text/html; charset=utf-8", self.headers)

    def as_json(self, _query: str) -> Answer:
        """The same data; times in UTC."""
        now = self.clock.now()
        seen, snapshot = self._look(datetime.fromtimestamp(now, UTC)), self.board.now
        verdict = view.verdict(snapshot, seen.rows, seen.live, now, self.clean)
        document = as_json.document(snapshot, verdict, seen.rows, seen.calendar, seen.live.at or None)
        document |= {
            "now": as_json.utc(now),
            "cycles": [as_json.cycle(c, self.clean) for c in reversed(snapshot.cycles)],
        }
        return Answer(200, json.dumps(document).encode(), "application/json", self.headers)

    def job(self, target: str) -> Answer:
        """The page of the job that "NAME?QUERY" names."""
        name, _, query = target.partition("?")
        zone_name, zone, problem = chosen_zone(query)
        now = datetime.fromtimestamp(self.clock.now(), UTC)
        seen, name = self._look(now), unquote(name)
        job = next((job for job in seen.live.jobs if job.get("name") == name), None)
        row = next((row for row in seen.rows if row.name == self.clean(name)), None)
        if job is None or row is None:
            return Answer(404, b"no job of ours has that name\n")
        executions, note = self.live.executions(name)
        text = self._job_template.render(
            css=Markup(self.css),  # noqa: S704 - our own file
            stack=self.board.now.stack,
            now=view.stamp(now, zone),
            zone_name=zone_name,
            zone_problem=problem,
            job=job_page.values(job, row, self.clock.now(), zone, self.clean),
            level=_health_level(row),
            executions=job_page.execution_rows(executions, now, zone, self.clean),
            note=self.clean(note),
        )
        return Answer(200, text.encode("utf-8", "replace"), "text/html; charset=utf-8", self.headers)

    # -- parts

    def _look(self, now: datetime) -> Seen:
        live, last, minute = self.live.look(), self.board.now.last, now.replace(second=0, microsecond=0)
        seen = self._seen
        if seen is None or seen.live is not live or seen.last is not last or seen.minute != minute:
            rows = view.job_rows(live, last, fingerprints(live.jobs), now, self.clean)
            entries = sorted((Entry.of(job) for job in live.jobs), key=lambda entry: entry.name)
            start = now.replace(minute=0, second=0, microsecond=0)
            healths = {row.name: row.health for row in rows if row.health is not None}
            picture = strip.with_past(calendar.lay_out(entries, start, HOURS), live, healths, self.live.marks)
            self._seen = seen = Seen(live, last, minute, rows, picture)
        return seen

    def _facts(self, snapshot: Snapshot, seen: Seen, zone: tzinfo) -> list[tuple[str, str, str]]:
        """(what, value, note) of what the watcher is at."""
        last, now = snapshot.last, self.clock.now()
        facts = []
        if last:
            took = f"{last.reason.value}, took {view.duration(last.seconds)}"
            facts.append(("Last cycle", last.outcome.value.replace("_", " "), f"{_ago(last.started, now)}, {took}"))
        if snapshot.next_cycle is not None:
            facts.append(("Next cycle", f"in {view.duration(max(0.0, snapshot.next_cycle - now))}", ""))
        else:
            facts.append(("Next cycle", "running now" if snapshot.mode == "working" else "-", ""))
        good = view.stamp(snapshot.last_good, zone)
        failures = snapshot.consecutive_failures
        facts += [
            ("Last good cycle", _ago(snapshot.last_good, now) if snapshot.last_good else "none yet", good),
            ("Failures in a row", str(failures), ""),
            ("Dkron's leader", snapshot.leader or "none known", ""),
            ("Mode", snapshot.mode, f"every {view.duration(snapshot.interval_s)}"),
            ("Jobs", str(len(seen.rows)), _states(seen.rows)),
        ]
        return facts

    def _live_note(self, live: Live, verdict: Verdict, zone: tzinfo) -> str:
        if not live.problem:
            return ""
        when = f" Shown as seen at {view.stamp(live.at, zone)}." if live.at else ""
        reason = "" if verdict.reason == live.problem else f": {self.clean(live.problem)}"
        return f"Dkron could not be read just now{reason}.{when}"

    def _cycle(self, cycle: CycleReport, zone: tzinfo) -> dict[str, Any]:
        changes = [(sign, self.clean(words)) for sign, words in view.changes_of(cycle)]
        more = len(changes) - MOST_CHANGES
        level = "good" if cycle.outcome.good else "warning" if cycle.outcome.value in _PASSING else "bad"
        return {
            "number": cycle.number or "-",
            "started": view.stamp(cycle.started, zone),
            "took": view.duration(cycle.seconds),
            "reason": cycle.reason.value,
            "outcome": cycle.outcome.value.replace("_", " "),
            "level": level,
            "detail": self.clean(cycle.detail),
            "changes": [*changes[:MOST_CHANGES], *([("…", f"and {more} more")] if more > 0 else [])],
        }


_PASSING: Final = ("locked", "no_leader", "paused", "retry")


def chosen_zone(query: str) -> tuple[str, tzinfo, str]:
    """(name, zone, problem) of the time zone that a query asks for."""
    try:
        wanted = parse_qs(query, max_num_fields=10).get("tz", [""])[0].strip()[:LONGEST_ZONE]
        return wanted or "UTC", display_zone(wanted), ""
    except ValueError as error:
        return "UTC", UTC, str(error)


def cleaner(redact: Clean, paths: Mapping[str, str]) -> Clean:
    """Takes secrets out of a text, and the paths where the state lies: `paths` by what is to stand for each."""
    known = sorted(((path, words) for words, path in paths.items() if len(path) > 1), key=lambda p: -len(p[0]))
    word = re.compile(r"[^\s\"'():,;]+")  # a run of what a path is made of, so the work stays linear

    def without_state(found: re.Match[str]) -> str:
        return "[state]" if "/.pulumi" in found[0] else found[0]

    def clean(text: str) -> str:
        for path, words in known:
            if path in text:
                # Up to the end of the path, so that nothing of what lies in it is left.
                text = re.sub(rf"(?:file://)?{re.escape(path)}(?:/[^\s\"'():,;]*)?", f"[{words}]", text)
        return redact(word.sub(without_state, text))

    return clean


def _squeezed(css: str) -> str:
    return css.replace("\n", "")


def _shown(row: JobRow, now: datetime, zone: tzinfo) -> dict[str, Any]:
    """A row with its times in words."""
    coming = row.next_run if isinstance(row.next_run, str) else view.stamp(row.next_run, zone)
    return {
        "name": row.name,
        "displayname": row.displayname,
        "words": row.words,
        "schedule": row.schedule,
        "timezone": row.timezone,
        "next": coming,
        "success": view.stamp(row.last_success, zone),
        "error": view.stamp(row.last_error, zone),
        "successes": row.successes,
        "errors": row.errors,
        "state": row.state,
        "detail": row.detail,
        "level": LEVELS[row.state],
        "health": health_words.in_words(row.health, now, zone) if row.health else "",
        "health_level": _health_level(row),
    }


def _health_level(row: JobRow) -> str:
    health = row.health
    if health is None or health.well:
        return view.GOOD if health and health.state is State.OK else view.BUSY
    return view.BAD if health.state in (State.STUCK, State.OVERDUE, State.FAILING) else view.WARNING


def _states(rows: list[JobRow]) -> str:
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.state] = counts.get(row.state, 0) + 1
    return ", ".join(f"{count} {state}" for state, count in sorted(counts.items(), key=lambda item: -item[1]))


def _ago(then: float, now: float) -> str:
    return f"{view.duration(max(0.0, now - then))} ago"


def pages(board: Board, live: LiveJobs, clock: Clock, clean: Clean) -> dict[str, Callable[[str], Answer]]:
    """/, /api/status and what is below /jobs/."""
    page = Page(board, live, clock, clean)
    return {"/": page.html, "/api/status": page.as_json, "/jobs/": page.job}
