"""The hook that other repositories of declarations use checks their jobs, and never those of this repository."""

import os
import subprocess
from pathlib import Path

import yaml

from dev.say import ROOT

DECLARED = """from provider import JobSpec, shell

JOBS = [JobSpec(name="there", schedule="{schedule}", executor=shell("true"), tags={{"dc": "dc1:1"}})]
"""


def check(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    command = [ROOT / hook["entry"], *arguments]
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
    return subprocess.run(command, cwd=folder, env=kept, capture_output=True, text=True, check=False)


def test_the_hook_checks_the_jobs_of_the_repository_that_it_runs_in(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    module = tmp_path / "jobs" / "x.py"
    module.write_text(DECLARED.format(schedule="@daily"), encoding="utf-8")
    done = check(tmp_path)
    assert (done.returncode, done.stdout) == (0, "1 job checked, no problems\n"), done.stderr
    module.write_text(DECLARED.format(schedule="sometimes"), encoding="utf-8")
    done = check(tmp_path, "--format", "github")
    assert done.returncode == 1
    assert done.stdout.startswith('::error file=jobs/x.py,line=3::job "there": schedule')


def test_without_jobs_the_hook_checks_nothing_of_its_own(tmp_path: Path) -> None:
    done = check(tmp_path)
    assert done.returncode == 1
    assert "No module named 'jobs'" in done.stderr
