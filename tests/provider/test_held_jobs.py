"""How the provider's own process treats a held job: no drift, no repair, a new declaration with the hold kept."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.fake_dkron import FakeDkron
from tests.provider.conftest import Start
from tests.provider.examples import OWNER, job
from tests.provider.process import Provider

MARK = {"managed_by": OWNER, "managed_in": "shop/dev"}


def declared(**changes: Any) -> dict[str, Any]:
    return job(metadata=MARK, **changes)


def hold(hours: float = 2) -> dict[str, str]:
    until = datetime.now(UTC) + timedelta(hours=hours)
    return {"held_until": f"{until:%Y-%m-%dT%H:%M:%SZ}", "hold_reason": "an incident", "held_by": "ann"}


def held(hours: float = 2, **changes: Any) -> dict[str, Any]:
    return job(metadata={**MARK, **hold(hours)}, **changes)


def test_a_held_job_is_read_as_the_state_holds_it(provider: Provider, dkron: FakeDkron) -> None:
    dkron.put(held(disabled=True, schedule="@hourly"))
    assert provider.read("geo-purge", declared()) == ("geo-purge", declared(), {})


def test_a_hold_that_is_over_or_malformed_is_drift(provider: Provider, dkron: FakeDkron) -> None:
    over = held(-1, disabled=True)
    dkron.put(over)
    _, outputs, inputs = provider.read("geo-purge", declared())
    assert outputs == inputs == over
    assert provider.diff(outputs, declared()).changes == 2
    provider.update(outputs, declared())
    assert dkron.jobs["geo-purge"]["metadata"] == MARK
    assert dkron.jobs["geo-purge"]["disabled"] is False


def test_a_new_declaration_is_written_with_the_hold_kept(provider: Provider, dkron: FakeDkron) -> None:
    live = dkron.put(held(disabled=True))
    assert provider.update(declared(), declared(retries=7)) == declared(retries=7)
    found = dkron.jobs["geo-purge"]
    assert (found["retries"], found["disabled"], found["metadata"]) == (7, True, live["metadata"])
    assert (
        "UTC by ann, switched off: an incident; its new declaration is written, and the hold stays" in provider.output
    )


def test_a_held_job_that_a_lost_state_forgot_is_left_as_it_is(provider: Provider, dkron: FakeDkron) -> None:
    dkron.put(held(disabled=True, schedule="@hourly"))
    provider.create(declared())
    assert dkron.writes == []
    assert "it is left as it is until then" in provider.output


def test_a_held_job_that_is_declared_no_longer_is_deleted_after_a_warning(provider: Provider, dkron: FakeDkron) -> None:
    dkron.put(held())
    provider.delete("geo-purge", declared())
    assert dkron.jobs == {}
    assert "declared no longer, so it is deleted all the same" in provider.output


def test_a_hold_on_a_job_that_others_took_does_not_bind(start: Start, dkron: FakeDkron) -> None:
    theirs = job(metadata={"managed_by": "them", **hold()})
    dkron.put(theirs)
    assert start().read("geo-purge", declared())[1]["metadata"] == {"managed_by": "them"}
    start(adopt="true").update(declared(), declared())
    assert dkron.jobs["geo-purge"]["metadata"] == MARK


def test_an_import_brings_no_hold_into_the_declaration(provider: Provider, dkron: FakeDkron) -> None:
    dkron.put(held())
    _, _, inputs = provider.read("geo-purge", {})
    assert inputs == declared()


def test_a_declaration_sets_no_hold(provider: Provider) -> None:
    _, failures = provider.check(held())
    assert set(failures) == {"metadata.held_until", "metadata.hold_reason", "metadata.held_by"}
