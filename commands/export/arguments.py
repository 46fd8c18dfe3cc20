"""The arguments of `export`. What it does is imported only when it is run."""

import argparse
from collections.abc import Mapping
from typing import Any


def add(command: argparse.ArgumentParser, dkron: Mapping[str, Any]) -> None:
    """What the command takes; `dkron` is the keywords of --dkron."""
    where = command.add_mutually_exclusive_group()
    where.add_argument("--dkron", **dkron)
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
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from commands.export import command

    return command.run(options)
