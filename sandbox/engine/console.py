"""What a command says, and what ends it early: a message for a person and an exit code.

Exit codes are the real CLI's: 1 for almost everything, 2 for a missing --yes, 6 no stack, 7 unexpected changes.
"""

import os
import sys

GENERAL, CONFIGURATION, NO_STACK, UNEXPECTED_CHANGES = 1, 2, 6, 7


class CliError(Exception):
    """Ends the command: `message` is printed as `error: message`, the process exits with `code`. `urn`: whose it is."""

    def __init__(self, message: str, code: int = GENERAL, urn: str = "") -> None:
        super().__init__(message)
        self.message, self.code, self.urn = message, code, urn


class Refused(CliError):
    """A feature of Pulumi that the stand-in doesn't support: said clearly, never ignored."""

    def __init__(self, feature: str) -> None:
        super().__init__(f"the sandbox Pulumi doesn't support {feature}; use the real Pulumi CLI for that")


class Bail(Exception):  # it is control flow: what went wrong has been reported already
    """Ends the run; everything that a person should read was already reported as a diagnostic."""


def say(text: str) -> None:
    """Prints a line; a reader that went away is no reason to leave a stack half done."""
    try:
        print(text, flush=True)  # noqa: T201
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def switched_on(name: str) -> bool:
    return os.environ.get(name, "").lower() in ("1", "true")
