"""Standard output and error, and the files that a command names: one door, so that a reader that leaves is no crash."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from .errors import CliError


def say(text: str) -> None:
    """Prints a line; a reader that went away is no reason to leave a stack half done."""
    try:
        print(text, flush=True)  # noqa: T201
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]], indent: str = "") -> None:
    """Columns as wide as their widest cell."""
    lines = [heads, *rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(heads))]
    for line in lines:
        say((indent + "  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True))).rstrip())


def read_file(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CliError(f"could not read {path}: {error}") from None


def write_file(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise CliError(f"could not write {path}: {error.strerror}") from None
