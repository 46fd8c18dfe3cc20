from typing import Any

import pytest

from provider.job.ownership import adoption_words
from tests.provider.examples import OWNER, job

OURS = {"managed_by": OWNER, "managed_in": "shop/dev"}


def declared(**changes: Any) -> dict[str, Any]:
    return job(**{"metadata": OURS, **changes})


@pytest.mark.parametrize(
    ("live", "adopt", "line"),
    [
        (declared(), False, 'job "geo-purge" is in Dkron already, ours and equal: it is only adopted'),
        (
            declared(schedule="@daily", retries=0),
            False,
            'job "geo-purge" is in Dkron already, ours and differs: it is adopted, and written are schedule, retries',
        ),
        (
            job(),
            False,
            'job "geo-purge" is in Dkron already, ours and differs: it is adopted, and written are metadata',
        ),
        (
            declared(metadata={"managed_by": "x"}, schedule="@daily"),
            True,
            f'job "geo-purge" carries the owner tag "x", not "{OWNER}"; it is taken over, and overwritten are '
            "schedule, metadata",
        ),
    ],
)
def test_it_is_said_whose_the_job_is_and_what_will_be_written(live: dict[str, Any], adopt: bool, line: str) -> None:
    assert adoption_words(live, declared(), OWNER, adopt) == line


@pytest.mark.parametrize("metadata", [{}, {"managed_by": "x"}, {**OURS, "managed_in": "shop/prod"}])
def test_a_stranger_s_job_will_be_refused(metadata: dict[str, str]) -> None:
    line = adoption_words(declared(metadata=metadata), declared(), OWNER, adopt=False)
    assert line is not None
    assert "is left as it is" in line


def test_a_new_job_needs_no_words() -> None:
    assert adoption_words(None, declared(), OWNER, adopt=False) is None
