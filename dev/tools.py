"""Which `pulumi` and which `dkron` to use: the real ones wherever they can be had, else the sandbox's stand-ins.

SANDBOX=1 forces the stand-ins, SANDBOX=0 forbids them. It starts nothing but version commands and the SDK's installer.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from dev.say import ROOT, SANDBOX_BIN, say, stop

INSTALL_TIMEOUT_S = 300
TOOLS = ROOT / ".tools"
_INSTALL = """\
import sys
from pulumi.automation import PulumiCommand
from semver import VersionInfo
PulumiCommand.install(root=sys.argv[1], version=VersionInfo.parse(sys.argv[2]))
"""


def known_good(what: str) -> str:
    """The version that the tests ran on, of `pulumi` (the CLI), `sdk` or `dkron`; pyproject.toml alone names it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return str(project["tool"]["dkron-jobs"]["tested"][what])


@dataclass(frozen=True, slots=True)
class Tool:
    """A program to start, and whether it is a stand-in."""

    path: Path
    sandbox: bool


def sandbox_choice() -> bool | None:
    """True: forced by SANDBOX=1; False: forbidden by SANDBOX=0; None: as needed."""
    value = os.environ.get("SANDBOX", "").strip()
    if value not in ("", "0", "1"):
        stop(f'SANDBOX must be 1 (force the stand-ins) or 0 (forbid them), not "{value}"')
    return None if not value else value == "1"


def on_path(name: str) -> Path | None:
    """The real tool on PATH; the sandbox's folder doesn't count."""
    folders = [p for p in os.environ.get("PATH", "").split(os.pathsep) if p and Path(p).resolve() != SANDBOX_BIN]
    found = shutil.which(name, path=os.pathsep.join(folders))
    return Path(found) if found else None


def version(command: list[str]) -> str:
    """The version number that a version command prints, "?" if it can't be run or prints none."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "?"
    number = re.search(r"v?\d+\.\d+\.\d+\S*", done.stdout)
    return number[0] if number else "?"


def stand_in(name: str, why: str) -> Tool:
    """The sandbox's stand-in, with the reason said."""
    say(name, f"the sandbox's stand-in, for development and tests only ({why})")
    return Tool(SANDBOX_BIN / name, sandbox=True)


def choose_pulumi() -> Tool:
    """The CLI on PATH, else the one under .tools/, installed there if it can be, else the stand-in."""
    choice = sandbox_choice()
    if choice:
        return stand_in("pulumi", "SANDBOX=1")
    if found := on_path("pulumi"):
        say("pulumi", f"{found} ({version([str(found), 'version'])}), because it is on PATH")
        return Tool(found, sandbox=False)
    local = TOOLS / "bin" / "pulumi"
    reason = "" if local.is_file() else _install()
    if local.is_file():
        say("pulumi", f".tools/bin/pulumi ({version([str(local), 'version'])}), because none is on PATH")
        return Tool(local, sandbox=False)
    if choice is False:
        stop(f"pulumi: none on PATH and it cannot be installed here ({reason}): install the CLI, or allow SANDBOX")
    return stand_in("pulumi", f"none on PATH, and it cannot be installed here: {reason}")


def _install() -> str:
    """Installs the tested CLI under .tools/ by the SDK's own installer; the reason if that fails."""
    say("pulumi", f"none on PATH; installing {known_good('pulumi')} under .tools/ ...")
    try:
        done = subprocess.run(
            [sys.executable, "-c", _INSTALL, str(TOOLS), known_good("pulumi")],
            capture_output=True,
            text=True,
            timeout=INSTALL_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return f"the installer did not end within {INSTALL_TIMEOUT_S} s"
    lines = done.stderr.strip().splitlines()
    return "" if done.returncode == 0 else (lines[-1] if lines else f"the installer ended with {done.returncode}")


def choose_dkron() -> Tool | None:
    """The `dkron` on PATH, else the stand-in; None where a container should be tried first."""
    choice = sandbox_choice()
    if choice:
        return stand_in("dkron", "SANDBOX=1")
    if found := on_path("dkron"):
        say("dkron", f"{found} ({version([str(found), 'version'])}), because it is on PATH and DKRON_URL is not set")
        return Tool(found, sandbox=False)
    return None


def docker_answers() -> bool:
    """Whether a Docker engine answers here."""
    docker = shutil.which("docker")
    if docker is None:
        return False
    try:
        done = subprocess.run([docker, "info"], capture_output=True, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
