"""One job's change, field by field, with the old and the new value as they may be shown. Pure.

What Pulumi knows as a secret comes as [secret] already. What somebody wrote into the live job by hand Pulumi doesn't
know: such a value is shown only where its field can hold no secret.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from provider.job.spec import MANAGED_FIELDS, canonical
from provider.redaction import shown_value
from provider.text import one_line
from watcher.pulumi.changes import HIDDEN, FieldChange

CONCEALED: Final = "[secret]"
Values = Mapping[str, Any]
Flat = dict[tuple[str, ...], str]


def field_changes(recorded: Values, live: Values, wanted: Values) -> tuple[FieldChange, ...]:
    """The fields that an up would change. `recorded`: as the last run left the job; `live`: as it is; `wanted`: as it
    is declared; each empty where there is none."""
    before, old, new = (_flat(canonical(values)) for values in (recorded, live, wanted))
    shown = {
        path: value if before.get(path) == value else one_line(shown_value(path, value, CONCEALED))
        for path, value in old.items()
    }
    changed = [path for path in _paths(old, new) if old.get(path) != new.get(path)]
    if not changed and live:
        return (FieldChange(HIDDEN, CONCEALED, CONCEALED),)
    found = []
    for path in changed:
        pair = shown.get(path), new.get(path)
        # Where one side of a field, or of its whole map, is a secret, so is the other.
        if CONCEALED in (old.get(path), new.get(path), old.get(path[:1]), new.get(path[:1])):
            pair = pair[0] and CONCEALED, pair[1] and CONCEALED
        found.append(FieldChange(".".join(path), *pair))
    return tuple(found)


def _paths(old: Flat, new: Flat) -> list[tuple[str, ...]]:
    """In Dkron's order of fields; options by name."""
    return sorted({*old, *new}, key=lambda path: (MANAGED_FIELDS.index(path[0]), path))


def _flat(values: Values) -> Flat:
    return {path: text for name, value in values.items() for path, text in _leaves((name,), value)}


def _leaves(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves((*path, one_line(str(key))), item)
    else:
        yield path, one_line(str(value).lower() if isinstance(value, bool) else str(value))
