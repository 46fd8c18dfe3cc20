"""The unit is one that systemd takes, hardened, and gives the watcher settings that it knows."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dev.say import ROOT
from tests.test_container_files import DEFAULTS, SECRETS, image_env
from watcher.settings import load

UNIT = ROOT / "deploy" / "systemd" / "dkron-jobs.service"
LEAST_HARDENED = 20  # of systemd's scale, on which 100 is not hardened at all
needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not here")


def values(name: str) -> list[str]:
    lines = [line.partition("=") for line in UNIT.read_text(encoding="utf-8").splitlines()]
    return [value for key, _, value in lines if key == name]


def environment() -> dict[str, str]:
    pairs = [pair.partition("=") for line in values("Environment") for pair in shlex.split(line)]
    return {name: value for name, _, value in pairs}


@needs_systemd
def test_systemd_takes_the_unit_and_finds_it_hardened(tmp_path: Path) -> None:
    copy = tmp_path / UNIT.name
    text = UNIT.read_text(encoding="utf-8")
    text = text.replace("/opt/dkron-jobs/.venv/bin/python", sys.executable).replace("/opt/dkron-jobs", str(ROOT))
    copy.write_text(text, encoding="utf-8")
    for command in (["verify"], ["security", "--offline=true", f"--threshold={LEAST_HARDENED}"]):
        done = subprocess.run(["systemd-analyze", *command, copy], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_only_the_watcher_is_told_to_stop_and_it_has_the_time() -> None:
    assert values("KillMode") == ["mixed"]
    (seconds,) = values("TimeoutStopSec")
    assert int(seconds) * 1000 > int(DEFAULTS["GRACE_MS"])


def test_the_watcher_takes_the_settings_that_the_unit_gives_it(tmp_path: Path) -> None:
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("x\n", encoding="utf-8")
    given = environment()
    assert {name.removesuffix("_FILE") for name in given} <= {*DEFAULTS, *image_env()}
    assert not given.keys() & (SECRETS - {"PULUMI_BACKEND_URL"})  # a directory
    found = load(
        {**given, "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase), "PROGRAM_DIR": str(ROOT), "DKRON_URL": "http://d:1"}
    )
    assert found.stack == "prod"


def test_every_secret_of_the_unit_is_a_credential() -> None:
    credentials = {value.partition(":")[0] for value in values("LoadCredential")}
    files = {value for name, value in environment().items() if name.endswith("_FILE")}
    assert files == {f"%d/{name}" for name in credentials}


def test_it_writes_to_its_own_directories_only() -> None:
    assert values("ProtectSystem") == ["strict"]
    (state,), (cache,) = values("StateDirectory"), values("CacheDirectory")
    given = environment()
    assert given["PULUMI_BACKEND_URL"] == f"file://{given['WORK_DIR']}" == f"file://%S/{state}"
    assert given["PULUMI_HOME"].startswith(f"{given['HOME']}/")
    assert given["HOME"] == f"%C/{cache}"
