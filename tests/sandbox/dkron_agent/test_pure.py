"""The pure parts in tables: times, JSON, durations, regular expressions, URLs, tags, retries."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.dkron_agent import durations, gojson, goregexp, gotime, gourl, listing, runner
from sandbox.dkron_agent.job import Panic
from sandbox.dkron_agent.shown import listed, ordered
from sandbox.dkron_agent.store import Execution


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2030-01-02T03:04:05Z", "2030-01-02T03:04:05Z"),
        ("2030-01-02T3:04:05,50+02:00", "2030-01-02T03:04:05.5+02:00"),
        ("2030-01-02T03:04:05.1234567891-00:30", "2030-01-02T03:04:05.123456789-00:30"),
        ("0000-02-29T00:00:00Z", "0000-02-29T00:00:00Z"),
        ("9999-12-31T23:59:59-01:00", "9999-12-31T23:59:59-01:00"),
        ("2030-01-02T03:04:05+24:00", None),
    ],
)
def test_a_time_is_read_and_shown_as_written(text: str, shown: str | None) -> None:
    assert gotime.parse(text).text() == shown


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00+01:00"])
def test_a_year_that_dkron_cannot_write_in_utc_has_no_text(text: str) -> None:
    assert gotime.GoTime(gotime.parse(text).ns).text() is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2030-13-01T00:00:00Z", ": month out of range"),
        ("2030-01-01T24:00:00Z", ": hour out of range"),
        ("2030-01-01T00:60:00Z", ": minute out of range"),
        ("2030-01-01T00:00:60Z", ": second out of range"),
        ("2030-02-30T00:00:00Z", ": day out of range"),
        ("2030-01-01T00:00:00+25:00", ": time zone offset hour out of range"),
        ("2030-01-01T00:00:00+24:61", ": time zone offset minute out of range"),
        ("2030-01-01T00:00:00Zx", ': extra text: "x"'),
        ("x", ' as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"'),
    ],
)
def test_what_is_no_time_is_refused_in_dkrons_words(text: str, why: str) -> None:
    with pytest.raises(gotime.TimeSyntax) as caught:
        gotime.parse(text)
    assert str(caught.value) == f'parsing time "{text}"{why}'


@given(st.integers(-62_167_219_200 * 10**9, 253_402_300_799 * 10**9))
def test_any_instant_that_can_be_written_is_read_back(ns: int) -> None:
    text = gotime.GoTime(ns).text()
    assert text is not None
    assert gotime.parse(text) == gotime.GoTime(ns)


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "UTC"])
def test_never_can_be_shown_in_any_zone(zone: str) -> None:
    text = gotime.ZERO.within(gotime.zone(zone)).text()
    assert text is not None
    assert text[:4] in ("0000", "0001")


def test_a_zone_that_this_machine_lacks_counts_as_utc() -> None:
    assert gotime.zone("Nowhere/Land") is None
    assert gotime.zone("") is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "EOF"),
        (b" \n", "EOF"),
        (b"{", "unexpected EOF"),
        (b'{"a"', "unexpected EOF"),
        (b'{"a":', "unexpected EOF"),
        (b'"a', "unexpected EOF"),
        (b"tru", "unexpected EOF"),
        (b"-", "unexpected EOF"),
        (b"trux", "invalid character 'x' in literal true (expecting 'e')"),
        (b"-x", "invalid character 'x' in numeric literal"),
        (b"{a", "invalid character 'a' looking for beginning of object key string"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b'{"a":1 2}', "invalid character '2' after object key:value pair"),
        (b"[1 2]", "invalid character '2' after array element"),
        (b"[1,]", "invalid character ']' looking for beginning of value"),
        (b'{"a":1,}', "invalid character '}' looking for beginning of object key string"),
        (b"[1.]", "invalid character ']' after decimal point in numeric literal"),
        (b"[1e]", "invalid character ']' in exponent of numeric literal"),
        (b"[-Infinity]", "invalid character 'I' in numeric literal"),
        (b"[NaN]", "invalid character 'N' looking for beginning of value"),
        (b'"\\u12x4"', "invalid character 'x' in \\u hexadecimal character escape"),
        (b'"\\q"', "invalid character 'q' in string escape code"),
        (b'"\x01"', "invalid character '\\x01' in string literal"),
        (b"[" * 10_001, "invalid character '[' exceeded max depth"),
    ],
)
def test_broken_json_is_refused_in_dkrons_words(text: bytes, why: str) -> None:
    with pytest.raises(gojson.JsonError) as caught:
        gojson.decode(text)
    assert str(caught.value) == why


def test_half_a_surrogate_pair_and_bad_bytes_become_the_replacement_character() -> None:
    assert gojson.decode(b'{"a":["\\ud83d","\\ud83d\\ude00"]}') == [("a", ["�", "😀"])]
    assert gojson.decode(b'"\xf0\x9f\x98"') == "���"


_JSON = st.recursive(
    st.none() | st.booleans() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
)


def _plain(value: Any) -> Any:
    if isinstance(value, gojson.Pairs):
        return {key: _plain(item) for key, item in value}
    return [_plain(item) for item in value] if isinstance(value, list) else value


@given(_JSON)
def test_what_is_written_is_read_back(value: Any) -> None:
    text = gojson.encode(value)
    assert not set("<>&\u2028\u2029") & set(text.decode())
    assert json.loads(text) == value
    assert _plain(gojson.decode(text)) == value


@pytest.mark.parametrize(
    ("text", "shown"),
    [("1s", "1s"), ("-5s", "-5s"), ("90s", "1m30s"), ("1h", "1h0m0s"), ("1.5s", "1.5s"), ("500ms", "500ms"),
     ("0", "0s"), ("1500us", "1.5ms"), ("10", None), ("", None), ("1d", None)],
)  # fmt: skip
def test_a_duration_is_read_and_printed_as_dkron_does(text: str, shown: str | None) -> None:
    found = durations.parse(text)
    assert (None if found is None else durations.show(found)) == shown


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [("a$", "a\n", False), ("(?m)a$", "a\nb", True), ("a\\z", "a", True), ("a\\Z", "a", False), ("[$]", "$", True),
     ("(a)\\1", "aa", False), ("a++", "aa", False), ("(?P<n>a)", "a", True), ("(?<=a)b", "ab", False), ("é", "é", True),
     ("\\d", "٣", False), ("[(?=]", "?", True), ("[[:alpha:]]", "a", True),
     ("\\Qa.\\E", "a.", True), ("\\Qa.\\E", "ab", False), ("\\x{6f}", "o", True), ("(?<n>a)", "a", True)],
)  # fmt: skip
def test_a_regular_expression_matches_as_in_dkron(pattern: str, text: str, *, found: bool) -> None:
    assert goregexp.search(pattern, text) is found


@pytest.mark.parametrize(
    ("text", "why"),
    [("http://a:b/", 'invalid port ":b" after host'), ("http://a/%zz", 'invalid URL escape "%zz"')],
)
def test_a_bad_url_is_refused_in_dkrons_words(text: str, why: str) -> None:
    with pytest.raises(gourl.BadUrl) as caught:
        gourl.parse(text)
    assert str(caught.value) == f'parse "{text}": {why}'


def test_a_url_hides_its_password_and_knows_its_port() -> None:
    url = gourl.parse("https://me:secret@[::1]:8443/x?y")
    assert (url.shown, url.hostname, url.port) == ("https://me:***@[::1]:8443/x?y", "::1", 8443)
    assert url.target == "/x?y"
    assert gourl.parse("https://a").port == 443


@pytest.mark.parametrize(
    ("tags", "runs"),
    [(None, True), ({}, True), ({"dc": "dc1"}, True), ({"dc": "dc1:1"}, True), ({"dc": "dc1:0"}, False),
     ({"dc": "dc1:x"}, False), ({"dc": "dc2"}, False), ({"nosuch": ""}, False), ({"dc": "dc1:1:2"}, True)],
)  # fmt: skip
def test_tags_select_this_node_or_not(tags: dict[str, str] | None, *, runs: bool) -> None:
    assert runner.matches(tags, {"dc": "dc1"}) is runs


def test_the_pauses_between_retries_are_those_recorded() -> None:
    """retry-slow-failure: 1.5, 2 and 2.5 s after failures that took a second; retry-5: none after fast ones."""
    assert [runner.pause_before_retry(1.0, attempt) for attempt in (2, 3, 4)] == [1.5, 2.0, 2.5]
    assert [runner.pause_before_retry(0.01, attempt) for attempt in (2, 7)] == [0.0, 0.0]


@pytest.mark.parametrize("query", [{"_start": "-1"}, {"_start": "4"}, {"_end": "-1"}, {"_start": "2", "_end": "1"}])
def test_a_page_that_makes_no_sense_is_a_panic(query: dict[str, str]) -> None:
    with pytest.raises(Panic):
        listing.page([{}, {}, {}], query)


def test_executions_are_listed_newest_first_unless_asked_otherwise() -> None:
    old, new = (Execution("j", 1, started=gotime.GoTime(at), output=b"abc") for at in (1, 2))
    assert ordered([old, new], {}) == [new, old]
    assert ordered([new, old], {"_sort": "started_at", "_order": "ASC"}) == [old, new]
    assert ordered([old, new], {"_sort": "name"}) == []
    assert [listed(new, None, limit)["output_truncated"] for limit in (-1, 2, 3)] == [False, True, False]
