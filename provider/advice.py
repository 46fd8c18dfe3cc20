"""A warning about a job: what Dkron takes and is likely to be a mistake. Plain data, below all rooms.

The code is stable: a declaration names it to accept that one warning (`JobSpec(accept=("every-second",))`), and
docs/warnings.md explains it. A code that isn't listed here is a type error.
"""

from dataclasses import dataclass
from typing import Final, Literal, get_args

Code = Literal[
    "bad-option",
    "child-schedule",
    "clock-change",
    "day-or-weekday",
    "ends-before-start",
    "ephemeral",
    "every-second",
    "expired",
    "http-body-end",
    "http-debug",
    "http-expect-body",
    "http-expect-code",
    "http-fragment",
    "http-header-ignored",
    "http-header-repeated",
    "http-long-timeout",
    "http-no-content-type",
    "http-no-expect-code",
    "http-url-blank",
    "ignored-text",
    "interval-rounded",
    "missing-option",
    "never-runs",
    "no-such-node",
    "owner-email",
    "owner-tag",
    "rule-expect-code",
    "rule-name",
    "rule-no-shell",
    "rule-owner",
    "rule-shortest-period",
    "rule-tags",
    "rule-timeout",
    "shell-assignment",
    "shell-backslash",
    "shell-builtin",
    "shell-comment",
    "shell-env-quotes",
    "shell-glob",
    "shell-line-break",
    "shell-one-word",
    "shell-substitution",
    "shell-tilde",
    "shell-variable",
    "tag-empty",
    "time-without-zone",
    "timezone-ignored",
    "timezone-local",
    "undeclared-parent",
    "unknown-accept",
    "unknown-executor",
    "unknown-option",
    "unknown-processor",
    "unknown-stack",
    "untagged-http",
    "windows-executor",
    "zone-sign",
]
CODES: Final = frozenset(get_args(Code))


@dataclass(frozen=True, slots=True)
class Advice:
    """One warning. `text`: one line without the job's name, and without anything that may be a secret."""

    code: Code
    text: str

    @property
    def line(self) -> str:
        """As a person reads it, with the code by which it can be accepted."""
        return f"{self.text} [{self.code}]"
