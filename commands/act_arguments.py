"""The arguments of the commands that act on live jobs. What they do is imported only when one is run."""

import argparse
import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # Only for the type checker: argparse names it with an underscore, and has no other.
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001


def add(commands: "Commands", dkron: dict[str, Any]) -> None:
    """Adds them all; `dkron` is the keywords of --dkron."""

    def command(name: str, module: str, summary: str) -> argparse.ArgumentParser:
        def run(options: argparse.Namespace) -> int:
            code: int = getattr(importlib.import_module(f"commands.{module}"), name)(options)
            return code

        parser = commands.add_parser(name, help=summary, description=f"{summary}.")
        parser.add_argument("--dkron", **{**dkron, "help": f"{dkron['help']}, or the stack's own"})
        parser.add_argument(
            "--stack", metavar="STACK", help="whose jobs; default: STACK, or the only stack that has a file"
        )
        parser.set_defaults(run=run)
        return parser

    def asking(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME")
        parser.add_argument("--yes", action="store_true", help="do not ask first")

    once = command("run", "run_once", "run one of our jobs once, now")
    once.add_argument("name", metavar="NAME")
    once.add_argument("--wait", action="store_true", help="wait, show each attempt; exit code 1 if the run fails")

    again = command("repost", "act", "write jobs again although nothing differs; an @every interval starts anew")
    which = again.add_mutually_exclusive_group(required=True)
    which.add_argument("names", nargs="*", default=[], metavar="NAME")
    which.add_argument("--all", action="store_true", help="all jobs of the stack")

    def ending(parser: argparse.ArgumentParser) -> None:
        end = parser.add_mutually_exclusive_group(required=True)
        end.add_argument(
            "--for", dest="length", metavar="LENGTH", help="how long, such as 2h or 1d12h; at most 30 days"
        )
        end.add_argument("--until", metavar="WHEN", help="until then, such as 2026-12-24T06:00Z; at most 30 days ahead")
        parser.add_argument("--reason", required=True, help="why; everybody sees it")

    held = command("hold", "hold", "leave jobs as they are until a time: no drift, no repair; @every starts anew")
    which = held.add_mutually_exclusive_group(required=True)
    which.add_argument("names", nargs="*", default=[], metavar="NAME")
    which.add_argument("--all", action="store_true", help="all jobs of the stack")
    ending(held)
    held.add_argument("--disable", action="store_true", help="and switch them off meanwhile")

    loose = command("unhold", "hold", "take the hold off jobs: the next run puts them back as declared")
    which = loose.add_mutually_exclusive_group(required=True)
    which.add_argument("names", nargs="*", default=[], metavar="NAME")
    which.add_argument("--all", action="store_true", help="all jobs of the stack that are held")

    ending(command("freeze", "hold", "hold all jobs of the stack"))

    asking(command("recreate", "recreate", "delete one of our jobs and post it anew, if Dkron stopped running it"))
    asking(command("delete", "act", "delete one of our jobs that nobody declares"))

    back = command("restore", "restore", "write a job back as it was before it was deleted or overwritten")
    asking(back)
    back.add_argument("--at", metavar="WHEN", help="the last copy made before this time; default: the last one")

    free = command(
        "release", "act", "take our tag and mark off jobs, so that they stay in Dkron and are not managed any more"
    )
    free.add_argument("names", nargs="+", metavar="NAME")
