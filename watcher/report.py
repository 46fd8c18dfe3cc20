"""`--report`: what a cycle would do and what has drifted, as text for a person. Changes nothing."""

from collections.abc import Sequence

from watcher.pulumi.output import ChangeSet


def lines(found: ChangeSet, strays: Sequence[str]) -> list[str]:
    """One line a job; the last line counts."""
    result = []
    drift = {d.job: d for d in found.drift}
    for sign, names in (("+", found.creates), ("~", found.updates), ("-", found.deletes), ("±", found.replaces)):
        for name in names:
            seen = drift.get(name)
            why = f"  drift: {', '.join(seen.fields) or seen.kind}" if seen else ""
            result.append(f"{sign} {name}{why}")
    result += [f"? {name}  stray: carries our tag, in no state and no program" for name in strays]
    counts = {
        "to create": found.creates, "to update": found.updates, "to replace": found.replaces,
        "to delete": found.deletes, "unchanged": found.sames, "drifted": found.drift, "strays": strays,
    }  # fmt: skip
    result.append(", ".join(f"{len(names)} {what}" for what, names in counts.items() if names) or "no jobs")
    return result
