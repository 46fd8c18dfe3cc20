import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.schedule import ScheduleError, parse
from provider.schedule.repair import repair


@pytest.mark.parametrize(
    ("text", "works"),
    [
        ("*/5 * * * *", "0 */5 * * * *"),
        ("0 6 * * 7", "0 0 6 * * 0"),
        ("0 6 * * MON-FRI", "0 0 6 * * MON-FRI"),
        ("0 0 6 * * 7", "0 0 6 * * 0"),
        ("0 0 6 * * 5-7", "0 0 6 * * 5-6,0"),
        ("0 0 6 * * 6-7", "0 0 6 * * 6,0"),
        ("0 0 6 * * 0-7", "0 0 6 * * 0-6"),
        ("0 0 6 * * 7-2", "0 0 6 * * 0-2"),
        ("0 0 6 * * 1,7", "0 0 6 * * 1,0"),
        ("0 15 2 * * FRI-MON", "0 15 2 * * FRI,SAT,SUN,MON"),
        ("15 2 * * fri-mon", "0 15 2 * * FRI,SAT,SUN,MON"),
        ("0 0 22-2 * * *", "0 0 22-23,0-2 * * *"),
        ("0 0 0 28-3 * *", "0 0 0 28-31,1-3 * *"),
        ("0 0 H * * *", "0 0 ~ * * *"),
        ("H H * * *", "0 ~ ~ * * *"),
        ("0 0 12 * * ? *", "0 0 12 * * ?"),
        ("0 0 12 ? * 2-6 *", "0 0 12 ? * 1-5"),
        ("0 0 12 ? * 1 *", "0 0 12 ? * 0"),
        ("TZ=Europe/Berlin 0 6 * * 7", "TZ=Europe/Berlin 0 0 6 * * 0"),
        ("@every 1d", "@every 24h"),
        ("@every  2W", "@every 336h"),
    ],
)
def test_the_whole_schedule_that_works_is_given(text: str, works: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        parse(text)
    assert str(caught.value).endswith(f'write "{works}")')
    parse(works)


@pytest.mark.parametrize(
    ("text", "works"),
    [
        ("0 0 12 ? 1/1 MON#1 *", "0 0 12 1-7 1/1 ?"),
        ("0 0 12 ? * MON#1", "0 0 12 1-7 * ?"),
        ("0 0 12 ? * MON#5", "0 0 12 29-31 * ?"),
        ("0 0 3 L * *", "0 0 3 28-31 * ?"),
        ("0 0 3 L-3 * ?", "0 0 3 25-28 * ?"),
        ("0 0 3 LW * ?", "0 0 3 26-31 * ?"),
        ("0 0 3 15W * ?", "0 0 3 14-16 * ?"),
        ("0 0 3 1W * ?", "0 0 3 1-3 * ?"),
        ("0 0 3 ? * 5L", "0 0 3 22-31 * ?"),
    ],
)
def test_what_only_quartz_has_becomes_the_days_among_which_it_is(text: str, works: str) -> None:
    found = repair(text)
    assert found.works == works
    assert "Dkron has no L, W and #" in found.reasons
    assert f'write "{works}", with a test for the day in the command' in found.words()
    parse(works)


def test_every_reason_is_given_at_once() -> None:
    found = repair("0 0 12 ? 1/1 MON#1 *")
    assert [reason[:30] for reason in found.reasons] == ["Dkron wants six fields, second", "Dkron has no L, W and #"]
    found = repair("0 22-2 * * 7")
    assert len(found.reasons) == 3
    assert found.works == "0 0 22-23,0-2 * * 0"


def test_a_year_that_restricts_is_never_left_out_without_a_word() -> None:
    found = repair("0 15 10 ? * 6L 2028-2030")
    assert found.works == "0 15 10 22-31 * ?"
    assert 'starts_at="2028-01-01T00:00:00Z" and expires_at="2031-01-01T00:00:00Z"' in found.words()
    assert 'expires_at="2029-01-01T00:00:00Z"' in repair("0 0 3 * * ? 2028").words()
    found = repair("0 0 3 * * ? 2028/2")
    assert found.works == ""
    assert "without it the job runs every year" in found.words()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "often",
        "@reboot",
        "0 0 0 0 * *",
        "x" * 500,
        "0 0 3 * * \n7",
        "0 0 3 L-40 * ?",
        "0 0 3 1,L * ?",
        "0 0 6 * * 5-7/2",
        "0 0 * * * 7/2x",
    ],
)
def test_what_is_not_certainly_meant_is_not_rewritten(text: str) -> None:
    assert repair(text).works == ""


def test_a_month_or_day_with_such_a_letter_in_its_name_is_none_of_them() -> None:
    assert repair("0 3 * JUL WED").reasons == ["Dkron wants six fields, seconds first: put a 0 in front"]


@given(st.one_of(st.text(), st.text("0123456789*?,-/~ LWH#@MONFRIdw")))
def test_whatever_is_offered_is_taken_by_dkron(text: str) -> None:
    found = repair(text)
    assert found.words().isprintable()
    if found.works and not found.works.startswith(("TZ=", "CRON_TZ=")):
        parse(found.works)
