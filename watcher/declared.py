"""What is wrong with the declarations, for a cycle that gets no answer of Dkron and so can't run the program.

It asks `python -m jobs check`, in a process of its own, once for each state of the files. It decides nothing.
"""

import sys

from watcher.pulumi import child
from watcher.pulumi.child import Command
from watcher.pulumi.cli import NEEDED_S, run_environment
from watcher.recovery.recovery import Tools

SHOWN = 3


class Declared:
    """Asks for one watcher."""

    def __init__(self, tools: Tools) -> None:
        self.tools = tools
        self._known: tuple[object, str] | None = None

    def wrong(self, files: object) -> str:
        """The first problems in one line, "" where there are none or none can be found out. `files`: as they are."""
        if self._known is None or self._known[0] != files:
            self._known = files, self._ask()
        return self._known[1]

    def _ask(self) -> str:
        settings, cli = self.tools.settings, self.tools.cli
        if not (settings.program_dir / "jobs" / "__main__.py").is_file():
            return ""  # a program without our commands
        argv = [sys.executable, "-m", "jobs", "check", "--stack", settings.stack.rpartition("/")[2]]
        env = {**run_environment(settings.env), **cli.handed}
        run = child.run(Command("check", argv, settings.program_dir, env, NEEDED_S), self.tools.control)
        if "checked" not in run.stdout:
            return ""
        found = [line for line in run.stderr.splitlines() if line and not line.startswith("warning: ")]
        more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        return "; ".join(found[:SHOWN]) + more
