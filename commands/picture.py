"""The calendar in a terminal: a row for each job, a mark for each run. Pure."""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from provider.schedule.calendar import Calendar, Row
from provider.schedule.calendar_svg import summary

RUN, MEET, OFTEN, EMPTY, NOW = "●", "◆", "━", "·", "│"
LEAST_WIDTH: Final = 24
MOST_NAME: Final = 34
EIGHTHS: Final = "▁▂▃▄▅▆▇█"


def draw(calendar: Calendar, zone: tzinfo, now: datetime, width: int = 100) -> str:
    """The picture in `width` columns, in the time zone given."""
    name = min(max((len(row.name) for row in calendar.rows), default=4), MOST_NAME)
    columns = max(LEAST_WIDTH, width - name - 2)
    lines = [
        f"{'':{name}}  {_hours(calendar, zone, columns)}",
        f"{'runs':{name}}  {_histogram(calendar, columns)}",
    ]
    here = _column(calendar, (now.astimezone(UTC) - calendar.start).total_seconds() / 60, columns)
    for row in calendar.rows:
        short = row.name if len(row.name) <= name else f"{row.name[: name - 1]}…"
        lines.append(f"{short:{name}}  {_cells(calendar, row, here, columns)}".rstrip())
    lines += ["", f"{RUN} a run   {MEET} in one minute with another job   {OFTEN} runs very often   {NOW} now"]
    return "\n".join([*lines, summary(calendar, zone)])


def _column(calendar: Calendar, minute: float, columns: int) -> int:
    return int(minute * columns / calendar.length) if minute >= 0 else -1


def _hours(calendar: Calendar, zone: tzinfo, columns: int) -> str:
    """The names of whole hours, where there is room for them."""
    cells = [" "] * (columns + 5)
    free = 0
    step = next(step for step in (1, 2, 3, 6, 12, 24) if calendar.hours / step * 6 <= columns or step == 24)
    for minute in range(0, calendar.length, 15):
        local = (calendar.start + timedelta(minutes=minute)).astimezone(zone)
        column = _column(calendar, minute, columns)
        if local.minute == 0 and local.hour % step == 0 and column >= free:
            text = f"{local:%a}" if local.hour == 0 and calendar.hours > 24 else f"{local:%H:%M}"
            cells[column : column + len(text)] = text
            free = column + len(text) + 1
    return "".join(cells).rstrip()


def _histogram(calendar: Calendar, columns: int) -> str:
    counts = [0] * columns
    for minute, count in calendar.starts.items():
        counts[_column(calendar, minute, columns)] += count
    most = max(counts, default=0)
    return "".join(EIGHTHS[(count * 8 - 1) // most] if count else " " for count in counts).rstrip()


def _cells(calendar: Calendar, row: Row, now: int, columns: int) -> str:
    cells = [EMPTY] * columns
    if 0 <= now < columns:
        cells[now] = NOW
    if row.bar:
        first, last = (_column(calendar, minute, columns) for minute in row.bar)
        cells[first : min(last, columns - 1) + 1] = OFTEN * (min(last, columns - 1) - first + 1)
    for minute in row.minutes:
        column = _column(calendar, minute, columns)
        meets = calendar.starts[minute] > 1 or cells[column] == MEET
        cells[column] = MEET if meets else RUN
    if row.note:
        return f"({row.note})"
    return "".join(cells)
