"""A project of its own in a temporary folder, and a Pulumi CLI, real or sandbox, run on it with its own home and state.

The program `tiny` declares what things.json says; its provider keeps each thing as a file. The folder is the same for
both CLIs, so that state written by one can be carried on by the other.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[3]
SANDBOX = REPOSITORY / "sandbox" / "bin" / "pulumi"
PROGRAMS = Path(__file__).with_name("programs")
PASSPHRASE = "correct horse"
CANARY = "canary-7c1e9b"


def real_cli() -> Path | None:
    """The real Pulumi CLI of this machine, if it has one that can run Python programs."""
    found = shutil.which("pulumi")
    if not found or Path(found).resolve() == SANDBOX or not shutil.which("pulumi-language-python"):
        return None
    version = subprocess.run([found, "version"], capture_output=True, text=True, check=False, timeout=60).stdout
    return None if "sandbox" in version else Path(found)


@dataclass
class Result:
    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """The events of `up --json`."""
        return [json.loads(line) for line in self.out.splitlines()]


def finished(process: subprocess.Popen[str], code: int | None = 0) -> Result:
    """Waits for a command's end, which must be the exit code, unless that is None."""
    out, err = process.communicate(timeout=120)
    assert code in (None, process.returncode), f"{process.args!r} ended with {process.returncode}\n{out}\n{err}"
    return Result(process.returncode, out, err)


@dataclass
class World:
    """One project, one state directory, one home."""

    folder: Path
    cli: Path = SANDBOX
    program: str = "tiny"
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.project = self.folder / "project"
        self.state = self.folder / "state"
        self.things = self.folder / "things"
        for path in (self.state, self.things, self.folder / "home"):
            path.mkdir(parents=True, exist_ok=True)
        if not self.project.exists():
            shutil.copytree(PROGRAMS / self.program, self.project)
            text = (self.project / "Pulumi.yaml").read_text(encoding="utf-8")
            venv = str(Path(sys.executable).parent.parent)
            (self.project / "Pulumi.yaml").write_text(text.replace("VIRTUALENV", venv), encoding="utf-8")
        self.declare({})

    def declare(self, things: dict[str, dict[str, Any]]) -> None:
        (self.folder / "things.json").write_text(json.dumps(things), encoding="utf-8")

    def thing(self, name: str) -> dict[str, Any] | None:
        """What the provider's target holds under the name."""
        path = self.things / f"{name}.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def tamper(self, name: str, **changes: Any) -> None:
        """Drift: somebody changed the thing behind Pulumi's back."""
        found = self.thing(name) or {}
        (self.things / f"{name}.json").write_text(json.dumps(found | changes), encoding="utf-8")

    def env(self, **more: str) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PULUMI_")}
        return (
            kept
            | {
                "PULUMI_HOME": str(self.folder / "home"),
                "PULUMI_BACKEND_URL": self.state.as_uri(),
                "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
                "PULUMI_SKIP_UPDATE_CHECK": "true",
                "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
                "THINGS": str(self.folder / "things.json"),
            }
            | self.environment
            | more
        )

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.cli, *arguments],
            cwd=self.project,
            env=self.env(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, code: int | None = 0, **more: str) -> Result:
        """Runs a command; `code` is the exit code that it must have, None for any."""
        return finished(self.start(*arguments, **more), code)

    def init(self, stack: str = "dev") -> "World":
        """A stack with its configuration, the token being secret."""
        self.run("stack", "init", stack)
        self.run("config", "set", "targetDir", str(self.things))
        self.run("config", "set", "--secret", "token", CANARY)
        return self

    def up(self, *flags: str, code: int | None = 0, **more: str) -> Result:
        return self.run("up", "--yes", "--skip-preview", *flags, code=code, **more)

    def export(self, *flags: str) -> dict[str, Any]:
        deployment: dict[str, Any] = self.run("stack", "export", *flags).json()["deployment"]
        return deployment

    def resources(self) -> dict[str, dict[str, Any]]:
        """The resources in the state by name."""
        return {item["urn"].split("::")[-1]: item for item in self.export("--show-secrets").get("resources", [])}
