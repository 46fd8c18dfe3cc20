"""A stranger's text made fit for a line: whatever comes from Dkron or from an exception goes through here before a
terminal, a log, a page or a verdict shows it. Pure."""

from typing import Final

LONGEST_QUOTE: Final = 300  # characters


def one_line(text: str) -> str:
    """`text` on one line, without control characters, cut to what a person will read."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= LONGEST_QUOTE else line[: LONGEST_QUOTE - 1] + "…"
