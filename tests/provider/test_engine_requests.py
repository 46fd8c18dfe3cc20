import asyncio
from typing import Any

import pulumi
import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime.rpc import serialize_properties

from provider.engine_requests import Sealed, request_of
from provider.resource import JOB_TYPE, PROVIDER_REFERENCE

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
PLAIN = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | TEXT
VALUES = st.recursive(PLAIN, lambda v: st.lists(v, max_size=3) | st.dictionaries(TEXT, v, max_size=3), max_leaves=8)


@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_values_are_written_as_the_sdk_writes_them(inputs: dict[str, Any]) -> None:
    request = request_of("a", inputs)
    usual = asyncio.run(serialize_properties({**inputs, "__provider": PROVIDER_REFERENCE}, {}))
    assert request.object == usual
    assert set(request.propertyDependencies) == set(usual.fields)


def test_a_sealed_text_is_marked_as_secret_and_never_shown() -> None:
    request = request_of("a", {"config": {"headers": Sealed("CANARY")}})
    assert json_format.MessageToDict(request.object)["config"] == {
        "headers": {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": "CANARY"}
    }
    assert "CANARY" not in repr(Sealed("CANARY"))


def test_the_request_asks_for_secrets_and_names_the_type() -> None:
    request = request_of("a", {})
    assert (request.type, request.name, request.custom, request.acceptSecrets) == (JOB_TYPE, "a", True, True)


@pytest.mark.parametrize(("value", "accepts"), [("", True), ("true", False), ("1", False), ("0", True)])
def test_resource_references_can_be_switched_off_as_in_the_sdk(
    monkeypatch: pytest.MonkeyPatch, value: str, accepts: bool
) -> None:
    monkeypatch.setenv("PULUMI_DISABLE_RESOURCE_REFERENCES", value)
    assert request_of("a", {}).acceptResources is accepts


def test_what_is_no_json_names_the_job_and_the_field() -> None:
    with pytest.raises(pulumi.RunError, match=r'^job "a": tags can\'t be sent to the engine: set is no kind of JSON$'):
        request_of("a", {"tags": {"x"}})
