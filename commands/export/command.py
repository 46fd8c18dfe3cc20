"""`python -m jobs export`: the module on standard output, and on standard error what a person must do besides.

No secret goes to either: a reference takes its place. A person sets its value by `pulumi config set --secret`, or asks
for that to be done.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from shutil import which
from typing import Any, Final

from commands import programs, stack_config
from commands.export import files, selection, source
from commands.export.conceal import Keys
from commands.export.selection import Imported
from commands.export.sound import sound
from commands.live import known_value, live_jobs, our_tag, progress, settings
from commands.stack import chosen_stack
from commands.stack_config import StackConfig
from provider.errors import SettingsError
from provider.job.references import ConfigValue, references_in
from provider.jobs_dir import gather
from provider.settings import KEYS as SETTINGS
from provider.text import one_line, printable

OWN_MODULE: Final = "imported.py"
MOST_NAMED: Final = 3
READ_IT: Final = "secrets were found by rules, and rules can miss one: read the module through before you commit it"


def _own(place: str) -> bool:
    """Whether a line is about the module that an earlier export wrote, in whatever directory the declarations are."""
    return place.partition("/")[2].startswith(OWN_MODULE)


def run(options: argparse.Namespace) -> int:
    """Exports; the exit code. Raises DkronJobsError."""
    if options.system and not options.crontab:
        raise SettingsError(["--system says how a crontab is read: give --crontab FILE, too"])
    # What an earlier export wrote is about to be written anew.
    gathered = gather()
    declared = [spec for spec in gathered.specs if not _own(spec.declared_at)]
    places = {spec.name: spec.declared_at for spec in declared}
    stack = options.stack or (chosen_stack() if options.set_config else "")
    config = stack_config.read(stack) if stack else StackConfig()
    keys = _keys([spec.inputs() for spec in declared], config)
    ours = our_tag(config.get if stack else None)
    wanted = None if options.all else options.tag or (ours if _is_live(options) else None)
    found = _found(options, wanted, places, config)
    keys.certain = frozenset(found.sensitive)
    jobs, told = sound(found.jobs)
    picked = selection.chosen(jobs, wanted)
    with progress(f"writing {len(picked)} declarations"):
        imported = selection.bring_in(picked, keys, places, found.against)
        text = tidy(source.module(imported))
    if picked:
        sys.stdout.write(text)
    _tell(f"warning: {problem}" for problem in gathered.problems if not _own(problem))
    if imported:
        _tell([*told, *found.notes, *advice(imported, ours if found.live else None)])
        _tell(set_config(stack, imported, keys) if options.set_config else how_to_set(imported, keys))
        _tell([READ_IT])
    else:
        _tell([*told, *found.notes, _nothing(options, wanted)])
    return 0


def tidy(text: str) -> str:
    """A module as `ruff format` gives it; unchanged without ruff, or where it fails."""
    beside = Path(sys.executable).parent / "ruff"
    ruff = str(beside) if beside.is_file() else which("ruff")
    if ruff is None:
        return text
    done = programs.run([ruff, "format", "--quiet", "--stdin-filename", "jobs/imported.py", "-"], text)
    return done.out if done.code == 0 else text


def _is_live(options: argparse.Namespace) -> bool:
    return not (options.file or options.crontab or options.terraform)


def _tell(lines: Iterable[str]) -> None:
    sys.stderr.write(printable("".join(f"{line}\n" for line in lines)))
    sys.stderr.flush()


def _found(
    options: argparse.Namespace, wanted: str | None, places: Mapping[str, str], config: StackConfig
) -> files.Found:
    if options.file:
        return files.backup(options.file)
    if options.crontab:
        return files.from_crontab(options.crontab, options.system, places)
    if options.terraform:
        return files.terraform_state(options.terraform)
    return files.Found(list(live_jobs(settings(options.dkron, config=config.get), wanted).values()))


def _keys(declared: Iterable[Mapping[str, Any]], config: StackConfig) -> Keys:
    """What is known already: the keys that declarations use or the stack has, and the values known for them."""
    keys = Keys(taken=frozenset({*SETTINGS, *config.values}))
    keys.known = {config.values[key]: key for key in config.secrets - {*SETTINGS} if config.get(key)}
    for option, reference in (pair for inputs in declared for pair in references_in(inputs)):
        for part in reference.parts:
            if not isinstance(part, ConfigValue):
                continue
            keys.taken |= {part.key}
            value = known_value(part.key, config.get)
            if value and part.secret:
                keys.known[value] = part.key
            elif value and option == "url":
                keys.address = (part.key, value.rstrip("/"))
    return keys


def _nothing(options: argparse.Namespace, wanted: str | None) -> str:
    where = "Dkron" if _is_live(options) else "the file"
    if wanted is None:
        return f"{where} has no job at all: nothing was exported"
    return f'{where} has no job with the owner tag "{wanted}" (--tag X or --all takes others): nothing was exported'


def advice(jobs: Sequence[Imported], ours: str | None) -> list[str]:
    """What the person who exports must know, one line each; `ours`: our owner tag, None if Dkron has no such jobs."""
    taken = [job for job in jobs if not job.against]
    lines = [f"{len(taken)} of {len(jobs)} jobs exported"]
    lines += [f'left out: job "{one_line(job.name)}": {one_line(reason)}' for job in jobs for reason in job.against]
    ignored = Counter(path for job in jobs for path in job.ignored)
    if ignored:
        told = ", ".join(f"{path} of {count} {'job' if count == 1 else 'jobs'}" for path, count in ignored.items())
        lines.append(f"note: Dkron ignores these options, so they were left out: {told}")
    lines += _parents(taken)
    tags = Counter(job.tag for job in taken if job.tag != ours) if ours is not None else None
    if tags:
        told = ", ".join(f"{count} carry {f'the owner tag {tag!r}' if tag else 'none'}" for tag, count in tags.items())
        besides = "takes out what Dkron ignores" if ignored else "changes nothing else"
        lines.append(
            f"not ours yet ({told}): run `pulumi config set adopt true` before the first `pulumi up`; "
            f"it then writes our owner tag into them and {besides}"
        )
    return lines


def _parents(taken: Sequence[Imported]) -> list[str]:
    names = {job.name for job in taken}
    return [
        f'note: the parent "{one_line(parent)}" of job "{one_line(job.name)}" is not among them, '
        "so it must stay in Dkron"
        for job in taken
        if (parent := job.fields.get("parent_job")) and parent not in names
    ]


def proposed(jobs: Iterable[Imported], keys: Keys) -> dict[str, list[str]]:
    """The config keys that the stack hasn't yet, each with the jobs that need it."""
    needed: dict[str, list[str]] = {}
    known = set(keys.known.values())
    for job in jobs:
        for key in dict.fromkeys(job.keys):
            if not job.against and key not in known:
                needed.setdefault(key, []).append(one_line(job.name))
    return needed


def how_to_set(jobs: Sequence[Imported], keys: Keys) -> list[str]:
    """How the values that were cut out come into the stack's config, one line each."""
    needed = proposed(jobs, keys)
    if not needed:
        return []
    lines = ["secrets were left out; set each before `pulumi up` (the command asks for the value):"]
    for key, names in needed.items():
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        lines.append(f"pulumi config set --secret {key}  # for {', '.join(names[:MOST_NAMED])}{more}")
    return [*lines, "or export again with --set-config: it sets them in the stack's config, and shows none"]


def set_config(stack: str, jobs: Sequence[Imported], keys: Keys) -> list[str]:
    """Sets the values that were cut out; what was set. Raises SettingsError."""
    needed = proposed(jobs, keys)
    for number, key in enumerate(needed, start=1):
        with progress(f"setting secret {number} of {len(needed)}"):
            stack_config.set_secret(stack, key, keys.value(key))
    return [f"set in the config of the stack {stack}: {', '.join(needed)}"] if needed else []
