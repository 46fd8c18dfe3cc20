"""A watcher on a project of its own, as a process: what `repair` and `soak` drive. Reads its log; decides nothing."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.projects import Project, lay_ours, our_settings
from bench.servers import Server, Tools
from dev.say import ROOT
from watcher.recovery.state_files import keep_no_logs

CYCLE_LIMIT_S = 300.0
POLL_S = 0.02


@dataclass
class Watching:
    """A running watcher, its Dkron and its project."""

    server: Server
    project: Project
    process: subprocess.Popen[bytes]
    log: Path
    temporary: Path  # its TMPDIR

    def cycles(self) -> list[dict[str, Any]]:
        """The ends of its cycles so far."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return [json.loads(line) for line in lines if '"cycle.done"' in line and line.endswith("}")]

    def after(self, count: int) -> dict[str, Any]:
        """Waits for the end of cycle number `count`, counted from 1. Raises BenchError if it didn't end well."""
        deadline = time.monotonic() + CYCLE_LIMIT_S
        while True:
            ended = self.cycles()
            if bad := [end for end in ended if end["outcome"] not in ("unchanged", "changed")]:
                raise BenchError(f"watcher: a cycle ended as {bad[0]['outcome']}", json.dumps(bad[0]))
            if len(ended) >= count:
                return ended[count - 1]
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise BenchError(f"watcher: no end of cycle {count}", self.log.read_text(errors="replace")[-4000:])
            time.sleep(POLL_S)


@contextlib.contextmanager
def watching(tools: Tools, jobs: int, settings: Mapping[str, str]) -> Iterator[Watching]:
    """Starts a Dkron and a watcher for so many jobs, and ends both. The first cycle is still to come."""
    with tempfile.TemporaryDirectory(prefix="dkron-jobs-bench-") as folder, contextlib.ExitStack() as stack:
        root = Path(folder)
        server = Server(tools.dkron.path, root / "dkron")
        stack.callback(server.stop)
        server.start()
        lay_ours(root / "ours")
        project = Project(root / "ours", tools.pulumi.path, our_settings(server.url))
        keep_no_logs(project.root / ".home")
        project.add_stack()
        (root / "tmp").mkdir()
        env = {
            **project.environment,
            "PATH": f"{tools.pulumi.path.parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYTHONPATH": str(ROOT),
            "PROGRAM_DIR": str(project.root),
            "STACK": "dev",
            "HEALTH_ADDR": "127.0.0.1:0",
            "PULUMI_LOGS": "off",
            "TMPDIR": str(root / "tmp"),
            "BENCH_JOBS": str(jobs),
            **settings,
        }
        log = root / "watcher.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "watcher"], cwd=root, env=env, stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, start_new_session=True,
            )  # fmt: skip
        try:
            yield Watching(server, project, process, log, root / "tmp")
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
