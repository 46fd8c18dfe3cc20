"""States that parse and that Pulumi can't use, and what Pulumi would run as code: the watcher mends or refuses."""

import base64
import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.harness import Dkron
from tests.e2e.watcher_support import Watcher

pytestmark = pytest.mark.slow
NAMES = ("a1", "a2")
Resources = list[dict[str, Any]]


def change(watcher: Watcher, how: Callable[[Resources], object]) -> None:
    document = json.loads(watcher.checkpoint.read_text())
    how(document["checkpoint"]["latest"]["resources"])
    watcher.checkpoint.write_text(json.dumps(document))


@pytest.mark.parametrize(
    "how",
    [
        lambda r: r[-1].update(dependencies=["urn:pulumi:dev::dkron-jobs::x::none"]),
        pytest.param(lambda r: r.append(copy.deepcopy(r[-1])), marks=pytest.mark.thorough),
        pytest.param(lambda r: r[-1].pop("id"), marks=pytest.mark.thorough),
        lambda r: r[-1].update(inputs="text"),
    ],
    ids=["a link to nothing", "a resource twice", "no id", "inputs that are a text"],
)
def test_a_state_that_pulumi_can_not_use_is_mended(
    watcher: Watcher, dkron: Dkron, how: Callable[[Resources], object]
) -> None:
    watcher.settle()
    before = dkron.jobs()
    change(watcher, how)
    done = watcher.once()
    assert done.code == 0, done.stderr  # a backup may be older than the jobs: then they are adopted
    assert done.has("state.repaired"), done.stderr
    assert list(watcher.checkpoint.parent.glob("dev.json.bad-*"))
    assert dkron.jobs() == before


@pytest.mark.thorough
def test_a_state_without_a_good_backup_is_rebuilt_by_adoption(watcher: Watcher, dkron: Dkron) -> None:
    watcher.settle()
    before = dkron.jobs()
    change(watcher, lambda r: r[-1].update(inputs="text"))
    for folder in ("backups", "history"):
        for path in (watcher.state / folder).rglob("*"):
            if path.is_file():
                path.unlink()
    watcher.checkpoint.with_name("dev.json.bak").unlink(missing_ok=True)
    assert watcher.once().ended(0, "changed")["unchanged"] == 0
    assert dkron.jobs() == before
    assert watcher.once().ended(0, "unchanged")


def test_a_state_that_a_newer_pulumi_wrote_is_named_and_left(watcher: Watcher) -> None:
    watcher.settle()
    document = {**json.loads(watcher.checkpoint.read_text()), "version": 9}
    watcher.checkpoint.write_text(json.dumps(document))
    assert "newer Pulumi" in watcher.once().ended(1, "failed")["detail"]
    assert json.loads(watcher.checkpoint.read_text()) == document


@pytest.mark.sandbox_too
def test_a_provider_that_is_not_ours_is_run_by_neither_a_cycle_nor_a_report(watcher: Watcher) -> None:
    watcher.settle()
    # A pickle that would make a file when it is loaded: cos\nsystem\n(S'touch MARK'\ntR.
    marker = watcher.project.root / "ran"
    code = f"cos\nsystem\n(S'touch {marker}'\ntR."

    def strange(resources: Resources) -> None:
        text = base64.b64encode(code.encode()).decode()
        resources[-1]["inputs"]["__provider"] = resources[-1]["outputs"]["__provider"] = text

    change(watcher, strange)
    assert "another provider than ours" in watcher.once().cycle["detail"]
    report = watcher.once("--report")
    assert report.code != 0
    assert "another provider than ours" in report.stderr
    assert not marker.exists()
