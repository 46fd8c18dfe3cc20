"""The errors of this project, each with a verdict: will it pass by itself (soft), or does it need a person (hard)?

    DkronJobsError
    ├── SettingsError          hard  a setting is missing or malformed; carries every problem
    ├── JobError               about one job
    │   ├── InvalidJob         hard  the declaration is refused; carries every problem
    │   └── ForeignJob         hard  the job in Dkron isn't ours
    └── DkronError             Dkron, or a proxy before it, gave no good answer
        ├── Unreachable        soft  nothing listens, the connection broke, TLS failed
        ├── TimedOut           soft  no answer in time; a write may have been done all the same
        ├── NoLeader           soft  the cluster has no leader just now
        ├── Paused             soft  job submissions are paused (503)
        ├── ServerFault        soft  any other 5xx
        ├── DeleteRefused      soft  404 on a DELETE, and the job is still there
        ├── Rejected           hard  Dkron refused the request (4xx) and said why
        ├── Unauthorised       hard  401 or 403: Dkron itself has no authentication, so this is a proxy's
        └── BadAnswer          hard  an answer that is no Dkron answer

The text of an error is one line for a person: what, which job, Dkron's own words, what to do. It never holds a
secret: whoever raises one passes foreign text through `redact` first. This module does nothing else.
"""

from collections.abc import Iterable
from typing import ClassVar


class DkronJobsError(Exception):
    """Root of the tree. `soft` tells whether it will pass without a person."""

    soft: ClassVar[bool] = False


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

    def __init__(self, job: str, problems: Iterable[tuple[str, str]]) -> None:
        self.problems = tuple(problems)
        reasons = "; ".join(f"{field}: {reason}" for field, reason in self.problems)
        super().__init__(job, f'job "{job}" is not valid: {reasons}')


class ForeignJob(JobError):
    """A job of that name exists in Dkron and doesn't carry our owner tag; `found` is the tag that it carries."""

    def __init__(self, job: str, found: str | None, message: str) -> None:
        self.found = found
        super().__init__(job, message)


class DkronError(DkronJobsError):
    """Dkron gave no good answer. `status` is the HTTP status, None when there was none."""

    def __init__(self, message: str, status: int | None = None) -> None:
        self.status = status
        super().__init__(message)


class Unreachable(DkronError):
    soft = True


class TimedOut(DkronError):
    soft = True


class NoLeader(DkronError):
    soft = True


class Paused(DkronError):
    soft = True


class ServerFault(DkronError):
    soft = True


class DeleteRefused(DkronError):
    soft = True


class Rejected(DkronError):
    pass


class Unauthorised(DkronError):
    pass


class BadAnswer(DkronError):
    pass
