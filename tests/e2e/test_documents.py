"""The commands of the README and of docs/ are run as they stand there, and print what is shown below them.

One project goes through all documents, as a reader would: up, then every command, then destroy and down. A command that
cannot run here stands in NOT_RUN with the reason; one that is in neither fails. The walk-through for production is run
in one shell, from its first line to its last, with a stack, a state and a passphrase of its own.
"""

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from dev.agent import free_port
from dev.say import ROOT
from tests.e2e.harness import Dkron, tool, wait_until
from tests.processes import end_processes_of

pytestmark = pytest.mark.slow
NOT_RUN = {
    "make test": "runs this test",
    "make image": "needs a Docker engine; tests/e2e/test_image.py builds the image where there is one",
    "docker compose": "needs a Docker engine; tests/test_container_files.py reads the file",
}
FIRST, LAST = ("make up", "make preview"), ("make destroy", "make down")
# Without the gateway the job's run fails, and a job that differs is what `diff` tells of.
EXIT_CODES = {"python -m jobs run": 1, "python -m jobs status": 1, "python -m jobs diff": 0}
REAL_ONLY = ("pulumi:", "dkron:")  # lines that tell of the tools in use
PULUMI_S_OWN = "make preview"  # what it prints, the stand-in prints otherwise
DRIFTED = "geo-purge-stale-whois"
WALK = "production.md"
STEP = "\x1e"  # between what two commands of a walk printed


@dataclass(frozen=True)
class Shown:
    """One command of a document, and the lines that the document shows below it."""

    document: str
    command: str
    output: tuple[str, ...]


def shown() -> list[Shown]:
    """Every command in a block of console text."""
    found = []
    for document in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for block in re.findall(r"^ *```console\n(.*?)^ *```$", document.read_text(encoding="utf-8"), re.M | re.S):
            text = re.sub(r"\\\n\s*", "", block)
            for part in re.split(r"^ *\$ ", text, flags=re.M)[1:]:
                command, *output = part.splitlines()
                lines = tuple(line.strip() for line in output if line.strip() not in ("", "..."))
                found.append(Shown(document.name, command.partition("  #")[0].strip(), lines))
    return found


SHOWN = shown()


def reason_not_to_run(command: str) -> str:
    return next((why for start, why in NOT_RUN.items() if command.startswith(start)), "")


@dataclass
class Reader:
    """Somebody with a clone of the project, who types what the documents say."""

    folder: Path
    environment: dict[str, str]
    url: str = ""

    def type(self, shown: Shown) -> str:
        """What the command printed; its exit code is the one that is expected of it."""
        command = shown.command.replace(".venv/bin/python", "python")
        command = command.replace("http://127.0.0.1:8888", self.url)
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        printed = done.stdout + done.stderr
        wanted = next((code for start, code in EXIT_CODES.items() if command.startswith(start)), 0)
        assert done.returncode == wanted, f"{shown.document}: {shown.command}\n{printed}"
        assert "Traceback" not in printed, printed
        return printed


@pytest.fixture
def reader(pair: tuple[str, str], tmp_path: Path) -> Iterator[Reader]:
    folder = tmp_path / "clone"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, tracked.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    for name in (".venv", ".tools"):
        if (ROOT / name).exists():
            (folder / name).symlink_to(ROOT / name)
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    environment["PATH"] = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{environment['PATH']}"
    environment |= {"SANDBOX": "1" if pair[0] == "sandbox" else "0", "PULUMI_HOME": str(tmp_path / "home")}
    environment |= {"HEALTH_ADDR": "127.0.0.1:0"}
    yield Reader(folder, environment)
    end_processes_of(folder)


def pattern(line: str) -> re.Pattern[str]:
    """A line as it may look on another day: other numbers, other gaps, anything for three dots."""
    parts = [re.escape(part) for part in re.split(r"\.\.\.", line)]
    text = ".*".join(re.sub(r"\d+", r"\\d+", part) for part in parts)
    return re.compile(re.sub(r"(\\ )+", r"\\s+", text))


def check(shown: Shown, printed: str, real: bool) -> None:
    lines = [line for line in shown.output if real or not line.startswith(REAL_ONLY)]
    missing = [line for line in lines if not pattern(line).search(printed)]
    assert not missing, f"{shown.document}: {shown.command} shows {missing}, but printed\n{printed}"


@pytest.mark.long
def test_every_command_of_the_documents_runs_and_prints_what_is_shown(pair: tuple[str, str], reader: Reader) -> None:
    real = pair[0] == "real"
    first = [s for s in SHOWN if s.command in FIRST]
    last = [s for s in SHOWN if s.command in LAST]
    rest = [s for s in SHOWN if s.command not in (*FIRST, *LAST, "make watch") and s.document != WALK]
    assert [s.command for s in first[:2]] == list(FIRST)
    for step in first:
        if step.command == "make preview":
            url = reader.url
            job = requests.get(f"{url}/v1/jobs/{DRIFTED}", timeout=30).json()
            requests.post(f"{url}/v1/jobs", json={**job, "displayname": "X", "retries": 5}, timeout=30)
        printed = reader.type(step)
        reader.url = json.loads((reader.folder / ".state" / "dkron.json").read_text())["url"]
        if real or step.command != PULUMI_S_OWN:
            check(step, printed, real)
    for step in rest:
        if not reason_not_to_run(step.command):
            reader.type(step)
    watch(reader, next(s for s in SHOWN if s.command == "make watch"))
    for step in sorted(last, key=lambda s: LAST.index(s.command)):
        reader.type(step)


def watch(reader: Reader, step: Shown) -> None:
    """Runs the watcher until it has repaired what the document shows, and ends it as a person would."""
    log = reader.folder.with_name("watch.log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["make", "watch"],
            cwd=reader.folder,
            env=reader.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    wait_until(lambda: b"reason=start" in log.read_bytes(), "the first cycle")
    requests.delete(f"{reader.url}/v1/jobs/auth-purge-sessions", timeout=30)
    wait_until(lambda: b"reason=drift" in log.read_bytes(), "the repair")
    os.killpg(process.pid, signal.SIGINT)
    process.wait(timeout=120)
    printed = log.read_text(encoding="utf-8")
    shown = [line for line in step.output if "reason=start" not in line]
    check(Shown(step.document, step.command, tuple(shown)), printed, real=True)


@pytest.fixture
def origin(reader: Reader, dkron: Dkron, tmp_path: Path) -> Path:
    """The reader's clone is one of Git, of a repository that others clone, too."""
    bare = tmp_path / "origin.git"
    reader.url = dkron.url
    who = {"NAME": "Reader", "EMAIL": "reader@example.org"}
    reader.environment |= {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
    for command in (
        f"git init -q --bare -b main {bare}",
        "git init -q -b main && git add -A && git commit -qm Jobs",
        f"git remote add origin {bare} && git push -q -u origin main",
    ):
        subprocess.run(["bash", "-c", command], cwd=reader.folder, env=reader.environment, check=True)
    return bare


def walk_script(steps: list[Shown], places: dict[str, str]) -> str:
    """One script of all commands that ends at the first that fails; a mark and its exit code follow each output."""
    script = "exec 2>&1\n"
    for step in steps:
        command = step.command
        for written, here in places.items():
            command = command.replace(written, here)
        script += f'{command}\ncode=$?; echo; echo "{STEP}$code"; [ $code = 0 ] || exit\n'
    return script


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_walk_through_for_production_holds_from_its_first_line_to_its_last(
    pair: tuple[str, str], reader: Reader, origin: Path, tmp_path: Path
) -> None:
    steps = [s for s in SHOWN if s.document == WALK]
    pulumi = tool("pulumi", pair[0])
    assert pulumi is not None
    places = {
        "/srv/dkron-jobs": str(tmp_path / "state"),
        "/run/secrets/": f"{tmp_path}/",
        "http://dkron.example.org:8080": reader.url,
        "127.0.0.1:8080": f"127.0.0.1:{free_port()}",
        "https://git.example.org/dkron-jobs.git": str(origin),
    }
    path = f"{pulumi.parent}{os.pathsep}{reader.environment['PATH']}"
    environment = {**reader.environment, "PATH": path, "HEALTH_ADDR": places["127.0.0.1:8080"]}
    output = tmp_path / "walk.txt"
    with output.open("wb") as printed:
        subprocess.run(
            ["bash", "-c", walk_script(steps, places)],
            cwd=reader.folder,
            env=environment,
            input=b"the-service-key\n",
            stdout=printed,
            timeout=800,
            check=False,
        )
    text = output.read_text(encoding="utf-8")
    told = [part.rpartition(STEP) for part in re.split(rf"(?<={STEP}\d)\n", text) if STEP in part]
    for step, (printed_by_it, _, code) in zip(steps, told, strict=False):
        assert code == "0", f"{step.command}\n{printed_by_it}"
        check(step, printed_by_it, real=True)
    assert len(told) == len(steps), text
    assert "Traceback" not in text
    assert "the-service-key" not in text
