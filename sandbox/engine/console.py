"""Standard output, standard error and the environment's switches: one door, so that all commands treat them alike."""

import os
import sys


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
