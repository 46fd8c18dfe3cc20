"""The status page in a real headless Chromium: it shows, runs nothing, and fits a phone."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.browser import chromium, document, screenshot
from dev.example_status import example_pages
from tests.watcher.web.support import cycle, job, site
from watcher.status import Outcome
from watcher.web.server import Answer, HttpServer

pytestmark = [
    pytest.mark.skipif(chromium() is None, reason="no Chromium on PATH"),
    pytest.mark.enable_socket,
    pytest.mark.xdist_group("browser"),
]

ATTACK = (
    "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\"><style>*{color:red}</style>"
)


@pytest.fixture
def attacked() -> Iterator[str]:
    """The address of a page whose every text tries to break out."""
    marked = {**job("a", displayname=ATTACK, schedule=ATTACK), "name": ATTACK}
    made = site(marked, job("b"), cycles=(cycle(Outcome.FAILED, detail=ATTACK),), stack=ATTACK)
    server = HttpServer(("127.0.0.1", 0), {}, pytest.fail, {"/": made.page.html})
    yield f"http://127.0.0.1:{server.port}/"
    server.close()


@pytest.fixture
def example() -> Iterator[str]:
    """The address of the example's page; beside it, a frame of a phone's width around it."""
    asked = dict(example_pages())
    page = asked["/"]

    def framed(_query: str) -> Answer:
        body = b'<!doctype html><iframe id=f width=390 height=800 src="/inside"></iframe>' + MEASURE
        return Answer(200, body, "text/html")

    asked["/inside"] = lambda query: Answer(200, page(query).body, "text/html; charset=utf-8")
    asked["/phone"] = framed
    server = HttpServer(("127.0.0.1", 0), {}, pytest.fail, asked)
    yield f"http://127.0.0.1:{server.port}"
    server.close()


MEASURE = b"""<script>onload=()=>{const d=document.getElementById('f').contentDocument.documentElement;
document.title=d.scrollWidth+' of '+d.clientWidth}</script>"""


def test_the_page_shows_every_job_and_its_picture_without_a_complaint(example: str) -> None:
    dom, console = document(example)
    assert "11 jobs as declared, 1 overdue, 1 failing, 1 held" in dom
    assert dom.count("</svg>") == 1
    assert dom.count('<span class="badge good">in sync</span>') == 11
    assert "Refused to" not in console
    assert "violates" not in console


def test_markup_in_a_jobs_texts_neither_runs_nor_styles(attacked: str) -> None:
    dom, console = document(attacked)
    title = re.search(r"<title>(.*?)</title>", dom, re.DOTALL)
    assert title is not None
    assert title[1].startswith("The last cycle failed")
    assert not re.search(r"<(script|img)\b", dom)
    assert dom.count("<style") == 1
    # Nothing even had to be stopped by the policy.
    assert "Content Security Policy" not in console


def test_the_page_is_no_wider_than_a_phone(example: str) -> None:
    dom, _ = document(f"{example}/phone", "--virtual-time-budget=5000")
    found = re.search(r"<title>(\d+) of (\d+)</title>", dom)
    assert found is not None, dom[:500]
    assert int(found[1]) <= int(found[2])
    assert int(found[2]) <= 390


def test_light_and_dark_look_different(example: str, tmp_path: Path) -> None:
    for dark in (False, True):
        screenshot(example, tmp_path / f"{dark}.png", 800, 600, dark=dark)
    light, dark_ = ((tmp_path / f"{dark}.png").read_bytes() for dark in (False, True))
    assert light.startswith(b"\x89PNG")
    assert light != dark_
