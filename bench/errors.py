"""The one way in which a benchmark gives up: a line for a person, and the end of what the failed program printed."""

TAIL_LINES = 25


class BenchError(Exception):
    """A measurement that can't be made or that did not do its work. `tail`: the end of the output, for a person."""

    def __init__(self, reason: str, output: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.tail = "\n".join(output.strip().splitlines()[-TAIL_LINES:])
