"""The two Pulumi programs that are measured: this project, and the floor."""

import functools
import json
import shutil
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import requests

from bench.measure import Cost, run
from bench.projects import Project, changes, checked, commands, lay_floor, lay_ours, our_settings
from bench.servers import TIMEOUT_S
from bench.site import OPERATIONS, Samples, Site, System, expect, timed
from dev.say import ROOT
from provider.dkron.client import DkronClient
from provider.job.ownership import OWNER_TAG_KEY
from provider.settings import DEFAULT_OWNER_TAG, DkronSettings
from watcher.clock import Control, SystemClock
from watcher.dkron.probe import Probe
from watcher.recovery.state_files import keep_no_logs

LOOKS = 20


class _Program(System):
    """A Pulumi program, run as the watcher runs it."""

    project: Project
    changed = False

    def settle(self, lay: Callable[[Path], None], dkron_url: str = "") -> None:
        """A fresh project: a copy of one that has a stack and was run once, so that no measurement is its first."""
        template = self.site.templates / self.name
        settings = our_settings(dkron_url) if dkron_url else {}
        self.project = Project(template, self.site.tools.pulumi.path, settings)
        if not template.exists():
            lay(template)
            if not self.site.cli_logs:
                keep_no_logs(template / ".home")
            self.project.add_stack()
            self.pulumi("preview", "first run", {"create": 1}, 0)
        self.project.root = self.site.folder / self.name
        shutil.copytree(template, self.project.root, symlinks=True)

    def pulumi(self, command: str, operation: str, wanted: dict[str, int] | None, count: int | None = None) -> Cost:
        """Runs a command and checks the counts of its changes: `wanted`, the stack itself left out."""
        what = f"{self.name} {operation}"
        env = {
            "BENCH_JOBS": str(self.site.count if count is None else count),
            "BENCH_HOUR": str(self.site.hour),
            "BENCH_CHANGED": "1" if self.changed else "",
        }
        done = self.project.run(_commands()[command], what, **env)
        if wanted is not None:
            expect(what, changes(done.stdout), wanted, done.stdout[-4000:] + done.stderr)
        return done.cost

    def created(self) -> None:
        """Checks that all are there, as far as there is a place to look."""

    def create(self) -> Cost:
        self.changed = False
        # The stack is a resource, too.
        cost = self.pulumi("up", "create", {"create": self.site.count + 1})
        self.created()
        return cost

    def preview(self) -> Cost:
        return self.pulumi("preview", "preview", {})

    def up(self) -> Cost:
        return self.pulumi("up", "up", {})

    def change(self) -> Cost:
        self.changed = True
        return self.pulumi("up", "change", {"update": 1})

    def destroy(self) -> Cost:
        return self.pulumi("destroy", "destroy", {"delete": self.site.count + 1})


@functools.cache
def _commands() -> dict[str, list[str]]:
    return commands()


class Ours(_Program):
    """This project."""

    name = "ours"
    operations = OPERATIONS

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.server = site.server(self.name)
        self.settle(lay_ours, self.server.url)

    def holds(self, operation: str, count: int) -> None:
        expect(f"{self.name} {operation}", f"{len(self.server.jobs())} jobs", f"{count} jobs")

    def created(self) -> None:
        self.holds("create", self.site.count)

    def change(self) -> Cost:
        cost = super().change()
        self.shows("change", 0)
        return cost

    def shows(self, operation: str, number: int) -> None:
        """Checks that a job is as declared."""
        body = self.site.bodies(number + 1, self.changed)[number]
        live = self.server.jobs()[body["name"]]["displayname"]
        expect(f"{self.name} {operation}", live, body["displayname"])

    def drift(self) -> Cost:
        number = self.site.count // 2
        self.server.change_by_hand(self.site.bodies()[number]["name"], "changed by hand")
        cost = self.pulumi("up", "drift", {"update": 1})
        self.shows("drift", number)
        return cost

    def orphan(self) -> Cost:
        count = self.site.count - 1
        cost = self.pulumi("up", "orphan", {"delete": 1}, count)
        self.holds("orphan", count)
        self.pulumi("up", "orphan, put back", {"create": 1})
        self.holds("orphan, put back", self.site.count)
        return cost

    def probe(self) -> Samples:
        """The watcher's probe against one bare list request to the same server, in turns."""
        client = DkronClient(DkronSettings(urls=(self.server.url,)))
        clock = SystemClock()
        probe = Probe(client, DEFAULT_OWNER_TAG, "", Control(clock))
        url, owner = f"{self.server.url}/v1/jobs", {f"metadata[{OWNER_TAG_KEY}]": DEFAULT_OWNER_TAG}
        samples: dict[str, list[Cost]] = {"ours": [], "wire": []}
        with requests.Session() as session:
            session.trust_env = False
            looks: dict[str, Callable[[], int]] = {
                "ours": lambda: len(probe.look().names),
                "wire": lambda: session.get(url, params=owner, timeout=TIMEOUT_S).status_code,
            }
            wanted = {"ours": self.site.count, "wire": requests.codes.ok}
            for number in range(LOOKS + 1):
                for name in sorted(looks, reverse=number % 2 == 1):
                    with timed() as cost:
                        found = looks[name]()
                    expect(f"{name} probe", found, wanted[name])
                    if number:  # the first of each opens its connection
                        samples[name].append(cost())
        client.close()
        clock.close()
        return {name: (_median(costs), [cost.wall_s for cost in costs]) for name, costs in samples.items()}

    def cycle(self) -> Cost:
        env = {
            **self.project.environment,
            "PATH": f"{self.project.pulumi.parent}:{self.project.environment.get('PATH', '')}",
            "PYTHONPATH": str(ROOT),
            "PROGRAM_DIR": str(self.project.root),
            "STACK": "dev",
            "BENCH_JOBS": str(self.site.count),
            "BENCH_HOUR": str(self.site.hour),
            "BENCH_CHANGED": "1" if self.changed else "",
        }
        done = checked(
            run([sys.executable, "-m", "watcher", "--once"], self.project.root, env, what="ours cycle"), "ours cycle"
        )
        ends = [line for line in done.stderr.splitlines() if '"cycle.done"' in line]
        outcome = json.loads(ends[-1])["outcome"] if ends else "no end of a cycle"
        expect("ours cycle", outcome, "unchanged", done.stderr)
        return done.cost

    def destroy(self) -> Cost:
        cost = super().destroy()
        self.holds("destroy", 0)
        return cost


class Floor(_Program):
    """As many resources that do nothing: what the SDK and the CLI cost by themselves."""

    name = "floor"
    operations = ("create", "preview", "up", "change", "destroy")

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.settle(lay_floor)


def _median(costs: Sequence[Cost]) -> Cost:
    return Cost(
        statistics.median(cost.wall_s for cost in costs), statistics.median(cost.cpu_s or 0.0 for cost in costs)
    )
