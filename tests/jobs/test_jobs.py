import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import jobs
from dev.say import ROOT
from jobs._service import service_job
from provider.job.declarations import gather
from provider.job.references import Reference
from provider.job.spec import JobSpec
from provider.job.validation import check_job, warnings_for
from tests.paths import jobs_table

SETTINGS = {"gatewayUrl": "http://gw:5461", "serviceKey": "k3y"}


def resolved(spec: JobSpec) -> dict[str, object]:
    """A declaration's inputs as the program sends them."""
    inputs = spec.inputs()
    config = {
        key: value.resolve(SETTINGS.__getitem__) if isinstance(value, Reference) else value
        for key, value in inputs["executor_config"].items()
    }
    return {**inputs, "executor_config": config, "metadata": {"managed_by": "us"}}


def test_the_eight_jobs_are_declared_by_service() -> None:
    found = [(spec.name, spec.schedule, spec.displayname) for spec in gather().specs]
    assert sorted(found) == sorted(jobs_table())
    assert [name.partition("-")[0] for name, _, _ in found] == ["auth"] * 4 + ["comms"] * 2 + ["geo"] * 2


@pytest.mark.parametrize("spec", gather().specs, ids=lambda spec: spec.name)
def test_each_job_is_one_that_dkron_takes_and_nothing_is_suspicious_in_it(spec: JobSpec) -> None:
    assert check_job(resolved(spec)) == []
    assert warnings_for(resolved(spec)) == []


@pytest.mark.parametrize("spec", gather().specs, ids=lambda spec: spec.name)
def test_each_job_calls_its_own_service_with_the_key(spec: JobSpec) -> None:
    service, _, rest = spec.name.partition("-")
    assert resolved(spec)["executor_config"] == {
        "method": "POST",
        "url": f"http://gw:5461/api/v1/{service}/jobs/{rest}",
        "headers": '["X-Api-Key: k3y"]',
        "timeout": "30",
        "expectCode": "200",
    }
    assert (spec.timezone, spec.concurrency, spec.retries, spec.disabled) == ("UTC", "forbid", 2, False)


@pytest.mark.parametrize("spec", gather().specs, ids=lambda spec: spec.name)
def test_each_job_knows_the_line_of_its_declaration(spec: JobSpec) -> None:
    path, _, line = spec.declared_at.rpartition(":")
    text = (Path(jobs.__file__).parents[1] / path).read_text(encoding="utf-8").splitlines()
    assert "service_job(" in text[int(line) - 1]
    assert f'"{spec.name}"' in "".join(text[int(line) - 1 : int(line) + 3])


def test_no_two_jobs_run_at_the_same_time() -> None:
    schedules = [spec.schedule for spec in gather().specs]
    assert len(set(schedules)) == len(schedules)


def test_a_service_s_prefix_is_cut_once_and_only_at_the_front() -> None:
    spec = service_job("geo", "geo-purge-geo-cache", schedule="@daily", displayname="x")
    assert str(resolved(spec)["executor_config"]).count("/api/v1/geo/jobs/purge-geo-cache") == 1
    other = service_job("geo", "purge", schedule="@daily", displayname="x")
    assert "/api/v1/geo/jobs/purge'" in str(resolved(other)["executor_config"])


# -- what is declared in jobs/ itself

GATHERED = """
import json
from provider.job.declarations import gather
print(json.dumps({spec.name: str(spec.inputs()) for spec in gather().specs}))
"""


def python(root: Path, *arguments: str) -> str:
    """What it prints, run in a copy of this project; it must succeed."""
    env = {name: text for name, text in os.environ.items() if not name.startswith("COV_")}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_declarations_are_the_eight_jobs() -> None:
    """Delete or change me when these are no longer your jobs: no other test needs them."""
    assert json.loads(python(ROOT, "-c", GATHERED)) == {spec.name: str(spec.inputs()) for spec in gather().specs}


def test_what_is_declared_passes_the_check() -> None:
    python(ROOT, "-m", "jobs", "check")


def test_the_readme_s_job_can_be_added_and_lint_and_tests_stay_green(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    left_out = shutil.ignore_patterns(".*", "__pycache__", "bench", "sandbox", "docs", "deploy")
    shutil.copytree(ROOT, copy, ignore=left_out)
    examples = re.findall(r"```python\n# jobs/(\w+)\.py\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert examples
    for name, code in examples:
        (copy / "jobs" / f"{name}.py").write_text(code, encoding="utf-8")
    python(copy, "-m", "ruff", "check", "--no-cache", "jobs")
    python(copy, "-m", "ruff", "format", "--no-cache", "--check", "jobs")
    mine = "eight_jobs or readme_s_job"
    python(copy, "-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider", "-k", f"not ({mine})", "tests/jobs")
