"""The arguments of `python -m jobs`, and its help. What a command does is imported only when it is run."""

import argparse
import importlib
from collections.abc import Callable, Sequence
from typing import Any, Final

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
AT: Final[dict[str, Any]] = {
    "metavar": "WHEN",
    "help": "the time to start from, such as 2026-12-24T00:00Z; default: now",
}
STACK: Final[dict[str, Any]] = {
    "metavar": "STACK",
    "help": "whose jobs; default: STACK, or the only stack that has a file",
}
DKRON: Final[dict[str, Any]] = {"metavar": "URL", "help": "address of Dkron's API; default: DKRON_URL"}
# Adds a command: its name, the module and the function that run it, and what it is for.
Add = Callable[[str, str, str, str], argparse.ArgumentParser]


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """What was typed, with `run`, the function that does it."""
    parser = argparse.ArgumentParser(
        prog="python -m jobs",
        description="List, check and draw the declared jobs; compare, import and change the live ones.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, module: str, function: str, summary: str) -> argparse.ArgumentParser:
        def run(options: argparse.Namespace) -> int:
            code: int = getattr(importlib.import_module(f"commands.{module}"), function)(options)
            return code

        command = commands.add_parser(name, help=summary, description=f"{summary}.")
        command.set_defaults(run=run)
        return command

    _looking(add)
    _export(add("export", "export.command", "run", "print declarations of jobs that exist, in Dkron or in a file"))
    _acting(add)
    return parser.parse_args(argv)


def _looking(add: Add) -> None:
    """The commands that change nothing."""
    command = add("list", "main", "run_list", "list the declared jobs with their next runs")
    command.add_argument("--json", action="store_true", help="as JSON")
    command.add_argument("--stack", **STACK)
    command.add_argument("--at", **AT)

    command = add("check", "main", "run_check", "find every problem of the declarations, without Pulumi and Dkron")
    command.add_argument(
        "--stack", metavar="STACK", help="judge this stack only; default: each, if declarations differ by stack"
    )
    shape = "text, or github for annotations at file and line in GitHub Actions (text)"
    command.add_argument("--format", choices=("text", "github"), default="text", help=shape)

    command = add("calendar", "main", "run_calendar", "draw the coming runs")
    command.add_argument("--hours", type=int, default=24, help="how many hours to draw (24)")
    command.add_argument("--svg", metavar="FILE", help="write an SVG file instead")
    command.add_argument("--timezone", metavar="ZONE", default="UTC", help="time zone of the picture (UTC)")
    command.add_argument("--at", **AT)
    command.add_argument("--stack", **STACK)

    command = add("diff", "main", "run_diff", "compare declared and live jobs by field; exit code 1 if any differs")
    command.add_argument("--dkron", **DKRON)
    command.add_argument("--stack", metavar="STACK", help="compare with this stack's config, secrets too: asks pulumi")

    command = add("status", "main", "run_status", "show how the live jobs run; exit code 1 if any is not well")
    command.add_argument("--dkron", **DKRON)
    command.add_argument("--at", **AT)


def _export(command: argparse.ArgumentParser) -> None:
    where = command.add_mutually_exclusive_group()
    where.add_argument("--dkron", **DKRON)
    where.add_argument(
        "--file", metavar="FILE", help="jobs as GET /v1/jobs gives them, from a file (- is standard input)"
    )
    where.add_argument("--crontab", metavar="FILE", help="the entries of a crontab")
    where.add_argument("--terraform", metavar="FILE", help="the Dkron jobs in a Terraform state")
    command.add_argument("--system", action="store_true", help="the crontab has a column for the user")
    which = command.add_mutually_exclusive_group()
    which.add_argument(
        "--tag", help="jobs with this owner tag (metadata.managed_by); else those with ours, of a file all"
    )
    which.add_argument("--all", action="store_true", help="all jobs, whoever owns them")
    command.add_argument("--stack", metavar="STACK", help="use the keys that this stack's config has already")
    command.add_argument(
        "--set-config", action="store_true", help="set the secrets in the stack's config; else their keys are told"
    )


def _acting(add: Add) -> None:
    """The commands that act on live jobs."""

    def command(name: str, module: str, summary: str) -> argparse.ArgumentParser:
        parser = add(name, module, name, summary)
        parser.add_argument("--dkron", metavar="URL", help=f"{DKRON['help']}, or the stack's own")
        parser.add_argument("--stack", **STACK)
        return parser

    once = command("run", "run_once", "run one of our jobs once, now")
    once.add_argument("name", metavar="NAME")
    once.add_argument("--wait", action="store_true", help="wait, show each attempt; exit code 1 if the run fails")

    again = command("repost", "act", "write jobs again although nothing differs; an @every interval starts anew")
    _some(again, "all jobs of the stack")

    held = command("hold", "hold", "leave jobs as they are until a time: no drift, no repair; @every starts anew")
    _some(held, "all jobs of the stack")
    _ending(held)
    held.add_argument("--disable", action="store_true", help="and switch them off meanwhile")
    _some(
        command("unhold", "hold", "take the hold off jobs: the next run puts them back as declared"),
        "all jobs of the stack that are held",
    )
    _ending(command("freeze", "hold", "hold all jobs of the stack"))

    _one(command("recreate", "recreate", "delete one of our jobs and post it anew, if Dkron stopped running it"))
    _one(command("delete", "act", "delete one of our jobs that nobody declares"))

    back = command("restore", "restore", "write a job back as it was before it was deleted or overwritten")
    _one(back)
    back.add_argument("--at", metavar="WHEN", help="the last copy made before this time; default: the last one")

    free = command(
        "release", "act", "take our tag and mark off jobs, so that they stay in Dkron and are not managed any more"
    )
    free.add_argument("names", nargs="+", metavar="NAME")


def _one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--yes", action="store_true", help="do not ask first")


def _some(parser: argparse.ArgumentParser, whole: str) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("names", nargs="*", default=[], metavar="NAME")
    which.add_argument("--all", action="store_true", help=whole)


def _ending(parser: argparse.ArgumentParser) -> None:
    end = parser.add_mutually_exclusive_group(required=True)
    end.add_argument("--for", dest="length", metavar="LENGTH", help="how long, such as 2h or 1d12h; at most 30 days")
    end.add_argument("--until", metavar="WHEN", help="until then, such as 2026-12-24T06:00Z; at most 30 days ahead")
    parser.add_argument("--reason", required=True, help="why; everybody sees it")
