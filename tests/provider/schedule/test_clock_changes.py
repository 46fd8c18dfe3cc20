"""What the scheduler does where a clock is changed: answers of the cron library that Dkron 4.0.9 is built with."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provider.schedule import parse

NEVER = "never"

# zone, schedule, after, the next runs in a row
FIRED = [
    (
        "America/New_York",
        "0 30 2 * * *",
        "2027-03-13T12:00:00Z",
        "2027-03-15T06:30:00Z 2027-03-16T06:30:00Z 2027-03-17T06:30:00Z 2027-03-18T06:30:00Z",
    ),
    (
        "America/New_York",
        "0 30 1 * * *",
        "2026-10-31T12:00:00Z",
        "2026-11-01T05:30:00Z 2026-11-01T06:30:00Z 2026-11-02T06:30:00Z 2026-11-03T06:30:00Z",
    ),
    (
        "America/New_York",
        "0 0 * * * *",
        "2026-11-01T04:30:00Z",
        "2026-11-01T05:00:00Z 2026-11-01T06:00:00Z 2026-11-01T07:00:00Z 2026-11-01T08:00:00Z",
    ),
    (
        "America/New_York",
        "0 */20 1-2 * * *",
        "2027-03-14T05:50:00Z",
        "2027-03-14T06:00:00Z 2027-03-14T06:20:00Z 2027-03-14T06:40:00Z 2027-03-15T05:00:00Z",
    ),
    (
        "Europe/Berlin",
        "0 30 2 * * *",
        "2026-10-24T12:00:00Z",
        "2026-10-25T00:30:00Z 2026-10-25T01:30:00Z 2026-10-26T01:30:00Z 2026-10-27T01:30:00Z",
    ),
    (
        "Europe/Berlin",
        "0 30 2 28 3 *",
        "2026-12-01T00:00:00Z",
        "2028-03-28T00:30:00Z 2029-03-28T00:30:00Z 2030-03-28T01:30:00Z 2031-03-28T01:30:00Z",
    ),
    (
        "Europe/Berlin",
        "0 15 */2 * * *",
        "2027-03-27T22:30:00Z",
        "2027-03-27T23:15:00Z 2027-03-28T02:15:00Z 2027-03-28T04:15:00Z 2027-03-28T06:15:00Z",
    ),
    (
        "Europe/Berlin",
        "@monthly",
        "2026-09-15T00:00:00Z",
        "2026-09-30T22:00:00Z 2026-10-31T23:00:00Z 2026-11-30T23:00:00Z 2026-12-31T23:00:00Z",
    ),
    ("Europe/Berlin", "0 0 0 30 2 *", "2026-09-15T00:00:00Z", "never"),
    (
        "Europe/Berlin",
        "0 0 0 29 2 *",
        "2026-09-15T00:00:00Z",
        "2028-02-28T23:00:00Z 2032-02-28T23:00:00Z 2036-02-28T23:00:00Z 2040-02-28T23:00:00Z",
    ),
    (
        "Asia/Beirut",
        "0 0 12 28 3 *",
        "2026-03-01T00:00:00Z",
        "2026-03-28T10:00:00Z 2026-03-29T09:00:00Z 2028-03-28T09:00:00Z 2029-03-28T09:00:00Z",
    ),
    (
        "Asia/Beirut",
        "0 0 12 29 3 *",
        "2026-03-20T00:00:00Z",
        "2027-03-29T09:00:00Z 2028-03-29T09:00:00Z 2029-03-29T09:00:00Z 2030-03-29T10:00:00Z",
    ),
    (
        "Asia/Beirut",
        "0 0 0 * * 0",
        "2026-03-20T00:00:00Z",
        "2026-03-21T22:00:00Z 2026-04-04T21:00:00Z 2026-04-11T21:00:00Z 2026-04-18T21:00:00Z",
    ),
    (
        "Africa/Cairo",
        "@daily",
        "2026-04-22T12:00:00Z",
        "2026-04-22T22:00:00Z 2026-04-24T21:00:00Z 2026-04-25T21:00:00Z 2026-04-26T21:00:00Z",
    ),
    (
        "Africa/Cairo",
        "0 30 0 * * 5",
        "2026-04-20T00:00:00Z",
        "2026-04-30T21:30:00Z 2026-05-07T21:30:00Z 2026-05-14T21:30:00Z 2026-05-21T21:30:00Z",
    ),
    (
        "America/Havana",
        "@daily",
        "2026-03-06T12:00:00Z",
        "2026-03-07T05:00:00Z 2026-03-09T04:00:00Z 2026-03-10T04:00:00Z 2026-03-11T04:00:00Z",
    ),
    (
        "America/Havana",
        "0 30 0 * * *",
        "2026-10-30T12:00:00Z",
        "2026-10-31T04:30:00Z 2026-11-01T04:30:00Z 2026-11-01T05:30:00Z 2026-11-02T05:30:00Z",
    ),
    (
        "America/Sao_Paulo",
        "0 0 0 * * 0",
        "2018-10-30T00:00:00Z",
        "2018-11-11T02:00:00Z 2018-11-18T02:00:00Z 2018-11-25T02:00:00Z 2018-12-02T02:00:00Z",
    ),
    (
        "America/Sao_Paulo",
        "0 30 23 * * *",
        "2018-02-16T12:00:00Z",
        "2018-02-17T01:30:00Z 2018-02-18T01:30:00Z 2018-02-18T02:30:00Z 2018-02-19T02:30:00Z",
    ),
    (
        "America/Santiago",
        "@daily",
        "2026-09-04T12:00:00Z",
        "2026-09-05T04:00:00Z 2026-09-07T03:00:00Z 2026-09-08T03:00:00Z 2026-09-09T03:00:00Z",
    ),
    (
        "Australia/Lord_Howe",
        "0 0 2 * * *",
        "2026-10-02T12:00:00Z",
        "2026-10-02T15:30:00Z 2026-10-04T15:00:00Z 2026-10-05T15:00:00Z 2026-10-06T15:00:00Z",
    ),
    (
        "Australia/Lord_Howe",
        "0 45 1 * * *",
        "2027-04-02T12:00:00Z",
        "2027-04-02T14:45:00Z 2027-04-03T14:45:00Z 2027-04-03T15:15:00Z 2027-04-04T15:15:00Z",
    ),
    (
        "Pacific/Apia",
        "@daily",
        "2011-12-28T00:00:00Z",
        "2011-12-28T10:00:00Z 2011-12-29T10:00:00Z 2011-12-30T10:00:00Z 2011-12-31T10:00:00Z",
    ),
    (
        "Africa/Monrovia",
        "30 * * * * *",
        "1972-01-07T00:42:00Z",
        "1972-01-07T00:43:00Z 1972-01-07T00:44:00Z 1972-01-07T00:44:30Z 1972-01-07T00:45:30Z",
    ),
    (
        "Africa/Monrovia",
        "15,45 44,0 * * * *",
        "1972-01-07T00:00:00Z",
        "1972-01-07T00:29:15Z 1972-01-07T00:44:45Z 1972-01-07T01:00:15Z 1972-01-07T01:00:45Z",
    ),
    (
        "Antarctica/Troll",
        "0 30 1 * * *",
        "2026-03-27T12:00:00Z",
        "2026-03-28T01:30:00Z 2026-03-29T23:30:00Z 2026-03-30T23:30:00Z 2026-03-31T23:30:00Z",
    ),
    (
        "Asia/Pyongyang",
        "0 45 23 * * *",
        "2018-05-03T00:00:00Z",
        "2018-05-03T15:15:00Z 2018-05-05T14:45:00Z 2018-05-06T14:45:00Z 2018-05-07T14:45:00Z",
    ),
    (
        "America/Scoresbysund",
        "0 30 23 * * *",
        "2026-03-27T12:00:00Z",
        "2026-03-28T01:30:00Z 2026-03-30T00:30:00Z 2026-03-31T00:30:00Z 2026-04-01T00:30:00Z",
    ),
    (
        "Atlantic/Azores",
        "@hourly",
        "2026-10-24T23:30:00Z",
        "2026-10-25T00:00:00Z 2026-10-25T01:00:00Z 2026-10-25T02:00:00Z 2026-10-25T03:00:00Z",
    ),
    (
        "Pacific/Chatham",
        "0 0 3 * * *",
        "2026-04-03T00:00:00Z",
        "2026-04-03T13:15:00Z 2026-04-04T13:15:00Z 2026-04-04T14:15:00Z 2026-04-05T14:15:00Z",
    ),
    (
        "Africa/Casablanca",
        "0 30 2 * * *",
        "2026-02-13T12:00:00Z",
        "2026-02-14T01:30:00Z 2026-02-15T01:30:00Z 2026-02-15T02:30:00Z 2026-02-16T02:30:00Z",
    ),
    (
        "America/Sao_Paulo",
        "0 0 12 1 12 *",
        "2018-11-03T05:00:00Z",
        "2018-12-01T14:00:00Z 2019-12-01T15:00:00Z 2020-12-01T15:00:00Z 2021-12-01T15:00:00Z",
    ),
    (
        "Asia/Kathmandu",
        "59 59 23 31 12 *",
        "1985-06-01T00:00:00Z",
        "1985-12-31T18:29:59Z 1986-12-31T18:14:59Z 1987-12-31T18:14:59Z 1988-12-31T18:14:59Z",
    ),
]


def chain(text: str, after: str, count: int, zone: str | tzinfo | None = None) -> str:
    """The next runs in a row, as they are written in the table."""
    schedule, moment = parse(text), datetime.fromisoformat(after)
    runs: list[str] = []
    for _ in range(count):
        run = schedule.next_run(moment, zone)
        if run is None:
            return " ".join([*runs, NEVER])
        runs.append(f"{run:%Y-%m-%dT%H:%M:%SZ}")
        moment = run
    return " ".join(runs)


@pytest.mark.parametrize(("zone", "text", "after", "runs"), FIRED)
def test_runs_around_a_change_of_the_clock_are_those_of_dkron(zone: str, text: str, after: str, runs: str) -> None:
    assert chain(f"TZ={zone} {text}", after, len(runs.split())) == runs


@pytest.mark.parametrize(("zone", "text", "after", "runs"), [row for row in FIRED if not row[1].startswith("@")])
def test_the_zone_can_be_the_job_s_as_a_name_or_an_object(zone: str, text: str, after: str, runs: str) -> None:
    assert chain(text, after, len(runs.split()), zone) == runs
    assert chain(text, after, len(runs.split()), ZoneInfo(zone)) == runs


def test_a_day_that_a_zone_left_out_is_skipped_and_does_not_hang() -> None:
    # Samoa had no 2011-12-30.
    assert chain("TZ=Pacific/Apia 0 0 0 30 12 *", "2011-12-01T00:00:00Z", 1) == "2012-12-29T10:00:00Z"
    assert chain("TZ=Pacific/Apia 0 0 0 31 12 *", "2011-12-01T00:00:00Z", 1) == "2011-12-30T10:00:00Z"


def test_a_run_is_never_in_the_past_though_dkron_names_one_there() -> None:
    # Asked at the second 02:59:24 of that night, the scheduler answers with the first 03:00, 44 minutes ago.
    after = datetime(2031, 4, 5, 14, 14, 24, tzinfo=UTC)
    assert parse("TZ=Pacific/Chatham 0 0 3 * * *").next_run(after) == datetime(2031, 4, 5, 14, 15, tzinfo=UTC)


def test_every_second_of_an_overlap_has_a_later_run() -> None:
    schedule = parse("TZ=Pacific/Chatham */20 10 2,3 * * *")
    moment = datetime(2031, 4, 5, 13, 40, tzinfo=UTC)
    for _ in range(60):
        run = schedule.next_run(moment)
        assert run is not None
        assert run > moment
        moment += timedelta(seconds=61)


class LateChange(tzinfo):
    """New York in 2004 as a zone file with leap seconds has it: the clock is put back 22 seconds past the hour."""

    change = datetime(2004, 10, 31, 6, 0, 22, tzinfo=UTC).replace(tzinfo=None)
    summer, winter = timedelta(hours=-4), timedelta(hours=-5)

    def fromutc(self, dt: datetime) -> datetime:
        late = dt.replace(tzinfo=None) >= self.change
        return (dt + (self.winter if late else self.summer)).replace(fold=late)

    def utcoffset(self, dt: datetime | None) -> timedelta:
        assert dt is not None
        wall = dt.replace(tzinfo=None)
        return self.summer if wall < self.change + self.summer and not dt.fold else self.winter

    def dst(self, dt: datetime | None) -> None:
        return None

    def tzname(self, dt: datetime | None) -> None:
        return None


def test_a_scheduler_that_names_the_same_moment_again_and_again_is_left_behind() -> None:
    # From the run at 06:30:32 on, the library answers 06:30:32 for ever.
    runs = chain("32 30 */2 ? * ?", "2004-10-31T06:00:21Z", 3, LateChange())
    assert runs == "2004-10-31T06:30:32Z 2004-10-31T07:30:32Z 2004-10-31T09:30:32Z"


def test_a_zone_that_is_seconds_away_from_utc_works() -> None:
    odd = timezone(timedelta(hours=1, seconds=7))
    run = parse("30 15 2 * * *").next_run(datetime(2026, 1, 1, tzinfo=UTC), odd)
    assert run is not None
    assert run.astimezone(odd).second == 30


ZONES = ["Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Asia/Beirut", "Australia/Lord_Howe", "Africa/Cairo"]


@settings(deadline=None)
@given(
    st.sampled_from(ZONES),
    st.timedeltas(timedelta(0), timedelta(days=21 * 365)).map(
        lambda elapsed: datetime(2015, 1, 1, tzinfo=UTC) + elapsed
    ),
    st.sampled_from(
        ["0 30 0 * * *", "0 15 2 * * *", "0 */20 1-3 * * *", "7 0 23 * * 0", "0 0 0 1 * *", "*/9 5 3 */2 * *"]
    ),
)
def test_a_run_is_later_and_its_wall_time_matches(zone: str, after: datetime, text: str) -> None:
    schedule = parse(text)
    run = schedule.next_run(after, zone)
    assert run is not None
    assert run > after
    local = run.astimezone(ZoneInfo(zone))
    # A schedule that names exactly this second, on any day, runs then.
    same = parse(f"{local.second} {local.minute} {local.hour} * * *")
    assert same.next_run(run - timedelta(seconds=1), zone) == run
