"""The errors of this project, each with a verdict: will it pass by itself (soft), or does it need a person (hard)?

    DkronJobsError
    ├── SettingsError          hard  a setting is missing or malformed; carries every problem
    ├── JobError               about one job
    │   ├── InvalidJob         hard  the declaration is refused; carries every problem
    │   ├── ForeignJob         hard  the job in Dkron isn't ours
    │   └── NotJudged          soft  the change was not in the preview that the watcher judged
    └── DkronError             Dkron, or a proxy in front of it, gave no good answer
        ├── Unreachable        soft  nothing listens, the connection broke, TLS failed
        ├── TimedOut           soft  no answer in time; a write may have been done all the same
        ├── NoLeader           soft  the cluster has no leader just now
        ├── Paused             soft  job submissions are paused (503), or a proxy asks to wait (429)
        ├── ServerFault        soft  any other 5xx
        ├── DeleteRefused      soft  404 on a DELETE, and the job is still there
        ├── NotConfirmed       soft  all our jobs seem to be gone, and nobody vouches for that
        ├── TwoClusters        hard  the configured servers are not of one cluster
        ├── Rejected           hard  Dkron refused the request (4xx) and said why
        ├── Unauthorised       hard  401 or 403: Dkron itself has no authentication, so this is a proxy's
        └── BadAnswer          hard  an answer that is no Dkron answer

The text of an error is one line for a person: what, which job, Dkron's own words, what to do. It never holds a
secret: whoever raises one passes foreign text through `redact` first. This module does nothing else.

The engine passes on nothing of an error but its text. So the provider ends that text with a code, which the watcher
reads (`with_code`, `code_in`). Only the very end counts, where no stranger's words can stand.
"""

import re
from collections.abc import Iterable
from typing import ClassVar, Final

_CODE: Final = re.compile(r"\[dkron-jobs:([a-z-]+)\]\s*\Z")


class DkronJobsError(Exception):
    """Root of the tree. `soft` tells whether it will pass without a person; `code` names the kind for the watcher."""

    soft: ClassVar[bool] = False
    code: ClassVar[str] = "hard"


class HookError(Exception):
    """An error of a hook. The SDK passes on its class as Python prints it, then its text, so the class has a plain
    name."""

    __module__ = "builtins"


HookError.__qualname__ = "dkron-jobs"


def with_code(text: str, code: str) -> str:
    """`text` with the code of its error at the very end."""
    return f"{text} [dkron-jobs:{code}]"


def code_in(text: str) -> str | None:
    """The code at the very end of a text, None if there is none."""
    found = _CODE.search(text)
    return found[1] if found else None


class SettingsError(DkronJobsError):
    """Settings are missing or malformed. `problems`: one line each, naming the setting and the way out."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


class JobError(DkronJobsError):
    """Something is wrong with one job, named by `job`."""

    def __init__(self, job: str, message: str) -> None:
        self.job = job
        super().__init__(message)


class InvalidJob(JobError):
    """The declaration of a job is refused. `problems`: (property, reason) pairs."""

    code = "invalid"

    def __init__(self, job: str, problems: Iterable[tuple[str, str]]) -> None:
        self.problems = tuple(problems)
        reasons = "; ".join(f"{field}: {reason}" for field, reason in self.problems)
        super().__init__(job, f'job "{job}" is not valid: {reasons}')


class ForeignJob(JobError):
    """A job of that name exists in Dkron, with another owner tag, with none, or with another stack's mark."""

    code = "foreign"


class NotJudged(JobError):
    """The watcher judged a preview without this change, so it waits for the next one."""

    soft = True
    code = "not-judged"


class DkronError(DkronJobsError):
    """Dkron gave no good answer. `status` is the HTTP status, None when there was none."""

    def __init__(self, message: str, status: int | None = None) -> None:
        self.status = status
        super().__init__(message)


class Unreachable(DkronError):
    soft = True
    code = "soft"


class TimedOut(DkronError):
    soft = True
    code = "soft"


class NoLeader(DkronError):
    soft = True
    code = "no-leader"


class Paused(DkronError):
    """`retry_after_s`: how long it asks to wait, 0.0 if it doesn't say."""

    soft = True
    code = "paused"

    def __init__(self, message: str, status: int | None = None, retry_after_s: float = 0.0) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message, status)


class ServerFault(DkronError):
    soft = True
    code = "soft"


class DeleteRefused(DkronError):
    soft = True
    code = "soft"


class NotConfirmed(DkronError):
    soft = True
    code = "soft"


class TwoClusters(DkronError):
    pass


class Rejected(DkronError):
    pass


class Unauthorised(DkronError):
    pass


class BadAnswer(DkronError):
    pass
