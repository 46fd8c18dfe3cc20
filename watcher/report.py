"""`--report`: what a cycle would do and what has drifted, as text for a person. Changes nothing."""

from collections.abc import Collection, Mapping, Sequence

from watcher.guard import Verdict
from watcher.pulumi.output import ChangeSet, protected_words


def lines(
    found: ChangeSet,
    strays: Mapping[str, str],
    unmarked: Sequence[str],
    unkept: Mapping[str, Collection[str]],
    verdict: Verdict,
) -> list[str]:
    """One line a job, then the counts, then what the guard says.

    `strays`: job -> why it is still there; `unkept`: job -> the fields that are not compared.
    """
    result = []
    drift = {d.job: d for d in found.drift}
    for sign, names in (("+", found.creates), ("~", found.updates), ("-", found.deletes), ("±", found.replaces)):
        for name in names:
            seen = drift.get(name)
            why = f"  drift: {', '.join(seen.fields) or seen.kind}" if seen else ""
            result.append(f"{sign} {name}{why}")
    result += [f"? {name}  stray, in no state and no program: {why}" for name, why in strays.items()]
    result += [
        f"? {name}  unmarked: carries our tag and no stack's mark, and nobody declares it; declare it, "
        f"or delete it with `python -m jobs delete {name}`"
        for name in unmarked
    ]
    result += [f"! {protected_words(job, urn)}" for urn, job in sorted(found.protected.items())]
    result += [
        f"= {name}  not compared, as it doesn't stay as written: {', '.join(sorted(paths))}"
        for name, paths in unkept.items()
    ]
    counts = {
        "to create": found.creates,
        "to update": found.updates,
        "to replace": found.replaces,
        "to delete": found.deletes,
        "unchanged": found.sames,
        "drifted": found.drift,
        "strays": strays,
        "unmarked": unmarked,
    }
    result.append(", ".join(f"{len(names)} {what}" for what, names in counts.items() if names) or "no jobs")
    if not verdict.safe:
        result.append(f"a cycle would be refused: {verdict.refusal}")
    elif verdict.uses_allowance:
        result.append("a cycle would be applied only because of what is allowed here")
    return result
