"""The programs are run as the watcher runs them, and nothing of the shell's settings reaches them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bench.projects import COMMANDS, changes, clean_environment
from watcher.clock import Control, SystemClock
from watcher.pulumi.child import Finished
from watcher.pulumi.cli import Limits, PulumiCli


class ArgumentsOnly(PulumiCli):
    """Starts nothing, and keeps what it would have started."""

    def _run(self, args: Sequence[str], **_options: Any) -> Finished:
        self.arguments = set(args)
        return Finished(args[0], 0, 0.0)


@pytest.mark.parametrize("command", ["preview", "up"])
def test_preview_and_up_are_the_watchers(command: str) -> None:
    clock = SystemClock()
    cli = ArgumentsOnly(Path(), "dev", {}, Limits(0, 0), Control(clock))
    clock.close()
    getattr(cli, command)()
    assert cli.arguments == {command, *COMMANDS[command], "--non-interactive"}


def test_no_setting_of_the_shell_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"DKRON_URL", "SERVICE_KEY_FILE", "PULUMI_STACK", "OWNER_TAG", "MAX_DELETES", "BENCH_JOBS"}
    for name in (*settings, "LANG"):
        monkeypatch.setenv(name, "1")
    assert clean_environment()["LANG"] == "1"
    assert not settings & clean_environment().keys()


def test_the_changes_are_in_the_one_object_of_a_preview_and_in_the_last_event_of_an_up() -> None:
    assert changes(json.dumps({"steps": [], "changeSummary": {"same": 9, "update": 1}}, indent=2)) == {"update": 1}
    events = [{"sequence": 1}, {"summaryEvent": {"resourceChanges": {"create": 9, "same": 1}}}, {"cancelEvent": {}}]
    assert changes("\n".join(map(json.dumps, events))) == {"create": 9}
