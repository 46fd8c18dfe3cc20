"""Wires the parts of each stack. It starts nothing and holds no policy."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from watcher import notify, stacks
from watcher.allowance import Allowance
from watcher.clock import Control, SystemClock
from watcher.cycle import Cycle
from watcher.logs import Redactor, open_log
from watcher.loop import Loop
from watcher.metrics import Metrics
from watcher.notify import Notifier, Wishes
from watcher.pulumi.cli import Limits, PulumiCli
from watcher.recovery.recovery import Tools
from watcher.settings import WatcherSettings
from watcher.status import Board, Snapshot
from watcher.web.view import Clean


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that one stack has of a kind. Clock, control and log are the same for all stacks."""

    tools: Tools
    board: Board
    cycle: Cycle
    loop: Loop
    clock: SystemClock


def version() -> str:
    try:
        project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))
        return str(project["project"]["version"])
    except (OSError, ValueError, KeyError):
        return "unknown"


def assemble(chosen: WatcherSettings, allowance: Allowance) -> list[Parts]:
    """The parts of each stack; where there are several, the log names the stack."""
    clock, redactor = SystemClock(), Redactor(chosen.secrets)
    control, log = Control(clock), open_log(chosen.log_format, chosen.log_level, redactor)
    several = len(chosen.stacks) > 1
    made = []
    for one in stacks.each(chosen):
        tools = Tools(
            settings=one,
            control=control,
            cli=PulumiCli(one.program_dir, one.stack, one.env, Limits(one.up_timeout_s, one.grace_s), control),
            log=log.of(stack=one.stack) if several else log,
            metrics=Metrics(version(), one.stack),
            redactor=redactor,
        )
        made.append(_parts(tools, clock, allowance))
    return made


def _parts(tools: Tools, clock: SystemClock, allowance: Allowance) -> Parts:
    chosen = tools.settings
    board = Board(Snapshot(chosen.stack, clock.now(), chosen.interval_s, attempted=clock.monotonic()))
    cycle = Cycle(tools, board, allowance)
    notifier = None
    if chosen.notify:
        file = chosen.work_dir / notify.file_of(chosen.stack, len(chosen.stacks) > 1)
        wishes = Wishes(chosen.notify, chosen.notify_on, chosen.public_url, file)
        notifier = Notifier(wishes, board, tools.log, tools.metrics, cleaner_of(chosen, tools.redactor))
    return Parts(tools, board, cycle, Loop(tools, cycle, board, notifier), clock)


def places(chosen: WatcherSettings) -> dict[str, str]:
    """Where the state and the watcher's own files lie, by what is to stand for it."""
    return {
        "state": chosen.env.get("PULUMI_BACKEND_URL", "").removeprefix("file://"),
        "work directory": str(chosen.work_dir),
        "program directory": str(chosen.program_dir),
        "Pulumi's home": chosen.env.get("PULUMI_HOME", ""),
    }


def cleaner_of(chosen: WatcherSettings, redactor: Redactor) -> Clean:
    """For what is shown to people."""
    return cleaner(redactor, places(chosen))


def cleaner(redact: Clean, paths: Mapping[str, str]) -> Clean:
    """Takes secrets out of a text, and the paths where the state lies: `paths` by what is to stand for each."""
    known = sorted(((path, words) for words, path in paths.items() if len(path) > 1), key=lambda p: -len(p[0]))
    word = re.compile(r"[^\s\"'():,;]+")  # a run of what a path is made of, so the work stays linear

    def without_state(found: re.Match[str]) -> str:
        return "[state]" if "/.pulumi" in found[0] else found[0]

    def clean(text: str) -> str:
        for path, words in known:
            if path in text:
                # Up to the end of the path, so that nothing of what lies in it is left.
                text = re.sub(rf"(?:file://)?{re.escape(path)}(?:/[^\s\"'():,;]*)?", f"[{words}]", text)
        return redact(word.sub(without_state, text))

    return clean
