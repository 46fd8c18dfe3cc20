"""The documents say what is there: rooms, links, targets of the Makefile."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from dev.say import ROOT
from provider import errors
from provider.advice import CODES
from provider.settings import KEYS, environment_name

DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), ROOT / "bench" / "README.md"]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
ROOMS = ["provider", "jobs", "commands", "watcher", "sandbox", "dev", "bench", "tests"]


@pytest.mark.parametrize("room", ROOMS)
def test_the_map_of_rooms_has_a_line_for_every_room_of_python(room: str) -> None:
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / room).rglob("*.py")}
    shallow = {folder for folder in folders if len(folder.parts) <= (1 if room in ("tests", "sandbox", "bench") else 2)}
    wanted = {str(folder) for folder in shallow if folder.parts[-1] != "export"}
    assert {name for name in wanted if f"| `{name}/` |" not in CONTRIBUTING} == set()


def test_the_map_of_rooms_names_no_file_or_room_that_is_gone() -> None:
    rows = [line for line in CONTRIBUTING.splitlines() if re.match(r"\| `[\w/]+(/|\.py)` \|", line)]
    assert len(rows) > 10
    for row in rows:
        room = ROOT / row.split("`")[1]
        assert room.exists(), row
        for name in re.findall(r"`(\w+\.py)`", row.partition("` |")[2]):
            assert (room / name).is_file(), name


def links(document: Path) -> list[str]:
    """The relative targets of the links and pictures of a document."""
    found = re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8"))
    return [target for target in found if not target.startswith(("http://", "https://", "mailto:"))]


def anchors(document: Path) -> set[str]:
    """The names of a document's headings, as a link spells them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    for link in links(document):
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), f"{document.name}: {link}"
        assert not anchor or anchor in anchors(target), f"{document.name}: {link}"


def test_the_readme_fits_in_150_lines() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_the_documents_name_no_place_outside_the_project() -> None:
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        assert not re.search(r"/(root|work|tmp)/|/opt/build|localhost:\d+/simple", text), document


@pytest.mark.parametrize("key", KEYS)
def test_every_setting_of_the_program_is_documented(key: str) -> None:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert re.search(rf"^\|.*`{key}`.*`{environment_name(key)}`", text, re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_piece_of_yaml_can_be_read(document: Path) -> None:
    for block in re.findall(r"^```yaml\n(.*?)^```$", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        assert yaml.safe_load(block)


def test_every_warning_is_explained_and_no_other() -> None:
    text = (ROOT / "docs" / "warnings.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \| (.+) \| (.+) \|$", text, re.MULTILINE)
    assert sorted(code for code, _, _ in rows) == sorted(CODES)
    assert all(words and way_out for _, words, way_out in rows)


def nodes_of(*rooms: str) -> Iterator[ast.AST]:
    for path in (path for room in rooms for path in (ROOT / room).rglob("*.py")):
        yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def text_of(node: ast.AST) -> str | None:
    """A text in the code, with … in the place of what is filled in; None for what is no text."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(p.value) if isinstance(p, ast.Constant) else "…" for p in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def texts_of(*rooms: str) -> list[str]:
    return [text for node in nodes_of(*rooms) if (text := text_of(node)) is not None]


def messages() -> list[str]:
    """What the troubleshooting page quotes of our messages: its first columns, and what passes by itself."""
    text = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    columns = re.findall(r"^\| (`.+?) \| ", text, re.MULTILINE)
    passing = text.partition("## What passes by itself")[2].partition(": nothing was changed")[0]
    return [m for part in (*columns, passing) for m in re.findall(r"(?<!Pulumi's )`([^`]+)`", part)]


def pattern(message: str) -> re.Pattern[str]:
    parts = [re.escape(part.strip()) for part in message.split("...") if part.strip()]
    return re.compile(".*".join(parts), re.DOTALL)


def test_every_message_of_the_troubleshooting_page_is_one_that_the_code_can_say() -> None:
    code = texts_of("provider", "watcher", "commands")
    assert len(messages()) > 50
    for message in messages():
        longest = max(message.split("..."), key=len).strip()  # looked for first, for a pattern takes its time
        assert any(longest in text and pattern(message).search(text) for text in code), message


def test_every_error_that_ends_a_cycle_stands_on_the_troubleshooting_page() -> None:
    raised = {"Ended", *(name for name, kind in vars(errors).items() if is_hard(kind))}
    calls = [n for n in nodes_of("provider", "watcher") if isinstance(n, ast.Call) and name_of(n.func) in raised]
    said = [text for call in calls for argument in call.args if (text := text_of(argument)) and len(text) > 20]
    assert len(said) > 20
    known = [pattern(message) for message in messages()]
    assert [text for text in said if not any(one.search(text) for one in known)] == []


def name_of(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def is_hard(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, errors.DkronJobsError) and not kind.soft
