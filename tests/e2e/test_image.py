"""The image is built, started, probed, stopped and searched for secrets, wherever a Docker engine answers.

DOCKER_HOST names the engine, IMAGE_BASE another base than the Dockerfile's, IMAGE_BUILD_OPTIONS more of docker build's
options. The containers have no network at all: the watcher shares the loopback of one that runs a stand-in of Dkron.
"""

import gzip
import json
import os
import re
import secrets
import shlex
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

import pytest

from dev.say import ROOT
from dev.tools import docker_answers
from tests.e2e.harness import CANARY, wait_until
from tests.e2e.watcher_support import Event, parse
from tests.paths import jobs_table
from watcher.secrets import PUBLIC_PASSPHRASE

pytestmark = pytest.mark.xdist_group("image")

PARTS = (
    "Dockerfile",
    ".dockerignore",
    "requirements.txt",
    "pyproject.toml",
    "Pulumi.yaml",
    "Pulumi.dev.yaml",
    "__main__.py",
    "jobs",
    "provider",
    "watcher",
)
# Files of a working copy that hold secrets: the canary is planted in each.
PLANTED = (
    ".env",
    "prod.env",
    ".state/x.json",
    ".git/config",
    ".tools/x",
    "jobs/.env",
    "watcher/tls/server.key",
    "key.pem",
)
DKRON = "http://127.0.0.1:8888"
HARDENED = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true")
IN_MEMORY = 1 << 20


def docker(*arguments: str, timeout: float = 120, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, timeout=timeout, check=False, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0 or not check, (
        f"docker {shlex.join(arguments)}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
    )
    return done


def base() -> str:
    """The base to build on. Skips where the Dockerfile's can't be had and no other is named."""
    if named := os.environ.get("IMAGE_BASE", "").strip():
        return named
    found = re.search(r"^ARG BASE=(\S+)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert found
    if docker("image", "inspect", found[1], check=False).returncode != 0:
        pulled = docker("pull", "--quiet", found[1], timeout=580, check=False)
        if pulled.returncode != 0:
            pytest.skip(f"the image's base {found[1]} can't be pulled: name another one by IMAGE_BASE")
    return found[1]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The image, built from a copy of the project with secrets lying about in it."""
    if not docker_answers():
        pytest.skip("no Docker engine answers (DOCKER_HOST may name one), so the image was not built")
    copy = tmp_path_factory.mktemp("context") / "project"
    copy.mkdir()
    for name in PARTS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name)
        else:
            shutil.copy(ROOT / name, copy / name)
    for name in PLANTED:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_text(CANARY, encoding="utf-8")
    tag = f"dkron-jobs-test:{secrets.token_hex(6)}"
    options = shlex.split(os.environ.get("IMAGE_BUILD_OPTIONS", ""))
    docker("build", "--build-arg", f"BASE={base()}", *options, "-t", tag, str(copy), timeout=580)
    yield tag
    docker("image", "rm", "--force", tag, check=False)


class Engine:
    """Starts containers, and removes them and their volumes at the end."""

    def __init__(self, image: str) -> None:
        self.image = image
        self.names: list[str] = []
        self.volume = f"dkron-jobs-test-{secrets.token_hex(6)}"

    def name(self) -> str:
        self.names.append(f"dkron-jobs-test-{secrets.token_hex(6)}")
        return self.names[-1]

    def dkron(self) -> str:
        """A stand-in of Dkron in a container without a network."""
        name = self.name()
        docker(
            "create",
            "--name",
            name,
            "--network",
            "none",
            "--entrypoint",
            "tini",
            self.image,
            "--",
            "/app/sandbox/bin/dkron",
            "agent",
            "--server",
            "--bootstrap-expect=1",
            "--http-addr=127.0.0.1:8888",
            "--bind-addr=127.0.0.1",
            "--data-dir=/tmp/dkron",
            "--node-name=image",
            "--disable-usage-stats",
        )
        docker("cp", str(ROOT / "sandbox"), f"{name}:/app/sandbox")
        docker("start", name)
        wait_until(lambda: self.fetch(name, f"{DKRON}/v1/leader")[0] == 200, "dkron's leader")
        return name

    def watcher(self, network: str, *arguments: str, detach: bool = True, **env: str) -> tuple[str, int]:
        """A watcher in the network of that container: its name, and its exit code unless it is left running."""
        name = self.name()
        given = {
            "DKRON_URL": DKRON,
            "GATEWAY_URL": "http://127.0.0.1:5461",
            "SERVICE_KEY": CANARY,
            "LOG_LEVEL": "debug",
        }
        given |= {"PULUMI_CONFIG_PASSPHRASE": PUBLIC_PASSPHRASE, "PROBE_INTERVAL_MS": "500", **env}
        flags = [flag for key, value in given.items() for flag in ("--env", f"{key}={value}")]
        docker(
            "run",
            "--detach",
            "--name",
            name,
            "--network",
            network,
            *HARDENED,
            "--volume",
            f"{self.volume}:/state",
            *flags,
            self.image,
            *arguments,
        )
        return name, 0 if detach else int(docker("wait", name, timeout=240).stdout)

    def log(self, name: str) -> list[Event]:
        done = docker("logs", name)
        assert CANARY not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return parse(done.stderr)

    def cycle(self, name: str, number: int = 0) -> Event:
        """The end of that cycle."""

        def ended() -> Event | None:
            done = [e for e in self.log(name) if e["event"] == "cycle.done"]
            return done[number] if len(done) > number else None

        event: Event = wait_until(ended, f"cycle {number}", 240)
        return event

    def fetch(self, name: str, url: str, method: str = "GET") -> tuple[int, str]:
        """Status and body, asked from inside of a container; (0, "") where nobody answers."""
        code = (
            "import sys, requests\n"
            "try: r = requests.request(sys.argv[1], sys.argv[2], timeout=5)\n"
            "except requests.RequestException: print(0)\n"
            "else: print(r.status_code); print(r.text)"
        )
        status, _, body = docker("exec", name, "python", "-c", code, method, url).stdout.partition("\n")
        return int(status), body.strip()

    def shell(self, name: str, command: str) -> str:
        return docker("exec", name, "sh", "-c", command, check=False).stdout.strip()

    def inspect(self, name: str, what: str) -> Any:
        return json.loads(docker("inspect", "--format", f"{{{{json {what}}}}}", name).stdout)

    def close(self) -> None:
        if self.names:
            docker("rm", "--force", "--volumes", *reversed(self.names), check=False)
        docker("volume", "rm", "--force", self.volume, check=False)


@pytest.fixture
def engine(image: str) -> Iterator[Engine]:
    running = Engine(image)
    yield running
    running.close()


def test_the_watcher_in_its_container_brings_the_jobs_up_and_stops_at_sigterm(engine: Engine) -> None:
    dkron = engine.dkron()
    watcher, _ = engine.watcher(f"container:{dkron}")
    first = engine.cycle(watcher)
    assert (first["outcome"], len(first["created"])) == ("changed", len(jobs_table())), first

    assert engine.fetch(watcher, "http://127.0.0.1:8080/healthz") == (200, "ok")
    assert engine.fetch(watcher, "http://127.0.0.1:8080/readyz") == (200, "changed")
    wait_until(lambda: engine.inspect(watcher, ".State.Health.Status") == "healthy", "docker's health check", 90)

    assert engine.shell(watcher, "cat /proc/1/comm") == "tini"
    assert engine.shell(watcher, "id -u") == "10001"
    assert engine.shell(watcher, "touch /app/x /usr/x 2>/dev/null || echo refused") == "refused"

    name = jobs_table()[0][0]
    assert engine.fetch(dkron, f"{DKRON}/v1/jobs/{name}", "DELETE")[0] == 200
    assert engine.cycle(watcher, 1)["created"] == [name]

    docker("stop", "--time", "60", watcher, timeout=90)
    assert engine.inspect(watcher, ".State.ExitCode") == 0
    assert engine.log(watcher)[-1]["event"] == "watcher.stopped"

    # The state is on the volume, so a new container finds nothing to do.
    again, code = engine.watcher(f"container:{dkron}", "--once", detach=False)
    assert (code, engine.cycle(again)["outcome"], engine.cycle(again)["unchanged"]) == (
        0,
        "unchanged",
        len(jobs_table()),
    )


def test_without_a_network_it_starts_is_healthy_and_stops(engine: Engine) -> None:
    watcher, _ = engine.watcher("none", LEADER_WAIT_MS="500")
    assert engine.cycle(watcher)["outcome"] == "no_leader"
    assert engine.fetch(watcher, "http://127.0.0.1:8080/healthz")[0] == 200
    assert engine.fetch(watcher, "http://127.0.0.1:8080/readyz")[0] == 503
    docker("stop", "--time", "60", watcher, timeout=90)
    assert engine.inspect(watcher, ".State.ExitCode") == 0


def test_the_exit_code_passes_through_the_init(engine: Engine) -> None:
    assert engine.watcher("none", "--once", detach=False, LEADER_WAIT_MS="0")[1] == 5
    assert engine.watcher("none", "--once", detach=False, MAX_DELETES="many")[1] == 2


# -- secrets


def texts_in(stream: IO[bytes], needles: list[bytes]) -> set[bytes]:
    """Which of the texts the stream holds."""
    found: set[bytes] = set()
    tail = b""
    while chunk := stream.read(IN_MEMORY):
        text = tail + chunk
        found |= {needle for needle in needles if needle in text}
        tail = text[-max(map(len, needles)) :]
    return found


def texts_in_layers(image: str, folder: Path, needles: list[bytes]) -> set[bytes]:
    """Which texts any layer or description in the image holds, files deleted by a later layer included."""
    saved = folder / "image.tar"
    docker("save", "--output", str(saved), image, timeout=300)
    found: set[bytes] = set()
    with tarfile.open(saved) as outer:
        for member in outer:
            content = outer.extractfile(member)
            if content is None:
                continue
            zipped = content.read(2) == b"\x1f\x8b"
            content.seek(0)
            if zipped:
                with gzip.open(content) as inside:
                    found |= texts_in(cast("IO[bytes]", inside), needles)
            else:
                found |= texts_in(content, needles)
    saved.unlink()
    return found


def test_no_layer_holds_a_secret(image: str, tmp_path: Path) -> None:
    there = b"Reruns `pulumi up` on an interval"  # in watcher/__main__.py: the search finds what is in a layer
    secret = [CANARY.encode(), PUBLIC_PASSPHRASE.encode(), b"PULUMI_CONFIG_PASSPHRASE="]
    assert texts_in_layers(image, tmp_path, [there, *secret]) == {there}


def test_neither_the_configuration_nor_the_history_names_a_secret(image: str) -> None:
    shown = docker("image", "inspect", image).stdout + docker("history", "--no-trunc", image).stdout
    assert '"tini"' in shown
    for word in (CANARY, PUBLIC_PASSPHRASE, "PASSPHRASE=", "SERVICE_KEY=", "TOKEN=", "PASSWORD=", "PIP_INDEX_URL"):
        assert word not in shown
