"""Somebody else's program, the one of docs/package.md, with the package installed from its wheel and nothing else."""

import json
import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from dev.agent import free_port
from dev.say import ROOT
from tests.e2e.harness import CANARY, Dkron, Project, changes, tool

PULUMI_YAML = """\
name: theirs
runtime: {name: python, options: {virtualenv: .venv}}
options: {refresh: always}
"""


def call(*command: str | Path) -> str:
    done = subprocess.run([*map(str, command)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built as `make wheel` builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    call(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder)
    (built,) = folder.glob("pulumi_dkron-*.whl")
    return built


@pytest.fixture(scope="session")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh virtual environment with the package; what it depends on is found where these tests have it."""
    folder = tmp_path_factory.mktemp("environment") / ".venv"
    call(sys.executable, "-m", "venv", "--without-pip", folder)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    call(folder / "bin" / "python", "-m", "pip", "install", "--no-index", "--disable-pip-version-check", wheel)
    return folder


@pytest.fixture
def theirs(pair: tuple[str, str], dkron: Dkron, environment: Path, tmp_path: Path) -> Project:
    """Their project with a stack of its own, nothing set and nothing deployed."""
    pulumi = tool("pulumi", pair[0])
    assert pulumi is not None
    project = Project(tmp_path / "theirs", pulumi, dkron.url)
    (project.root / ".state").mkdir(parents=True)
    (project.root / ".venv").symlink_to(environment)
    (project.root / "Pulumi.yaml").write_text(PULUMI_YAML, encoding="utf-8")
    (page,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "package.md").read_text(encoding="utf-8"), re.DOTALL)
    project.program(page)
    project.run("stack", "init", "dev").ok()
    return project


def edit(project: Project, old: str, new: str) -> None:
    text = (project.root / "__main__.py").read_text(encoding="utf-8")
    assert text.count(old) == 1
    project.program(text.replace(old, new))


def configure(project: Project, dkron: Dkron) -> None:
    project.config("dkronUrl", dkron.url)
    project.config("reportUrl", "http://127.0.0.1:5461")
    project.config("reportToken", CANARY, secret=True)


def test_the_wheel_holds_the_package_with_its_types_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"pulumi_dkron"}
    assert "pulumi_dkron/py.typed" in names
    assert not [name for name in names if "__pycache__" in name or "test" in name]
    assert {f"pulumi_dkron/template/{name}" for name in ("Pulumi.yaml", ".gitignore", "__main__.py")} <= set(names)


def test_a_new_project_is_ready_for_an_up(
    pair: tuple[str, str], dkron: Dkron, environment: Path, tmp_path: Path
) -> None:
    pulumi = tool("pulumi", pair[0])
    assert pulumi is not None
    project = Project(tmp_path / "new-jobs", pulumi, dkron.url)
    call(environment / "bin" / "python", "-m", "pulumi_dkron", "new", project.root)
    assert "pulumi-dkron @ file://" in (project.root / "requirements.txt").read_text(encoding="utf-8")
    (project.root / ".venv").symlink_to(environment)
    (project.root / ".state").mkdir()
    project.run("stack", "init", "dev").ok()
    project.config("dkronUrl", dkron.url)
    project.env["DKRON_URL"] = f"http://127.0.0.1:{free_port()}"  # nothing is there
    told = project.up().failed().output
    assert len(set(re.findall("error: cannot reach Dkron.*", told))) == 1, told
    assert "Traceback" not in told
    del project.env["DKRON_URL"]
    assert changes(project.up().ok().output)["created"] == 2
    assert dkron.job("example-report")["parent_job"] == "example-backup"
    assert dkron.job("example-backup")["metadata"]["managed_by"] == "new-jobs"
    assert changes(project.up("--expect-no-changes").ok().output) == {"unchanged": 3}


def test_their_jobs_are_created_kept_true_changed_renamed_and_deleted(theirs: Project, dkron: Dkron) -> None:
    configure(theirs, dkron)
    assert changes(theirs.up().ok().output)["created"] == 3
    report, mail = dkron.job("nightly-report"), dkron.job("mail-the-report")
    assert json.loads(report["executor_config"]["headers"]) == [f"Authorization: Bearer {CANARY}"]
    assert (report["schedule"], mail["parent_job"]) == ("0 30 2 * * *", "nightly-report")
    state = json.dumps(theirs.exported())
    assert CANARY not in state + "".join(theirs.outputs)
    assert changes(theirs.up("--expect-no-changes").ok().output) == {"unchanged": 3}

    dkron.change("nightly-report", schedule="0 0 0 1 1 *")
    assert changes(theirs.up().ok().output)["updated"] == 1
    assert dkron.job("nightly-report")["schedule"] == "0 30 2 * * *"

    edit(theirs, "retries=2", "retries=3")
    assert changes(theirs.up().ok().output)["updated"] == 1
    assert dkron.job("nightly-report")["retries"] == 3

    edit(theirs, 'Job("mail-the-report",', 'Job("mail-the-report", name="mail-it",')
    theirs.up().ok()
    assert sorted(dkron.jobs()) == ["mail-it", "nightly-report"]
    assert sorted(theirs.recorded_jobs()) == ["mail-it", "nightly-report"]

    theirs.destroy().ok()
    assert dkron.jobs() == {}
    assert CANARY not in "".join(theirs.outputs)


@pytest.mark.sandbox_too
def test_a_resource_that_is_renamed_keeps_its_job(theirs: Project, dkron: Dkron) -> None:
    configure(theirs, dkron)
    theirs.up().ok()
    edit(theirs, 'Job("mail-the-report",', 'Job("mail", name="mail-the-report",')
    theirs.up().ok()
    assert sorted(dkron.jobs()) == ["mail-the-report", "nightly-report"]


def test_a_program_without_settings_or_with_a_bad_executor_ends_with_one_line(theirs: Project, dkron: Dkron) -> None:
    result = theirs.preview().failed()
    assert "dkronUrl is not set: run `pulumi config set dkronUrl VALUE`" in result.output
    configure(theirs, dkron)
    edit(theirs, 'shell("/usr/local/bin/mail-the-report")', "shell")
    result = theirs.preview().failed()
    assert 'job "mail-the-report": executor must be what http(), shell() or plugin() gives' in result.output
    assert dkron.jobs() == {}
