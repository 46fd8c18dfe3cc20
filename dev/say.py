"""One line for each choice, on standard output; and the one way to give up."""

import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".state"
SANDBOX_BIN = ROOT / "sandbox" / "bin"


def say(what: str, text: str) -> None:
    """A line `what: text`."""
    sys.stdout.write(f"{what + ':':8} {text}\n")
    sys.stdout.flush()


def stop(text: str) -> NoReturn:
    """Ends the program with one clear line and exit code 1."""
    sys.stdout.flush()
    sys.stderr.write(f"{text}\n")
    raise SystemExit(1)
