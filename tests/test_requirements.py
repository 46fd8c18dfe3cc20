"""What is imported is declared, what is declared is locked with hashes, and the tested versions are the locked ones."""

import ast
import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from dev.say import ROOT
from dev.tools import known_good

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ROOMS = {"provider", "jobs", "commands", "watcher", "sandbox", "dev", "bench", "tests"}
DISTRIBUTIONS = packages_distributions()


def normal(requirement: str) -> str:
    """A distribution's name as all tools compare it."""
    found = re.match(r"[\w.-]+", requirement)
    assert found, requirement
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def declared(*groups: str) -> set[str]:
    """The distributions that the package declares, and those of the groups."""
    names = {normal(r) for r in PROJECT["project"]["dependencies"]}
    for group in groups:
        names |= {normal(r) for r in PROJECT["dependency-groups"][group] if isinstance(r, str)}
    return names


def imported(*folders: str) -> set[str]:
    """The modules of other people's that the Python files there import."""
    names: set[str] = set()
    for file in (file for folder in folders for file in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module)
    # What isn't installed is a test's own, or the picture's, which has an environment of its own.
    return {name for name in names if name.partition(".")[0] in DISTRIBUTIONS.keys() - ROOMS}


def distribution(module: str) -> str:
    """Whose module it is; `google` is a folder that several share."""
    if module.startswith("google.protobuf"):
        return "protobuf"
    (name,) = set(DISTRIBUTIONS[module.partition(".")[0]])
    return normal(name)


def locked(name: str) -> dict[str, list[str]]:
    """The pins of a lock file, each with its hashes."""
    pins: dict[str, list[str]] = {}
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        if not line.startswith(" "):
            pins[line.partition(" ")[0]] = []
        else:
            pins[next(reversed(pins))] += re.findall(r"--hash=(sha256:[0-9a-f]{64})", line)
    return pins


def test_the_package_declares_what_it_imports_and_no_more() -> None:
    # tzdata is read as data, never imported.
    assert {distribution(module) for module in imported("provider")} | {"tzdata"} == declared()


def test_the_program_and_the_watcher_need_nothing_that_the_image_does_not_install() -> None:
    assert {distribution(module) for module in imported("jobs", "commands", "watcher")} <= declared("app")


def test_the_tools_and_the_tests_need_nothing_that_is_not_declared() -> None:
    assert {distribution(module) for module in imported("sandbox", "dev", "bench", "tests")} <= declared("app", "dev")


@pytest.mark.parametrize("name", sorted(file.name for file in ROOT.glob("requirements*.txt")))
def test_each_pin_has_hashes_and_no_lock_file_names_an_index(name: str) -> None:
    pins = locked(name)
    assert pins
    for pin, hashes in pins.items():
        assert re.fullmatch(r"[a-z0-9-]+==\S+", pin)
        assert hashes, pin
    assert "://" not in (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        ("requirements.txt", ["app"]),
        ("requirements-dev.txt", ["app", "dev"]),
    ],
)
def test_all_that_is_declared_is_locked(name: str, groups: list[str]) -> None:
    assert declared(*groups) <= {normal(pin) for pin in locked(name)}, "run `make lock`"


def test_what_the_image_installs_is_what_the_tests_ran_on() -> None:
    app, dev = locked("requirements.txt"), locked("requirements-dev.txt")
    assert {pin: dev.get(pin) for pin in app} == app


def test_the_tested_sdk_is_the_locked_one() -> None:
    assert f"pulumi=={known_good('sdk')}" in locked("requirements.txt")


def test_the_tested_pythons_are_those_that_the_package_names() -> None:
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["project"]["classifiers"]))
    assert named == PROJECT["tool"]["dkron-jobs"]["tested"]["python"]
    assert PROJECT["project"]["requires-python"] == f">={named[0]}"


def test_each_action_of_the_makefile_is_told_by_make_help() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = {name for line in re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE) for name in line.split()}
    assert phony == set(re.findall(r"^([a-z0-9]+):.*## \S", makefile, re.MULTILINE))


def test_a_lock_file_is_for_every_group() -> None:
    assert {file.stem.partition("-")[2] or "app" for file in Path(ROOT).glob("requirements*.txt")} == set(
        PROJECT["dependency-groups"]
    )
