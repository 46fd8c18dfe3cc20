"""Whose job is it? The owner tag, the stack mark, the four cases, and the words of each refusal. Decides only.

A job in Dkron is ours when its `metadata.managed_by` is our owner tag and its `metadata.managed_in` our stack mark,
`PROJECT/STACK`. A job with our tag and no mark was written by dkron-mgr or by an older version of this program. Dkron's
`tags` are no labels (they select the nodes that run the job), so ownership lives in the metadata.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from ..text import one_line
from .hold import HOLD_KEYS, taken_off
from .spec import changed_fields

OWNER_TAG_KEY: Final = "managed_by"
STACK_MARK_KEY: Final = "managed_in"
# Set by the program while a resource has `retain_on_delete`: such a job is never a stray.
RETAINED_KEY: Final = "managed_retain"
# What the state holds in the place of a foreign job's fields.
DIGEST_KEY: Final = "foreign_digest"
# What is ours to write into the metadata, never a declaration's.
OWNERSHIP_KEYS: Final = frozenset((OWNER_TAG_KEY, STACK_MARK_KEY, RETAINED_KEY)) | HOLD_KEYS


class Owner(Enum):
    """Who holds a live job, as one stack sees it."""

    OURS = "ours"  # our tag, our mark
    UNMARKED = "unmarked"  # our tag, no mark
    OTHER_STACK = "other stack"  # our tag, another mark
    FOREIGN = "foreign"  # another tag, or none


def mark_of(project: str, stack: str) -> str:
    """The stack mark: `PROJECT/STACK`, the stack by its short name (`ORGANISATION/PROJECT/STACK` is its full one)."""
    return f"{project}/{stack.rpartition('/')[2]}"


def owner_tag(job: Mapping[str, Any]) -> str | None:
    """The owner tag that a job (Dkron's JSON or our inputs) carries, None if it carries none."""
    return _metadata_text(job, OWNER_TAG_KEY)


def stack_mark(job: Mapping[str, Any]) -> str | None:
    """The stack mark that a job carries, None if it carries none."""
    return _metadata_text(job, STACK_MARK_KEY)


def without_mark(job: Mapping[str, Any]) -> dict[str, Any]:
    """The job without what a stack adds to the metadata besides the owner tag, for whoever doesn't know the stack."""
    metadata = job.get("metadata")
    if not isinstance(metadata, Mapping):
        return dict(job)
    return {**job, "metadata": {k: v for k, v in metadata.items() if k not in (STACK_MARK_KEY, RETAINED_KEY)}}


def is_retained(job: Mapping[str, Any]) -> bool:
    """Whether the program says that the job outlives its declaration."""
    return _metadata_text(job, RETAINED_KEY) == "true"


def is_ours(job: Mapping[str, Any], tag: str, mark: str | None = None) -> bool:
    """Whether the job carries our owner tag and no other stack's mark; None: which stack is ours isn't known."""
    return owner_tag(job) == tag and (mark is None or stack_mark(job) in (None, mark))


def owner_of(job: Mapping[str, Any], tag: str, mark: str) -> Owner:
    """Who holds the job, as the stack with this owner tag and this mark sees it."""
    if owner_tag(job) != tag:
        return Owner.FOREIGN
    found = stack_mark(job)
    if found is None:
        return Owner.UNMARKED
    return Owner.OURS if found == mark else Owner.OTHER_STACK


def may_write(owner: Owner, adopt: bool) -> bool:
    """Whether a job that exists may be written where it is declared."""
    return adopt or owner in (Owner.OURS, Owner.UNMARKED)


def may_delete(owner: Owner) -> bool:
    """Whether a job may be deleted that our own state holds. A stray is deleted only if it is OURS."""
    return owner in (Owner.OURS, Owner.UNMARKED)


def refusal(job: Mapping[str, Any], name: str, tag: str, mark: str) -> str:
    """Why a job that exists and isn't ours is not written, and the ways out. One line."""
    return (
        f'job "{name}" exists in Dkron and {holder(job, tag, mark)}, so it is left as it is: rename yours, '
        "or take it over with `pulumi config set adopt true`"
    )


def adoption_words(live: Mapping[str, Any] | None, declared: Mapping[str, Any], tag: str, adopt: bool) -> str | None:
    """What a job that is about to be created meets in Dkron, one line; None for a new one, which needs no words.

    `tag`: our owner tag; `adopt`: whether the stack takes foreign jobs over. Names fields, and never their values.
    """
    if live is None:
        return None
    name, mark = str(declared.get("name")), stack_mark(declared) or ""
    owner = owner_of(live, tag, mark)
    if not may_write(owner, adopt):
        return refusal(live, name, tag, mark)
    fields = ", ".join(changed_fields(taken_off(live), declared))
    if owner in (Owner.OURS, Owner.UNMARKED):
        told = f"and differs: it is adopted, and written are {fields}" if fields else "and equal: it is only adopted"
        return f'job "{name}" is in Dkron already, ours {told}'
    return f'job "{name}" {holder(live, tag, mark)}; it is taken over, and overwritten are {fields}'


def left_alone(job: Mapping[str, Any], name: str, tag: str, mark: str) -> str:
    """Why a job is not deleted. One line."""
    return f'job "{name}" {holder(job, tag, mark)}, so it was left in Dkron; only the state forgets it'


def not_touched(job: Mapping[str, Any], name: str, tag: str, mark: str) -> str:
    """Why a command does nothing to a job. One line."""
    return f'job "{name}" {holder(job, tag, mark)}, so nothing was done to it'


def holder(job: Mapping[str, Any], tag: str, mark: str) -> str:
    """What the job carries in place of ours, so that it can be found out whose it is."""
    found = one_line(owner_tag(job) or "")
    if found == tag:
        return f'belongs to the stack "{one_line(stack_mark(job) or "")}", not to "{mark}"'
    return f'carries the owner tag "{found}", not "{tag}"' if found else "carries no owner tag"


def _metadata_text(job: Mapping[str, Any], key: str) -> str | None:
    metadata = job.get("metadata")
    text = metadata.get(key) if isinstance(metadata, Mapping) else None
    return text if isinstance(text, str) and text else None
