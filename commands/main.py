"""`python -m jobs`: list, check and draw what is declared; export from a live Dkron, compare with it, act on its jobs.

It only wires: what is found and what is said stands in the modules beside it. Exit codes: 0 fine, 1 there is something
to mend (a run failed), 2 wrong usage, refused, or Dkron could not be read.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from commands import arguments, check, listing
from provider.errors import DkronJobsError, SettingsError
from provider.house import house_rules
from provider.job.declarations import Declarations, unknown_stacks
from provider.job.house_rules import judge
from provider.job.references import Values
from provider.job.spec import JobSpec
from provider.job.tags import with_default
from provider.jobs_dir import gather
from provider.settings import Lookup, environment_name, load_default_tags, stack_names
from provider.text import printable

FINE, TO_MEND, FAILED = 0, 1, 2


class Stop(Exception):
    """Ends the command with one line."""


def say(*lines: str) -> None:
    sys.stdout.write(printable("".join(f"{line}\n" for line in lines)))


def complain(lines: Iterable[str]) -> None:
    sys.stderr.write(printable("".join(f"{line}\n" for line in lines)))


def declarations(options: argparse.Namespace, config: Lookup | None = None) -> tuple[list[JobSpec], str, str]:
    """The jobs of the stack that is meant, the stack, and the end of a sentence that counts them.

    `config`: the stack's, as for `in_stack`. Raises Stop for any problem, SettingsError.
    """
    from commands.stack import chosen_stack

    found = gather()
    stack = options.stack or chosen_stack()
    known = sorted({*stack_names(), *found.stacks})
    if options.stack and known and options.stack not in known:
        raise Stop(f"there is no stack {options.stack}; those with a file or a declaration are {', '.join(known)}")
    here = in_stack(found, stack, config)
    if here.problems:
        raise Stop("\n".join(here.problems))
    elsewhere = len(found.by_name.keys() - here.by_name.keys())
    others = f", {elsewhere} in other stacks only" if elsewhere else ""
    return here.specs, stack, f" in stack {stack}{others}" if found.stacks or options.stack else ""


def in_stack(found: Declarations, stack: str, config: Lookup | None = None) -> Declarations:
    """What a stack declares, with the tags that it gives to jobs without any.

    `config`: the stack's; else what stands in clear in its file. Raises SettingsError.
    """
    from commands.live import config_of

    here, tags = found.in_stack(stack), load_default_tags(config or config_of(stack))
    here.by_name = {name: with_default(spec, tags) for name, spec in here.by_name.items()}
    return here


def moment(text: str | None) -> datetime:
    try:
        return listing.parse_moment(text) if text is not None else datetime.now(UTC)
    except ValueError as error:
        raise Stop(f"--at: {error}") from None


def run_list(options: argparse.Namespace) -> int:
    from commands.live import value_in

    at = moment(options.at)
    specs, stack, where = declarations(options)
    specs = listing.known_here(specs, value_in(stack))
    say(listing.as_json(specs, at) if options.json else listing.as_table(specs, at, where))
    return FINE


def run_check(options: argparse.Namespace) -> int:
    """Judges the stack that is meant, or each stack where the declarations tell them apart."""
    from commands.live import config_of, our_tag
    from commands.stack import chosen_stack

    found, rules = gather(), house_rules()
    stacks = [options.stack or chosen_stack()]
    if found.stacks and not options.stack:
        stacks = sorted({*found.stacks, *(stack_names() or stacks)})
    problems, warnings = check.ByStack(stacks), check.ByStack(stacks)
    for stack in stacks:
        here, tag = in_stack(found, stack), our_tag(config_of(stack))
        errors, doubts = judge(here.specs, rules)
        problems.add(stack, [*here.problems, *check.problems(here.specs, tag), *errors])
        warnings.add(stack, [*check.warnings(here.specs, tag), *doubts])
    told = [*unknown_stacks(found, stack_names()), *warnings.lines()]
    if options.format == "github":
        say(*[check.annotation("warning", line) for line in told])
        say(*[check.annotation("error", line) for line in problems.lines()])
    else:
        complain(f"warning: {warning}" for warning in told)
        complain(problems.lines())
    count, wrong = len(found.by_name), len(problems.lines())
    where = f" in {len(stacks)} stacks ({', '.join(stacks)})" if len(stacks) > 1 else ""
    jobs, faults = "job" if count == 1 else "jobs", "problem" if wrong == 1 else "problems"
    say(f"{count} {jobs} checked{where}, {wrong or 'no'} {faults}")
    return TO_MEND if wrong else FINE


def run_calendar(options: argparse.Namespace) -> int:
    from commands import picture
    from commands.live import value_in
    from provider.schedule import calendar, calendar_svg
    from provider.schedule.zones import display_zone

    try:
        zone = display_zone(options.timezone)
    except ValueError as error:
        raise Stop(f"--timezone: {error}") from None
    start, now = moment(options.at), datetime.now(UTC)
    specs, stack, _ = declarations(options)
    entries = [listing.entry_of(spec) for spec in listing.known_here(specs, value_in(stack))]
    try:
        laid = calendar.lay_out(entries, start, options.hours)
    except ValueError as error:
        raise Stop(f"--{error}") from None
    if options.svg:
        try:
            Path(options.svg).write_text(calendar_svg.svg(laid, zone, now), encoding="utf-8")
        except OSError as error:
            raise Stop(f"--svg: cannot write {options.svg}: {error.strerror}") from None
        complain([f"written: {options.svg}"] if sys.stderr.isatty() else [])
    else:
        say(picture.draw(laid, zone, now, shutil.get_terminal_size((110, 24)).columns))
    return FINE


def run_diff(options: argparse.Namespace) -> int:
    from commands import diff, live, stack, stack_config

    config = stack_config.read(options.stack) if options.stack else stack_config.StackConfig()
    known = partial(live.known_value, config=config.get)
    settings = config.get if options.stack else None
    specs, chosen, _ = declarations(options, settings)
    ours = diff.Ours(live.our_tag(settings), stack.stack_mark({**os.environ, "STACK": chosen}), datetime.now(UTC))
    values = Values(known, str)
    for spec in specs:
        values.fill(spec.name, spec.inputs())
    if values.malformed:
        raise SettingsError(f"{environment_name(key)} {reason}" for key, reason in values.malformed.items())
    found = live.live_jobs(live.settings(options.dkron, config=config.get), ours.tag, [spec.name for spec in specs])
    result = diff.compare(specs, found, ours, known)
    say(*diff.lines(result))
    for key, count in sorted(result.unknown.items()):
        way_out = f"set {environment_name(key)} to compare it, too, or give --stack"
        complain([f"note: the value of {key} is not known here, so it was not compared in {count} jobs; {way_out}"])
    return TO_MEND if result.findings else FINE


def run_status(options: argparse.Namespace) -> int:
    from commands import live, stack, status

    now = moment(options.at)
    jobs, found = status.look(live.settings(options.dkron), (live.our_tag(), stack.stack_mark()), now)
    say(*status.lines(jobs, found, now))
    return FINE if all(health.well for health in found.values()) else TO_MEND


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code; a problem is told in clear lines on standard error."""
    options = arguments.parse(argv)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except Stop as stop:
        complain(str(stop).splitlines())
        return FAILED
    except SettingsError as error:
        complain(error.problems)
        return FAILED
    except DkronJobsError as error:
        complain([str(error)])
        return FAILED
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read the output has seen enough; Python must not complain of it when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FINE
    return code


if __name__ == "__main__":
    raise SystemExit(main())
