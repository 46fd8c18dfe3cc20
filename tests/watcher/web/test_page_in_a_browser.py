"""The status page in a real headless Chromium: it shows, runs nothing, and fits a phone.

PICTURE names a file in which the page is to be kept, light; `make screenshot` uses it.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.watcher.web import example as day
from tests.watcher.web.browser import chromium, document, screenshot
from tests.watcher.web.support import cycle, job, site
from watcher.status import Outcome
from watcher.web.page import pages
from watcher.web.server import Answer, HttpServer, Request, Route

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
    server = HttpServer(("127.0.0.1", 0), pages(made.board, made.live, made.clock, made.clean), pytest.fail)
    yield f"http://127.0.0.1:{server.port}/"
    server.close()


@pytest.fixture
def example() -> Iterator[str]:
    """The address of the example's page; beside it, a frame of a phone's width around it."""
    made = day.example()
    page = pages(made.board, made.live, made.clock, made.clean)["/"]

    def framed(_request: Request) -> Answer:
        body = b'<!doctype html><iframe id=f width=390 height=800 src="/inside"></iframe>' + MEASURE
        return Answer(200, body, "text/html")

    routes: dict[str, Route] = {
        "/": page,
        "/inside": lambda request: Answer(200, page(request).body, "text/html; charset=utf-8"),
        "/phone": framed,
    }
    server = HttpServer(("127.0.0.1", 0), routes, pytest.fail)
    yield f"http://127.0.0.1:{server.port}"
    server.close()


MEASURE = b"""<script>onload=()=>{const d=document.getElementById('f').contentDocument.documentElement;
document.title=d.scrollWidth+' of '+d.clientWidth}</script>"""


def test_the_page_shows_every_job_and_its_picture_without_a_complaint(example: str) -> None:
    dom, console = document(example)
    assert "10 jobs as declared, 1 overdue, 1 failing, 1 held" in dom
    assert dom.count("</svg>") == 1
    assert dom.count('<span class="badge good">in sync</span>') == 10
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
    light, dark = Path(os.environ.get("PICTURE") or tmp_path / "light.png"), tmp_path / "dark.png"
    screenshot(example, light, 1280, 1240)
    screenshot(example, dark, 1280, 1240, dark=True)
    assert light.read_bytes().startswith(b"\x89PNG")
    assert light.read_bytes() != dark.read_bytes()
