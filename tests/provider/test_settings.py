from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.credentials import is_exposed
from provider.errors import SettingsError
from provider.settings import (
    DEFAULT_OWNER_TAG,
    KEYS,
    SECRET_KEYS,
    DkronSettings,
    Settings,
    check_url,
    environment_name,
    from_environment,
    load,
    load_default_tags,
    load_dkron,
    load_owner,
    parse_urls,
    way_out,
)
from tests.certificates import certificate

GOOD = {"dkronUrl": "https://d:8888"}
STACK = {**GOOD, "ownerTag": "stack-tag", "dkronToken": "stack-token"}


def settings(env: dict[str, str] | None = None, **config: str) -> Settings:
    return load({**GOOD, **config}.get, env or {})


def problems(env: dict[str, str] | None = None, **config: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        settings(env, **config)
    return caught.value.problems


def test_the_least_config_is_enough() -> None:
    assert settings() == Settings(DkronSettings(("https://d:8888",)))
    assert settings().owner_tag == DEFAULT_OWNER_TAG == "d2-dkron-mgr"
    assert settings().adopt is False


def test_the_default_tags_are_read_and_are_none_by_default() -> None:
    assert settings().default_tags == {}
    assert settings(defaultTags="dc=dc1:1,zone=z2").default_tags == {"dc": "dc1:1", "zone": "z2"}
    assert settings({"DEFAULT_TAGS": "dc=dc2"}, defaultTags="dc=dc1:1").default_tags == {"dc": "dc2"}
    assert load_default_tags({"defaultTags": "dc=dc1:1"}.get, {}) == {"dc": "dc1:1"}
    with pytest.raises(SettingsError, match="runs nowhere"):
        load_default_tags({"defaultTags": "dc=dc1:one"}.get, {})


def test_trailing_slashes_and_white_space_go() -> None:
    made = settings(dkronUrl=" http://a:1/ , ,https://b/dkron// ")
    assert made.dkron.urls == ("http://a:1", "https://b/dkron")
    assert made.dkron.shown == "http://a:1,https://b/dkron"


@pytest.mark.parametrize(
    ("key", "path", "value"),
    [
        ("dkronUrl", "dkron.urls", "http://env:1"),
        ("ownerTag", "owner_tag", "env-tag"),
        ("dkronToken", "dkron.token", "env-token"),
    ],
)
def test_the_environment_wins(key: str, path: str, value: str, tmp_path: Path) -> None:
    def found(made: Any) -> Any:
        for part in path.split("."):
            made = getattr(made, part)
        return made[0] if isinstance(made, tuple) else made

    (tmp_path / "value").write_text(f"{value}\n")
    assert found(settings({environment_name(key): f" {value} "}, **{key: STACK[key]})) == value
    assert found(settings({f"{environment_name(key)}_FILE": str(tmp_path / "value")}, **{key: STACK[key]})) == value
    assert found(settings({environment_name(key): "  "}, **{key: STACK[key]})) == STACK[key]


def test_the_environment_alone_is_enough() -> None:
    env = {"DKRON_URL": "http://d", "ADOPT": "TRUE"}
    made = load(lambda _key: None, env)
    assert (made.dkron.urls, made.adopt) == (("http://d",), True)


def test_the_environment_of_the_process_is_the_one_that_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DKRON_URL", "http://here")
    monkeypatch.setenv("OWNER_TAG", "us")
    assert load(GOOD.get).dkron.urls == ("http://here",)
    assert load_dkron(GOOD.get).urls == ("http://here",)
    assert load_owner(GOOD.get) == ("us", False)


@pytest.mark.parametrize(
    ("key", "name"), [("gatewayUrl", "GATEWAY_URL"), ("apiKey2", "API_KEY2"), ("plain", "PLAIN"), ("a-b", "A_B")]
)
def test_any_key_has_a_variable_that_wins_over_the_config(key: str, name: str) -> None:
    assert environment_name(key) == name
    assert from_environment(key, {name: " x "}) == "x"
    assert from_environment(key, {}) is None


def test_an_empty_file_is_no_value(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text(" \n")
    assert from_environment("dkronUrl", {"DKRON_URL_FILE": str(tmp_path / "empty")}) is None


def test_everything_missing_is_told_at_once_with_the_command_that_mends_it() -> None:
    with pytest.raises(SettingsError) as caught:
        load(lambda _key: None, {})
    assert caught.value.problems == (
        "dkronUrl is not set: run `pulumi config set dkronUrl VALUE` or set DKRON_URL in the environment",
    )


@pytest.mark.parametrize("key", KEYS)
def test_the_way_out_marks_secrets(key: str) -> None:
    assert ("--secret" in way_out(key)) is (key in SECRET_KEYS)
    assert environment_name(key) in way_out(key)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_can_t_be_read_is_told_once(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    (problem,) = problems({"OWNER_TAG_FILE": str(path)})
    assert problem.startswith(f"OWNER_TAG_FILE: cannot read {path}: ")
    assert problem.endswith("No such file or directory" if content is None else "not a text file")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"dkronUrl": "d:8888"}, "dkronUrl must look like http://host:port"),
        ({"dkronUrl": "http://d,nonsense"}, "dkronUrl must look like"),
        ({"dkronUrl": " , "}, "dkronUrl names no server"),
        ({"dkronToken": "a\nb"}, "dkronToken holds a line break"),
        ({"dkronToken": "ключ"}, "dkronToken holds a character that no HTTP header can carry"),
        ({"dkronToken": "t", "dkronUser": "u", "dkronPassword": "p"}, "only one way to log in"),
        ({"dkronToken": "t", "dkronUser": "u"}, "only one way to log in can be used: remove one"),
        ({"dkronUser": "u"}, "dkronPassword is not set, but dkronUser is"),
        ({"dkronPassword": "p"}, "dkronUser is not set, but dkronPassword is"),
        ({"dkronUser": "u\x00", "dkronPassword": "p"}, "dkronUser holds a line break"),
        ({"dkronUser": "a:b", "dkronPassword": "p"}, "dkronUser holds a colon"),
        ({"dkronUser": "u", "dkronPassword": "p\x7f"}, "dkronPassword holds a line break"),
        ({"dkronCaFile": "/nosuch/ca.pem"}, "dkronCaFile names no file (/nosuch/ca.pem)"),
        (
            {"dkronToken": "t0ken", "dkronUrl": "http://d"},
            "dkronToken would cross the network in clear, because http://d",
        ),
        ({"dkronUser": "u", "dkronPassword": "p4ss", "dkronUrl": "https://a,http://b:1"}, "because http://b:1 is not"),
        (
            {"dkronToken": "t0", "dkronUrl": "http://d", "dkronInsecure": "0"},
            "set DKRON_INSECURE=true in the environment",
        ),
        ({"dkronInsecure": "maybe"}, "dkronInsecure must be true or false"),
        ({"dkronCertFile": "/nosuch/crt.pem"}, "dkronKeyFile is not set, but dkronCertFile is"),
        ({"dkronKeyFile": "/nosuch/key.pem"}, "dkronCertFile is not set, but dkronKeyFile is"),
        ({"adopt": "yes"}, "adopt must be true or false"),
    ],
)
def test_a_malformed_setting_is_one_line_that_names_the_key_and_the_way_out(config: dict[str, str], words: str) -> None:
    (problem,) = problems(None, **config)
    assert words in problem
    assert "pulumi config" in problem
    assert "\n" not in problem
    for key in SECRET_KEYS & config.keys():
        if len(config[key]) > 2:
            assert config[key] not in problem


def test_all_problems_are_told_at_once() -> None:
    found = problems(dkronUrl="d", adopt="maybe", dkronUser="u")
    assert [line.split()[0] for line in found] == ["dkronUrl", "dkronPassword", "adopt"]


@pytest.mark.parametrize(
    ("text", "wanted"), [("true", True), ("1", True), ("True", True), ("false", False), ("0", False), ("", False)]
)
def test_adopt_is_read_as_people_write_it(text: str, wanted: bool) -> None:
    assert settings(adopt=text).adopt is wanted


def test_a_boolean_of_the_stack_s_config_is_read_too() -> None:
    config: dict[str, Any] = {**GOOD, "adopt": True}
    assert load(config.get, {}).adopt is True


def test_a_file_of_ca_certificates_and_basic_credentials_are_kept(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("x")
    made = settings(dkronCaFile=str(tmp_path / "ca.pem"), dkronUser="u", dkronPassword="p:ä").dkron
    assert (made.ca_file, made.user, made.password) == (str(tmp_path / "ca.pem"), "u", "p:ä")


@pytest.mark.parametrize(
    ("url", "exposed"),
    [
        ("http://dkron:8080", True),
        ("http://10.0.0.1", True),
        ("http://localhost.example", True),
        ("http://127.0.0.1.example", True),
        ("HTTP://[fe80::1]:80", True),
        ("https://dkron:8080", False),
        ("http://localhost:8888", False),
        ("http://LocalHost", False),
        ("http://127.8.9.1:1", False),
        ("http://[::1]:8888", False),
    ],
)
def test_a_token_goes_over_https_or_to_this_machine_only(url: str, exposed: bool) -> None:
    assert is_exposed(url) is exposed
    assert settings(dkronUrl=url, dkronToken="t", dkronInsecure="true").dkron.token == "t"
    if not exposed:
        assert settings(dkronUrl=url, dkronToken="t").dkron.token == "t"


def test_a_certificate_of_ours_is_judged_with_its_key(tmp_path: Path) -> None:
    crt, key = map(str, certificate(tmp_path))
    made = settings(dkronCertFile=crt, dkronKeyFile=key).dkron
    assert (made.cert_file, made.key_file) == (crt, key)
    (tmp_path / "locked").mkdir()
    locked = str(certificate(tmp_path / "locked", b"word")[1])
    for bad in (locked, crt, "/nosuch"):
        (problem,) = problems(dkronCertFile=crt, dkronKeyFile=bad)
        assert problem.startswith("dkronCertFile and dkronKeyFile: ")
        assert bad in problem


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("http://h", None),
        ("HTTP://h:1/a/b", None),
        ("https://[::1]:8888", None),
        ("http://h:65535", None),
        ("http://", "must look like"),
        ("h:1", "must look like"),
        ("", "must look like"),
        ("//h", "must look like"),
        ("http://h:99999", "no valid address"),
        ("http://h:x", "no valid address"),
        ("http://[::1", "no valid address"),
        ("http://h/a b", "white space"),
        ("http://h\x00", "white space"),
        ("http://u:p@h", "no user or password"),
        ("http://@h", "no user or password"),
        ("http://h?a=b", "? or #"),
        ("http://h#a", "? or #"),
        ("http://h?", "? or #"),
        ("http://h:0", "port 0"),
    ],
)
def test_an_address_is_checked(text: str, reason: str | None) -> None:
    found = check_url(text)
    assert (found is None) if reason is None else reason in str(found)


def test_the_first_bad_address_of_a_list_is_told() -> None:
    assert parse_urls("http://a,b,http://c:0") == (("http://a", "b", "http://c:0"), "must look like http://host:port")


@given(st.text())
def test_any_address_gets_a_verdict_that_quotes_nothing_of_it(text: str) -> None:
    reason = check_url(text)
    assert reason is None or reason in {
        "is no valid address",
        "holds white space",
        "must look like http://host:port",
        "must have no ? or # part",
        "must hold no user or password (use dkronUser and dkronPassword)",
        "has port 0",
    }


def test_no_secret_shows_in_a_repr() -> None:
    made = settings(dkronToken="t0ken-canary")
    assert "t0ken-canary" not in repr(made)
    assert "passw0rd" not in repr(DkronSettings(("http://d",), user="u", password="passw0rd"))


def test_what_must_never_be_shown_is_listed() -> None:
    assert DkronSettings(("http://d",)).secrets == ()
    assert DkronSettings(("http://d",), token="t").secrets == ("t",)
    assert DkronSettings(("http://d",), user="u", password="p").secrets == ("p", "u:p")


def test_a_client_and_an_owner_need_no_more_than_their_own_keys() -> None:
    assert load_dkron({"dkronUrl": "http://d"}.get, {}) == DkronSettings(("http://d",))
    assert load_owner({"ownerTag": "us", "adopt": "true"}.get, {}) == ("us", True)
    assert load_owner(lambda _key: None, {}) == (DEFAULT_OWNER_TAG, False)
    with pytest.raises(SettingsError):
        load_dkron(lambda _key: None, {})
    with pytest.raises(SettingsError):
        load_owner({"adopt": "x"}.get, {})
