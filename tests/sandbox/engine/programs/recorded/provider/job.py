"""The provider of the recorded sessions as far as they show it, with a folder in Dkron's place."""

import json
import os
from pathlib import Path
from typing import Any

from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, ResourceProvider, UpdateResult


def _path(name: str) -> Path:
    return Path(os.environ["JOBS"]) / f"{name}.json"


def _write(props: dict[str, Any]) -> None:
    text = json.dumps({key: value for key, value in props.items() if key != "__provider"})
    _path(props["name"]).write_text(text, encoding="utf-8")


class JobProvider(ResourceProvider):
    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        return CheckResult(news, [])

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        changed = any(olds.get(key) != news.get(key) for key in {*olds, *news})
        replaces = ["name"] if olds.get("name") != news.get("name") else []
        return DiffResult(changed, replaces, delete_before_replace=True)

    def create(self, props: dict[str, Any]) -> CreateResult:
        _write(props)
        return CreateResult(props["name"], props)

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        _write(news)
        return UpdateResult(news)

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        _path(_id).unlink(missing_ok=True)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        if not _path(id_).exists():
            return ReadResult("", {})
        found = json.loads(_path(id_).read_text(encoding="utf-8"))
        return ReadResult(id_, dict(found), inputs=dict(found))
