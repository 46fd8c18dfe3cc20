import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.redaction import HARMLESS_OPTIONS, config_secrets, secret_texts
from provider.settings import SECRET_KEYS
from tests.provider.examples import http_config, job


def test_the_configured_secrets_come_from_the_config_and_from_the_environment(tmp_path: Path) -> None:
    config = {"dkronToken": "from-config", "dkronPassword": "", "gatewayUrl": "http://gw"}
    (tmp_path / "password").write_text("from-file\n")
    env = {"DKRON_TOKEN": "from-env", "DKRON_PASSWORD_FILE": str(tmp_path / "password"), "DKRON_URL": "http://d"}
    assert config_secrets(config.get, env) == {"from-config", "from-env", "from-file"}


def test_without_secrets_there_are_none() -> None:
    assert config_secrets(lambda _key: None, {}) == frozenset()


@pytest.mark.parametrize("key", sorted(SECRET_KEYS))
def test_each_secret_key_is_looked_up(key: str) -> None:
    assert config_secrets({key: "value"}.get, {}) == {"value"}


def test_a_header_is_a_secret_whole_and_by_its_value() -> None:
    found = set(secret_texts({"executor_config": {"headers": '["X-Api-Key:  k3y", "no colon"]'}}))
    assert found == {'["X-Api-Key:  k3y", "no colon"]', "X-Api-Key:  k3y", "k3y", "no colon", ""}


@pytest.mark.parametrize("headers", ["{not json", '{"a": "b"}', '"text"', "[5, null]"])
def test_headers_that_are_no_list_of_texts_are_a_secret_as_a_whole(headers: str) -> None:
    assert set(secret_texts({"executor_config": {"headers": headers}})) == {headers}


def test_what_may_hold_a_secret_counts_as_one_and_what_a_refusal_quotes_does_not() -> None:
    values: dict[str, Any] = {
        "executor_config": {"url": "http://u:p@h/", "body": "b0dy", "method": "POST", "timeout": "30", "debug": "true"},
        "metadata": {"managed_by": "us", "note": "n0te"},
        "processors": {"files": {"token": "t0ken"}, "log": None},
        "displayname": "shown",
    }
    assert set(secret_texts(values)) == {"http://u:p@h/", "b0dy", "n0te", "t0ken"}


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"executor_config": None},
        {"executor_config": "x"},
        {"processors": "x"},
        {"processors": {"log": "x"}},
        {"metadata": ["x"]},
        {"executor_config": {"body": 5, "su": ""}},
    ],
)
def test_values_of_the_wrong_kind_are_no_trouble(values: dict[str, Any]) -> None:
    assert list(secret_texts(values)) == []


@given(st.text(min_size=1), st.sampled_from(sorted({"body", "url", "command", "env", "payload", "anything"})))
def test_every_text_of_an_option_that_is_not_known_to_be_harmless_is_a_secret(text: str, option: str) -> None:
    assert option not in HARMLESS_OPTIONS
    assert text in set(secret_texts(job(executor_config={option: text})))


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_the_value_of_every_header_is_found(value: str) -> None:
    headers = json.dumps(["X-Api-Key: " + value])
    assert value.strip() in set(secret_texts(job(executor_config=http_config(headers=headers))))
