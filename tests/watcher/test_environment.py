from pathlib import Path

from watcher.environment import Environment
from watcher.pulumi.cli import run_environment


def test_a_secret_s_file_is_read_anew_and_a_lost_one_leaves_what_was_known(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("s3://one\n")
    env = Environment({"PULUMI_BACKEND_URL_FILE": str(file), "A": "b"})
    assert env["PULUMI_BACKEND_URL"] == "s3://one"
    file.write_text("s3://two\n")
    assert dict(env) == {"PULUMI_BACKEND_URL_FILE": str(file), "A": "b", "PULUMI_BACKEND_URL": "s3://two"}
    file.unlink()
    assert (env["PULUMI_BACKEND_URL"], len(env)) == ("s3://two", 3)
    assert Environment({"PULUMI_BACKEND_URL_FILE": "/nowhere"})["PULUMI_BACKEND_URL"] == ""


def test_a_plain_variable_wins_over_a_file() -> None:
    assert Environment({"PULUMI_BACKEND_URL": "x", "PULUMI_BACKEND_URL_FILE": "/nowhere"})["PULUMI_BACKEND_URL"] == "x"


def test_an_empty_variable_gives_way_to_its_file() -> None:
    """Pulumi takes an empty passphrase for one."""
    env = Environment({"PULUMI_CONFIG_PASSPHRASE": " ", "PULUMI_CONFIG_PASSPHRASE_FILE": "/x", "STACK": ""})
    assert dict(env) == {"PULUMI_CONFIG_PASSPHRASE_FILE": "/x", "STACK": ""}


def test_no_run_has_in_its_environment_what_it_reads_from_a_file_or_does_not_need(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("k3y\n")
    names = ("SERVICE_KEY", "DKRON_TOKEN", "PULUMI_CONFIG_PASSPHRASE", "NOTIFY", "HTTP_PASSWORD")
    given = {f"{name}_FILE": str(file) for name in names}
    found = run_environment(Environment({**given, "DKRON_MGR__SERVICE_KEY": "old", "PULUMI_ACCESS_TOKEN": "t"}))
    assert "k3y" not in found.values()
    assert not {"NOTIFY_FILE", "HTTP_PASSWORD", "HTTP_PASSWORD_FILE"} & found.keys()
    assert "DKRON_MGR__SERVICE_KEY" not in found
    assert (found["SERVICE_KEY_FILE"], found["PULUMI_ACCESS_TOKEN"]) == (str(file), "t")
