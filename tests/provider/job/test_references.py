import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.job.references import Reference, json_list, resolved, secret, setting

VALUES = {"gatewayUrl": "http://gw", "serviceKey": 'k"e\\y', "n": "7"}


def test_a_reference_joins_with_text_on_either_side() -> None:
    reference = "see " + setting("gatewayUrl") + "/api/" + setting("n")
    assert reference.resolve(VALUES.__getitem__) == "see http://gw/api/7"
    assert reference.keys == ("gatewayUrl", "n")
    assert str(reference) == "see ${gatewayUrl}/api/${n}"


def test_a_reference_is_secret_as_soon_as_one_part_is() -> None:
    assert not ("a" + setting("gatewayUrl")).secret
    assert ("a" + setting("gatewayUrl") + secret("serviceKey")).secret


def test_references_that_give_the_same_text_are_equal_and_others_are_not() -> None:
    assert setting("a") + "/x" == setting("a") + "/x"
    assert setting("a") != secret("a")
    assert setting("a") != setting("b")


def test_neither_text_nor_repr_of_a_reference_hold_a_value() -> None:
    reference = "X-Api-Key: " + secret("serviceKey")
    reference.resolve(VALUES.__getitem__)
    assert VALUES["serviceKey"] not in f"{reference} {reference!r}"


def test_a_list_of_plain_texts_is_plain_json() -> None:
    assert json_list(["A: b", 'C: "d"']) == '["A: b", "C: \\"d\\""]'
    assert json_list([]) == "[]"


@given(st.lists(st.tuples(st.text(), st.text()), min_size=1), st.text())
def test_a_list_with_references_resolves_to_json_of_the_resolved_texts(
    pairs: list[tuple[str, str]], value: str
) -> None:
    items = [
        before + secret("key") + after if number % 2 == 0 else after for number, (before, after) in enumerate(pairs)
    ]
    text = json_list(items)
    assert isinstance(text, Reference)
    expected = [before + value + after if n % 2 == 0 else after for n, (before, after) in enumerate(pairs)]
    assert json.loads(text.resolve({"key": value}.__getitem__)) == expected


def test_a_key_that_is_not_set_is_the_lookups_affair() -> None:
    with pytest.raises(KeyError):
        setting("nosuch").resolve(VALUES.__getitem__)


def test_references_anywhere_in_maps_are_resolved_and_a_text_with_a_secret_in_it_is_sealed() -> None:
    inputs = {
        "retries": 2,
        "executor": "http",
        "executor_config": {"url": setting("gatewayUrl") + "/api", "headers": "X: " + secret("serviceKey")},
    }
    assert resolved(inputs, VALUES.__getitem__, lambda text: ("sealed", text)) == {
        "retries": 2,
        "executor": "http",
        "executor_config": {"url": "http://gw/api", "headers": ("sealed", 'X: k"e\\y')},
    }
