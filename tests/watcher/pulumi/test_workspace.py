import os
from pathlib import Path

import pytest

from provider.dkron.client import DkronClient
from tests.watcher.support import World, world
from watcher.dkron.connection import Connector
from watcher.endings import Ended, Stopped
from watcher.environment import Environment
from watcher.pulumi.child import Finished
from watcher.pulumi.cli import run_environment
from watcher.pulumi.workspace import ProgramBroken, Workspace, files_fingerprint, read, state_directory

PROJECT = """
name: dkron-jobs
backend: {url: "file://./.state"}
config:
  ownerTag: {type: string, default: d2-dkron-mgr}
  adopt: {type: boolean, default: false}
  dkronUrl: {type: string, default: ""}
"""
STACK = """
encryptionsalt: v1:salt
config:
  dkron-jobs:dkronUrl: http://stack:1
  dkron-jobs:adopt: true
  dkron-jobs:serviceKey: {secure: v1:x}
  other:dkronUrl: http://no
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text(PROJECT)
    (tmp_path / "Pulumi.dev.yaml").write_text(STACK)
    return tmp_path


def test_the_stacks_config_with_the_projects_defaults(program: Path) -> None:
    found = read(program, "dev", {})
    assert (found.project, found.stack, found.state_dir) == ("dkron-jobs", "dev", program / ".state")
    assert found.plain == {"ownerTag": "d2-dkron-mgr", "adopt": "true", "dkronUrl": "http://stack:1"}
    assert found.encrypted == {"serviceKey": "v1:x"}
    assert found.given == {"dkronUrl", "adopt", "serviceKey"}
    assert found.known == {"ownerTag", "adopt", "dkronUrl"}


def test_a_stack_without_a_file_has_the_defaults(program: Path) -> None:
    assert read(program, "acme/prod", {}).plain == {"ownerTag": "d2-dkron-mgr", "adopt": "false"}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("Pulumi.yaml", "name: [", "cannot read Pulumi.yaml"),
        ("Pulumi.yaml", "- x", "no mapping"),
        ("Pulumi.yaml", "", "names no project"),
        ("Pulumi.dev.yaml", "config: {", "cannot read Pulumi.dev.yaml"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_in_one_line(program: Path, name: str, text: str, words: str) -> None:
    (program / name).write_text(text)
    with pytest.raises(ProgramBroken, match=words) as caught:
        read(program, "dev", {})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "directory"),
    [
        ("file:///var/state", "/var/state"),
        ("file:///var/my%20state?no_tmp_dir=true", "/var/my state"),
        ("file://./.state", "/p/.state"),
        ("file://~/x", str(Path("~/x").expanduser())),
        ("postgres://u@h/db", None),
        ("", None),
    ],
)
def test_where_the_state_is(url: str, directory: str | None) -> None:
    assert state_directory(url, Path("/p")) == (Path(directory) if directory else None)


def test_the_environments_backend_wins(program: Path) -> None:
    assert read(program, "dev", {"PULUMI_BACKEND_URL": "s3://x"}).state_dir is None


def test_declarations_behind_a_link_are_watched_and_so_is_where_it_leads(program: Path, tmp_path: Path) -> None:
    for version in ("one", "two"):
        (tmp_path / ".versions" / version).mkdir(parents=True)
        module = tmp_path / ".versions" / version / "a.py"
        module.write_text("x = 1")
        os.utime(module, (1, 1))
    link = program / "jobs"
    link.symlink_to(tmp_path / ".versions" / "one")
    before = files_fingerprint(program)
    assert str(link / "a.py") in {path for path, *_ in before}
    (tmp_path / "swap").symlink_to(tmp_path / ".versions" / "two")
    (tmp_path / "swap").rename(link)
    assert files_fingerprint(program) != before
    (program / "round").symlink_to(program)
    assert len(files_fingerprint(program)) == len(before)


def test_a_change_of_the_programs_files_is_seen(program: Path) -> None:
    (program / "jobs").mkdir()
    (program / "jobs" / "a.py").write_text("x")
    (program / ".venv").mkdir()
    (program / "tests").mkdir()
    before = files_fingerprint(program)
    assert {Path(p).name for p, *_ in before} == {"Pulumi.yaml", "Pulumi.dev.yaml", "a.py"}
    for ignored in (".venv/b.py", "tests/c.py", "notes.txt"):
        (program / ignored).write_text("x")
    assert files_fingerprint(program) == before
    (program / "Pulumi.dev.yaml").write_text("encryptionsalt: v1:x\n" + STACK)
    (program / "Pulumi.new.yaml").write_text("encryptionsalt: v1:x\n")
    assert files_fingerprint(program) == before
    (program / "Pulumi.new.yaml").write_text("config: {}\n")
    assert files_fingerprint(program) != before
    (program / "Pulumi.new.yaml").unlink()
    os.utime(program / "jobs" / "a.py", (1, 1))
    assert files_fingerprint(program) != before
    assert files_fingerprint(program / "nowhere") == frozenset()


def test_a_file_that_goes_while_it_is_looked_at_is_none(program: Path) -> None:
    before = files_fingerprint(program)
    (program / "dangling.py").symlink_to(program / "nowhere")
    assert files_fingerprint(program) == before


# -- from there to a connection


def connector(w: World, **env: str) -> Connector:
    object.__setattr__(w.tools.settings, "env", env)
    return Connector(w.tools.settings, w.cli, w.control, w.tools.redactor)


SPACE = Workspace("dkron-jobs", "dev", None, {"dkronUrl": "https://stack:1", "ownerTag": "t"}, {"dkronToken": "v1:x"})


def test_what_is_encrypted_is_decrypted_once_and_never_shown(tmp_path: Path) -> None:
    w = world(tmp_path)
    w.cli.others["config dkronToken"] = Finished("config", 0, 0.1, "tok-en-1\n")
    made = connector(w)
    found = made.connect(SPACE)
    assert (found.owner_tag, found.client.settings.token) == ("t", "tok-en-1")
    assert made.connect(SPACE) is found
    assert w.cli.calls == ["config dkronToken"]
    assert w.tools.redactor("x tok-en-1") == "x [secret]"
    made.close()
    assert made.current is None


def test_the_environment_wins_and_spares_the_decrypting(tmp_path: Path) -> None:
    w = world(tmp_path)
    made = connector(w, DKRON_URL="https://env:2", DKRON_TOKEN="env-token")
    assert made.connect(SPACE).client.settings.urls == ("https://env:2",)
    assert w.cli.calls == []
    made.close()


def test_a_new_config_makes_a_new_connection(tmp_path: Path) -> None:
    w = world(tmp_path)
    made = connector(w)
    plain = Workspace("p", "dev", None, {"dkronUrl": "http://one:1"}, {})
    moved = Workspace("p", "dev", None, {"dkronUrl": "http://two:2"}, {})
    first = made.connect(plain).client
    assert isinstance(first, DkronClient)
    assert made.connect(moved).client.settings.urls == ("http://two:2",)
    made.close()


def test_rotated_files_are_read_anew_at_each_cycle(tmp_path: Path) -> None:
    w = world(tmp_path)
    files = {f"{name}_FILE": tmp_path / name for name in ("DKRON_TOKEN", "PULUMI_BACKEND_URL")}
    for path in files.values():
        path.write_text("one-secret\n")
    env = Environment({name: str(path) for name, path in files.items()})
    made = connector(w)
    object.__setattr__(w.tools.settings, "env", env)
    space = Workspace("p", "dev", None, {"dkronUrl": "https://one:1"}, {})
    assert made.connect(space).client.settings.token == "one-secret"
    for path in files.values():
        path.write_text("two-secret\n")
    assert made.connect(space).client.settings.token == "two-secret"
    assert run_environment(env)["PULUMI_BACKEND_URL"] == "two-secret"
    assert w.tools.redactor("one-secret two-secret") == "[secret] [secret]"
    made.close()


def test_a_rotated_password_is_read_anew_too(tmp_path: Path) -> None:
    w = world(tmp_path)
    password, ca = tmp_path / "password", tmp_path / "ca.pem"
    password.write_text("one-secret\n")
    ca.write_text("a certificate")
    made = connector(w, DKRON_USER="u", DKRON_PASSWORD_FILE=str(password), DKRON_CA_FILE=str(ca))
    space = Workspace("p", "dev", None, {"dkronUrl": "https://one:1"}, {})
    first = made.connect(space)
    password.write_text("two-secret\n")
    second = made.connect(space)
    assert second is not first
    assert (second.client.settings.password, second.client.settings.ca_file) == ("two-secret", str(ca))
    ca.unlink()
    with pytest.raises(Ended, match="dkronCaFile names no file"):
        made.connect(space)
    made.close()


def test_what_cannot_be_decrypted_is_told(tmp_path: Path) -> None:
    w = world(tmp_path)
    w.cli.others["config dkronToken"] = Finished("config", 1, 0.1, "", "error: incorrect passphrase\n")
    with pytest.raises(Ended, match="cannot decrypt dkronToken of stack dev: incorrect passphrase"):
        connector(w).connect(SPACE)
    w.cli.others["config dkronToken"] = Finished("config", -9, 0.1, stopped=True)
    with pytest.raises(Stopped):
        connector(w).connect(SPACE)


def test_a_missing_address_is_told(tmp_path: Path) -> None:
    w = world(tmp_path)
    with pytest.raises(Ended, match="dkronUrl is not set"):
        connector(w).connect(Workspace("p", "dev", None, {}, {}))


def test_a_secret_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    w = world(tmp_path)
    w.cli.others["config dkronToken"] = Finished("config", 0, 0.1, "t\n")
    with pytest.raises(Ended, match="DKRON_TOKEN_FILE"):
        connector(w, DKRON_TOKEN_FILE="/nowhere").connect(SPACE)
