"""Whose job is it? The owner tag, the three cases, and the words of a refusal. Decides only; does nothing.

A job in Dkron is ours when its `metadata.managed_by` is our owner tag. Dkron's `tags` are no labels (they select the
nodes that run the job), so ownership lives in the metadata.
"""

from collections.abc import Mapping
from typing import Any, Final

OWNER_TAG_KEY: Final = "managed_by"


def owner_tag(job: Mapping[str, Any]) -> str | None:
    """The owner tag that a job (Dkron's JSON or our inputs) carries, None if it carries none."""
    metadata = job.get("metadata")
    tag = metadata.get(OWNER_TAG_KEY) if isinstance(metadata, Mapping) else None
    return tag if isinstance(tag, str) and tag else None


def is_ours(job: Mapping[str, Any], ours: str) -> bool:
    """Whether the job carries our owner tag."""
    return owner_tag(job) == ours


def refusal(name: str, found: str | None, ours: str) -> str:
    """Why a job that exists and isn't ours is left alone, and both ways out. One line."""
    carries = f'carries the owner tag "{found}"' if found else "carries no owner tag"
    return (
        f'job "{name}" exists in Dkron and {carries}, not "{ours}", so it is left as it is: rename yours, '
        "or take it over with `pulumi config set adopt true`"
    )


def left_alone(name: str, found: str | None, ours: str) -> str:
    """Why a job is not deleted. One line."""
    carries = f'carries the owner tag "{found}" now' if found else "carries no owner tag any more"
    return f'job "{name}" {carries}, not "{ours}", so it was left in Dkron; only the state forgets it'
