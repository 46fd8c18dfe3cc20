"""A PostgreSQL of a test's own, where it is installed."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dev.agent import free_port

HOMES = Path("/usr/lib/postgresql")


class Postgres:
    """A server of the test's own."""

    def __init__(self, data: Path, bin_dir: Path) -> None:
        self.data, self.bin, self.port = data, bin_dir, free_port()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres?sslmode=disable"

    def run(self, *command: str) -> None:
        """As the user postgres: it refuses to run as root."""
        words = [str(self.bin / command[0]), *command[1:]]
        if os.geteuid() == 0:
            words = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *words]
        subprocess.run(words, check=True, capture_output=True, stdin=subprocess.DEVNULL, cwd="/")

    def create(self) -> None:
        self.data.mkdir()
        if os.geteuid() == 0:
            shutil.chown(self.data, "postgres", "postgres")
        self.run("initdb", "-D", str(self.data), "-U", "postgres", "--auth=trust", "--no-sync")
        self.start()

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        self.run("pg_ctl", "start", "-w", "-D", str(self.data), "-o", options, "-l", str(self.data / "log"))

    def ask(self, sql: str) -> str:
        """What psql prints for it."""
        command = ["psql", self.url, "--no-psqlrc", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-f", "-"]
        return subprocess.run(command, check=True, capture_output=True, text=True, input=sql).stdout

    def stop(self) -> None:
        self.run("pg_ctl", "stop", "-m", "immediate", "-D", str(self.data))


@contextmanager
def server() -> Iterator[Postgres]:
    """Skips the test where there is none."""
    homes = sorted(HOMES.glob("*/bin/initdb"))
    if not homes:
        pytest.skip("PostgreSQL isn't installed (Debian: postgresql)")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        started = Postgres(Path(folder) / "data", homes[-1].parent)
        started.create()
        yield started
        started.stop()
