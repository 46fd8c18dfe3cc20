"""Jobs that live in Dkron become declarations, and the program then adopts them and changes nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.harness import CANARY, Dkron, Project, changes, proxy_before

REPORTED = Path(__file__).parents[1] / "data" / "reported_jobs.json"
CRONTAB = r"""
*/5 * * * * root /usr/local/bin/poll >/dev/null 2>&1
0 6 * * 7 /opt/weekly
15 2 * * mon-fri /opt/weekday
15 2 * * fri-mon /opt/over-the-weekend
@reboot /opt/warm-cache
0 0 1,15 * 5 /opt/payroll
MAILTO=ops@example.com
30 4 * * * cd /srv && ./run "$(date +\%F)"
"""
TOKEN = "CANARY-77aa-token-5501"
OURS = {"managed_by": "d2-dkron-mgr", "managed_in": "dkron-jobs/dev"}


def jobs_command(project: Project, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """`python -m jobs` in the project."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("DKRON_", "GATEWAY_", "SERVICE_", "COV_"))}
    return subprocess.run(
        [sys.executable, "-m", "jobs", *arguments],
        cwd=project.root,
        env={**inherited, **env},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def as_pulumi_does(project: Project) -> dict[str, str]:
    """The environment in which the commands find this project's pulumi, state and passphrase."""
    env = {key: value for key, value in project.environment.items() if key.startswith("PULUMI_")}
    return {**env, "PATH": f"{project.pulumi.parent}{os.pathsep}{os.environ['PATH']}"}


def fill(dkron: Dkron, metadata: dict[str, str]) -> None:
    headers = f'["X-Api-Key: {TOKEN}","Content-Type: application/json"]'
    dkron.post(
        name="old-report",
        displayname="Nightly report",
        schedule="0 0 4 * * *",
        timezone="Europe/Berlin",
        retries=2,
        concurrency="forbid",
        metadata={**metadata, "team": "a"},
        tags={"dc": "dc1:1"},
        executor="http",
        executor_config={"method": "POST", "url": "http://127.0.0.1:9/run", "headers": headers, "timeout": "30"},
        processors={"log": {"forward": "true"}},
    )
    dkron.post(
        name="old-cleanup",
        parent_job="old-report",
        metadata=metadata,
        executor="shell",
        disabled=True,
        executor_config={"command": "/bin/true", "env": f"API_TOKEN={TOKEN},MODE=fast"},
    )


def export_into(project: Project, *arguments: str) -> list[str]:
    """Exports, and sets the secrets as the advice says; the keys."""
    done = jobs_command(project, "export", *arguments)
    assert done.returncode == 0, done.stderr
    assert TOKEN not in done.stdout + done.stderr
    (project.root / "jobs" / "imported.py").write_text(done.stdout, encoding="utf-8")
    keys = [line.split()[4] for line in done.stderr.splitlines() if line.startswith("pulumi config set --secret")]
    for key in keys:
        project.config(key, TOKEN, secret=True)
    return keys


def only_imported(project: Project) -> None:
    for module in (project.root / "jobs").glob("[a-z]*.py"):
        module.unlink()


@pytest.mark.sandbox_too
def test_an_exported_job_of_ours_is_adopted_without_a_write(project: Project, dkron: Dkron) -> None:
    fill(dkron, OURS)
    before = dkron.jobs()
    only_imported(project)
    assert export_into(project, "--dkron", dkron.url)
    assert jobs_command(project, "check").returncode == 0
    with proxy_before(dkron.url) as proxy:
        project.config("dkronUrl", proxy.url)
        result = project.up().ok()
        assert changes(result.output)["created"] == 3  # two jobs and the stack
        assert proxy.count("POST") == 0
        assert changes(project.up().ok().output)["unchanged"] == 3
    assert dkron.jobs() == before
    assert TOKEN not in str(project.exported())


def test_a_backup_becomes_declarations_with_its_secrets_in_the_config(project: Project, dkron: Dkron) -> None:
    fill(dkron, OURS)
    before = dkron.jobs()
    only_imported(project)
    backup = project.root / "backup.json"
    backup.write_text(json.dumps(list(before.values())), encoding="utf-8")
    done = jobs_command(project, "export", "--file", str(backup), "--set-config", **as_pulumi_does(project))
    assert done.returncode == 0, done.stderr
    assert TOKEN not in done.stdout + done.stderr
    assert "set in the config of the stack dev: " in done.stderr
    assert done.stderr.splitlines()[-1].endswith("read the module through before you commit it")
    (project.root / "jobs" / "imported.py").write_text(done.stdout, encoding="utf-8")
    assert TOKEN not in (project.root / "Pulumi.dev.yaml").read_text(encoding="utf-8")
    with proxy_before(dkron.url) as proxy:
        project.config("dkronUrl", proxy.url)
        assert changes(project.up().ok().output)["created"] == 3
        assert proxy.count("POST") == 0
    assert dkron.jobs() == before
    again = jobs_command(project, "export", "--file", str(backup), "--set-config", **as_pulumi_does(project))
    assert again.stdout == done.stdout
    assert "set in the config" not in again.stderr


def test_jobs_as_people_reported_them_are_adopted_as_they_are(project: Project, dkron: Dkron) -> None:
    for job in json.loads(REPORTED.read_text(encoding="utf-8")):
        dkron.post(**{**job, "disabled": True})
    before = dkron.jobs()
    only_imported(project)
    done = jobs_command(project, "export", "--all", "--dkron", dkron.url, "--set-config", **as_pulumi_does(project))
    assert done.returncode == 0, done.stderr
    for secret in ("hunter22", "YWJjOmFiYw==", "c2VjcmV0LXRva2Vu", "XXXXXXXXXXXXXXXX", "0abe373f", "wFHXHD0RRQWoO8"):
        assert secret not in done.stdout + done.stderr
    (project.root / "jobs" / "imported.py").write_text(done.stdout, encoding="utf-8")
    checked = jobs_command(project, "check")
    assert checked.returncode == 0, checked.stderr
    project.config("adopt", "true")
    project.up().ok()
    after = dkron.jobs()
    taken = [name for name, job in after.items() if job["metadata"] and "managed_by" in job["metadata"]]
    assert len(taken) == 7
    for name in taken:
        assert after[name]["metadata"] == {**(before[name]["metadata"] or {}), **OURS}
        assert {**after[name], "metadata": None, "next": None} == {**before[name], "metadata": None, "next": None}
    assert "7 of 13 jobs exported" in done.stderr


def test_a_crontabs_entries_are_created(project: Project, dkron: Dkron) -> None:
    only_imported(project)
    crontab = project.root / "crontab"
    crontab.write_text(CRONTAB, encoding="utf-8")
    done = jobs_command(project, "export", "--crontab", str(crontab))
    assert done.returncode == 0, done.stderr
    assert "6 of 7 jobs exported" in done.stderr
    assert 'left out: job "warm-cache"' in done.stderr
    (project.root / "jobs" / "imported.py").write_text(done.stdout, encoding="utf-8")
    assert jobs_command(project, "check").returncode == 0
    project.up().ok()
    jobs = dkron.jobs()
    assert jobs["over-the-weekend"]["schedule"] == "0 15 2 * * FRI,SAT,SUN,MON"
    assert jobs["run"]["executor_config"]["command"] == 'cd /srv && ./run "$(date +%F)"'
    assert changes(project.up().ok().output)["unchanged"] == 7


def test_with_the_stack_named_its_whole_config_is_compared(project: Project, dkron: Dkron) -> None:
    project.settle()
    same = jobs_command(project, "diff", "--stack", "dev", **as_pulumi_does(project))
    assert (same.returncode, same.stdout, same.stderr) == (0, "8 in sync\n", "")
    project.config("gatewayUrl", "http://127.0.0.1:5462")
    project.config("serviceKey", "another-key-entirely", secret=True)
    found = jobs_command(project, "diff", "--stack", "dev", **as_pulumi_does(project))
    assert found.returncode == 1
    assert CANARY not in found.stdout + found.stderr
    assert "another-key-entirely" not in found.stdout + found.stderr
    assert found.stdout.count("executor_config.headers: the secret in it differs") == 8
    assert found.stdout.count("executor_config.url: ") == 8
    other = jobs_command(project, "diff", "--stack", "nope", **as_pulumi_does(project))
    assert (other.returncode, other.stdout, other.stderr.count("\n")) == (2, "", 1)
    assert "nope" in other.stderr


def test_a_job_of_another_owner_gets_our_tag_and_nothing_else(project: Project, dkron: Dkron) -> None:
    fill(dkron, {"managed_by": "somebody"})
    before = dkron.jobs()
    only_imported(project)
    export_into(project, "--dkron", dkron.url, "--tag", "somebody")
    project.up().failed()
    project.config("adopt", "true")
    project.up().ok()
    for name, job in dkron.jobs().items():
        assert job["metadata"] == {**before[name]["metadata"], **OURS}
        kept = ("schedule", "timezone", "executor_config", "tags", "processors", "retries", "parent_job", "disabled")
        assert {key: job[key] for key in kept} == {key: before[name][key] for key in kept}


def test_a_job_that_is_declared_already_is_left_out(project: Project, dkron: Dkron) -> None:
    project.settle()
    done = jobs_command(project, "export", "--all", DKRON_URL=dkron.url)
    assert done.returncode == 0
    assert CANARY not in done.stdout + done.stderr
    assert "is declared already, at jobs/geo.py:" in done.stderr
    (project.root / "jobs" / "imported.py").write_text(done.stdout, encoding="utf-8")
    assert jobs_command(project, "check").returncode == 0
    assert changes(project.up().ok().output)["unchanged"] == 9


def test_the_comparison_names_each_field_that_differs(project: Project, dkron: Dkron) -> None:
    project.settle()
    known = {"DKRON_URL": dkron.url, "GATEWAY_URL": "http://127.0.0.1:5461", "SERVICE_KEY": CANARY}
    same = jobs_command(project, "diff", **known)
    assert (same.returncode, same.stdout) == (0, "8 in sync\n")
    vague = jobs_command(project, "diff", DKRON_URL=dkron.url)
    assert vague.returncode == 0
    assert "SERVICE_KEY" in vague.stderr

    dkron.change("geo-purge-stale-whois", schedule="0 0 5 * * *", executor_config={"url": "http://x", "method": "POST"})
    dkron.change("auth-purge-sessions", metadata={})
    dkron.delete("comms-purge-delivery-history")
    dkron.post(name="left-over", schedule="@daily", executor="shell", executor_config={"command": "x"}, metadata=OURS)
    found = jobs_command(project, "diff", **known)
    assert found.returncode == 1
    assert CANARY not in found.stdout + found.stderr
    assert "~ geo-purge-stale-whois  drifted" in found.stdout
    assert "    schedule: declared 0 0 2 * * *, live 0 0 5 * * *" in found.stdout
    assert '    executor_config.headers: declared ["X-Api-Key: [secret]"], live (none)' in found.stdout
    assert "! auth-purge-sessions  foreign: carries no owner tag" in found.stdout
    assert "+ comms-purge-delivery-history  missing" in found.stdout
    assert "- left-over  stray" in found.stdout
    assert found.stdout.splitlines()[-1] == "5 in sync, 1 missing, 1 drifted, 1 foreign, 1 stray"


def test_a_dead_dkron_is_told_in_one_line(project: Project, tmp_path: Path) -> None:
    done = jobs_command(project, "diff", "--dkron", "http://127.0.0.1:1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
