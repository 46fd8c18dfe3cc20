import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.job.go_url import url_problem


@pytest.mark.parametrize(
    "url",
    [
        "http://h",
        "HTTPS://h:5461/a?b=c#d",
        "http://user:pass@[::1]:80/ä b",
        "http://[fe80::1%25en0]/",
        "http://h:/",
        "http://h:0/",
        "http://müller.de/%20?%zz",
        "http://h_1/a^b|c{d}",
        "http://h/#\n",
        "http://%C3%A9/",
        "http://@h/",
    ],
)
def test_an_address_that_go_calls_is_taken(url: str) -> None:
    assert url_problem(url) is None


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "http:// or https://"),
        ("h/x", "http:// or https://"),
        ("127.0.0.1:80/x", "http:// or https://"),
        ("localhost:80/x", "http:// or https://"),
        ("ftp://h/", "http:// or https://"),
        ("http:/h/x", "name a host"),
        ("http:h", "name a host"),
        ("http:///x", "name a host"),
        ("http://:80/", "name a host"),
        ("http://h/a\nb", "control character"),
        ("http://h/\x7f", "control character"),
        ("http://h/100%", "hexadecimal digits"),
        ("http://h/#%zz", "hexadecimal digits"),
        ("http://u:p%zz@h/", "user or password"),
        ("http://u:a b@h/", "user or password"),
        ("http://u:a/b@h/", "can't be read"),
        ("http://h:x/", "can't be read"),
        ("http://h:99999/", "can't be read"),
        ("http://h:١/", "can't be read"),
        ("http://h:1:2/", "can't be read"),
        ("http://a b/", "can't be read"),
        ("http://%41/", "can't be read"),
        ("http://[::1/", "can't be read"),
        ("http://[::1]x/", "can't be read"),
        ("http://[x]/", "can't be read"),
        ("http://[fe80::1%en0]/", "can't be read"),
        ("http://[fe80::1%25%zz]/", "can't be read"),
    ],
)
def test_an_address_that_go_refuses_is_refused(url: str, words: str) -> None:
    assert words in (url_problem(url) or "")


@given(st.text(), st.sampled_from(["", "http://", "http://[", "https://u:p@"]))
def test_a_reason_never_quotes_the_address(text: str, start: str) -> None:
    reason = url_problem(start + text)
    assert reason is None or reason.isprintable()
    assert "CANARY" not in (url_problem(f"{start}CANARY{text}") or "")
