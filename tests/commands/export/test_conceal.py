"""What an export hides, and that nothing else is changed by it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.export.conceal import PROCESSOR, Concealer, Keys, as_map, camel, hidden
from commands.export.suspicion import secret_spans, suspicious
from provider.job.references import Reference, Text


def concealer(keys: Keys | None = None) -> Concealer:
    return Concealer(keys or Keys(), "job")


def back(text: Text, keys: Keys) -> str:
    return text.resolve(keys.value) if isinstance(text, Reference) else text


@pytest.mark.parametrize(
    ("item", "shown"),
    [
        ("Content-Type: application/json", "Content-Type: application/json"),
        ("accept:text/html", "accept:text/html"),
        ("User-Agent: cron", "User-Agent: cron"),
        ("X-Api-Key: abc", "X-Api-Key: [secret]"),
        ("X-Anything: plain words", "X-Anything: [secret]"),
        ("Authorization: Bearer abc", "Authorization: Bearer [secret]"),
        ("Authorization:Basic dTpw", "Authorization:Basic [secret]"),
        ("Authorization: Bearer", "Authorization: [secret]"),
        ("User-Agent: token=abc", "User-Agent: token=[secret]"),
        ("X-Empty:", "X-Empty:"),
        ("no colon at all", "[secret]"),
        ("", ""),
    ],
)
def test_a_header_is_hidden_unless_it_is_known_to_be_harmless(item: str, shown: str) -> None:
    keys = Keys()
    text = concealer(keys).header(item)
    assert hidden(text) == shown
    assert back(text, keys) == item


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/bin/true --verbose", "/bin/true --verbose"),
        ("pg_dump postgres://u:pw@db/x", "pg_dump postgres://[secret]@db/x"),
        ("PGPASSWORD=hunter2 pg_dump", "PGPASSWORD=[secret] pg_dump"),
        ('PASS="two words" run', 'PASS="[secret]" run'),
        ("X_TOKEN='a b' run", "X_TOKEN='[secret]' run"),
        ("tool --password hunter2 -v", "tool --password [secret] -v"),
        ("tool --token=abc", "tool --token=[secret]"),
        ("curl -u me:pw http://h", "curl -u [secret] http://h"),
        ("curl -H 'Authorization: Bearer abcdef'", "curl -H 'Authorization: [secret]'"),
        ("curl -H 'Cookie: a=b; c=d' x", "curl -H 'Cookie: [secret]' x"),
        ("sshpass -p pw ssh h", "sshpass -p [secret] ssh h"),
        ("mysql -uroot -phunter2 db", "mysql -uroot -p[secret] db"),
        ("run $API_KEY API_KEY=$API_KEY", "run $API_KEY API_KEY=$API_KEY"),
        ("git clone https://ghp_abcdef123456@h/x", "git clone https://[secret]@h/x"),
        ("x ghp_abcdef123", "x [secret]"),
        ("x eyJhbGciOi.eyJzdWIi.c2ln", "x [secret]"),
        ("backup-of-the-customer-database", "backup-of-the-customer-database"),
        ("hook/bbff2e69-8f14-8301-b266-7f88518ea4a0", "hook/[secret]"),
        ("debug token: true", "debug token: true"),
        ("a=b token=xyz password=uvw", "a=b token=[secret] password=[secret]"),
    ],
)
def test_what_may_be_a_secret_in_a_command_is_hidden(text: str, shown: str) -> None:
    keys = Keys()
    found = concealer(keys).option("command", text, "shell")
    assert hidden(found) == shown
    assert back(found, keys) == text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://host:8080/api/v1/auth/jobs/purge", "http://host:8080/api/v1/auth/jobs/purge"),
        ("http://token-service:8080/x", "http://token-service:8080/x"),
        ("http://h/x?a=1&api_key=abc&b=2", "http://h/x?a=1&api_key=[secret]&b=2"),
        ("https://hooks.example/T0/B0/a1b2c3d4e5f6a7b8c9d0e1", "https://hooks.example/T0/B0/[secret]"),
        ("http://gw/api/x", "${gatewayUrl}/api/x"),
        ("http://gw2/api/x", "http://gw2/api/x"),
        ("http://gw?token=abc", "${gatewayUrl}?token=[secret]"),
    ],
)
def test_what_may_be_a_secret_in_an_address_is_hidden(url: str, shown: str) -> None:
    keys = Keys(address=("gatewayUrl", "http://gw"))
    found = concealer(keys).option("url", url, "http")
    assert hidden(found) == shown
    assert back(found, keys) == url


@pytest.mark.parametrize(
    ("option", "value", "executor", "shown"),
    [
        ("body", '{"user": "a", "password": "x y"}', "http", '{"user": "a", "password": "[secret]"}'),
        ("timeout", "30", "http", "30"),
        ("payload", "aGk=", "shell", "[secret]"),
        ("payload", "", "shell", ""),
        ("payload", "SGVsbG8gdGhlcmU=", "shell", "SGVsbG8gdGhlcmU="),  # several words, and no secret among them
        ("payload", "cGFzc3dvcmQ9YSBi", "shell", "[secret]"),
        ("payload", "/w==", "shell", "[secret]"),
        ("headers", "[" * 100_000, "http", "[secret]"),
        ("url", "https://chat.internal/x", PROCESSOR, "[secret]"),
        ("forward", "true", PROCESSOR, "true"),
        ("env", "A=1,API_KEY=x y,B", "shell", "A=1,API_KEY=[secret],B"),
        ("headers", '["A: b","Accept: c"]', "http", '["A: [secret]","Accept: c"]'),
        ("headers", "[nonsense", "http", "[secret]"),
        ("headers", '["A: \\u0062"]', "http", "[secret]"),
        ("headers", '["Accept: c"]', "http", '["Accept: c"]'),
        ("saslPassword", "x", "kafka", "[secret]"),
        ("message", "hello", "nats", "hello"),
        ("url", "amqp://u:p@mq/", "rabbitmq", "amqp://[secret]@mq/"),
    ],
)
def test_an_option_is_hidden_by_its_name_or_by_what_is_in_it(
    option: str, value: str, executor: str, shown: str
) -> None:
    keys = Keys()
    found = concealer(keys).option(option, value, executor)
    assert hidden(found) == shown
    assert back(found, keys) == value


@given(st.text(max_size=200), st.sampled_from(["headers", "body", "url", "command", "env"]))
def test_a_hidden_text_stands_for_what_was_there(text: str, option: str) -> None:
    keys = Keys()
    for executor in ("http", "shell", "kafka"):
        assert back(concealer(keys).option(option, text, executor), keys) == text


@given(st.lists(st.from_regex(r"[A-Z][a-z-]{0,9}: [a-zA-Z \"\\é]{1,12}", fullmatch=True), max_size=4), st.booleans())
def test_hidden_headers_stand_for_what_was_there(items: list[str], compact: bool) -> None:
    keys = Keys()
    text = json.dumps(items, separators=(",", ":") if compact else None)
    assert back(concealer(keys).option("headers", text, "http"), keys) == text


def test_a_value_known_once_is_hidden_wherever_it_stands() -> None:
    keys = Keys()
    hide = concealer(keys)
    hide.header("X-Api-Key: wonderful")
    assert hidden(hide.text("say wonderful things", "body")) == "say [secret] things"


def test_a_text_that_is_a_secret_for_certain_is_hidden_whole_and_within_others() -> None:
    keys = Keys(certain=frozenset({"date -u"}))
    hide = concealer(keys)
    assert hidden(hide.option("command", "date -u", "shell")) == "[secret]"
    assert hidden(hide.text("run date -u now", "body")) == "run [secret] now"
    assert "date" not in repr(keys)


def test_a_key_is_named_for_its_first_use_and_shared_by_equal_values() -> None:
    keys = Keys({"known": "serviceKey"}, taken=frozenset({"taken"}))
    assert keys.key("known", "X-Api-Key") == "serviceKey"
    assert keys.key("v1", "X-Api-Key", "job-X-Api-Key") == "xApiKey"
    assert keys.key("v1", "other") == "xApiKey"
    assert keys.key("v2", "X-Api-Key", "job-X-Api-Key") == "jobXApiKey"
    assert keys.key("v3", "X-Api-Key", "job-X-Api-Key") not in ("xApiKey", "jobXApiKey")
    assert keys.key("v4", "taken") == "taken2"
    assert keys.key("v5", "ß") == "secret"
    assert "v1" not in repr(keys)


@pytest.mark.parametrize(("text", "key"), [("X-Api-Key", "xApiKey"), ("a_b c", "aBC"), ("1st", "k1st"), ("", "")])
def test_a_config_key_is_made_of_any_text(text: str, key: str) -> None:
    assert camel(text) == key


@pytest.mark.parametrize("name", ["password", "API_KEY", "accessToken", "sig", "x-auth", "DB_PASS", "apikey"])
def test_a_telling_name_is_suspicious(name: str) -> None:
    assert suspicious(name)


@pytest.mark.parametrize("name", ["url", "mode", "keyboard", "host", "retries", "signal"])
def test_an_ordinary_name_is_not(name: str) -> None:
    assert not suspicious(name)


def test_pairs_become_a_map_only_where_that_says_the_same() -> None:
    assert as_map(["A=1", "B="], "=") == {"A": "1", "B": ""}
    assert as_map(["A=1", "A=2"], "=") is None
    assert as_map(["A"], "=") is None


def test_a_private_key_is_hidden_whole() -> None:
    text = "x\n-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\ny"
    (start, end), *_ = secret_spans(text)
    assert (text[:start], text[end:]) == ("x\n", "\ny")


def test_a_secret_that_reaches_over_the_gateways_address_is_hidden_behind_it() -> None:
    keys = Keys({"gw/api/hidden": "serviceKey", "http:/": "other"}, address=("gatewayUrl", "http://gw"))
    text = concealer(keys).text("http://gw/api/hidden?x", "url")
    assert hidden(text) == "${gatewayUrl}[secret]?x"


def test_a_key_of_the_environment_is_what_the_program_calls_it() -> None:
    keys = Keys({"known-secret": "serviceKey"})
    assert keys.key("known-secret", "x") == keys.key("known-secret", "y") == "serviceKey"
    assert keys.value("serviceKey") == "known-secret"
