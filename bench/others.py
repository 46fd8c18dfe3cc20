"""What the programs are compared with besides: a stateless reconciler, and the bare wire."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests

from bench import reconciler
from bench.measure import Cost, run
from bench.projects import checked, clean_environment
from bench.servers import TIMEOUT_S
from bench.site import Site, System, expect, timed


class Reconciler(System):
    """bench/reconciler.py, as a process."""

    name = "reconciler"
    operations = ("create", "up", "change", "drift", "orphan", "destroy")

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.server = site.server(self.name)
        self.file = site.folder / "declared.json"
        self.changed = False

    def reconcile(self, operation: str, count: int, **wanted: int) -> Cost:
        what = f"{self.name} {operation}"
        self.file.write_text(json.dumps(self.site.bodies(count, self.changed)), encoding="utf-8")
        command: list[str | Path] = [sys.executable, reconciler.__file__, self.server.url, self.file]
        done = checked(run(command, self.site.folder, clean_environment(), what=what), what)
        zero = {"created": 0, "updated": 0, "deleted": 0}
        expect(what, json.loads(done.stdout), {**zero, **wanted}, done.stderr)
        expect(what, f"{len(self.server.jobs())} jobs", f"{count} jobs")
        return done.cost

    def create(self) -> Cost:
        self.changed = False
        return self.reconcile("create", self.site.count, created=self.site.count)

    def up(self) -> Cost:
        return self.reconcile("up", self.site.count)

    def change(self) -> Cost:
        self.changed = True
        return self.reconcile("change", self.site.count, updated=1)

    def drift(self) -> Cost:
        self.server.change_by_hand(self.site.bodies()[self.site.count // 2]["name"], "changed by hand")
        return self.reconcile("drift", self.site.count, updated=1)

    def orphan(self) -> Cost:
        cost = self.reconcile("orphan", self.site.count - 1, deleted=1)
        self.reconcile("orphan, put back", self.site.count, created=1)
        return cost

    def destroy(self) -> Cost:
        return self.reconcile("destroy", 0, deleted=self.site.count)


class Wire(System):
    """The same requests as ours sends, by one requests.Session on one connection, in this process."""

    name = "wire"
    operations = ("create", "preview", "up", "change", "destroy")

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.server = site.server(self.name)
        self.session = requests.Session()
        self.session.trust_env = False

    def send(self, operation: str, requests_: Sequence[tuple[str, str, Any]], left: int) -> Cost:
        statuses = set()
        with timed() as cost:
            for method, path, body in requests_:
                answer = self.session.request(method, self.server.url + path, json=body, timeout=TIMEOUT_S)
                statuses.add(answer.status_code)
        expect(f"{self.name} {operation}", statuses - {requests.codes.ok, requests.codes.created}, set())
        expect(f"{self.name} {operation}", f"{len(self.server.jobs())} jobs", f"{left} jobs")
        return cost()

    def looking(self) -> list[tuple[str, str, Any]]:
        return [("GET", "/v1/leader", None), ("GET", "/v1/jobs", None)]

    def posts(self, count: int, changed: bool = False) -> list[tuple[str, str, Any]]:
        return [("POST", "/v1/jobs", body) for body in self.site.bodies(count, changed)]

    def create(self) -> Cost:
        return self.send("create", [*self.looking(), *self.posts(self.site.count)], self.site.count)

    def preview(self) -> Cost:
        return self.send("preview", self.looking(), self.site.count)

    def up(self) -> Cost:
        return self.send("up", self.looking(), self.site.count)

    def change(self) -> Cost:
        (post,) = self.posts(1, changed=True)
        return self.send("change", [*self.looking(), ("GET", _path(post[2]), None), post], self.site.count)

    def destroy(self) -> Cost:
        each = [(method, _path(body), None) for body in self.site.bodies() for method in ("GET", "DELETE")]
        return self.send("destroy", [*self.looking(), *each], 0)


def _path(body: dict[str, Any]) -> str:
    return f"/v1/jobs/{body['name']}"
