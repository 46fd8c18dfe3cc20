"""What isn't ours is refused, what fails says so in one line, and nothing is lost."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.agent import free_port
from tests.e2e.conftest import make_project
from tests.e2e.harness import CANARY, Dkron, Project, Proxy, changes, proxy_before
from tests.e2e.test_jobs_are_kept_true import RENAMING, manual

THOROUGH = pytest.mark.thorough
OUR_JOBS = "/v1/jobs?metadata%5Bmanaged_by%5D=d2-dkron-mgr"


def error_lines(output: str) -> list[str]:
    """The provider's errors; the CLI shows each while it runs and again at the end."""
    return sorted(set(re.findall(r"dkron-jobs: .*", output)))


@pytest.fixture
def own_project(pair: tuple[str, str], own_dkron: Dkron, tmp_path: Path) -> Iterator[Project]:
    """A project whose server the test may stop."""
    return make_project(pair, tmp_path / "project", own_dkron.url)  # type: ignore[return-value]


# -- ownership


@pytest.mark.sandbox_too
def test_a_foreign_job_of_that_name_is_refused_then_adopted(project: Project, dkron: Dkron) -> None:
    dkron.post(name="ours", schedule="@daily", executor="shell", metadata={"managed_by": "somebody"})
    before = dkron.job("ours")
    project.declare(manual("ours"), manual("free"))
    result = project.up("--continue-on-error").failed()
    (line,) = error_lines(result.output)
    assert '"ours"' in line
    assert '"somebody"' in line
    assert "adopt true" in line
    assert "rename" in line
    assert dkron.job("ours") == before
    assert "free" in dkron.jobs(), "one refused job must not stop the others"
    project.config("adopt", "true")
    assert changes(project.up().ok().output)["created"] == 1
    assert dkron.job("ours")["metadata"] == {"managed_by": "d2-dkron-mgr", "managed_in": "dkron-jobs/dev"}
    assert dkron.job("ours")["schedule"] == "@manually"


def test_a_job_whose_tag_was_taken_away_is_neither_repaired_nor_deleted(project: Project, dkron: Dkron) -> None:
    project.declare(manual("released"), manual("kept"))
    project.up().ok()
    dkron.change("released", metadata={"managed_by": "somebody"}, displayname="theirs now")
    before = dkron.job("released")
    result = project.up("--continue-on-error").failed()
    assert "released" in error_lines(result.output)[0]
    project.declare(manual("kept"))
    result = project.up().ok()
    assert "left in Dkron" in result.output
    assert dkron.job("released") == before


def test_a_stranger_s_password_and_a_moved_secret_stand_nowhere_in_clear(project: Project, dkron: Dkron) -> None:
    key = CANARY
    header = '"X-Api-Key: " + secret("serviceKey")'
    calls = f'http("http://127.0.0.1:9/run", headers=[{header}])'
    project.declare(
        manual("taken"), f'JobSpec(name="moved", schedule="@yearly", tags={{"dc": "dc1:1"}}, executor={calls})'
    )
    project.up().ok()
    dkron.change(
        "taken",
        metadata={"managed_by": "somebody"},
        executor="shell",
        executor_config={"command": "login CANARY-theirs"},
    )
    dkron.change("moved", displayname=f"key {key}")
    shown = project.preview("--diff").output
    project.up("--continue-on-error").failed()
    project.up("--continue-on-error").failed()
    files = [path.read_bytes() for path in (project.root / ".state" / ".pulumi").rglob("*") if path.is_file()]
    assert any(b"foreign_digest" in content for content in files)
    for content in (shown.encode(), *files, *(output.encode() for output in project.outputs)):
        assert b"CANARY" not in content
    assert dkron.job("taken")["executor_config"]["command"] == "login CANARY-theirs"
    assert dkron.job("moved")["displayname"] == ""


def test_a_job_that_is_gone_already_is_deleted_with_a_warning(project: Project, proxy: Proxy, dkron: Dkron) -> None:
    project.env["DKRON_URL"] = proxy.url
    project.declare(manual("leaving"), manual("staying"))
    project.up().ok()

    def vanish(method: str, path: str, _body: bytes) -> None:
        if (method, path) == ("GET", "/v1/jobs/leaving"):
            dkron.clear()

    proxy.hook = vanish
    project.declare(manual("staying"))
    assert "already gone" in project.up().ok().output


def test_the_owner_tag_is_changed_by_adopting_the_jobs_under_the_new_one(project: Project, dkron: Dkron) -> None:
    project.settle()
    project.config("ownerTag", "another-tag")
    assert "adopt true" in project.up("--continue-on-error").failed().output
    project.config("adopt", "true")
    assert changes(project.up().ok().output)["updated"] == 8
    project.config("adopt", "false")
    assert {job["metadata"]["managed_by"] for job in dkron.jobs().values()} == {"another-tag"}
    project.destroy().ok()
    assert not dkron.jobs()


def test_a_lost_state_is_adopted_without_a_write(project: Project, proxy: Proxy) -> None:
    project.env["DKRON_URL"] = proxy.url
    project.up().ok()
    project.forget_state()
    proxy.requests.clear()
    assert changes(project.up().ok().output)["created"] == 9
    assert proxy.count("POST") == 0
    assert changes(project.up().ok().output) == {"unchanged": 9}


# -- requests


def test_a_run_without_changes_asks_dkron_for_one_list_and_the_nodes_and_nothing_of_each_job(
    project: Project, proxy: Proxy
) -> None:
    project.env["DKRON_URL"] = proxy.url
    project.up().ok()
    for command in (project.up, project.preview):
        proxy.requests.clear()
        command().ok()
        assert [r[1] for r in proxy.requests if r[1].startswith("/v1/jobs")] == [OUR_JOBS]
        assert proxy.count("GET", "/v1/members") <= 1 + (command == project.up), "each time that the program runs"
        assert [r for r in proxy.requests if r[1] not in (OUR_JOBS, "/v1/leader", "/v1/members")] == []


# -- faults


@pytest.mark.sandbox_too
def test_dkron_down_during_refresh_fails_the_run_in_one_line_and_changes_nothing(
    own_project: Project, own_dkron: Dkron
) -> None:
    own_project.up().ok()
    before = {name: (job["inputs"], job["outputs"]) for name, job in own_project.recorded_jobs().items()}
    own_dkron.stop()
    result = own_project.up().failed()
    (line,) = error_lines(result.output)  # for eight jobs
    assert line.startswith("dkron-jobs: cannot reach Dkron")
    after = {name: (job["inputs"], job["outputs"]) for name, job in own_project.recorded_jobs().items()}
    assert list(after) == list(before)
    own_dkron.start()
    assert changes(own_project.up().ok().output) == {"unchanged": 9}


@pytest.mark.sandbox_too
def test_dkron_down_at_a_first_up_is_one_line_and_the_next_run_heals(own_project: Project, own_dkron: Dkron) -> None:
    own_dkron.stop()
    told = own_project.up().failed().output
    assert len(set(re.findall("error: cannot reach Dkron.*", told))) == 1, told  # for eight jobs
    assert own_project.recorded_jobs() == {}
    own_dkron.start()
    own_project.up().ok()
    assert len(own_dkron.jobs()) == 8


def test_a_moved_dkron_is_found_by_the_environment_and_by_run_program(own_project: Project, own_dkron: Dkron) -> None:
    own_project.up().ok()
    own_dkron.stop()
    own_dkron.port = free_port()
    own_dkron.start()
    own_project.env["DKRON_URL"] = own_dkron.url
    assert changes(own_project.up().ok().output)["unchanged"] >= 8
    del own_project.env["DKRON_URL"]
    own_project.config("dkronUrl", own_dkron.url)
    assert changes(own_project.up("--run-program").ok().output)["unchanged"] >= 8


def test_the_next_server_is_asked_when_the_first_does_not_answer(project: Project, dkron: Dkron) -> None:
    project.config("dkronUrl", f"http://127.0.0.1:{free_port()}, {dkron.url}/")
    project.up().ok()
    assert len(dkron.jobs()) == 8


def test_one_job_that_dkron_refuses_does_not_stop_the_others_and_no_secret_is_echoed(
    project: Project, proxy: Proxy, dkron: Dkron
) -> None:
    project.env["DKRON_URL"] = proxy.url

    def refuse(method: str, _path: str, body: bytes) -> tuple[int, bytes] | None:
        refused = method == "POST" and b"geo-purge-stale-whois" in body
        return (400, b"Unable to parse payload: " + body) if refused else None

    proxy.hook = refuse
    result = project.up("--continue-on-error").failed()
    (line,) = error_lines(result.output)
    assert "geo-purge-stale-whois" in line
    assert "Unable to parse payload" in line
    assert CANARY not in result.output
    assert len(dkron.jobs()) == 7


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "credentials"),
        pytest.param(503, "takes no job just now", marks=THOROUGH),
        pytest.param(500, "failed at", marks=THOROUGH),
    ],
)
def test_what_a_bad_answer_means_is_said_in_one_line(project: Project, proxy: Proxy, status: int, words: str) -> None:
    project.env["DKRON_URL"] = proxy.url
    project.declare(manual("one"))
    proxy.hook = lambda method, _path, _body: (status, b"because") if method == "POST" else None
    result = project.up().failed()
    assert words in error_lines(result.output)[0]


def test_a_write_whose_answer_is_lost_counts_if_the_job_is_there(project: Project, proxy: Proxy, dkron: Dkron) -> None:
    project.env["DKRON_URL"] = proxy.url
    project.declare(manual("one"))

    def lose(method: str, _path: str, body: bytes) -> tuple[int, bytes] | None:
        if method != "POST":
            return None
        dkron.post(**json.loads(body))
        return 500, b"rpc error: code = Unavailable desc = error reading from server: EOF"

    proxy.hook = lose
    project.up().ok()
    assert "one" in dkron.jobs()


def test_a_failed_delete_in_a_replacement_ends_and_the_next_run_cleans_up(
    project: Project, proxy: Proxy, dkron: Dkron
) -> None:
    project.env["DKRON_URL"] = proxy.url
    project.program(RENAMING.format(name="first"))
    project.up().ok()
    project.program(RENAMING.format(name="second"))
    proxy.hook = lambda method, _path, _body: (500, b"no") if method == "DELETE" else None
    project.up("--continue-on-error").failed()
    assert sorted(dkron.jobs()) == ["first", "second"]
    proxy.pass_on()
    project.up().ok()
    assert sorted(dkron.jobs()) == ["second"]


# -- bad declarations and settings


def test_preview_refuses_every_bad_declaration_on_its_property_without_a_network(project: Project) -> None:
    project.env["DKRON_URL"] = f"http://127.0.0.1:{free_port()}"
    project.declare(
        'JobSpec(name="Bad Name", schedule="* * * * *", timezone="Mars/Base", retries=-1, concurrency="x", '
        'executor=http("ftp://x", headers=["NoColon"]))'
    )
    result = project.preview().failed()
    for field in ("name", "schedule", "timezone", "retries", "concurrency", "executor_config.headers"):
        assert f"property {field} value" in result.output, field


def test_a_duplicate_name_is_refused_with_both_places(project: Project) -> None:
    project.declare(manual("twice"))
    text = (project.root / "jobs" / "declared.py").read_text(encoding="utf-8")
    (project.root / "jobs" / "other.py").write_text(text, encoding="utf-8")
    output = project.preview().failed().output
    assert "jobs/declared.py:" in output
    assert "jobs/other.py:" in output


def test_missing_and_malformed_settings_are_told_all_at_once(project: Project) -> None:
    project.config("dkronUrl", "not-an-address")
    project.run("config", "rm", "serviceKey").ok()
    output = project.preview().output
    for words in ("dkronUrl must look like", "serviceKey is not set", "pulumi config set --secret"):
        assert words in output, words
    assert "Traceback" not in output


def test_an_unencrypted_secret_is_refused(project: Project) -> None:
    project.run("config", "set", "--plaintext", "serviceKey", "in-the-clear").ok()
    assert "serviceKey stands in the stack's config unencrypted" in project.preview().failed().output


# -- secrets


def test_a_rotated_key_updates_all_jobs_and_shows_no_key(project: Project, dkron: Dkron) -> None:
    project.settle()
    project.config("serviceKey", "ROTATED-77aa", secret=True)
    preview = project.preview("--diff").ok()
    assert "[secret]" in preview.output
    assert "ROTATED-77aa" not in preview.output
    assert changes(project.up().ok().output)["updated"] == 8
    assert all("ROTATED-77aa" in job["executor_config"]["headers"] for job in dkron.jobs().values())


@pytest.mark.sandbox_too
def test_the_secret_is_in_no_file_and_no_output(project: Project, dkron: Dkron) -> None:
    project.env["DKRON_TOKEN"] = token = "TOKEN-CANARY-51c3"
    project.up("--diff").ok()
    dkron.change("geo-purge-stale-whois", retries=5)
    dkron.delete("auth-purge-sessions")
    project.preview("--diff").ok()
    project.preview("--json").ok()
    project.up("--diff").ok()
    project.run("refresh", "--yes", "--skip-preview", "--stack", "dev").ok()
    project.env["SERVICE_KEY"] = from_environment = "ENVIRONMENT-CANARY-8d"
    project.up("--diff").ok()
    project.destroy().ok()
    project.outputs.append(json.dumps(project.exported()))
    searched = [output.encode() for output in project.outputs]
    searched += [p.read_bytes() for p in project.root.rglob("*") if p.is_file() and not p.is_symlink()]
    assert len(searched) > 40
    for canary in (CANARY, token, from_environment):
        for form in (canary.encode(), base64.b64encode(canary.encode()).rstrip(b"=")):
            assert not [text[:80] for text in searched if form in text]


# -- a Dkron that moved


@pytest.mark.parametrize("command", ["up", *(pytest.param(one, marks=THOROUGH) for one in ("preview", "destroy"))])
def test_after_a_new_address_nothing_is_called_unchanged_before_it_was_looked_at(
    project: Project, dkron: Dkron, command: str
) -> None:
    project.declare(manual("moving"))
    project.up().ok()
    with proxy_before(dkron.url) as proxy:
        project.config("dkronUrl", proxy.url)
        arguments = {"preview": []}.get(command, ["--yes", "--skip-preview"])
        result = project.run(command, *arguments, "--stack", "dev")
        assert result.code == 0 or "--run-program" in result.output
        assert proxy.count("GET", "/v1/jobs") or "--run-program" in result.output
        dkron.clear()
        project.up("--run-program").ok()
        assert set(dkron.jobs()) == {"moving"}
        assert proxy.count("GET", "/v1/jobs")
        project.run(command, *arguments, "--stack", "dev").ok()
