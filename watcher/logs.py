"""The log: one line of JSON per event on stderr, or the same for people. Secrets are replaced here, last of all.

Event names are constant and data goes into fields, so that a machine can read them. It keeps nothing.
"""

import logging
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final, TextIO

from pythonjsonlogger.json import JsonFormatter

from provider.redaction import redact
from provider.text import one_line

LOGGER: Final = "dkron-jobs"
MOST_NAMES: Final = 20  # of each kind in one line
MOST_SECRETS: Final = 200
LONGEST_FIELD: Final = 2000  # characters, for people
_COLOURS: Final = {"DEBUG": "2", "INFO": "32", "WARNING": "33", "ERROR": "31", "CRITICAL": "31"}
_FIELDS: Final = "fields"


class Redactor:
    """Replaces every known secret; more may become known later (those of the stack's config)."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = tuple(dict.fromkeys(secrets))

    def learn(self, secrets: Iterable[str]) -> None:
        """Remembers those of earlier rotations too, but not for ever: each makes the pattern longer."""
        new = tuple(dict.fromkeys(secrets))
        self._secrets = tuple([*(known for known in self._secrets if known not in new), *new][-MOST_SECRETS:])

    def __call__(self, text: str) -> str:
        return redact(text, self._secrets)

    def within(self, value: Any) -> Any:
        """The same for every text in a value, such as a field of a log line; names stay."""
        if isinstance(value, Mapping):
            return {key: self.within(item) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.within(item) for item in value]
        return self(value) if isinstance(value, str) else value


class _Json(JsonFormatter):
    """One object a line, fields beside the event."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__("%(message)s")
        self.redactor = redactor

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:  # noqa: ARG002 - the base class names it
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        log_data["time"] = f"{stamp}.{int(record.msecs):03d}Z"
        log_data["level"] = record.levelname.lower()
        log_data["event"] = record.getMessage()
        # Values before they are dumped: a secret that is a word or a number must not garble the JSON.
        log_data.update(self.redactor.within(getattr(record, _FIELDS, {})))
        if record.exc_info:
            log_data["exception"] = self.redactor.within(self.formatException(record.exc_info))


class _Text(logging.Formatter):
    """For people: time, level in colour on a terminal, event, fields."""

    def __init__(self, redactor: Redactor, colours: bool) -> None:
        super().__init__()
        self.redactor, self.colours = redactor, colours

    def format(self, record: logging.LogRecord) -> str:
        level = f"{record.levelname.lower():7}"
        if self.colours:
            level = f"\x1b[{_COLOURS.get(record.levelname, '0')}m{level}\x1b[0m"
        fields = getattr(record, _FIELDS, {})
        shown = self.redactor.within(fields).items()
        told = " ".join(f"{k}={one_line(str(v), LONGEST_FIELD)}" for k, v in shown if v not in ("", None, (), [], {}))
        line = f"{time.strftime('%H:%M:%S', time.localtime(record.created))} {level} {record.getMessage():24} {told}"
        if record.exc_info:
            line += "\n" + self.redactor(self.formatException(record.exc_info))
        return line.rstrip()


class Progress:
    """One line on a terminal that is rewritten while `pulumi` works; silent anywhere else."""

    def __init__(self, stream: TextIO, wanted: bool) -> None:
        self.stream = stream
        self.on = wanted and stream.isatty()
        self.shown = False

    def show(self, text: str) -> None:
        if self.on:
            self.stream.write(f"\r\x1b[K{text[:100]}")
            self.stream.flush()
            self.shown = True

    def clear(self) -> None:
        if self.shown:
            self.stream.write("\r\x1b[K")
            self.stream.flush()
            self.shown = False


class EventLog:
    """`log.info("cycle.done", outcome=...)`."""

    def __init__(self, logger: logging.Logger, progress: Progress, always: Mapping[str, Any] | None = None) -> None:
        self._logger, self.progress = logger, progress
        self._always = dict(always or {})

    def of(self, **always: Any) -> "EventLog":
        """The same log, with these fields in every line."""
        return EventLog(self._logger, self.progress, {**self._always, **always})

    def _say(self, level: int, event: str, fields: dict[str, Any], failure: bool = False) -> None:
        self.progress.clear()
        self._logger.log(level, event, extra={_FIELDS: {**self._always, **fields}}, exc_info=failure)

    def debug(self, event: str, **fields: Any) -> None:
        self._say(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: Any) -> None:
        self._say(logging.INFO, event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        self._say(logging.WARNING, event, fields)

    def error(self, event: str, **fields: Any) -> None:
        self._say(logging.ERROR, event, fields)

    def exception(self, event: str, **fields: Any) -> None:
        """With the traceback: for a bug of ours, never for a fault of the world."""
        self._say(logging.ERROR, event, fields, failure=True)


def open_log(style: str, level: str, redactor: Redactor, stream: TextIO | None = None) -> EventLog:
    """A log on `stream` (stderr). `style`: json or text."""
    target = sys.stderr if stream is None else stream
    handler = logging.StreamHandler(target)
    handler.setFormatter(_Text(redactor, target.isatty()) if style == "text" else _Json(redactor))
    logger = logging.Logger(LOGGER, level.upper())
    logger.addHandler(handler)
    return EventLog(logger, Progress(target, style == "text"))
