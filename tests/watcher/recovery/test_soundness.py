import copy
from collections.abc import Callable
from typing import Any

import pytest

from provider.reference import reference_of
from watcher.recovery.soundness import resources_in, salt_of, strangers, unsound

STACK = "urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev"
PROVIDER = "urn:pulumi:dev::p::pulumi:providers:pulumi-python::default"
A, B = (f"urn:pulumi:dev::p::pulumi-python:dynamic/dkron:Job::{name}" for name in "ab")
OURS = {"__provider": reference_of("provider")}


def state() -> dict[str, Any]:
    job = {"custom": True, "type": "pulumi-python:dynamic/dkron:Job", "provider": f"{PROVIDER}::1", "parent": STACK}
    resources = [
        {"urn": STACK, "type": "pulumi:pulumi:Stack"},
        {"urn": PROVIDER, "type": "pulumi:providers:pulumi-python", "custom": True, "id": "1"},
        {"urn": A, "id": "a", "inputs": dict(OURS), "outputs": dict(OURS), **job},
        {"urn": B, "id": "b", "inputs": dict(OURS), "outputs": dict(OURS), "dependencies": [A], **job},
    ]
    latest = {"resources": resources, "secrets_providers": {"type": "passphrase", "state": {"salt": "v1:x"}}}
    return {"version": 3, "checkpoint": {"latest": latest}}


def broken(change: Callable[[list[Any]], object]) -> dict[str, Any]:
    document = state()
    change(document["checkpoint"]["latest"]["resources"])
    return document


def test_a_state_that_pulumi_wrote_is_sound() -> None:
    assert unsound(state()) == ""
    assert unsound({"version": 3, "checkpoint": {"latest": None}}) == ""
    assert unsound({"version": 3, "checkpoint": {"latest": {"resources": None}}}) == ""


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda r: r.pop(1), '"a" refers to a provider that isn\'t there'),
        (lambda r: r.pop(0), '"a" refers to a resource that isn\'t there before it'),
        (lambda r: r.append(copy.deepcopy(r[3])), 'it holds "b" twice'),
        (lambda r: r[3].pop("id"), '"b" has no id'),
        (lambda r: r[3].update(inputs="text"), 'the inputs or outputs of "b" are no mapping'),
        (lambda r: r[3].update(dependencies=["urn::none"]), '"b" refers to a resource that isn\'t there before it'),
        (lambda r: r.reverse(), '"b" refers to a provider that isn\'t there'),
        (lambda r: r[3].pop("urn"), "it holds a resource without a URN"),
        (lambda r: r.append(None), "it holds a resource without a URN"),
        (lambda r: r[3].update(inputs={}, outputs=None), '"b" has no provider'),
        (lambda r: r[3].update(dependencies=[{}]), '"b" refers to a resource that isn\'t there before it'),
        (lambda r: r[3].update(parent={"a": 1}), '"b" refers to a resource that isn\'t there before it'),
        (lambda r: r[3].update(provider={"a": 1}), '"b" refers to a provider that isn\'t there'),
    ],
)
def test_what_pulumi_could_not_use_is_named(change: Callable[[list[Any]], object], reason: str) -> None:
    assert unsound(broken(change)) == reason


def test_a_resource_that_waits_for_its_deletion_may_stand_beside_its_successor() -> None:
    assert unsound(broken(lambda r: r.append({**copy.deepcopy(r[3]), "delete": True}))) == ""


def test_links_to_what_waits_for_its_deletion_or_replacement_are_as_pulumi_writes_them() -> None:
    def interrupted(resources: list[Any]) -> None:
        resources[2]["delete"] = True
        resources[3].update(delete=True, provider=f"{PROVIDER}::gone", pendingReplacement=True)

    assert unsound(broken(interrupted)) == ""


@pytest.mark.parametrize("features", [["new"], "new", [{}]])
def test_a_state_that_needs_what_is_not_known_is_not_judged(features: Any) -> None:
    document = {**broken(lambda r: r[3].pop("id")), "version": 4}
    assert unsound(document)
    assert unsound({**document, "features": ["hooks"]})
    assert unsound({**document, "features": features}) == ""


@pytest.mark.parametrize("document", [None, [], {"version": 9, "checkpoint": {"latest": {"resources": [None]}}}])
def test_a_version_that_is_not_known_is_not_judged(document: Any) -> None:
    assert unsound(document) == ""


def test_our_own_provider_is_no_stranger_wherever_it_is_installed() -> None:
    assert strangers(state()) == []
    assert strangers(broken(lambda r: r[3]["inputs"].update(__provider=reference_of("pulumi_dkron")))) == []


@pytest.mark.parametrize("text", ["gASV", "", None, {"4dabf18193072939515e22adb298388d": "secret"}, ["x"]])
@pytest.mark.parametrize("where", ["inputs", "outputs"])
def test_any_other_provider_is_one(where: str, text: Any) -> None:
    assert strangers(broken(lambda r: r[2][where].update(__provider=text))) == ['"a"']


def test_an_exported_stack_and_pending_operations_are_looked_at_too() -> None:
    odd = {"urn": B, "inputs": {"__provider": "x"}}
    assert strangers({"deployment": {"resources": [odd, None]}}) == ['"b"']
    assert strangers({"deployment": {"resources": [], "pending_operations": [{"resource": odd}, "?"]}}) == ['"b"']


@pytest.mark.parametrize("document", [None, {}, {"deployment": []}, {"checkpoint": {"latest": {"resources": "x"}}}])
def test_what_is_no_state_has_no_resources(document: Any) -> None:
    assert (resources_in(document), salt_of(document)) == ([], "")


def test_the_salt_is_found() -> None:
    assert salt_of(state()) == "v1:x"
