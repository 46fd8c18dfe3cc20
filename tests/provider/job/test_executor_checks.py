import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.job.executor_checks import executor_problems, executor_warnings
from provider.job.spec import UNKNOWN
from tests.provider.examples import CANARY, http_config

PRESENT = "present"


def http_problems(**changes: str | None) -> list[tuple[str, str]]:
    return executor_problems("http", http_config(**changes))


def shell_problems(**options: str) -> list[tuple[str, str]]:
    return executor_problems("shell", {"command": "/bin/true", **options})


def test_the_good_examples_are_fine() -> None:
    assert http_problems() == []
    assert shell_problems() == []
    assert executor_warnings("http", http_config()) == []
    assert executor_warnings("shell", {"command": "x", "debug": "true"}) == []


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
        ("method", "get"),
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
    assert executor_warnings("http", http_config(**{option: UNKNOWN})) == []


@pytest.mark.parametrize("option", ["command", "timeout", "mem_limit", "shell", "payload"])
def test_a_shell_option_that_is_not_known_yet_passes(option: str) -> None:
    assert shell_problems(**{option: UNKNOWN}) == []


def test_every_problem_of_a_config_is_told_at_once() -> None:
    found = executor_problems("http", {"headers": '["a", "B: c:d"]', "timeout": "1s", "nosuch": "x"})
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


@given(st.dictionaries(st.text(), st.text()), st.sampled_from(["http", "shell", "kafka", ""]))
def test_any_config_gets_a_verdict(config: dict[str, str], executor: str) -> None:
    problems = executor_problems(executor, config)
    assert bool(problems) is (executor in ("http", "shell"))
    assert all(isinstance(warning, str) for warning in executor_warnings(executor, config))


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
    (warning,) = executor_warnings("http", http_config(expectCode=code))
    assert words in warning


@pytest.mark.parametrize("code", ["200", "200,204", "200, 204", "", "200,201,202,203"])
def test_a_good_expected_code_is_no_warning(code: str) -> None:
    assert executor_warnings("http", http_config(expectCode=code)) == []


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("expectBody", "(", "no regular expression"),
        ("debug", "false", "any text turns it on"),
        ("timeout", "30000", "8.33 hours"),
        ("timeout", "3600", "1 hours"),
    ],
)
def test_what_is_likely_a_mistake_is_warned_of(option: str, value: str, words: str) -> None:
    (warning,) = executor_warnings("http", http_config(**{option: value}))
    assert words in warning


@pytest.mark.parametrize("timeout", ["3599", "0", "-1", "soon"])
def test_a_time_out_below_an_hour_is_no_warning(timeout: str) -> None:
    assert executor_warnings("http", http_config(timeout=timeout)) == []


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("command", "", "is missing"),
        ("timeout", "10", "no duration"),
        ("timeout", "ten seconds", "no duration"),
        ("timeout", "1d", "no duration"),
        ("timeout", "-5s", "negative"),
        ("shell", "yes", "true"),
        ("payload", "not base64!", "base64"),
        ("payload", "e30", "base64"),
        ("payload", "é", "base64"),
        ("mem_limit", "lots", "no size"),
        ("mem_limit", "10XB", "no size"),
        ("mem_limit", "64 MB", "no size"),
        ("mem_limit", "1e3", "no size"),
        ("mem_limit", "-1", "no size"),
        ("mem_limit", "1.2.3MB", "no size"),
        ("mem_limit", "MB", "no size"),
        ("mem_limit", "64mib", "no size"),
        ("mem_limit", "٣٤", "no size"),
        ("mem_limit", "0", "less than one byte"),
        ("mem_limit", "0.1", "less than one byte"),
        ("mem_limit", "99999999999TB", "more than"),
        ("Command", "x", "no such option"),
    ],
)
def test_a_shell_option_that_would_not_work_is_refused(option: str, value: str, words: str) -> None:
    ((found, reason),) = shell_problems(**{option: value})
    assert found == option
    assert words in reason


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("timeout", "0"),
        ("timeout", "1h30m"),
        ("timeout", "1.5s"),
        ("shell", "1"),
        ("payload", "e30="),
        ("payload", ""),
        ("su", "a:b"),
        ("mem_limit", "64MB"),
        ("mem_limit", "1.5GB"),
        ("mem_limit", "  64MB "),
        ("mem_limit", "512kb"),
        ("mem_limit", "10"),
        ("mem_limit", "5"),
        ("mem_limit", "+64"),
        ("mem_limit", "1024bytes"),
        ("mem_limit", "2T"),
        ("mem_limit", "1k"),
        ("mem_limit", "1B"),
        ("env", "A=1"),
        ("cwd", "/x"),
    ],
)
def test_a_shell_option_that_works_is_taken(option: str, value: str) -> None:
    assert shell_problems(**{option: value}) == []
