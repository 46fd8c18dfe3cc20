"""The status page at /, the same as JSON at /api/status, and a page for each job. It decides nothing: it renders.

No script, nothing from elsewhere, every value escaped; the policy in the header allows this page's own style only.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, unquote

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from provider.schedule import calendar, calendar_svg
from provider.schedule.calendar import Calendar, Entry
from provider.schedule.zones import display_zone
from watcher.clock import Clock
from watcher.dkron.look import Fingerprints
from watcher.status import Board, CycleReport
from watcher.web import as_json, job_page, strip, view, words
from watcher.web.live import LiveJobs
from watcher.web.paging import SORTS, WHOLE, Chosen, Wish, choose
from watcher.web.server import Answer, Route
from watcher.web.verdict import Verdict, verdict_of
from watcher.web.view import Clean, JobRow, Live

TEMPLATES: Final = Path(__file__).parent / "templates"
HOURS: Final = 24
LONGEST_ZONE: Final = 60
NO_TABS: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at Dkron with everything that is reckoned from it, kept as long as the look itself."""

    live: Live
    last: CycleReport | None
    minute: datetime
    rows: list[JobRow]
    calendar: Calendar


class Page:
    """Renders. `clean` takes secrets and paths out of a text; `base` is the path below which the page lies."""

    def __init__(self, board: Board, live: LiveJobs, clock: Clock, clean: Clean, base: str = "") -> None:
        self.board, self.live, self.clock, self.clean = board, live, clock, clean
        self.css = ((TEMPLATES / "status.css").read_text(encoding="utf-8") + calendar_svg.STYLE).replace("\n", "")
        environment = Environment(
            loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
        )
        environment.globals |= {"base": base, "tabs": {}}
        self._globals = environment.globals
        self._template = environment.get_template("status.html")
        self._job_template = environment.get_template("job.html")
        self._seen: Seen | None = None
        self._prints = Fingerprints()
        self._laid_out: tuple[list[Entry], datetime, Calendar] | None = None
        digest = base64.b64encode(hashlib.sha256(self.css.encode()).digest()).decode()
        self.headers: Mapping[str, str] = {
            "Content-Security-Policy": (
                f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; "
                "frame-ancestors 'none'"
            ),
            "Referrer-Policy": "no-referrer",
        }

    def tabs(self, tabs: Mapping[str, str]) -> None:
        """Shows links to the pages of other stacks."""
        self._globals["tabs"] = dict(tabs)

    # -- answers

    def html(self, query: str) -> Answer:
        """The page in the time zone that the query names (?tz=Europe/Berlin)."""
        zone_name, zone, problem = chosen_zone(query)
        now = datetime.fromtimestamp(self.clock.now(), UTC)
        seen, snapshot, wish = self._look(now), self.board.now, Wish.of(query)
        chosen = choose(seen.rows, wish)
        picture = self._picture(seen, chosen)
        verdict = verdict_of(snapshot, seen.rows, seen.live, self.clock.monotonic(), self.clean)
        text = self._template.render(
            css=Markup(self.css),  # noqa: S704 - our own file
            stack=snapshot.stack,
            now=words.stamp(now, zone),
            zone_name=zone_name,
            zone_problem=problem,
            zones=sorted({row.timezone for row in seen.rows if row.timezone} | {"UTC"})[:50],
            verdict=verdict,
            advice=[self.clean(line) for line in snapshot.warnings],
            facts=words.facts_of(snapshot, seen.rows, self.clock.now(), zone),
            picture=Markup(calendar_svg.svg(picture, zone, now, standalone=False)),  # noqa: S704 - escaped there
            picture_words=calendar_svg.summary(seen.calendar if chosen.is_part else picture, zone),
            live_note=self._live_note(seen.live, verdict, zone),
            rows=[words.row_of(row, now, zone) for row in chosen.rows],
            chosen=chosen,
            is_long=chosen.total > WHOLE or chosen.is_part,
            wish=wish,
            sorts=SORTS,
            states=sorted({row.state for row in seen.rows} | {r.health.state.value for r in seen.rows if r.health}),
            waiting=words.waiting_of(snapshot.last, self.clean) if snapshot.last else [],
            marks=words.MARKS,
            legend=words.LEGEND,
            cycles=[words.cycle_of(cycle, zone, self.clean) for cycle in reversed(snapshot.cycles)],
        )
        return Answer(200, text.encode("utf-8", "replace"), "text/html; charset=utf-8", self.headers)

    def as_json(self, query: str) -> Answer:
        """The same data; times in UTC."""
        now = self.clock.now()
        seen, snapshot = self._look(datetime.fromtimestamp(now, UTC)), self.board.now
        verdict = verdict_of(snapshot, seen.rows, seen.live, self.clock.monotonic(), self.clean)
        chosen = choose(seen.rows, Wish.of(query))
        document = as_json.document(snapshot, verdict, chosen, seen.calendar, seen.live.at or None)
        document |= {
            "now": as_json.utc(now),
            "advice": [self.clean(line) for line in snapshot.warnings],
            "cycles": [as_json.cycle(c, self.clean) for c in reversed(snapshot.cycles)],
        }
        return Answer(200, json.dumps(document).encode(), "application/json", self.headers)

    def job(self, target: str) -> Answer:
        """The page of the job that "NAME?QUERY" names."""
        name, _, query = target.partition("?")
        zone_name, zone, problem = chosen_zone(query)
        now = datetime.fromtimestamp(self.clock.now(), UTC)
        seen, name = self._look(now), unquote(name)
        shown = self.clean(name)
        job = next((job for job in seen.live.jobs if job.get("name") == name), None)
        row = next((row for row in seen.rows if row.name == shown), None)
        if job is None or row is None:
            return Answer(404, b"no job of ours has that name\n")
        executions, note = self.live.executions(name)
        text = self._job_template.render(
            css=Markup(self.css),  # noqa: S704 - our own file
            stack=self.board.now.stack,
            now=words.stamp(now, zone),
            zone_name=zone_name,
            zone_problem=problem,
            job=job_page.values(job, row, self.clock.now(), zone, self.clean),
            level=words.health_level(row),
            executions=job_page.execution_rows(executions, now, zone, self.clean),
            note=self.clean(note),
        )
        return Answer(200, text.encode("utf-8", "replace"), "text/html; charset=utf-8", self.headers)

    # -- parts

    def _look(self, now: datetime) -> Seen:
        live, last, minute = self.live.look(), self.board.now.last, now.replace(second=0, microsecond=0)
        seen = self._seen
        if seen is None or seen.live is not live or seen.last is not last or seen.minute != minute:
            rows = view.job_rows(live, last, self._prints.of(live.jobs), now, self.clean)
            start = now.replace(minute=0, second=0, microsecond=0)
            self._seen = seen = Seen(live, last, minute, rows, self._lay_out(live, start))
        return seen

    def _lay_out(self, live: Live, start: datetime) -> Calendar:
        """All jobs; from the last look, if no schedule has changed since."""
        entries = sorted((Entry.of(job) for job in live.jobs), key=lambda entry: entry.name)
        if self._laid_out is None or self._laid_out[:2] != (entries, start):
            self._laid_out = entries, start, calendar.lay_out(entries, start, HOURS)
        return self._laid_out[2]

    def _picture(self, seen: Seen, chosen: Chosen) -> Calendar:
        """The jobs that are shown, with what they did before; the counts stay those of all."""
        shown = {row.entry.name for row in chosen.rows if row.entry is not None}
        rows = tuple(row for row in seen.calendar.rows if row.name in shown)
        healths = {row.entry.name: row.health for row in chosen.rows if row.entry and row.health}
        return strip.with_past(replace(seen.calendar, rows=rows), seen.live, healths, self.live.marks)

    def _live_note(self, live: Live, verdict: Verdict, zone: tzinfo) -> str:
        if not live.problem:
            return ""
        when = f" Shown as seen at {words.stamp(live.at, zone)}." if live.at else ""
        reason = "" if verdict.reason == live.problem else f": {self.clean(live.problem)}"
        return f"Dkron could not be read just now{reason}.{when}"


def chosen_zone(query: str) -> tuple[str, tzinfo, str]:
    """(name, zone, problem) of the time zone that a query asks for."""
    try:
        wanted = parse_qs(query, max_num_fields=10).get("tz", [""])[0].strip()[:LONGEST_ZONE]
        return wanted or "UTC", display_zone(wanted), ""
    except ValueError as error:
        return "UTC", UTC, str(error)


def pages(
    board: Board, live: LiveJobs, clock: Clock, clean: Clean, base: str = "", tabs: Mapping[str, str] = NO_TABS
) -> dict[str, Route]:
    """/, /api/status and what is below /jobs/. `tabs`: the addresses of all stacks' pages, where there are several."""
    page = Page(board, live, clock, clean, base)
    page.tabs(tabs)
    return {
        "/": lambda request: page.html(request.query),
        "/api/status": lambda request: page.as_json(request.query),
        "/jobs/": lambda request: page.job(request.query),
    }
