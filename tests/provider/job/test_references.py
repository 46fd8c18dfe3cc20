import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.job.references import (
    Reference,
    Values,
    json_list,
    references_in,
    secret,
    setting,
    shown,
    with_known,
)
from provider.job.stacks import per_stack

VALUES = {"gatewayUrl": "http://gw", "serviceKey": 'k"e\\y', "n": "7"}


def test_a_reference_joins_with_text_on_either_side() -> None:
    reference = "see " + setting("gatewayUrl") + "/api/" + setting("n")
    assert reference.resolve(VALUES.__getitem__) == "see http://gw/api/7"
    assert reference.keys == ("gatewayUrl", "n")
    assert reference.shown == shown(reference) == "see ${gatewayUrl}/api/${n}"
    assert shown("plain") == "plain"


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
    assert VALUES["serviceKey"] not in f"{reference.shown} {reference!r}"


@pytest.mark.parametrize(
    "put_in", [str, "{}".format, "%s".__mod__, lambda key: f"Bearer {key}", lambda key: f"{key:>9}"]
)
def test_a_reference_put_into_a_text_is_refused_with_the_form_that_works(put_in: Callable[[object], str]) -> None:
    with pytest.raises(TypeError, match=r"\$\{serviceKey\} can't be put into a text .*: join it with \+"):
        put_in(secret("serviceKey"))


@pytest.mark.parametrize(("value", "text"), [("http://gw/", "http://gw/api"), ("http://gw//", "http://gw/api")])
def test_an_address_loses_its_last_slashes_before_a_path(value: str, text: str) -> None:
    assert (setting("u") + "/api").resolve(lambda _key: value) == text
    assert ("x" + setting("u") + "/api").resolve(lambda _key: value) == f"x{value}/api"
    assert setting("u").resolve(lambda _key: value) == value


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


INPUTS = {
    "retries": 2,
    "executor": "http",
    "executor_config": {"url": setting("gatewayUrl") + "/api", "headers": "X: " + secret("serviceKey")},
}


def test_references_anywhere_in_maps_are_filled_in_and_a_text_with_a_secret_in_it_is_sealed() -> None:
    values = Values(VALUES.get, lambda text: ("sealed", text))
    assert values.fill("a", INPUTS) == {
        "retries": 2,
        "executor": "http",
        "executor_config": {"url": "http://gw/api", "headers": ("sealed", 'X: k"e\\y')},
    }
    assert (values.missing, values.malformed, values.jobs) == ({}, {}, {})
    assert [option for option, _ in references_in(INPUTS)] == ["url", "headers"]


def test_a_secret_key_is_sealed_however_a_declaration_refers_to_it() -> None:
    values = Values(VALUES.get, lambda text: ("sealed", text), {"serviceKey"})
    assert values.fill("a", {"owner": setting("serviceKey") + "!"}) == {"owner": ("sealed", 'k"e\\y!')}


def test_what_is_missing_is_gathered_with_the_jobs_that_need_it() -> None:
    values = Values(lambda _key: None, str)
    for name in ("a", "b", "a"):
        values.fill(name, INPUTS)
    assert values.missing == {"gatewayUrl": False, "serviceKey": True}
    assert values.jobs == {"gatewayUrl": ["a", "b"], "serviceKey": ["a", "b"]}


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("serviceKey", "a:b", "holds a colon, at which Dkron cuts the header"),
        ("serviceKey", "a\nb", "holds a line break or another control character, which no header can carry"),
        ("gatewayUrl", "gw:80", "must look like http://host:port"),
    ],
)
def test_a_value_that_cannot_stand_there_is_told_once_by_its_key(key: str, value: str, reason: str) -> None:
    values = Values({**VALUES, "gatewayUrl": "https://gw", key: value}.get, str)
    values.fill("a", INPUTS)
    values.fill("b", INPUTS)
    assert values.malformed == {key: reason}
    assert values.jobs == {key: ["a", "b"]}


TYPED = {"retries": setting("n", int), "disabled": setting("off", bool), "schedule": "0 0 " + setting("n") + " * * *"}


def test_a_field_that_is_no_text_gets_what_it_holds_and_a_text_gets_text() -> None:
    values = Values({"n": "7", "off": "True"}.get, str)
    assert values.fill("a", TYPED) == {"retries": 7, "disabled": True, "schedule": "0 0 7 * * *"}
    assert values.fill("b", {"retries": setting("n"), "owner": setting("n", int)}) == {"retries": 7, "owner": "7"}
    assert (values.missing, values.malformed) == ({}, {})


def test_a_secret_number_stays_a_number_in_its_seal() -> None:
    values = Values({"n": "7"}.get, lambda value: ("sealed", value))
    assert values.fill("a", {"retries": secret("n")}) == {"retries": ("sealed", 7)}


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ({"retries": setting("n", int)}, "must be a whole number"),
        ({"retries": setting("n")}, "must be a whole number"),
        ({"disabled": setting("n")}, "must be true or false"),
        ({"executor_config": {"timeout": setting("n", int)}}, "must be a whole number"),
        ({"owner": "x" + setting("n", bool)}, "must be true or false"),
    ],
)
def test_a_value_of_the_wrong_kind_is_told_by_its_key_and_not_shown(inputs: dict[str, object], reason: str) -> None:
    values = Values({"n": "seven"}.get, str)
    values.fill("a", inputs)
    assert values.malformed == {"n": reason}
    assert values.jobs == {"n": ["a"]}


def test_a_number_that_is_not_set_is_missing_and_not_malformed() -> None:
    values = Values(lambda _key: None, str)
    assert values.fill("a", TYPED)["retries"] is None
    assert values.malformed == {}
    assert set(values.missing) == {"n", "off"}


def test_what_is_known_is_filled_in_and_the_rest_stays() -> None:
    known = {"n": "7", "word": "x", "key": "hush"}.get
    assert with_known("retries", setting("n", int), known) == 7
    assert with_known("tags", {"dc": setting("word") + ":1", "z": setting("no")}, known) == {
        "dc": "x:1",
        "z": setting("no"),
    }
    for kept in (secret("key"), setting("no"), "text", None):
        assert with_known("owner", kept, known) == kept
    assert with_known("retries", setting("word"), known) == setting("word")


def test_references_in_values_by_stack_are_found() -> None:
    value = per_stack(prod=setting("a"), default="x")
    assert [r.keys for _, r in references_in({"owner": value})] == [("a",)]
