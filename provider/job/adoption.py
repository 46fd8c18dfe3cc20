"""What a job that is about to be created meets in Dkron, in words: a preview would only say "create". Pure."""

from collections.abc import Mapping
from typing import Any

from . import hold, ownership
from .diff import changed_fields
from .ownership import Owner


def words(live: Mapping[str, Any] | None, declared: Mapping[str, Any], tag: str, adopt: bool) -> str | None:
    """One line for a job that isn't in the state and exists in Dkron; None for a new one, which needs no words.

    `tag`: our owner tag; `adopt`: whether the stack takes foreign jobs over. Names fields, and never their values.
    """
    if live is None:
        return None
    name, mark = str(declared.get("name")), ownership.stack_mark(declared) or ""
    owner = ownership.owner_of(live, tag, mark)
    if not ownership.may_write(owner, adopt):
        return ownership.refusal(live, name, tag, mark)
    fields = ", ".join(changed_fields(hold.taken_off(live), declared))
    if owner in (Owner.OURS, Owner.UNMARKED):
        told = f"and differs: it is adopted, and written are {fields}" if fields else "and equal: it is only adopted"
        return f'job "{name}" is in Dkron already, ours {told}'
    return f'job "{name}" {ownership.holder(live, tag, mark)}; it is taken over, and overwritten are {fields}'
