"""A stranger's text made fit for a line: whatever comes from Dkron or from an exception goes through here before a
terminal, a log, a page or a verdict shows it. Pure."""

from collections.abc import Iterable
from typing import Final

LONGEST_QUOTE: Final = 300  # characters


def one_line(text: str, longest: int = LONGEST_QUOTE) -> str:
    """`text` on one line, without control characters, cut to what a person will read."""
    line = " ".join(printable(text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def printable(text: str) -> str:
    """`text` with its line breaks, and a space for each other control character: what may go to a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, whatever its case and underscores; None if none is near."""
    from difflib import get_close_matches

    plain = {name.lower().replace("_", ""): name for name in sorted(known)}
    found = get_close_matches(word.lower().replace("_", "").replace("-", ""), plain, 1, 0.7)
    return plain[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A way out for a misspelt word, to stand behind a reason: the near word, else all there are."""
    known = sorted(known)
    near = nearest(word, known)
    return f"; did you mean {near}?" if near else f" (there are {', '.join(known)})"
