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
from typing import Any, Final

from commands import act_arguments, check, listing
from commands.export import arguments as export_arguments
from provider.errors import DkronJobsError, SettingsError
from provider.house import house_rules
from provider.job.declarations import Declarations, gather, unknown_stacks
from provider.job.house_rules import judge
from provider.job.references import Values
from provider.job.spec import JobSpec
from provider.job.tags import with_default
from provider.settings import Lookup, environment_name, stack_names
from provider.text import printable

FINE, TO_MEND, FAILED = 0, 1, 2
EXAMPLES: Final = """examples:
  python -m jobs list --at 2026-12-24T00:00Z
  python -m jobs check
  python -m jobs calendar --hours 24 --svg day.svg
  python -m jobs export --dkron http://dkron:8080 --all > jobs/imported.py
  python -m jobs export --crontab /etc/crontab --system > jobs/imported.py
  python -m jobs diff --dkron http://dkron:8080 --stack prod
  python -m jobs status --dkron http://dkron:8080
  python -m jobs run --wait geo-purge-stale-whois

Instead of --dkron you can set DKRON_URL. Credentials are DKRON_TOKEN, or DKRON_USER and DKRON_PASSWORD.
exit codes: 0 all is well, 1 something needs to be fixed, 2 wrong usage, refused, or Dkron could not be read"""


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
    from commands.live import config_of, default_tags

    here, tags = found.in_stack(stack), default_tags(config or config_of(stack))
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
    from provider.schedule.display_zone import display_zone

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
    found = live.live_jobs(live.settings(options.dkron, config=config.get), [spec.name for spec in specs])
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


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m jobs",
        description="List, check and draw the declared jobs; compare, import and change the live ones.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    at: dict[str, Any] = {"metavar": "WHEN", "help": "the time to start from, such as 2026-12-24T00:00Z; default: now"}
    stack: dict[str, Any] = {
        "metavar": "STACK",
        "help": "whose jobs; default: STACK, or the only stack that has a file",
    }
    dkron: dict[str, Any] = {"metavar": "URL", "help": "address of Dkron's API; default: DKRON_URL"}

    command = commands.add_parser("list", help="list the declared jobs with their next runs")
    command.add_argument("--json", action="store_true", help="as JSON")
    command.add_argument("--stack", **stack)
    command.add_argument("--at", **at)
    command.set_defaults(run=run_list)

    command = commands.add_parser("check", help="find every problem of the declarations, without Pulumi and Dkron")
    command.add_argument(
        "--stack", metavar="STACK", help="judge this stack only; default: each, if declarations differ by stack"
    )
    shape = "text, or github for annotations at file and line in GitHub Actions (text)"
    command.add_argument("--format", choices=("text", "github"), default="text", help=shape)
    command.set_defaults(run=run_check)

    command = commands.add_parser("calendar", help="draw the coming runs")
    command.add_argument("--hours", type=int, default=24, help="how many hours to draw (24)")
    command.add_argument("--svg", metavar="FILE", help="write an SVG file instead")
    command.add_argument("--timezone", metavar="ZONE", default="UTC", help="time zone of the picture (UTC)")
    command.add_argument("--at", **at)
    command.add_argument("--stack", **stack)
    command.set_defaults(run=run_calendar)

    command = commands.add_parser("export", help="print declarations of jobs that exist, in Dkron or in a file")
    export_arguments.add(command, dkron)

    command = commands.add_parser("diff", help="compare declared and live jobs by field; exit code 1 if any differs")
    command.add_argument("--dkron", **dkron)
    command.add_argument("--stack", metavar="STACK", help="compare with this stack's config, secrets too: asks pulumi")
    command.set_defaults(run=run_diff)

    command = commands.add_parser("status", help="show how the live jobs run; exit code 1 if any is not well")
    command.add_argument("--dkron", **dkron)
    command.add_argument("--at", **at)
    command.set_defaults(run=run_status)

    act_arguments.add(commands, dkron)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code; a problem is told in clear lines on standard error."""
    options = arguments(argv)
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
