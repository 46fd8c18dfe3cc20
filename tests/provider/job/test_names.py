import unicodedata
import zoneinfo
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.job.names import check_name, check_timezone
from provider.job.names_letters import LOWER_CASE
from provider.schedule import parse, zones

# Lower-case letters that came with Unicode 16.0 and later: a Python that knows them must still refuse them.
TOO_NEW = "\U00010d70\ua7cd\ua7db\u1c8a"
# Came with Unicode 15.0: a Python that doesn't know them must still accept them.
NEWEST = "\U0001df25\U0001df26\U0001df27\U0001df28\U0001df29\U0001df2a"


@pytest.mark.parametrize("name", ["a", "job-1", "_", "-", "0", "żółć", "straße", "\U0001d41a", NEWEST])
def test_a_name_of_lower_case_letters_digits_underscore_and_dash_is_accepted(name: str) -> None:
    assert check_name(name) is None


@pytest.mark.parametrize(
    "name", ["A", "a b", "a.b", "a/b", "a\n", "\n", "a\x00", "\ud800", "ª", "ʰ", "ⅰ", "٣", "日本", "e\u0301", *TOO_NEW]
)
def test_any_other_character_is_refused_on_one_line(name: str) -> None:
    reason = check_name(name)
    assert reason is not None
    assert "illegal character" in reason
    assert reason.isprintable()


def test_an_empty_name_is_refused() -> None:
    assert check_name("") == "a job's name can't be empty"


def test_the_refusal_of_a_name_offers_one_that_would_do() -> None:
    assert 'illegal character "D" (' in str(check_name("Daily Report"))
    assert '"daily-report" would do' in str(check_name("Daily Report"))
    assert "would do" not in str(check_name("日本"))


def test_two_halves_of_a_letter_are_one_letter_when_they_arrive() -> None:
    assert check_name("\ud835\udc1a") is None


def test_a_name_may_have_any_length() -> None:
    assert check_name("a" * 1_000_000) is None
    assert len(str(check_name("a" * 1_000_000 + "!"))) < 500


def test_the_letters_are_those_of_unicode_15() -> None:
    assert len(LOWER_CASE) == 2233
    known = {letter for letter in LOWER_CASE if unicodedata.category(letter) == "Ll"}
    # An older Python knows none of the newest letters yet; no Python takes a letter back.
    assert LOWER_CASE - known <= set(NEWEST)


@given(st.text())
def test_a_name_is_refused_exactly_for_a_character_that_is_refused_alone(name: str) -> None:
    alone = [check_name(character) is None for character in name]
    assert (check_name(name) is None) is (bool(name) and all(alone))


KNOWN = [
    *("", "UTC", "Local", "localtime", "posixrules", "Europe/Berlin", "EST5EDT", "posix/Europe/Berlin"),
    *("right/Europe/Berlin", "right//UTC", "./UTC", "./localtime", "Europe//Paris", "posix/./Europe//Berlin"),
    *("./" * 2035 + "UTC", "/".join(["."] * 100) + "/UTC"),
]
UNKNOWN = {
    "utc": "unknown time zone utc",
    "./Local": "unknown time zone ./Local",
    "posix/localtime": "unknown time zone posix/localtime",
    "right/posixrules": "unknown time zone right/posixrules",
    "posix/right/UTC": "unknown time zone posix/right/UTC",
    "posix/zone.tab": "unknown time zone posix/zone.tab",
    "a/b": "unknown time zone a/b",
    "\ud800": "unknown time zone \\ud800",
    "Europe/Paris\n": "unknown time zone Europe/Paris\\n",
    "/etc/localtime": "time: invalid location name",
    "\\UTC": "time: invalid location name",
    "a..b": "time: invalid location name",
    "UTC\x00": "invalid argument",
    "x" * 256: "file name too long",
    "é" * 128: "file name too long",
    "./" * 2036 + "UTC": "file name too long",
    "./": "is a directory",
    "posix": "is a directory",
    "posix/Europe": "is a directory",
    "America/Indiana": "is a directory",
    "UTC/": "not a directory",
    "UTC/.": "not a directory",
    "localtime/": "not a directory",
    "posixrules/x": "not a directory",
    "Europe/Berlin/x/y": "not a directory",
    "zone.tab": "malformed time zone information",
}


@pytest.fixture
def no_zone_files() -> Iterator[None]:
    """A machine without zone files of its own."""
    paths = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(to=[])
    forget()
    yield
    zoneinfo.reset_tzpath(to=paths)
    forget()


def forget() -> None:
    zoneinfo.ZoneInfo.clear_cache()
    zones.load_zone.cache_clear()


@pytest.mark.parametrize("zone", KNOWN, ids=lambda zone: zone[:30])
def test_a_zone_that_dkron_knows_is_accepted_and_can_be_loaded(zone: str) -> None:
    assert check_timezone(zone) is None
    assert -86400 < zones.load_zone(zone).offset(0) < 86400


@pytest.mark.parametrize(("zone", "problem"), UNKNOWN.items(), ids=lambda value: ascii(value)[:30])
def test_a_zone_that_dkron_does_not_know_is_refused_on_one_line_with_its_words(zone: str, problem: str) -> None:
    reason = check_timezone(zone)
    assert reason is not None
    assert problem in reason
    assert reason.isprintable()


def test_a_zone_in_the_wrong_case_gets_the_right_one_offered() -> None:
    assert "did you mean Europe/Berlin?" in str(check_timezone("europe/berlin"))
    assert "did you mean America/New_York?" in str(check_timezone("America/New York"))


@pytest.mark.usefixtures("no_zone_files")
def test_a_machine_without_zone_files_gives_the_same_verdicts() -> None:
    assert [zone for zone in KNOWN if check_timezone(zone) is not None] == []
    assert [zone for zone in UNKNOWN if check_timezone(zone) is None] == []
    names = zones.zone_names()
    assert [name for name in names if check_timezone(f"right/{name}") or check_timezone(f"posix/{name}")] == []


@pytest.mark.usefixtures("no_zone_files")
def test_a_machine_without_zone_files_takes_the_plain_zone_for_one_with_leap_seconds() -> None:
    leap, plain = zones.load_zone("right/Europe/Berlin"), zones.load_zone("Europe/Berlin")
    assert leap.changes(1_700_000_000, 1_740_000_000) == plain.changes(1_700_000_000, 1_740_000_000)
    assert parse("TZ=right/Europe/Berlin 0 0 3 * * *").zone == "right/Europe/Berlin"


def test_a_machine_s_own_zone_with_leap_seconds_is_used_if_it_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def own(key: str) -> zoneinfo.ZoneInfo:
        asked.append(key)
        return zoneinfo.ZoneInfo("Asia/Tokyo")

    monkeypatch.setattr(zones, "ZoneInfo", own)
    forget()
    assert zones.load_zone("right/Europe/Berlin").offset(0) == 9 * 3600
    assert asked == ["right/Europe/Berlin"]
    forget()
