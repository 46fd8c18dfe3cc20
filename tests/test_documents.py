"""The documents say what is there: every module has its line, every target of the Makefile its explanation."""

import re

import pytest

from dev.say import ROOT

CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MODULES = [
    str(path.relative_to(ROOT))
    for package in ("provider", "jobs", "watcher", "dev", "bench")
    for path in sorted((ROOT / package).glob("*.py"))
    if path.name != "__init__.py" and not (package == "jobs" and not path.name.startswith("_"))
]


@pytest.mark.parametrize("module", MODULES)
def test_contributing_has_a_line_for_every_module(module: str) -> None:
    assert f"| `{module}` |" in CONTRIBUTING


def test_contributing_names_no_module_that_is_gone() -> None:
    named = re.findall(r"^\| `((?:provider|jobs|watcher|dev|bench)/\w+\.py)` \|", CONTRIBUTING, re.MULTILINE)
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_make_help_explains_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {"setup", "up", "preview", "down", "destroy", "watch", "image", "bench", "test"}
    assert {name for name in targets if f'"make {name} ' in makefile} == targets


def test_the_documents_name_no_place_outside_the_project() -> None:
    for document in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        text = (ROOT / document).read_text(encoding="utf-8")
        assert not re.search(r"/(root|work|tmp)/|/opt/build|localhost:\d+/simple", text), document
