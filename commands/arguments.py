"""The arguments of `python -m jobs`, and its help. It runs nothing.

The commands that act on a job and the export bring their own arguments.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from commands import act_arguments
from commands.export import arguments as export_arguments

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


def parse(argv: Sequence[str] | None, runs: Mapping[str, Callable[[argparse.Namespace], int]]) -> argparse.Namespace:
    """What was typed, with `run`, the function that does it. `runs`: those of the commands that stand in `main`."""
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
    command.set_defaults(run=runs["list"])

    command = commands.add_parser("check", help="find every problem of the declarations, without Pulumi and Dkron")
    command.add_argument(
        "--stack", metavar="STACK", help="judge this stack only; default: each, if declarations differ by stack"
    )
    shape = "text, or github for annotations at file and line in GitHub Actions (text)"
    command.add_argument("--format", choices=("text", "github"), default="text", help=shape)
    command.set_defaults(run=runs["check"])

    command = commands.add_parser("calendar", help="draw the coming runs")
    command.add_argument("--hours", type=int, default=24, help="how many hours to draw (24)")
    command.add_argument("--svg", metavar="FILE", help="write an SVG file instead")
    command.add_argument("--timezone", metavar="ZONE", default="UTC", help="time zone of the picture (UTC)")
    command.add_argument("--at", **at)
    command.add_argument("--stack", **stack)
    command.set_defaults(run=runs["calendar"])

    command = commands.add_parser("export", help="print declarations of jobs that exist, in Dkron or in a file")
    export_arguments.add(command, dkron)

    command = commands.add_parser("diff", help="compare declared and live jobs by field; exit code 1 if any differs")
    command.add_argument("--dkron", **dkron)
    command.add_argument("--stack", metavar="STACK", help="compare with this stack's config, secrets too: asks pulumi")
    command.set_defaults(run=runs["diff"])

    command = commands.add_parser("status", help="show how the live jobs run; exit code 1 if any is not well")
    command.add_argument("--dkron", **dkron)
    command.add_argument("--at", **at)
    command.set_defaults(run=runs["status"])

    act_arguments.add(commands, dkron)
    return parser.parse_args(argv)
