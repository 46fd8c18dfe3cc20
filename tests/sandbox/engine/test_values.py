"""Property values: the three spellings agree with each other, and nothing secret shows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.engine.errors import Refused
from sandbox.engine.values import (
    SECRET_SIGNATURE,
    SIGNATURE_KEY,
    UNKNOWN,
    UNKNOWN_STRING,
    Secret,
    Unknown,
    from_state,
    from_wire,
    has,
    mark_secrets,
    masked,
    number,
    plain,
    to_state,
    to_wire,
)

SCALARS = st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
KEYS = st.text().filter(lambda key: key != SIGNATURE_KEY)
VALUES = st.recursive(
    SCALARS | st.just(UNKNOWN),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner) | inner.map(Secret),
    max_leaves=12,
)
PROPERTIES = st.dictionaries(KEYS, VALUES)


class Reversing:
    """A crypter that a test can read."""

    def encrypt(self, plaintext: str) -> str:
        return plaintext[::-1]

    def decrypt(self, ciphertext: str) -> str:
        return ciphertext[::-1]


@given(PROPERTIES)
def test_the_wire_keeps_every_value(properties: dict[str, Any]) -> None:
    assert from_wire(to_wire(properties, secrets=True)) == properties


@given(PROPERTIES)
def test_a_provider_sees_secrets_in_clear(properties: dict[str, Any]) -> None:
    assert from_wire(to_wire(properties)) == plain(properties)


@given(PROPERTIES)
def test_the_state_file_keeps_every_value(properties: dict[str, Any]) -> None:
    text = json.dumps(to_state(properties, Reversing()))
    assert from_state(json.loads(text), Reversing()) == properties
    shown = json.dumps(to_state(properties, None, show=True))
    assert from_state(json.loads(shown), None) == properties


@given(PROPERTIES)
def test_what_people_see_has_no_secret_left(properties: dict[str, Any]) -> None:
    assert not has(masked(properties), Secret)


def test_unknowns_are_left_out_where_they_may_not_be() -> None:
    assert dict(to_wire({"a": UNKNOWN, "b": 1.0}, unknowns=False).fields).keys() == {"b"}
    assert to_wire({"a": UNKNOWN}).fields["a"].string_value == UNKNOWN_STRING
    assert has({"a": [Secret(UNKNOWN)]}, Unknown)


@pytest.mark.parametrize(
    ("inputs", "outputs", "expected"),
    [
        ({"a": Secret("x")}, {"a": "x"}, {"a": Secret("x")}),
        ({"a": {"b": Secret("x"), "c": 1.0}}, {"a": {"b": "y", "c": 1.0}}, {"a": {"b": Secret("y"), "c": 1.0}}),
        ({"a": [1.0, Secret("x")]}, {"a": [1.0, "x"]}, {"a": Secret([1.0, "x"])}),
        ({"a": Secret({"b": "x"})}, {"a": {"b": "x"}}, {"a": Secret({"b": "x"})}),
        ({"a": Secret("x")}, {"b": "x"}, {"b": "x"}),
        ({"a": "x"}, {"a": Secret("x")}, {"a": Secret("x")}),
    ],
)
def test_what_was_secret_going_in_is_secret_coming_out(
    inputs: dict[str, Any], outputs: dict[str, Any], expected: dict[str, Any]
) -> None:
    mark_secrets(outputs, inputs)
    assert outputs == expected


def test_a_secret_is_encrypted_once() -> None:
    class Counting(Reversing):
        count = 0

        def encrypt(self, plaintext: str) -> str:
            Counting.count += 1
            return super().encrypt(plaintext)

    secret = Secret("x")
    assert to_state(secret, Counting()) == to_state(secret, Counting())
    assert Counting.count == 1
    assert repr(secret) == "Secret(...)"
    assert len({secret, Secret("x")}) == 1


def test_whole_numbers_are_written_as_go_writes_them() -> None:
    assert [number(2.0), number(0.5), number(1e22), number(float(2**53))] == [2, 0.5, 1e22, 2**53]
    with pytest.raises(Refused, match="not finite"):
        number(float("inf"))


@pytest.mark.parametrize(
    ("signature", "words"),
    [
        ("c44067f5952c0a294b673a41bacd8c17", "assets"),
        ("5cf8f73096256a8f31e491e813e4eb8e", "resource references"),
        ("0" * 32, "signature 0000"),
    ],
)
def test_values_that_can_not_be_carried_are_refused(signature: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        from_state({SIGNATURE_KEY: signature}, None)


def test_a_secret_without_a_secrets_provider_is_refused() -> None:
    with pytest.raises(Refused, match="without a secrets provider"):
        to_state(Secret("x"), None)
    with pytest.raises(Refused, match="without a secrets provider"):
        from_state({SIGNATURE_KEY: SECRET_SIGNATURE, "ciphertext": "x"}, None)
