import json
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.watcher.web.support import NOW, Site, job, site
from watcher.web.paging import LONGEST_TEXT, ROWS, WHOLE, Chosen, Wish, choose
from watcher.web.view import JobRow, Live, job_rows


def rows_of(*jobs: dict[str, Any]) -> list[JobRow]:
    return job_rows(Live(tuple(jobs), at=NOW), None, {}, datetime.fromtimestamp(NOW, UTC), lambda text: text)


def names(chosen: Chosen) -> list[str]:
    return [row.name for row in chosen.rows]


JOBS = (
    job("b", schedule="0 0 5 * * *", last_error="2026-11-22T00:00:00Z"),
    job("a", schedule="0 0 3 * * *", last_success="2026-11-24T01:00:00Z", displayname="Purge"),
    job("c", schedule="", last_success=None, last_error="2026-11-23T23:00:00Z"),
)


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("sort=name", ["a", "b", "c"]),
        ("sort=next", ["a", "b", "c"]),
        ("sort=success", ["c", "b", "a"]),
        ("sort=error", ["c", "b", "a"]),
        ("", ["b", "c", "a"]),
        ("q=purge", ["a"]),
        ("q=B", ["b"]),
        ("q=nothing", []),
        ("state=failed", ["c"]),
        ("state=not+checked+yet&q=a", ["a"]),
        ("state=foreign", []),
        ("sort=nonsense&page=x", ["b", "c", "a"]),
        ("&".join("a=1" for _ in range(30)), ["b", "c", "a"]),
    ],
)
def test_rows_are_searched_chosen_and_sorted(query: str, shown: list[str]) -> None:
    assert names(choose(rows_of(*JOBS), Wish.of(query))) == shown


ROW = rows_of(JOBS[0])[0]


@given(st.integers(0, 3 * WHOLE), st.integers(1, 20))
def test_every_row_is_on_one_page_and_no_page_is_too_long(count: int, page: int) -> None:
    rows = [ROW] * count
    pages = choose(rows, Wish()).pages
    assert sum(len(choose(rows, Wish(page=number)).rows) for number in range(1, pages + 1)) == count
    chosen = choose(rows, Wish(page=page))
    assert chosen.page == min(page, pages)
    assert len(chosen.rows) <= (WHOLE if count <= WHOLE else ROWS)
    assert chosen.is_part == (count > WHOLE)


@given(st.text())
def test_no_query_is_wrong(query: str) -> None:
    wish = Wish.of(query)
    assert len(wish.q) <= LONGEST_TEXT
    assert Wish.of(wish.link(wish.page, "UTC")[1:]) == wish


# -- on the page


@pytest.fixture(scope="module")
def many() -> Site:
    return site(*(job(f"job-{number:04}", schedule="0 0 2 * * *") for number in range(WHOLE + 100)))


def shown_on(text: str) -> list[str]:
    return re.findall(r"<tr><td>(job-\d+)", text)


def test_a_long_table_is_cut_into_pages_with_links(many: Site) -> None:
    first, last = many.html(), many.html("page=3&tz=Europe/Berlin")
    assert shown_on(first) == [f"job-{number:04}" for number in range(ROWS)]
    assert '<a href="?page=2&amp;tz=UTC">Next</a>' in first
    assert "Before</a>" not in first
    assert shown_on(last)[-1] == "job-0599"
    assert '<a href="?page=2&amp;tz=Europe%2FBerlin">Before</a>' in last
    assert "Next</a>" not in last
    assert "600 found, page 3 of 3." in last


def test_a_search_is_kept_in_the_form_and_in_the_links_and_is_shown_as_text(many: Site) -> None:
    text = many.html("q=job-05&state=not+checked+yet")
    assert 'value="job-05"' in text
    assert "<script>" not in many.html(f"q={quote('<script>')}")
    assert "No job is like that." in many.html("q=nothing")


def test_the_picture_shows_the_jobs_of_the_page_and_counts_all(many: Site) -> None:
    text = many.html("q=job-0001")
    assert text.count(">job-0001</text>") == 1
    assert ">job-0002</text>" not in text
    assert "600 runs of 600 jobs in 24 hours; the busiest minute is 02:00 with 600 jobs" in text


def test_a_short_table_has_no_form_to_search_it() -> None:
    assert 'name="q"' not in site(job("a")).html()


def test_the_same_is_told_as_json(many: Site) -> None:
    status = json.loads(many.page.as_json("state=in+sync&page=2").body)
    assert (status["page"], status["pages"], status["jobsFound"], status["jobsInAll"]) == (2, 3, 600, 600)
    assert [one["name"] for one in status["jobs"]] == [f"job-{number:04}" for number in range(ROWS, 2 * ROWS)]
