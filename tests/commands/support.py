"""What the tests of `python -m jobs` share: an export as a module, and every job of the recorded exchanges."""

from collections.abc import Iterable, Mapping
from typing import Any

from commands.export import selection, source
from commands.export.conceal import Keys
from commands.export.selection import Imported
from commands.export.sound import without_ignored
from provider.job.ownership import OWNERSHIP_KEYS
from provider.job.references import Reference
from provider.job.spec import JobSpec, canonical
from tests.paths import recorded


def expand(value: Any) -> Any:
    """`value` with the recording's markers for long texts and maps written out again."""
    if isinstance(value, list):
        return [expand(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$repeat" in value:
        return value["$repeat"][0] * value["$repeat"][1]
    if "$long" in value:
        long = value["$long"]
        return long["head"] + "a" * (long["len"] - len(long["head"]) - len(long["tail"])) + long["tail"]
    if "$keys" in value:
        return (
            dict.fromkeys(map(str, range(count)), "v")
            if isinstance(count := value["$keys"], int)
            else dict.fromkeys(count, "v")
        )
    return {key: expand(item) for key, item in value.items()}


def recorded_jobs() -> list[dict[str, Any]]:
    """Every job that the real Dkron showed by name or in a list; several forms of one name are all there."""
    found: dict[str, dict[str, Any]] = {}
    for entry in recorded("http"):
        body = expand(entry["response"].get("json"))
        for job in body if isinstance(body, list) else [body]:
            if isinstance(job, dict) and "schedule" in job and entry["request"]["method"] == "GET":
                found[repr(sorted(canonical(job).items()))] = job
    return list(found.values())


def posted_jobs() -> list[dict[str, Any]]:
    """Every job that was sent and that the real Dkron took."""
    return [
        expand(entry["request"]["json"])
        for entry in recorded("http")
        if entry["request"]["method"] in ("POST", "PUT", "PATCH")
        and entry["request"]["path"].startswith("/v1/jobs")
        and entry["response"]["status"] == 201
        and isinstance(entry["request"]["json"], dict)
        and entry["request"]["json"].get("name")
    ]


def export(live: Iterable[Mapping[str, Any]], keys: Keys | None = None) -> tuple[str, list[Imported], Keys]:
    """The module's text, what it was made of, and the keys."""
    keys = keys or Keys()
    jobs = selection.bring_in(list(live), keys, {})
    return source.module(jobs), jobs, keys


def load(text: str) -> tuple[list[JobSpec], list[JobSpec]]:
    """JOBS and LEFT_OUT of a module's text."""
    scope: dict[str, Any] = {}
    exec(compile(text, "imported.py", "exec"), scope)
    return scope["JOBS"], scope.get("LEFT_OUT", [])


def resolve(value: Any, keys: Keys) -> Any:
    """`value` with its references filled in as the program would."""
    if isinstance(value, Reference):
        return value.resolve(keys.value)
    if isinstance(value, Mapping):
        return {key: resolve(item, keys) for key, item in value.items()}
    return value


def unowned(job: Mapping[str, Any]) -> dict[str, Any]:
    """The canonical form of a job without its owner tag, which is the program's to add, and what Dkron ignores."""
    values, _ = without_ignored(job)
    metadata = {k: v for k, v in values.pop("metadata", {}).items() if k not in OWNERSHIP_KEYS}
    return {**values, "metadata": metadata} if metadata else values


CANARY = "CANARY-4f1d-9b2e"
OURS = {"managed_by": "us", "managed_in": "shop/dev"}
UNMARKED = {"managed_by": "us"}
SISTER = {"managed_by": "us", "managed_in": "shop/prod"}
STRANGER = {"managed_by": "them"}


def job(name: str, metadata: Mapping[str, str] = OURS, **fields: Any) -> dict[str, Any]:
    """A job as it is posted, with a secret in it."""
    headers = f'["X-Api-Key: {CANARY}"]'
    config = {"url": "http://gateway/x", "method": "POST", "headers": headers}
    values = {"schedule": "0 0 2 * * *", "executor": "http", "executor_config": config}
    return {"name": name, "metadata": dict(metadata), **values, **fields}
