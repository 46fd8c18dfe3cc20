"""One line for each measurement: rewritten on a terminal, plain elsewhere."""

import io

from bench.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_elsewhere_each_measurement_has_its_line() -> None:
    stream = io.StringIO()
    progress = Progress(2, stream)
    progress.next("8 jobs")
    progress.next("100 jobs")
    progress.clear()
    assert stream.getvalue() == "bench: 1 of 2: 8 jobs\nbench: 2 of 2: 100 jobs\n"


def test_on_a_terminal_the_line_is_rewritten_and_cleared_at_the_end() -> None:
    stream = Terminal()
    progress = Progress(2, stream)
    progress.next("8 jobs")
    progress.next("100 jobs")
    progress.clear()
    assert stream.getvalue() == "\r\x1b[Kbench: 1 of 2: 8 jobs\r\x1b[Kbench: 2 of 2: 100 jobs\r\x1b[K"
