"""Declarations from a directory of one's own: a volume, a checkout behind a link, a ConfigMap."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.say import ROOT
from provider.jobs_dir import gather, resolved

HEAD = "from provider import JobSpec, shell\n"


@pytest.fixture(autouse=True)
def imports(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leaves Python's imports as they were."""
    before = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "jobs"}
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "jobs"]:
        del sys.modules[name]
    sys.modules.update(before)


def module(*names: str) -> str:
    jobs = ", ".join(f'JobSpec(name="{name}", schedule="@daily", executor=shell("x"))' for name in names)
    return f"{HEAD}JOBS = [{jobs}]\n"


def lay(folder: Path, **modules: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return folder


def test_without_it_the_directory_beside_the_program_is_meant() -> None:
    assert gather({"JOBS_DIR": " "}).modules == gather({}).modules != {}


def test_modules_are_the_package_jobs_and_import_each_other(tmp_path: Path) -> None:
    helper = f"{HEAD}def mine(name):\n    return JobSpec(name=name, schedule='@daily', executor=shell('x'))\n"
    text = "from jobs._service import mine\nfrom ._service import mine as same\nJOBS = [mine('a'), same('b')]\n"
    found = gather({"JOBS_DIR": str(lay(tmp_path / "decl", _service=helper, auth=text))})
    assert (list(found.by_name), found.problems) == (["a", "b"], [])
    assert found.by_name["a"].declared_at == "decl/auth.py:3"
    assert not (tmp_path / "decl" / "__pycache__").exists()


def test_a_module_keeps_its_name_when_it_moves(tmp_path: Path) -> None:
    found = gather({"JOBS_DIR": str(lay(tmp_path / "elsewhere", auth=module("a")))})
    assert found.modules == {"jobs/auth.py": ["a"]}


def test_an_init_of_its_own_is_taken(tmp_path: Path) -> None:
    folder = lay(tmp_path / "decl", __init__="NAME = 'from-init'\n", a=f"{HEAD}from jobs import NAME\n{module()}")
    (folder / "a.py").write_text(f"from jobs import NAME\n{module('x')}JOBS += [JobSpec(name=NAME)]\n")
    assert list(gather({"JOBS_DIR": str(folder)}).by_name) == ["x", "from-init"]
    (folder / "__init__.py").write_text("\n1 / 0\n")
    assert gather({"JOBS_DIR": str(folder)}).problems == ["decl/__init__.py:2: ZeroDivisionError: division by zero"]


def test_a_problem_names_the_file_in_the_directory_and_the_line(tmp_path: Path) -> None:
    folder = lay(tmp_path / "decl", a="\nJOBS = [", b="\n\nimport nothing_of_that_name", c=module("c"))
    found = gather({"JOBS_DIR": str(folder)})
    assert list(found.by_name) == ["c"]
    assert [problem.rpartition(": ")[0].split(": ")[0] for problem in found.problems] == ["decl/a.py:2", "decl/b.py:3"]


def test_a_directory_that_is_not_there_is_a_problem_and_one_without_modules_declares_nothing(tmp_path: Path) -> None:
    problem = f"JOBS_DIR is {tmp_path}/none, and there is no such directory"
    assert gather({"JOBS_DIR": f"{tmp_path}/none"}).problems == [problem]
    found = gather({"JOBS_DIR": str(tmp_path)})
    assert (found.problems, found.modules) == ([], {})


def test_two_versions_of_one_second_and_one_size_are_told_apart(tmp_path: Path) -> None:
    folder = lay(tmp_path / "decl", a=module("one"))
    os.utime(folder / "a.py", (1, 1))
    assert list(gather({"JOBS_DIR": str(folder)}).by_name) == ["one"]
    lay(folder, a=module("two"))
    os.utime(folder / "a.py", (1, 1))
    assert list(gather({"JOBS_DIR": str(folder)}).by_name) == ["two"]


def test_a_link_is_followed_once_and_what_it_leads_to_is_named_by_the_link(tmp_path: Path) -> None:
    one, two = lay(tmp_path / "rev-1", a=module("one")), lay(tmp_path / "rev-2", a=module("two"))
    link = tmp_path / "current"
    link.symlink_to(one)
    env = {"JOBS_DIR": str(link), "DKRON_JOBS_FROM": str(resolved(link))}
    link.unlink()
    link.symlink_to(two)
    assert gather(env).by_name["one"].declared_at == "current/a.py:2"
    assert list(gather({"JOBS_DIR": str(link)}).by_name) == ["two"]


def test_a_config_map_is_read_behind_its_link(tmp_path: Path) -> None:
    mount = tmp_path / "declarations"
    example = ROOT / "deploy" / "kubernetes" / "example" / "jobs" / "reports.py"
    lay(mount / "..2026_11_27", reports=example.read_text(encoding="utf-8"))
    (mount / "..data").symlink_to("..2026_11_27")
    (mount / "reports.py").symlink_to("..data/reports.py")
    assert resolved(mount) == mount / "..2026_11_27"
    found = gather({"JOBS_DIR": str(mount)})
    assert found.by_name["reports-weekly"].declared_at.startswith("declarations/reports.py:")
    assert found.modules == {"jobs/reports.py": ["reports-weekly"]}


def test_the_commands_take_it_although_python_found_them_in_the_package_itself(tmp_path: Path) -> None:
    env = {**os.environ, "JOBS_DIR": str(lay(tmp_path / "decl", a=module("mine")))}
    command = [sys.executable, "-m", "jobs", "list", "--json"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=True)
    assert [row["name"] for row in json.loads(done.stdout)] == ["mine"]
