"""Eight jobs of ours among a hundred thousand of others: no hook of the provider asks for all of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provider.job.ownership import DIGEST_KEY
from tests.fake_dkron import Crowd
from tests.provider.examples import job
from tests.provider.process import Failed, Provider

NAMES = [f"job-{n}" for n in range(8)]


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    with Crowd() as server:
        yield server
        assert server.whole_lists == []


@pytest.fixture
def provider(crowd: Crowd, tmp_path: Path) -> Iterator[Provider]:
    with Provider(tmp_path, {"dkronUrl": crowd.url}) as running:
        yield running


def theirs(name: str, **fields: Any) -> dict[str, Any]:
    return job(name=name, metadata={"team": "x"}, **fields)


def test_a_stack_is_created_read_updated_and_destroyed_by_lists_of_our_jobs(provider: Provider, crowd: Crowd) -> None:
    for name in NAMES:
        provider.create(job(name=name))
    assert [provider.read(name, job(name=name))[0] for name in NAMES] == NAMES
    for name in NAMES:
        provider.update(job(name=name), job(name=name, displayname="New"))
    for name in NAMES:
        provider.delete(name, job(name=name))
    assert crowd.jobs == {}
    assert provider.output == ""


def test_a_strangers_job_under_a_declared_name_is_told_and_refused(provider: Provider, crowd: Crowd) -> None:
    crowd.put(theirs("job-1"))
    provider.check(job(name="job-1"))
    assert 'job "job-1" exists in Dkron and carries no owner tag' in provider.output
    with pytest.raises(Failed, match="carries no owner tag"):
        provider.create(job(name="job-1"))
    assert crowd.writes == []


def test_jobs_whose_tag_was_taken_off_are_neither_gone_nor_created_anew(provider: Provider, crowd: Crowd) -> None:
    for name in NAMES:
        crowd.put(job(name=name) if name == "job-0" else theirs(name))
    found = [provider.read(name, job(name=name)) for name in NAMES]
    assert [id_ for id_, _, _ in found] == NAMES
    assert [DIGEST_KEY in outs for _, outs, _ in found] == [False] + [True] * 7
    with pytest.raises(Failed, match="carries no owner tag"):
        provider.update(job(name="job-3"), job(name="job-3", displayname="New"))
    provider.delete("job-3", job(name="job-3"))
    assert "job-3" in crowd.jobs


def test_that_all_our_jobs_are_gone_is_believed_of_the_leader(provider: Provider, crowd: Crowd) -> None:
    assert [provider.read(name, job(name=name))[0] for name in NAMES] == [""] * 8
    assert crowd.bytes < 100
