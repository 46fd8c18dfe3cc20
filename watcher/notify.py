"""Tells people by the targets of NOTIFY, through apprise, on a thread of its own: a dead target never holds up a cycle.

What is to be told is decided in `watcher.notices`. What was told is kept in a file, so that a restart tells nothing
twice. A target's address is a secret and is never said.
"""

import json
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import quote

from watcher import notices
from watcher.clock import Clock
from watcher.dkron.runs import Runs
from watcher.logs import EventLog
from watcher.metrics import Metrics
from watcher.notices import AGAIN_S, Notice
from watcher.own_files import make_directory, read_file, replace_file
from watcher.status import Board
from watcher.targets import JOB, KINDS, RECOVERED

TRIES: Final = 3
PAUSE_S: Final = 2.0
TIME_LIMIT_S: Final = 10  # of a try
QUEUE: Final = 100
UNSENT_AGAIN_S: Final = 3600.0
FILE: Final = "notified.json"


def file_of(stack: str, several: bool) -> str:
    """The name of the file that keeps what was told of a stack."""
    return f"notified-{stack.replace('/', '-')}.json" if several else FILE


Clean = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Wishes:
    """Whom to tell, what, and where the page is. `file`: keeps what was told."""

    targets: Sequence[str]
    kinds: frozenset[str]
    public_url: str
    file: Path


class Notifier:
    """`look` decides and queues; a thread sends."""

    def __init__(self, wishes: Wishes, board: Board, log: EventLog, metrics: Metrics, clean: Clean) -> None:
        self.wishes, self.board, self.log, self.metrics, self.clean = wishes, board, log, metrics, clean
        self._told = self._read()
        self._queue: queue.Queue[Notice | None] = queue.Queue(QUEUE)
        self._unsent: deque[Notice] = deque(maxlen=QUEUE)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="notify", daemon=True)
        self._thread.start()

    def look(self, runs: Runs, clock: Clock) -> None:
        """Queues what is due now."""
        now, snapshot = clock.now(), self.board.now
        current = notices.of_cycles(snapshot, now, self.clean)
        judged = {kind for kind in KINDS if kind != JOB and snapshot.last is not None}
        if runs.at is not None:
            current |= notices.of_jobs(runs.found, now)
            judged.add(JOB)
        self._tell_again_soon(now)
        messages, told = notices.to_tell(current, self._told, judged, self.wishes.kinds, now)
        for message in messages:
            try:
                self._queue.put_nowait(message)
            except queue.Full:
                self.metrics.notifications.labels("dropped").inc()
        if told != self._told:
            self._told = told
            self._write()

    def _tell_again_soon(self, now: float) -> None:
        """What no target took is told again after an hour instead of a day."""
        while self._unsent:
            lost = self._unsent.popleft()
            for key, notice in self._told.items():
                # A message of many things has no subject.
                if lost.subject in ("", notice.subject):
                    at = min(notice.at, now - AGAIN_S + UNSENT_AGAIN_S)
                    self._told = {**self._told, key: replace(notice, at=at)}

    def close(self, patience_s: float = TIME_LIMIT_S) -> None:
        """Waits a moment for what is queued, then gives up."""
        try:
            self._queue.put_nowait(None)
            self._thread.join(patience_s)
        except queue.Full:
            pass
        self._stop.set()

    # -- the thread

    def _work(self) -> None:
        while not self._stop.is_set() and (message := self._queue.get()) is not None:
            arrived = False
            for number, target in enumerate(self.wishes.targets, 1):
                sent = self._send(target, message)
                arrived = arrived or sent
                self.metrics.notifications.labels("sent" if sent else "failed").inc()
                if not sent:
                    self.log.error("notify.failed", target=number, tries=TRIES)
            if not arrived:
                self._unsent.append(message)

    def _send(self, target: str, message: Notice) -> bool:
        try:
            from apprise import Apprise, NotifyType
        except ImportError as error:  # the environment may be made again under a running watcher
            self.log.debug("notify.bug", kind=type(error).__name__)
            return False
        kind = NotifyType.SUCCESS if message.kind == RECOVERED else NotifyType.WARNING
        separator = "&" if "?" in target else "?"
        sender = Apprise()
        sender.add(f"{target}{separator}cto={TIME_LIMIT_S}&rto={TIME_LIMIT_S}")
        title = f"Dkron jobs, stack {self.board.now.stack}"
        for attempt in range(TRIES):
            try:
                if sender.notify(title=title, body=self._text(message), notify_type=kind):
                    return True
            except Exception as error:  # noqa: BLE001 - a plugin of a hundred may fail in any way
                self.log.debug("notify.bug", kind=type(error).__name__)
            if attempt + 1 < TRIES and self._stop.wait(PAUSE_S):
                break
        return False

    def _text(self, message: Notice) -> str:
        if not self.wishes.public_url:
            return self.clean(message.text)
        path = f"/jobs/{quote(message.subject, safe='')}" if message.kind == JOB and message.subject else "/"
        return self.clean(f"{message.text}\n{self.wishes.public_url.rstrip('/')}{path}")

    # -- what was told

    def _read(self) -> dict[str, Notice]:
        try:
            kept = json.loads(read_file(self.wishes.file))
            return {key: Notice(**fields) for key, fields in kept.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def _write(self) -> None:
        text = json.dumps({key: asdict(notice) for key, notice in self._told.items()})
        try:
            make_directory(self.wishes.file.parent)
            replace_file(self.wishes.file, text)
        except OSError as error:
            self.log.warning("notify.not_kept", why=error.strerror or str(error))
