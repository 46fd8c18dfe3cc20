"""One line on standard error for each measurement: rewritten on a terminal, a line each elsewhere."""

import sys
from typing import TextIO


class Progress:
    """Says what is running, as "n of m"."""

    def __init__(self, total: int, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.total, self.done = total, 0
        self.rewrite = self.stream.isatty()

    def next(self, text: str) -> None:
        """The next measurement begins."""
        self.done += 1
        line = f"bench: {self.done} of {self.total}: {text}"
        self.stream.write(f"\r\x1b[K{line}" if self.rewrite else f"{line}\n")
        self.stream.flush()

    def say(self, text: str) -> None:
        """A line that stays."""
        self.clear()
        self.stream.write(f"bench: {text}\n")
        self.stream.flush()

    def clear(self) -> None:
        if self.rewrite:
            self.stream.write("\r\x1b[K")
            self.stream.flush()
