import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.advice import Advice
from provider.job.executors import HTTP_OPTIONS
from provider.job.http_executor import advice, go_regexp_problem, problems
from provider.job.spec import UNKNOWN
from tests.provider.examples import CANARY, http_config

PRESENT = "present"


def http_problems(**changes: str | None) -> list[tuple[str, str]]:
    return list(problems(http_config(**changes)))


def http_advice(**changes: str | None) -> list[Advice]:
    return list(advice(http_config(**changes)))


def test_the_good_example_is_fine() -> None:
    assert http_problems() == []
    assert http_advice() == []


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("url", None, "is missing"),
        ("url", "", "is missing"),
        ("url", "gw/x", "http:// or https://"),
        ("url", "ftp://gw/", "http:// or https://"),
        ("url", "http:///x", "name a host"),
        ("url", "http://[::1", "no valid URL"),
        ("url", "http://gw:99999/", "no valid URL"),
        ("url", "http://gw/a\nb", "control character"),
        ("url", "http://gw/\x7f", "control character"),
        ("method", None, "is missing"),
        ("method", "", "is missing"),
        ("method", "GET /", "no HTTP method"),
        ("method", "GÉT", "no HTTP method"),
        ("headers", "{not json", "JSON list"),
        ("headers", '{"A": "b"}', "JSON list"),
        ("headers", "[5]", "JSON list"),
        ("headers", '"A: b"', "JSON list"),
        ("headers", "null", "JSON list"),
        ("headers", '["A b"]', "has no colon; it would kill"),
        ("headers", '["A: b", "c"]', "header 2 has no colon"),
        ("headers", '["A: http://x"]', "second colon"),
        ("headers", '["A: b", "X: 1:2"]', "header 2 (X) has a second colon"),
        ("headers", '["A b: c"]', "no proper name"),
        ("headers", '[": c"]', "no proper name"),
        ("headers", '["Ä: c"]', "no proper name"),
        ("headers", '["A: b\\nc"]', "control character"),
        ("headers", '["A: b\\u007fc"]', "control character"),
        ("timeout", "30s", "whole seconds"),
        ("timeout", "0.5", "whole seconds"),
        ("timeout", "soon", "whole seconds"),
        ("timeout", " 30", "whole seconds"),
        ("timeout", "٣", "whole seconds"),
        ("timeout", "9" * 30, "whole seconds"),
        ("tlsNoVerifyPeer", "yes", "true"),
        ("tlsNoVerifyPeer", "tRUE", "true"),
        ("tlsCertificateFile", "/crt", "set together"),
        ("tlsCertificateKeyFile", "/key", "set together"),
        ("tlsNoVerify", "true", "did you mean tlsNoVerifyPeer?"),
        ("expect_code", "200", "did you mean expectCode?"),
        ("nosuch", "x", "no such option"),
    ],
)
def test_an_http_option_that_would_not_do_what_it_says_is_refused(option: str, value: str | None, words: str) -> None:
    ((found, reason),) = http_problems(**{option: value})
    assert found in (option, "tlsCertificateFile")
    assert words in reason


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("url", "HTTPS://gw:5461/a?b=c#d"),
        ("url", "http://user:pass@[::1]:80/ä b"),
        ("method", "purge"),
        ("method", "PURGE"),
        ("headers", "[]"),
        ("headers", '["", "A: b"]'),
        ("headers", '["A:"]'),
        ("headers", '["A: b\\tc\\n"]'),
        ("headers", "  [ ] "),
        ("headers", ""),
        ("timeout", "0"),
        ("timeout", "-1"),
        ("timeout", "+30"),
        ("timeout", "007"),
        ("timeout", ""),
        ("tlsNoVerifyPeer", "T"),
        ("tlsNoVerifyPeer", ""),
        ("body", '{"a": 1}\n'),
        ("debug", "x"),
        ("expectBody", "a+"),
    ],
)
def test_an_http_option_that_works_is_taken(option: str, value: str) -> None:
    assert http_problems(**{option: value}) == []


def test_a_certificate_with_its_key_is_taken() -> None:
    assert http_problems(tlsCertificateFile="/crt", tlsCertificateKeyFile="/key", tlsRootCAsFile="/ca") == []


@pytest.mark.parametrize(
    "option", ["url", "method", "headers", "timeout", "tlsNoVerifyPeer", "expectCode", "expectBody", "debug"]
)
def test_an_http_option_that_is_not_known_yet_passes(option: str) -> None:
    assert http_problems(**{option: UNKNOWN}) == []
    assert http_advice(**{option: UNKNOWN}) == []


def test_every_problem_of_a_config_is_told_at_once() -> None:
    found = list(problems({"headers": '["a", "B: c:d"]', "timeout": "1s", "nosuch": "x"}))
    assert [option for option, _ in found] == ["nosuch", "url", "method", "headers", "headers", "timeout"]


# A canary in each place where a careless config may have put a secret.
@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("url", f"http://user:{CANARY}/x@gw/"),
        ("url", f"gw?token={CANARY}"),
        ("url", f"http://gw:{CANARY}/"),
        ("url", f"{CANARY}\n"),
        ("headers", f"X-Api-Key: {CANARY}"),
        ("headers", json.dumps([CANARY])),
        ("headers", json.dumps([f"X-Api-Key {CANARY}: x"])),
        ("headers", json.dumps([f"X: {CANARY}:{CANARY}"])),
        ("headers", json.dumps([f"X: {CANARY}\n{CANARY}"])),
    ],
)
def test_no_refusal_quotes_what_may_be_a_secret(option: str, value: str) -> None:
    found = http_problems(**{option: value})
    assert found
    assert not any("CANARY" in reason for _, reason in found), found


@given(st.lists(st.text()), st.text())
def test_headers_that_pass_have_a_name_and_one_colon_each(items: list[str], rest: str) -> None:
    for text in (json.dumps(items), rest):
        if not http_problems(headers=text) and text:
            assert all(item == "" or item.count(":") == 1 for item in json.loads(text))


@given(st.dictionaries(st.one_of(st.text(), st.sampled_from(sorted(HTTP_OPTIONS))), st.text()))
def test_any_config_gets_a_verdict(config: dict[str, str]) -> None:
    assert all(reason for _, reason in problems(config))
    assert all(found.text for found in advice(config))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("2xx", "can match no answer"),
        ("200 ", "can match no answer"),
        ("20", "can match no answer"),
        ("099", "can match no answer"),
        ("2xx,3xx", "can match no answer"),
        (",", "can match no answer"),
        ("1200", "compared as text"),
        ("200-299", "compared as text"),
        ("200,2xx", "compared as text"),
        ("200 ,201", "compared as text"),
    ],
)
def test_an_expected_code_that_does_not_mean_what_it_says_is_warned_of(code: str, words: str) -> None:
    (found,) = http_advice(expectCode=code)
    assert found.code == "http-expect-code"
    assert words in found.text


@pytest.mark.parametrize("code", ["200", "200,204", "200, 204", "200,201,202,203"])
def test_a_good_expected_code_is_no_warning(code: str) -> None:
    assert http_advice(expectCode=code) == []


@pytest.mark.parametrize(
    ("option", "value", "code", "words"),
    [
        ("expectCode", "", "http-no-expect-code", "any answer counts as a success"),
        ("expectCode", None, "http-no-expect-code", "any answer counts as a success"),
        ("expectBody", "(", "http-expect-body", "no regular expression that Go takes"),
        ("expectBody", "^(?!error).*", "http-expect-body", "(?!"),
        ("expectBody", r"(a)\1", "http-expect-body", r"\1"),
        ("expectBody", r"a\Z", "http-expect-body", r"\Z"),
        ("expectBody", "a{1001}", "http-expect-body", "1001"),
        ("expectBody", r"\C", "http-expect-body", r"\C"),
        ("expectBody", "[\ud800", "http-expect-body", "surrogate"),
        ("expectBody", "/success/", "http-expect-body", "between slashes"),
        ("expectBody", "/^ok$/i", "http-expect-body", "between slashes"),
        ("expectBody", "^ok$", "http-body-end", "no line break"),
        ("debug", "false", "http-debug", "any text turns it on"),
        ("timeout", "30000", "http-long-timeout", "8.33 hours"),
        ("timeout", "3600", "http-long-timeout", "1 hours"),
        ("url", "http://h/a#b", "http-fragment", "%23"),
        ("url", "http://h/a?b=c d", "http-url-blank", "%20"),
        ("body", "{}", "http-no-content-type", "without a Content-Type"),
        ("headers", '["Host: a"]', "http-header-ignored", "Host"),
        ("headers", '["content-length: 1"]', "http-header-ignored", "content-length"),
        ("headers", '["Trailer: a", "TRANSFER-ENCODING: chunked"]', "http-header-ignored", "Trailer"),
        ("headers", '["A: 1", "a: 2", "B: 3", "A: 4"]', "http-header-repeated", "a is given 3 times"),
    ],
)
def test_what_is_likely_a_mistake_is_warned_of(option: str, value: str | None, code: str, words: str) -> None:
    found, *more = http_advice(**{option: value})
    assert {one.code for one in [found, *more]} == {code}
    assert words in found.text


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("expectBody", r"^ok\n?$"),
        ("expectBody", r"ok\s*$"),
        ("expectBody", "ok\n$"),
        ("expectBody", r"cost: 5\$"),
        ("expectBody", "(?m)^ok$"),
        ("expectBody", r"\\C"),
        ("expectBody", r"\pL+[[:alpha:]]\z"),
        ("expectBody", "a/b"),
        ("url", "http://h/a b?c=%20"),
        ("headers", '["A: 1", null, "", "B: 2"]'),
    ],
)
def test_what_works_is_no_warning(option: str, value: str) -> None:
    assert http_advice(**{option: value}) == []
    assert http_problems(**{option: value}) == []


def test_a_body_with_its_content_type_is_no_warning_whatever_the_case() -> None:
    assert http_advice(body="{}", headers='["content-TYPE: application/json"]') == []
    assert http_advice(body="{}", headers=UNKNOWN) == []
    assert [found.code for found in http_advice(body="{}", headers=None)] == ["http-no-content-type"]
    assert [found.code for found in http_advice(body="{}", headers="{")] == ["http-no-content-type"]


@pytest.mark.parametrize(("method", "meant"), [("post", "POST"), ("Get", "GET"), ("delete", "DELETE")])
def test_a_method_in_small_letters_is_refused_with_the_one_that_was_meant(method: str, meant: str) -> None:
    ((option, reason),) = http_problems(method=method)
    assert option == "method"
    assert f'write "{meant}"' in reason


def test_deep_nesting_is_no_list_of_headers() -> None:
    ((_, reason),) = http_problems(headers="[" * 100_000)
    assert "JSON list" in reason


@given(st.text())
def test_any_pattern_gets_a_verdict_on_one_line_at_most(pattern: str) -> None:
    reason = go_regexp_problem(pattern)
    assert reason is None or reason


@pytest.mark.parametrize("timeout", ["3599", "0", "-1", "soon"])
def test_a_time_out_below_an_hour_is_no_warning(timeout: str) -> None:
    assert http_advice(timeout=timeout) == []
