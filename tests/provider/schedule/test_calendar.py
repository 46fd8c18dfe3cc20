"""Which runs fall into a window, and what the picture shows of them."""

import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.schedule.calendar import MAX_HOURS, Entry, Row, lay_out, next_run
from provider.schedule.calendar_svg import summary, svg
from provider.schedule.zones import display_zone

START = datetime(2026, 11, 24, tzinfo=UTC)
DAILY = "0 15 2 * * *"


@pytest.mark.parametrize(
    ("entry", "row"),
    [
        (Entry("a", DAILY), Row("a", (135,))),
        (Entry("a", DAILY, "Europe/Berlin"), Row("a", (75,))),
        (Entry("a", "0 0 */6 * * *"), Row("a", (0, 360, 720, 1080))),
        (Entry("a", "*/20 0 3 * * *"), Row("a", (180,))),
        (Entry("a", "@every 5h"), Row("a", (299, 599, 899, 1199))),
        (Entry("a", "0 * * * * *"), Row("a", bar=(0, 1440))),
        (Entry("a", "@every 1m", expires_at="2026-11-24T12:00:00Z"), Row("a", bar=(0, 720))),
        (Entry("a", "0 0 0 1 1 *"), Row("a", note="later")),
        (Entry("a", DAILY, disabled=True), Row("a", note="disabled")),
        (Entry("a", "", parent="b"), Row("a", note="after b")),
        (Entry("a", ""), Row("a", note="no schedule")),
        (Entry("a", "@manually"), Row("a", note="by hand only")),
        (Entry("a", "nonsense"), Row("a", note="bad schedule")),
        (Entry("a", "0 0 0 30 2 *"), Row("a", note="never")),
        (Entry("a", "0 0 * * * *", starts_at="2026-11-24T22:00:00Z"), Row("a", (1320, 1380))),
        (Entry("a", "0 0 * * * *", expires_at="2026-11-24T01:30:00Z"), Row("a", (0, 60))),
        (Entry("a", DAILY, expires_at="2026-11-24T01:30:00Z"), Row("a", note="never")),
        (Entry("a", DAILY, starts_at="0000-01-01T00:00:00Z"), Row("a", (135,))),
    ],
)
def test_a_row_holds_the_minutes_in_which_runs_begin(entry: Entry, row: Row) -> None:
    assert lay_out([entry], START).rows == (row,)


def test_the_window_begins_at_a_whole_minute_and_a_run_at_it_counts() -> None:
    calendar = lay_out([Entry("a", "30 15 2 * * *")], START.replace(hour=2, minute=15, second=40), 1)
    assert (calendar.start, calendar.rows[0].minutes) == (START.replace(hour=2, minute=15), (0,))


@pytest.mark.parametrize(
    ("start", "hours"), [(START.replace(tzinfo=None), 24), (START, 0), (START, MAX_HOURS + 1)], ids=str
)
def test_a_window_that_makes_no_sense_is_refused(start: datetime, hours: int) -> None:
    with pytest.raises(ValueError, match=r"must be"):
        lay_out([], start, hours)


def test_overlaps_and_the_busiest_minute_are_counted() -> None:
    entries = [Entry("a", DAILY), Entry("b", DAILY), Entry("c", "0 0 1 * * *"), Entry("d", "* * * * * *")]
    calendar = lay_out(entries, START)
    assert calendar.busiest == (START + timedelta(minutes=135), 2)
    assert (calendar.overlaps, calendar.bars) == (1, 1)
    assert lay_out([Entry("c", DAILY)], START).busiest is None
    assert lay_out([], START).busiest is None


def test_with_many_jobs_a_frequent_one_becomes_a_bar_earlier() -> None:
    every_half_hour = Entry("a", "0 */30 * * * *")
    assert lay_out([every_half_hour], START).bars == 0
    assert lay_out([every_half_hour] * 1000, START).bars == 1000


def test_a_job_with_a_hash_in_its_schedule_has_minutes_of_its_own() -> None:
    rows = lay_out([Entry("a", "0 ~ 3 * * *"), Entry("b", "0 ~ 3 * * *")], START).rows
    assert rows[0].minutes != rows[1].minutes


def test_an_entry_is_read_from_dkrons_json() -> None:
    job = {"name": "a", "schedule": DAILY, "timezone": None, "disabled": True, "parent_job": "", "starts_at": None}
    assert Entry.of({**job, "expires_at": "2030-01-01T00:00:00Z"}) == Entry(
        "a", DAILY, disabled=True, expires_at="2030-01-01T00:00:00Z"
    )


def test_the_next_run_is_after_the_date_at_which_a_job_may_begin() -> None:
    job = Entry("a", DAILY, starts_at="2027-01-01T02:15:00Z")
    assert next_run(job, START) == datetime(2027, 1, 1, 2, 15, tzinfo=UTC)


@given(
    name=st.text(max_size=60),
    hours=st.sampled_from([1, 3, 24, 48, 72, MAX_HOURS]),
    offset=st.integers(-100, 30000),
    schedules=st.lists(st.sampled_from([DAILY, "@manually", "* * * * * *", "0 0 * * * *", "<b>"]), max_size=4),
)
def test_the_picture_is_well_formed_whatever_the_names_are(
    name: str, hours: int, offset: int, schedules: list[str]
) -> None:
    name = "".join(c for c in name if c.isprintable())
    calendar = lay_out([Entry(name, s, parent=name) for s in schedules], START, hours)
    now = START + timedelta(minutes=offset)
    for standalone in (True, False):
        picture = svg(calendar, ZoneInfo("Asia/Kathmandu"), now, standalone=standalone)
        root = ET.fromstring(picture)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert {e.tag.partition("}")[2] for e in root.iter()} <= {"svg", "title", "style", "path", "text"}
        assert ("<style>" in picture) is standalone
        assert (">now<" in picture) is (0 <= offset <= hours * 60)


@pytest.mark.parametrize(("hours", "lines", "names"), [(24, 25, 9), (72, 13, 13)])
def test_a_longer_window_has_fewer_lines_and_no_now_outside_of_it(hours: int, lines: int, names: int) -> None:
    picture = svg(lay_out([Entry("a", DAILY)], START, hours), UTC, START - timedelta(minutes=1))
    elements = list(ET.fromstring(picture).iter())
    (grid,) = (e for e in elements if e.get("class") == "g")
    assert (grid.get("d") or "").count("M") == lines
    assert len([e for e in elements if e.get("text-anchor") == "middle" and (e.text or "")[-3:-2] in ": "]) == names
    assert ">now<" not in picture


def test_a_name_with_markup_is_shown_as_it_is_written() -> None:
    picture = svg(lay_out([Entry("<script>alert(1)</script>" * 2, DAILY)], START), UTC, START)
    assert "<script" not in picture
    texts = [e.text for e in ET.fromstring(picture).iter() if e.text]
    assert "<script>alert(1)</script>" * 2 in texts


def test_the_busiest_minute_is_named_inside_the_picture_even_at_its_right_edge() -> None:
    picture = svg(lay_out([Entry("a", "0 50 23 * * *"), Entry("b", "0 50 23 * * *")], START), UTC, START)
    assert 'text-anchor="end">busiest 23:50: 2 jobs<' in picture


@pytest.mark.parametrize(
    ("schedules", "words"),
    [
        ([], "0 runs of 0 jobs in 24 hours"),
        ([DAILY], "1 runs of 1 jobs in 24 hours; no two jobs begin in one minute"),
        (
            [DAILY, DAILY],
            "2 runs of 2 jobs in 24 hours; the busiest minute is 02:15 with 2 jobs; 1 minute has more than one",
        ),
        (["* * * * * *"], "0 runs of 1 jobs in 24 hours; one job runs very often: a bar, not counted"),
        (["* * * * * *"] * 2, "0 runs of 2 jobs in 24 hours; 2 jobs run very often: bars, not counted"),
        (
            ["0 0,1 0 * * *"] * 2,
            "4 runs of 2 jobs in 24 hours; the busiest minute is 00:00 with 2 jobs; 2 minutes have more than one",
        ),
    ],
)
def test_the_picture_is_told_in_words(schedules: list[str], words: str) -> None:
    assert summary(lay_out([Entry(f"j{n}", s) for n, s in enumerate(schedules)], START), UTC) == words


def test_a_display_zone_is_a_name_of_the_database() -> None:
    assert display_zone("") is UTC
    assert display_zone("Europe/Berlin") == ZoneInfo("Europe/Berlin")
    for name in ("../etc/passwd", "Mars", "europe/berlin"):
        with pytest.raises(ValueError, match="is no time zone such as"):
            display_zone(name)
