"""A calendar as an SVG picture: a row for each job, a mark for each run, the busiest minute, a line for now. Pure.

Every text is escaped, and nothing refers to anything outside the picture. Colours stand in `STYLE`, light and dark; a
page that shows the picture inline gives them itself, because its policy may forbid style elements it doesn't know.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from html import escape
from typing import Final

from ..text import one_line
from .calendar import Calendar, Row

STYLE: Final = """
.calendar{font:12px system-ui,sans-serif;--ink:#1c2430;--soft:#5b6675;--line:#dfe4ea;--mark:#2f6fdb;--meet:#c2410c;\
--now:#0f7b4f;--band:#fde9c8;--bar:#b9cdf0;--alt:#f4f6f9}
@media(prefers-color-scheme:dark){.calendar{--ink:#e4e9f0;--soft:#9aa6b5;--line:#2c3542;--mark:#7fb0ff;--meet:#ff9a5c;\
--now:#4cd39a;--band:#4a3512;--bar:#2f4a78;--alt:#1a212b}}
.calendar text{fill:var(--ink)}.calendar .s{fill:var(--soft);font-size:11px}.calendar .g{stroke:var(--line)}
.calendar .r{stroke:var(--mark);stroke-width:3;fill:none}.calendar .m{stroke:var(--meet);stroke-width:3;fill:none}
.calendar .n{stroke:var(--now);stroke-width:2}.calendar .nt{fill:var(--now);font-size:11px;font-weight:600}
.calendar .b{fill:var(--band)}.calendar .bt{fill:var(--meet);font-size:11px;font-weight:600}
.calendar .good{stroke:var(--now);stroke-width:3;fill:none}.calendar .bad{stroke:#c5221f;stroke-width:3;fill:none}
.calendar .missed{stroke:#c5221f;stroke-width:1;fill:none;stroke-dasharray:2 2}
.calendar .o{fill:var(--bar)}.calendar .a{fill:var(--alt)}.calendar .h{fill:var(--mark)}.calendar .hm{fill:var(--meet)}
"""

WIDTH: Final = 1000
LEFT: Final = 250  # for the names
RIGHT: Final = 12
NAME_LETTERS: Final = 36
TOP: Final = 74  # words, histogram, hours
HISTOGRAM: Final = (20, 32)  # its top and its height
ROW: Final = 18
BUCKET: Final = 15  # minutes in one bar of the histogram


def svg(calendar: Calendar, zone: tzinfo, now: datetime, *, standalone: bool = True) -> str:
    """The picture in the time zone given. `standalone`: with its own style, as a file."""
    height = TOP + ROW * max(len(calendar.rows), 1) + 8
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="calendar" viewBox="0 0 {WIDTH} {height}" '
            f'width="{WIDTH}" height="{height}" role="img"><title>{escape(summary(calendar, zone))}</title>',
            f"<style>{STYLE}svg{{background:#fff}}@media(prefers-color-scheme:dark){{svg{{background:#12171e}}}}</style>"
            if standalone
            else "",
            *_stripes(calendar),
            *_busiest(calendar, zone, height),
            *_histogram(calendar),
            *_hours(calendar, zone, height),
            *(part for number, row in enumerate(calendar.rows) for part in _row(calendar, number, row, now)),
            *_now(calendar, now, height),
            "</svg>",
        ]
    )


def summary(calendar: Calendar, zone: tzinfo) -> str:
    """The picture in one or two sentences."""
    runs = sum(len(row.minutes) for row in calendar.rows)
    words = [f"{runs} runs of {len(calendar.rows)} jobs in {calendar.hours} hours"]
    if busiest := calendar.busiest:
        when, count = busiest
        words.append(f"the busiest minute is {when.astimezone(zone):%H:%M} with {count} jobs")
        words.append(f"{calendar.overlaps} {'minute has' if calendar.overlaps == 1 else 'minutes have'} more than one")
    elif runs:
        words.append("no two jobs begin in one minute")
    if calendar.bars == 1:
        words.append("one job runs very often: a bar, not counted")
    elif calendar.bars:
        words.append(f"{calendar.bars} jobs run very often: bars, not counted")
    if calendar.back:
        past = Counter(how for row in calendar.rows for _, how in row.past)
        ran = ", ".join(f"{past[how]} {how}" for how in ("good", "bad", "missed") if past[how]) or "no runs seen"
        words.append(f"in the {calendar.back // 60} hours before: {ran}")
    return "; ".join(words)


def _x(calendar: Calendar, minute: float) -> str:
    shown = calendar.length + calendar.back
    return f"{LEFT + (minute + calendar.back) * (WIDTH - LEFT - RIGHT) / shown:.1f}".removesuffix(".0")


def _minute(calendar: Calendar, when: datetime) -> float:
    return (when.astimezone(UTC) - calendar.start).total_seconds() / 60


def _stripes(calendar: Calendar) -> Iterator[str]:
    for number in range(0, len(calendar.rows), 2):
        yield f'<path class="a" d="M0 {TOP + number * ROW}h{WIDTH}v{ROW}H0z"/>'


def _busiest(calendar: Calendar, zone: tzinfo, height: int) -> Iterator[str]:
    if calendar.busiest is None:
        return
    when, count = calendar.busiest
    minute = (when - calendar.start).total_seconds() / 60
    x = float(_x(calendar, minute))
    yield f'<path class="b" d="M{x - 5:.1f} 16h10V{height}h-10z"/>'
    anchor = "end" if x > WIDTH - 200 else "start"
    words = f"busiest {when.astimezone(zone):%H:%M}: {count} jobs"
    yield f'<text class="bt" x="{x + (5 if anchor == "end" else -5):.1f}" y="12" text-anchor="{anchor}">{words}</text>'


def _histogram(calendar: Calendar) -> Iterator[str]:
    """How many runs begin, by quarters of an hour; those with two in one minute in the colour of overlaps."""
    buckets: dict[int, int] = {}
    meeting = set()
    for minute, count in calendar.starts.items():
        buckets[minute // BUCKET] = buckets.get(minute // BUCKET, 0) + count
        if count > 1:
            meeting.add(minute // BUCKET)
    top, tall = HISTOGRAM
    yield f'<text class="s" x="8" y="{top + tall - 2}">runs in 15 minutes</text>'
    if not buckets:
        return
    most = max(buckets.values())
    yield f'<text class="s" x="{LEFT - 6}" y="{top + 9}" text-anchor="end">{most}</text>'
    width = max(1.0, BUCKET * (WIDTH - LEFT - RIGHT) / calendar.length - 1)
    for bucket, count in sorted(buckets.items()):
        size = max(2.0, tall * count / most)
        kind = "hm" if bucket in meeting else "h"
        x = _x(calendar, bucket * BUCKET)
        yield f'<path class="{kind}" d="M{x} {top + tall - size:.1f}h{width:.1f}v{size:.1f}h-{width:.1f}z"/>'


def _hours(calendar: Calendar, zone: tzinfo, height: int) -> Iterator[str]:
    """A line at each whole hour of the zone's clock, with its name where there is room; midnight says the day."""
    hours = calendar.hours + calendar.back // 60
    step = next(step for step in (1, 3, 6, 12, 24) if hours <= 12 * step or step == 24)
    lines, names = [], []
    for minute in range(-calendar.back, calendar.length + 1, 15):
        local = (calendar.start + timedelta(minutes=minute)).astimezone(zone)
        if local.minute:
            continue
        x = _x(calendar, minute)
        if hours <= 48 or local.hour % step == 0:
            lines.append(f"M{x} {HISTOGRAM[0] + HISTOGRAM[1]}V{height}")
        if local.hour % step == 0:
            text = f"{local:%a %d}" if local.hour == 0 else f"{local:%H:%M}"
            names.append(f'<text class="s" x="{x}" y="{TOP - 8}" text-anchor="middle">{text}</text>')
    yield f'<path class="g" d="{"".join(lines)}"/>'
    yield from names


def _row(calendar: Calendar, number: int, row: Row, now: datetime) -> Iterator[str]:
    top = TOP + number * ROW
    # Where the past is shown as it was, what was planned is drawn from now on only.
    planned = _minute(calendar, now) if calendar.back else 0.0
    whole = one_line(row.name)
    name = one_line(row.name, NAME_LETTERS)
    title = f"<title>{escape(whole)}</title>" if name != whole else ""
    yield f'<text x="8" y="{top + 13}">{escape(name)}{title}</text>'
    if row.bar:
        first, last = (float(_x(calendar, max(minute, planned))) for minute in row.bar)
        yield f'<path class="o" d="M{first:.1f} {top + 5}H{max(last, first + 2):.1f}v8H{first:.1f}z"/>'
    if row.note:
        yield f'<text class="s" x="{float(_x(calendar, planned)) + 4:.1f}" y="{top + 13}">{escape(row.note)}</text>'
    for kind in ("good", "bad", "missed"):
        if ran := [f"M{_x(calendar, minute)} {top + 3}v12" for minute, how in row.past if how == kind]:
            yield f'<path class="{kind}" d="{"".join(ran)}"/>'
    for kind, wanted in (("r", False), ("m", True)):
        marks = [
            f"M{_x(calendar, minute)} {top + 3}v12"
            for minute in row.minutes
            if minute >= planned and (calendar.starts[minute] > 1) is wanted
        ]
        if marks:
            yield f'<path class="{kind}" d="{"".join(marks)}"/>'


def _now(calendar: Calendar, now: datetime, height: int) -> Iterator[str]:
    minute = _minute(calendar, now)
    if 0 <= minute <= calendar.length:
        x = _x(calendar, minute)
        yield f'<path class="n" d="M{x} {HISTOGRAM[0]}V{height}"/><text class="nt" x="{x}" y="{HISTOGRAM[0] - 8}" '
        yield 'text-anchor="middle">now</text>'
