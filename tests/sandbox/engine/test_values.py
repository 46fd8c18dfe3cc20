"""Property values: the three spellings agree with each other, and nothing secret shows."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.engine.console import Refused
from sandbox.engine.passphrase import PassphraseCrypter
from sandbox.engine.values import (
    SIGNATURE,
    from_state,
    from_wire,
    has_secret,
    marked,
    masked,
    plain,
    secret,
    to_state,
    to_wire,
)

SCALARS = st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
KEYS = st.text().filter(lambda key: key != SIGNATURE)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner) | inner.map(secret),
    max_leaves=12,
)
PROPERTIES = st.dictionaries(KEYS, VALUES)


class Reversing(PassphraseCrypter):
    """A crypter that a test can read."""

    def encrypt(self, plaintext: str) -> str:
        return plaintext[::-1]

    def decrypt(self, ciphertext: str) -> str:
        return ciphertext[::-1]


@given(PROPERTIES)
def test_the_wire_and_the_state_file_keep_every_value(properties: dict[str, Any]) -> None:
    assert from_wire(to_wire(properties, secrets=True)) == properties
    assert from_wire(to_wire(properties)) == plain(properties)
    for crypter in (Reversing(""), None):
        text = json.dumps(to_state(properties, crypter))
        assert from_state(json.loads(text), Reversing("")) == properties


@given(PROPERTIES)
def test_what_people_see_has_no_secret_left(properties: dict[str, Any]) -> None:
    assert not has_secret(masked(properties))


@pytest.mark.parametrize(
    ("inputs", "outputs", "expected"),
    [
        ({"a": secret("x")}, {"a": "x"}, {"a": secret("x")}),
        ({"a": {"b": secret("x"), "c": 1.0}}, {"a": {"b": "y", "c": 1.0}}, {"a": {"b": secret("y"), "c": 1.0}}),
        ({"a": [1.0, secret("x")]}, {"a": [1.0, "x"]}, {"a": secret([1.0, "x"])}),
        ({"a": secret({"b": "x"})}, {"a": {"b": "x"}}, {"a": secret({"b": "x"})}),
        ({"a": secret("x")}, {"b": "x"}, {"b": "x"}),
        ({"a": "x"}, {"a": secret("x")}, {"a": secret("x")}),
    ],
)
def test_what_was_secret_going_in_is_secret_coming_out(
    inputs: dict[str, Any], outputs: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert marked(outputs, inputs) == expected


def test_assets_and_references_are_refused() -> None:
    with pytest.raises(Refused, match="assets"):
        from_wire(to_wire({"a": [{SIGNATURE: "c44067f5952c0a294b673a41bacd8c17"}]}))
