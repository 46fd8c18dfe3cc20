from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provider.schedule import Schedule, ScheduleError, parse
from provider.schedule.advice import pace
from provider.schedule.fields import Fields

NOW = datetime(2026, 11, 24, 1, 2, 3, 500000, tzinfo=UTC)


def next_run(text: str, after: datetime = NOW, zone: str | None = None, name: str = "") -> str | None:
    run = parse(text, name).next_run(after, zone)
    return None if run is None else run.isoformat().replace("+00:00", "Z")


def verdict(text: str, name: str = "") -> Schedule | ScheduleError:
    try:
        return parse(text, name)
    except ScheduleError as error:
        return error


# Verdicts that were asked of the server beside the recorded ones.
ACCEPTED = {
    "0 0 0 * * fr\u0130": "2026-11-27T00:00:00Z",  # the dotted capital I becomes an i
    "*-\ud800 * * * * *": "2026-11-24T01:02:04Z",  # what follows "*-" is never looked at
    "*-a-b-c/1 * * * * *": "2026-11-24T01:02:04Z",
    "?-/+1 * * * * *": "2026-11-24T01:02:04Z",
    "0 0 0 , * 1": "2026-11-30T00:00:00Z",
    "0 0 0 , */2 1/9": "2026-11-30T00:00:00Z",
    "+0 +0 +0 +1 +1 +0": "2027-01-01T00:00:00Z",
    "00000000000000000000000000000000005 * * * * *": "2026-11-24T01:02:05Z",
    "TZ=Local @daily": "2026-11-25T00:00:00Z",
    "TZ=  @daily": "2026-11-25T00:00:00Z",
    "TZ= @every 5m \u3000": "2026-11-24T01:07:03Z",
    "TZ=./UTC \t 0 0 3 * * * \u3000": "2026-11-24T03:00:00Z",
    "@every +0": "2026-11-24T01:02:04Z",
    "@every .5h": "2026-11-24T01:32:03Z",
    "@every 1.h": "2026-11-24T02:02:03Z",
    "@every 0.016666667h": "2026-11-24T01:03:03Z",
    "@every 1\u00b5s1\u03bcs": "2026-11-24T01:02:04Z",
    "@every 2562047h47m16.854775807s": "2319-03-06T00:49:19Z",
    "@every -9223372036854775808ns": "2026-11-24T01:02:04Z",
    "@every 00000000000000000000000000001h": "2026-11-24T02:02:03Z",
    "@every 0." + "3" * 40 + "h": "2026-11-24T01:22:03Z",
    "@at 2030-01-02T3:04:05Z": "2030-01-02T03:04:05Z",
    "@at 2030-01-02T03:04:05,123456789123Z": "2030-01-02T03:04:05.123456Z",
    "@at 2030-01-02T03:04:05+24:60": "2030-01-01T02:04:05Z",
    "@at 2030-01-02T03:04:05-01:30": "2030-01-02T04:34:05Z",
    "@at 0000-01-01T00:00:00Z": None,
    "@at 9999-12-31T23:59:59-01:00": None,
    "@manually": None,
    "@minutely": "2026-11-24T01:03:00Z",
    "0 0 0 30 2 *": None,
    "0\x850 0 * *\u2028*": "2026-11-25T00:00:00Z",
}

REFUSED = {
    "": "empty spec string",
    "0\x1c0 0 * * *": "expected exactly 6 fields, found 5: [0\x1c0 0 * * *]",
    "0 0 0 1 * * \U0001f600": "expected exactly 6 fields, found 7: [0 0 0 1 * * \U0001f600]",
    "*-x/1/2 * * * * *": "too many slashes: *-x/1/2",
    "a\u200b\U000e0001\ufffd\u00e9\x7f * * * * *": (
        "failed to parse int from a\u200b\U000e0001\ufffd\u00e9\x7f: "
        'strconv.Atoi: parsing "a\\u200b\\U000e0001\ufffd\u00e9\\x7f": invalid syntax'
    ),
    "*/-9223372036854775808 * * * * *": ("negative number (-9223372036854775808) not allowed: -9223372036854775808"),
    "*/-0 * * * * *": "step of range should be a positive number: */-0",
    "TZ=UTC=x 0 0 3 * * *": "provided bad location UTC=x: unknown time zone UTC=x",
    "TZ= ": "expected exactly 6 fields, found 0: []",
    "CRON_TZ=UTC": "no space after the zone in CRON_TZ=UTC; Dkron breaks down on it",
    "TZ=UTC @at 2030-01-02T03:04:05Z": "unrecognized descriptor: @at 2030-01-02T03:04:05Z",
    "@every ": 'failed to parse duration @every : time: invalid duration ""',
    "@every .": 'failed to parse duration @every .: time: invalid duration "."',
    "@every h": 'failed to parse duration @every h: time: invalid duration "h"',
    "@every 5": 'failed to parse duration @every 5: time: missing unit in duration "5"',
    "@every 1h ": 'failed to parse duration @every 1h : time: unknown unit "h " in duration "1h "',
    "@every 9223372036854775808ns": (
        'failed to parse duration @every 9223372036854775808ns: time: invalid duration "9223372036854775808ns"'
    ),
    "@every 9999999999999999999ns": (
        'failed to parse duration @every 9999999999999999999ns: time: invalid duration "9999999999999999999ns"'
    ),
    "@every 2562048h": 'failed to parse duration @every 2562048h: time: invalid duration "2562048h"',
    '@every 1"\\\u00e9\x01': (
        'failed to parse duration @every 1"\\\u00e9\x01: time: unknown unit "\\"\\\\\\xc3\\xa9\\x01" '
        'in duration "1\\"\\\\\\xc3\\xa9\\x01"'
    ),
    "@at 2030-01-02T03:04:05+25:00": 'parsing time "2030-01-02T03:04:05+25:00": time zone offset hour out of range',
    "@at 2030-01-02T03:04:05*05:61": 'parsing time "2030-01-02T03:04:05*05:61": time zone offset minute out of range',
    "@at 2030-01-02T03:04:05*05:00": 'cannot parse "*05:00" as "Z07:00"',
    "@at 2030-01-02T03:04:05+0a:61": 'cannot parse "+0a:61" as "Z07:00"',
    "@at 2030-01-02T03:04:05.Z": 'cannot parse ".Z" as "Z07:00"',
    "@at 2030-00-02T03:04:05Z": 'parsing time "2030-00-02T03:04:05Z": month out of range',
    "@at 2030-02-29T03:04:05Z": 'parsing time "2030-02-29T03:04:05Z": day out of range',
    "@at 2030-12-00T03:04:05Z": 'parsing time "2030-12-00T03:04:05Z": day out of range',
    "@at 2030-01-02 03:04:05Z": 'cannot parse " 03:04:05Z" as "T"',
    "@at 2030-01-02T03:04:05Z ": 'parsing time "2030-01-02T03:04:05Z ": extra text: " "',
    "@at \u0663": 'parsing time "\\xd9\\xa3" as "2006-01-02T15:04:05Z07:00": cannot parse "\\xd9\\xa3" as "2006"',
}


@pytest.mark.parametrize(("text", "run"), ACCEPTED.items(), ids=lambda value: ascii(value)[:40])
def test_what_dkron_accepts_is_accepted_and_runs_when_it_runs_there(text: str, run: str | None) -> None:
    assert next_run(text) == run


@pytest.mark.parametrize(("text", "reason"), REFUSED.items(), ids=lambda value: ascii(value)[:40])
def test_what_dkron_refuses_is_refused_in_its_words_and_on_one_line(text: str, reason: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        parse(text)
    assert caught.value.text == text
    assert caught.value.reason.endswith(reason)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("text", "way_out"),
    [
        ("0 3 * * *", "seconds first: put a 0 in front"),
        ("0 0 3 * * * 2027", "no field for the year"),
        ("often", "second minute hour day month weekday"),
        ("", "@manually"),
        ("0 0 3 * * 7", "Sunday is 0"),
        ("0 0 22-2 * * *", "can't wrap round"),
        ("0 0 0 L * *", "no L, W and #"),
        ("0 0 H * * *", '"~"'),
        ("@every 1d", "a day is 24h"),
        ("@every 90", "give the unit"),
        ("@reboot", "no @reboot"),
        ("@at", "give the date"),
        ("@every", "give the interval"),
        ("TZ=UTC @manually", "with a zone in front"),
        ("@Daily", "in lower case"),
        ("@at tomorrow", "dates look like"),
        ("TZ=europe/berlin 0 0 3 * * *", "exactly that case"),
    ],
)
def test_the_refusal_names_the_way_out(text: str, way_out: str) -> None:
    with pytest.raises(ScheduleError, match="schedule ") as caught:
        parse(text)
    assert way_out in str(caught.value)


def test_a_refusal_without_an_obvious_way_out_offers_none() -> None:
    with pytest.raises(ScheduleError) as caught:
        parse("0 0 0 0 * *")
    assert str(caught.value) == 'schedule "0 0 0 0 * *": beginning of range (0) below minimum (1): 0'


@pytest.mark.parametrize(
    ("text", "name", "run"),
    [
        ("~ ~ ~ ~ ~ ~", "s", "2027-08-04T19:55:55Z"),
        ("0  ~ * * * *", "job", "2026-11-24T01:03:00Z"),  # 315 modulo 24: the second space counts as a field
        ("TZ=UTC 0 ~ * * * *", "job", "2026-11-24T01:15:00Z"),
        ("CRON_TZ=UTC  ~ 0 * * * *", "ab", "2026-11-24T02:00:15Z"),
        ("    0 0 0 ~ * *", "\ud800", "2026-12-13T00:00:00Z"),  # half a surrogate pair arrives as U+FFFD
    ],
)
def test_a_tilde_is_the_sum_of_the_name_s_code_points(text: str, name: str, run: str) -> None:
    assert next_run(text, name=name) == run


def test_a_tilde_beside_a_descriptor_stays_as_it_is() -> None:
    with pytest.raises(ScheduleError, match="unrecognized descriptor: @~"):
        parse("@~", "job")


def test_the_job_s_timezone_counts_for_six_fields_only() -> None:
    assert next_run("0 0 3 * * *", zone="Asia/Tokyo") == "2026-11-24T18:00:00Z"
    assert next_run("0 0 3 * * *", zone="") == next_run("0 0 3 * * *", zone="Local") == "2026-11-24T03:00:00Z"
    assert next_run("@daily", zone="Asia/Tokyo") == "2026-11-25T00:00:00Z"
    assert next_run("TZ=UTC 0 0 3 * * *", zone="Asia/Tokyo") == "2026-11-24T03:00:00Z"
    assert next_run("@daily", zone="no such zone") == "2026-11-25T00:00:00Z"


def test_an_unknown_timezone_is_an_error_where_it_counts() -> None:
    with pytest.raises(ScheduleError, match="unknown time zone Mars/Base"):
        next_run("0 0 3 * * *", zone="Mars/Base")


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        parse("@daily").next_run(NOW.replace(tzinfo=None))


def test_the_answer_is_in_utc_whatever_zone_the_question_is_in() -> None:
    run = parse("@daily").next_run(NOW.astimezone(timezone(timedelta(hours=9))))
    assert run == datetime(2026, 11, 25, tzinfo=UTC)
    assert run is not None
    assert run.tzinfo is UTC


def test_a_date_is_answered_once() -> None:
    date = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert parse("@at 2030-01-02T03:04:05Z").next_run(date - timedelta(microseconds=1)) == date
    assert parse("@at 2030-01-02T03:04:05Z").next_run(date) is None


@pytest.mark.parametrize("text", ["@every 1h", "@daily", "0 0 0 29 2 *", "TZ=Europe/Berlin 0 0 0 1 1 *"])
def test_after_the_last_year_nothing_runs(text: str) -> None:
    assert next_run(text, datetime(9999, 12, 31, 23, 30, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("text", "zone"), [("@daily", None), ("0 0 0 1 1 *", "Europe/Berlin"), ("0 0 0 1 1 *", "Asia/Tokyo")]
)
def test_the_first_years_work(text: str, zone: str | None) -> None:
    run = parse(text).next_run(datetime(1, 1, 2, tzinfo=UTC), zone)
    assert run is not None
    assert run.year in (1, 2)


@pytest.mark.parametrize(
    "text",
    [
        "9" * 300_000,
        "*," * 50_000 + " * * * * *",
        "@every " + "1h" * 50_000,
        "@every 0." + "1" * 300_000 + "h",
        "~ " * 50_000,
        "TZ=" + "a/" * 100_000 + " x",
        " " * 300_000 + "x" + " " * 300_000,
        "TZ=UTC x" + " " * 300_000,
        "@at " + "9" * 300_000,
        "\ud800" * 100_000,
        "1-" * 100_000 + " * * * * *",
    ],
    ids=lambda text: ascii(text)[:20],
)
@pytest.mark.timeout(60)
def test_gigantic_texts_take_linear_time_and_a_short_line(text: str) -> None:
    result = verdict(text, "x" * 100_000)
    assert len(result.describe() if isinstance(result, Schedule) else str(result)) < 5000


def brute_force(fields: Fields, after: datetime, limit: int) -> datetime | None:
    """The first matching second after a time, by looking at every one of them; None beyond the limit in seconds."""
    moment = after.replace(microsecond=0)
    for _ in range(limit):
        moment += timedelta(seconds=1)
        sets = (fields.seconds, fields.minutes, fields.hours, fields.months)
        values = (moment.second, moment.minute, moment.hour, moment.month)
        day, weekday = fields.days >> moment.day & 1, fields.weekdays >> moment.isoweekday() % 7 & 1
        date = day and weekday if fields.star else day or weekday
        if date and all(bits >> value & 1 for bits, value in zip(sets, values, strict=True)):
            return moment
    return None


def field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    spans = st.tuples(number, number).map(sorted).map(lambda pair: f"{pair[0]}-{pair[1]}")
    steps = st.integers(1, 20).map(lambda step: f"*/{step}")
    return st.one_of(st.just("*"), st.just("?"), steps, spans, st.lists(number, min_size=1, max_size=3).map(_join))


def _join(numbers: list[int]) -> str:
    return ",".join(map(str, numbers))


SIX = st.tuples(field(0, 59), field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 6)).map(" ".join)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIMES = st.timedeltas(timedelta(0), timedelta(days=120 * 365)).map(lambda elapsed: EPOCH + elapsed)


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(SIX, TIMES)
def test_the_next_run_is_what_a_look_at_every_second_finds(text: str, after: datetime) -> None:
    schedule = parse(text)
    assert isinstance(schedule.rule, Fields)
    run = schedule.next_run(after)
    found = brute_force(schedule.rule, after, 20_000)
    if found is not None:
        assert run == found
    elif run is not None:
        assert run > after + timedelta(seconds=19_999)
        assert brute_force(schedule.rule, run - timedelta(seconds=1), 1) == run


@given(SIX, TIMES, st.timedeltas(timedelta(0), timedelta(days=400)))
def test_runs_are_later_than_asked_for_and_never_go_back(text: str, after: datetime, more: timedelta) -> None:
    schedule = parse(text)
    first, second = schedule.next_run(after), schedule.next_run(after + more)
    assert first is None or first > after
    if first is not None and second is not None:
        assert first <= second
        assert first == second or first <= after + more


@given(
    st.one_of(st.text(), st.text(alphabet="0123456789*?,-/~ @TZ=:.evryathm\t\u00a0\ud800"), SIX), st.text(max_size=5)
)
@pytest.mark.slow
def test_nothing_but_a_schedule_error_ever_comes_out(text: str, name: str) -> None:
    result = verdict(text, name)
    lines = [str(result)]
    if isinstance(result, Schedule):
        lines = [result.describe(), *result.warnings("Europe/Berlin", NOW)]
    assert [line for line in lines if not line.isprintable()] == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 15 2 * * *", "at 02:15:00 every day"),
        ("0 0 2,14 * * *", "at 02:00:00 and 14:00:00 every day"),
        ("* * * * * *", "every second"),
        ("*/10 * * * * *", "every 10 seconds"),
        ("0 * * * * *", "every minute"),
        ("5 * * * * *", "at second 5 of every minute"),
        ("0 */5 * * * *", "every 5 minutes"),
        ("0 0 * * * *", "every hour"),
        ("30 7 * * * *", "every hour at 07:30"),
        ("0 7,9 * * * *", "at minute 7 and 9 of every hour"),
        ("0 0 */2 * * *", "every 2 hours"),
        ("0 0 */5 * * *", "second 0, minute 0, hour */5, day *, month *, weekday *"),
        ("0 0 1,2,3,4,9 * * 1", "second 0, minute 0, hour 1,2,3,4,9, day *, month *, weekday 1"),
        ("0 1-9 3 * * *", "second 0, minute 1-9, hour 3, day *, month *, weekday *"),
        ("0 0 3 * * 1-5", "at 03:00:00 on Monday to Friday"),
        ("0 0 3 * * 0,6", "at 03:00:00 on Sunday and Saturday"),
        ("0 0 3 1,15 * *", "at 03:00:00 on day 1 and 15 of the month"),
        ("0 0 3 1-6 * *", "at 03:00:00 on day 1, 2, 3, 4, 5 and 6"),
        ("0 0 3 13 * 5", "at 03:00:00 on day 13 of the month or on Friday"),
        ("0 0 3 13 * */1,5", "at 03:00:00 on day 13 of the month"),
        ("0 0 3 ,13 * 5,*", "at 03:00:00 on day 13 of the month"),
        ("0 0 3 */2,13 * *", "at 03:00:00 on day 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29 and 31"),
        ("0 0 3 13,*-x * 5", "at 03:00:00 on Friday"),
        ("0 0 3 1-31 * 5", "at 03:00:00 every day"),
        ("0 0 3 , * 5", "at 03:00:00 on no day or on Friday"),
        ("0 0 3 5 * ,", "at 03:00:00 on day 5 of the month or on no weekday"),
        ("0 0 0 1 1,7 *", "at 00:00:00 on day 1 of the month in January and July"),
        (", * * * * *", "never, because a field names nothing"),
        ("TZ=Europe/Berlin 0 15 2 * * *", "at 02:15:00 every day (Europe/Berlin)"),
        ("TZ= @daily", "at 00:00:00 every day (UTC)"),
        ("@every 90s", "every 90 seconds"),
        ("@every 1h30m", "every 90 minutes"),
        ("@every 24h", "every 24 hours"),
        ("@every 0", "every second"),
        ("@manually", "only when started by hand"),
        ("@at 2030-01-02T03:04:05+01:00", "once, at 2030-01-02 02:04:05 UTC"),
        ("@at 9999-12-31T23:59:59-01:00", "once, at 9999-12-31T23:59:59-01:00"),
    ],
)
def test_a_schedule_is_described_in_words(text: str, words: str) -> None:
    assert parse(text).describe() == words


BERLIN = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "zone", "parts"),
    [
        ("0 0 3 * * *", "", []),
        ("0 0 3 * * *", "Asia/Tokyo", []),
        ("@manually", "", []),
        ("@every 1s", "", ["runs every second"]),
        ("@every 59s", "", ["runs every 59 seconds"]),
        ("@every 60s", "", []),
        ("* * * * * *", "", ["runs every second"]),
        ("0,30 0 3 * * *", "", ["as little as 30 s apart"]),
        ("* * * 30 2 *", "", ["will never run: no such date"]),
        ("0 0 3 * * *", "Etc/GMT-3", ["lies east of Greenwich"]),
        ("0 0 3 * * *", "Etc/GMT+3", ["lies west of Greenwich"]),
        ("@every 90s", "", []),
        ("0 0 0 30 2 *", "", ["will never run: no such date"]),
        (", * * * * *", "", ["will never run: no such date"]),
        ("@at 2020-01-02T03:04:05Z", "", ["will never run: its date is past"]),
        ("@at 2030-01-02T03:04:05Z", "", []),
        ("@daily", "Europe/Berlin", ['ignored by Dkron for @daily (write "TZ=Europe/Berlin @daily")']),
        ("@every 1h", "UTC", ["timezone UTC is ignored by Dkron for @every 1h"]),
        ("TZ=UTC 0 0 3 * * *", "UTC", []),
        ("TZ=UTC 0 0 3 * * *", "Asia/Tokyo", ["timezone Asia/Tokyo is ignored"]),
        ("0 0 3 * * *", "Local", ["whichever Dkron server leads"]),
        ("0 0 3 * * *", "Mars/Base", []),
        ("@every -5m", "", ["is negative: Dkron runs it every second", "runs every second"]),
        ("@every 500ms", "", ["it runs every second", "runs every second"]),
        ("0 0 3 13 * 5", "", ["match either of them"]),
        ("0 0 3 *-foo * *", "", ["ignores what follows * in *-foo"]),
        (
            "0 30 2 * * *",
            "Europe/Berlin",
            ["no 02:30 on 2027-03-28, the clock is put forward", "02:30 twice on 2027-10-31, the clock is put back"],
        ),
        ("0 */5 * * * *", "Europe/Berlin", []),
        ("0 0 12 * * *", "Europe/Berlin", []),
        ("0 30 2 3 1 *", "Europe/Berlin", []),
    ],
)
def test_what_is_likely_to_be_a_mistake_gets_a_warning(text: str, zone: str, parts: list[str]) -> None:
    warnings = parse(text).warnings(zone, BERLIN)
    assert len(warnings) == len(parts), warnings
    assert [part for part, line in zip(parts, warnings, strict=True) if part not in line] == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("@every 7s", 7),
        ("@manually", None),
        ("@at 2030-01-02T03:04:05Z", None),
        (", * * * * *", None),
        ("0 0 3 * * *", None),
        ("0 0 3,5 * * *", 7200),
        ("0 0 1,22 * * *", 10800),
        ("0 5,25 * * * *", 1200),
        ("0 0,50 * * * *", 600),
        ("0 0,50 3 * * *", 3000),
        ("0,50 * * * * *", 10),
        ("0,50 3 * * * *", 50),
        ("* * * * * *", 1),
    ],
)
def test_the_shortest_time_between_two_runs_is_known(text: str, seconds: int | None) -> None:
    assert pace(parse(text).rule) == seconds


def test_a_schedule_without_a_date_to_compare_with_is_compared_with_the_present() -> None:
    assert parse("@at 2000-01-01T00:00:00Z").warnings() == ["@at 2000-01-01T00:00:00Z will never run: its date is past"]


def test_schedules_are_values() -> None:
    assert parse("0 0 3 * * *") == parse("0 0 3 * * *")
    assert hash(parse("@daily")) == hash(parse("@daily"))
    assert parse("@daily") != parse("@hourly")
