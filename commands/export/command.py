"""`python -m jobs export`: the module on standard output, and on standard error what a person must do besides.

No secret goes to either: a reference takes its place, and the person sets its value by `pulumi config set --secret`.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from commands.export import selection, source
from commands.export.conceal import Keys
from commands.export.selection import Imported
from commands.export.tidy import tidy
from commands.live import known_value, live_jobs, our_tag, progress, settings
from provider.job.declarations import gather
from provider.job.references import ConfigValue, references_in
from provider.settings import KEYS as SETTINGS

OWN_MODULE: Final = "jobs/imported.py"
MOST_NAMED: Final = 3


def run(address: str | None, tag: str | None, everything: bool) -> int:
    """Exports; the exit code. Raises DkronJobsError."""
    ours = our_tag()
    # What an earlier export wrote is about to be written anew.
    found = gather()
    declared = [spec for spec in found.specs if not spec.declared_at.startswith(OWN_MODULE)]
    keys = _keys([spec.inputs() for spec in declared])
    live = live_jobs(settings(address))
    wanted = None if everything else tag or ours
    picked = selection.chosen(live.values(), wanted)
    with progress(f"writing {len(picked)} declarations"):
        jobs = selection.bring_in(picked, keys, {spec.name: spec.declared_at for spec in declared})
        text = tidy(source.module(jobs))
    if picked:
        sys.stdout.write(text)
    told = [f"warning: {problem}" for problem in found.problems]
    sys.stderr.write("".join(f"{line}\n" for line in [*told, *advice(jobs, keys, ours, wanted, len(live))]))
    return 0


def _keys(declared: Iterable[Mapping[str, Any]]) -> Keys:
    """What is known already: the keys that declarations use, and the values that the environment gives for them."""
    keys = Keys(taken=frozenset(SETTINGS))
    for option, reference in (pair for inputs in declared for pair in references_in(inputs)):
        for part in reference.parts:
            if not isinstance(part, ConfigValue):
                continue
            keys.taken |= {part.key}
            value = known_value(part.key)
            if value and part.secret:
                keys.known[value] = part.key
            elif value and option == "url":
                keys.address = (part.key, value.rstrip("/"))
    return keys


def advice(jobs: Sequence[Imported], keys: Keys, ours: str, wanted: str | None, live: int) -> list[str]:
    """What the person who exports must know and do, one line each."""
    taken = [job for job in jobs if not job.against]
    if not jobs:
        who = "at all" if wanted is None else f'with the owner tag "{wanted}"'
        others = f" ({live} others; --tag X or --all takes them)" if live else ""
        return [f"Dkron has no job {who}{others}: nothing was exported"]
    lines = [f"{len(taken)} of {len(jobs)} jobs exported"]
    lines += [f'left out: job "{job.name}": {reason}' for job in jobs for reason in job.against]
    lines += _parents(jobs)
    tags = Counter(job.tag for job in taken if job.tag != ours)
    if tags:
        told = ", ".join(f"{count} carry {f'the owner tag {tag!r}' if tag else 'none'}" for tag, count in tags.items())
        lines.append(
            f"not ours yet ({told}): run `pulumi config set adopt true` before the first `pulumi up`; "
            "it then writes our owner tag into them and changes nothing else"
        )
    needed = {key: names for key, names in proposed(taken, keys).items() if names}
    if needed:
        lines.append("secrets were left out; set each before `pulumi up` (the command asks for the value):")
    for key, names in needed.items():
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        lines.append(f"pulumi config set --secret {key}  # for {', '.join(names[:MOST_NAMED])}{more}")
    return lines


def proposed(jobs: Sequence[Imported], keys: Keys) -> dict[str, list[str]]:
    """The config keys that the stack hasn't yet, each with the jobs that need it."""
    needed: dict[str, list[str]] = {}
    known = set(keys.known.values())
    for job in jobs:
        for key in dict.fromkeys(job.keys):
            if key not in known:
                needed.setdefault(key, []).append(job.name)
    return needed


def _parents(jobs: Sequence[Imported]) -> list[str]:
    names = {job.name for job in jobs if not job.against}
    return [
        f'note: the parent "{parent}" of job "{job.name}" is not among them, so it must stay in Dkron'
        for job in jobs
        if not job.against and (parent := job.fields.get("parent_job")) and parent not in names
    ]
