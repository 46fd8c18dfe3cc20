"""Outcomes follow from our provider's codes, whatever a message says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.errors import code_in
from tests.watcher.support import up
from watcher.endings import outcome_of
from watcher.pulumi.changes import Failure
from watcher.pulumi.output import parse_up
from watcher.status import Outcome

PAUSED, NO_LEADER, NOT_JUDGED = "[dkron-jobs:paused]", "[dkron-jobs:no-leader]", "[dkron-jobs:not-judged]"
# What strangers wrote into their owner tags: each once turned a failure for a person into a pause that is waited for.
FOREIGN = [
    'job "x" exists in Dkron and carries the owner tag "(503", not "ours"',
    'job "x" exists in Dkron and carries the owner tag "has no leader", not "ours"',
    f'job "x" exists in Dkron and carries the owner tag "{PAUSED}", not "ours" [dkron-jobs:foreign]',
    f'job "x" carries "{NO_LEADER}"',
]


def failures(*messages: str) -> tuple[Failure, ...]:
    """The failures of an up whose jobs failed so."""
    done = up(failed=tuple((f"j{i}", message) for i, message in enumerate(messages)))
    return parse_up(done.stdout).failures


@pytest.mark.parametrize(
    ("messages", "outcome"),
    [
        ((f"Dkron takes no jobs just now {PAUSED}",), Outcome.PAUSED),
        ((f"a {PAUSED}", f"b {PAUSED}"), Outcome.PAUSED),
        ((f"Traceback ...\n  File x\nException: no leader {NO_LEADER}\n",), Outcome.NO_LEADER),
        ((f"a {PAUSED}", f"b {NO_LEADER}"), Outcome.NO_LEADER),
        ((f"a {PAUSED}", f"b {NOT_JUDGED}"), Outcome.RETRY),
        ((f"a {PAUSED}", "it is foreign"), Outcome.FAILED),
        (("Dkron timed out [dkron-jobs:soft]",), Outcome.FAILED),
        (("Dkron answered (503: paused)",), Outcome.FAILED),
        *(((message,), Outcome.FAILED) for message in FOREIGN),
    ],
)
def test_what_failures_amount_to(messages: tuple[str, ...], outcome: Outcome) -> None:
    assert outcome_of(failures(*messages)) is outcome


def test_no_failure_that_is_named_is_a_failure_all_the_same() -> None:
    assert outcome_of(()) is Outcome.FAILED


def test_a_message_is_shown_without_its_code() -> None:
    assert failures(f"Exception: Dkron takes no jobs just now {PAUSED}") == (
        Failure("j0", "Dkron takes no jobs just now", "paused"),
    )


@given(st.text(), st.sampled_from([PAUSED, NO_LEADER, NOT_JUDGED]), st.text(min_size=1).filter(str.strip))
def test_a_code_that_is_followed_by_anything_is_none(before: str, token: str, after: str) -> None:
    assert code_in(before + token + after) in (None, code_in(after))
