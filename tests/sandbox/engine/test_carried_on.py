"""A stack made by one engine is carried on by the other, in the same state directory and through export and import."""

from pathlib import Path
from typing import Any

import pytest

from .harness import CANARY, SANDBOX, World, real_cli

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.skipif(
        real_cli() is None, reason="the real Pulumi CLI isn't on PATH, so there is nothing to share with"
    ),
]
THINGS: dict[str, dict[str, Any]] = {
    "a": {"color": "red", "n": 2.5, "token": "SECRET", "deep": {"x": "SECRET", "list": [1, "SECRET", None]}},
    "b": {"ref": "REF:a", "opts": {"depends_on": ["a"], "protect": True}},
    "c": {},
}


@pytest.mark.parametrize("first", ["real", "sandbox"])
def test_two_engines_take_turns_on_one_state_directory(first: str, tmp_path: Path) -> None:
    clis = [real_cli() or SANDBOX, SANDBOX]
    one, other = (World(tmp_path, cli=cli) for cli in (clis if first == "real" else clis[::-1]))
    one.init()
    one.declare(THINGS)
    one.up()
    other.run("stack", "select", "dev")  # each remembers its own selection
    assert CANARY in other.run("stack", "export", "--show-secrets").out
    other.run("preview", "--expect-no-changes", "--refresh", "--run-program")
    other.up("--expect-no-changes")
    other.declare({**THINGS, "a": {"color": "green", "token": "SECRET"}, "d": {"v": "SECRET"}})
    other.up()
    one.up("--expect-no-changes", "--refresh")
    one.declare({"b": {}, "d": {"v": 1}})
    one.up()
    other.run("destroy", "--yes", "--skip-preview")
    assert one.run("stack", "export").json()["deployment"].get("resources", []) == []
    one.run("stack", "rm", "--yes")


@pytest.mark.parametrize("exporter", ["real", "sandbox"])
@pytest.mark.parametrize("flag", [pytest.param("--show-secrets", marks=pytest.mark.thorough), None])
def test_an_export_of_one_engine_is_imported_by_the_other(exporter: str, flag: str | None, tmp_path: Path) -> None:
    clis = [real_cli() or SANDBOX, SANDBOX]
    one, other = clis if exporter == "real" else clis[::-1]
    here = World(tmp_path, cli=one).init()
    here.declare(THINGS)
    here.up()
    file = tmp_path / "stack.json"
    file.write_text(here.run("stack", "export", *([flag] if flag else [])).out, encoding="utf-8")
    there = World(tmp_path, cli=other)
    there.state = tmp_path / "another state"
    there.state.mkdir()
    there.declare(THINGS)
    config = there.project / "Pulumi.dev.yaml"
    kept = config.read_text(encoding="utf-8")
    there.run("stack", "init", "dev", code=None)
    config.write_text(kept, encoding="utf-8")
    there.run("stack", "import", "--file", str(file))
    there.run("preview", "--expect-no-changes", "--refresh", "--run-program")
    there.up("--expect-no-changes")
