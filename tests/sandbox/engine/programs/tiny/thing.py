"""A dynamic provider for tests: each thing is a JSON file in a folder. Misbehaves when a thing says so."""

import json
import time
from pathlib import Path
from typing import Any

from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)


class ThingProvider(ResourceProvider):
    """`fail` names the hook that raises, `slow` the seconds that a create takes, `gate` a file that it waits for."""

    def configure(self, req: ConfigureRequest) -> None:
        self.folder = Path(req.config.require("targetDir"))

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def _write(self, name: str, props: dict[str, Any]) -> None:
        text = json.dumps({key: value for key, value in props.items() if key != "__provider"})
        self._path(name).write_text(text, encoding="utf-8")

    def _maybe_fail(self, hook: str, props: dict[str, Any]) -> None:
        if props.get("fail") == hook:
            raise RuntimeError(f"refused to {hook} because of {props.get('token')}")

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        self._maybe_fail("check", news)
        failures = [CheckFailure("bad", "is bad")] if news.get("bad") else []
        return CheckResult(news, failures)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        self._maybe_fail("diff", news)
        if news.get("silent"):
            return DiffResult()
        changed = [key for key in {*olds, *news} if olds.get(key) != news.get(key)]
        replaces = [key for key in changed if key in ("name", "of")]
        return DiffResult(bool(changed), replaces, delete_before_replace=bool(news.get("first")))

    def create(self, props: dict[str, Any]) -> CreateResult:
        self._maybe_fail("create", props)
        if gate := props.get("gate"):
            Path(f"{gate}.waiting").touch()
            while not Path(gate).exists():
                time.sleep(0.01)
        self._write(props["name"], props)
        return CreateResult(props["name"], props)

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        self._maybe_fail("update", news)
        self._write(_id, news)
        return UpdateResult(news)

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        self._maybe_fail("delete", props)
        log = self.folder / "deleted.log"
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{_id}\n")
        self._path(_id).unlink(missing_ok=True)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        self._maybe_fail("read", props)
        try:
            found = json.loads(self._path(id_).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return ReadResult("", {})
        return ReadResult(id_, dict(found), inputs=dict(found))
