"""Which fields are left out of the comparison, and when they are compared again."""

from watcher.unkept import Unkept, Written, begun, left_out, note, words

WANTED = {"name": "n", "owner": "me"}
SERVER = {"name": "n", "owner": "server"}


def rounds(count: int, before: Unkept, wanted: dict[str, str] = WANTED, live: dict[str, str] = SERVER) -> Unkept:
    for _ in range(count):
        before = note(before, {"a": wanted}, {"a": live}, {"a"})
    return before


def test_a_field_is_left_out_after_three_equal_rounds_and_told_once() -> None:
    two = rounds(2, {})
    assert left_out(two) == {}
    three = rounds(1, two)
    assert left_out(three) == {"a": {"owner": "me"}}
    assert list(begun(two, three)) == [("a", "owner")]
    assert list(begun(three, rounds(1, three))) == []
    assert 'job "a": owner did not stay as written for 3 rounds' in words("a", "owner")


def test_a_field_that_the_program_does_not_give_is_left_out_as_well() -> None:
    assert left_out(rounds(3, {}, {"name": "n"})) == {"a": {"owner": ""}}


def test_a_round_that_kept_the_field_or_needed_no_write_begins_anew() -> None:
    kept = note(rounds(2, {}), {"a": WANTED}, {"a": WANTED}, {"a"})
    idle = note(rounds(2, {}), {}, {}, {"a"})
    assert kept == idle == {}


def test_another_value_in_the_declaration_begins_anew() -> None:
    changed = rounds(1, rounds(3, {}), {"name": "n", "owner": "you"})
    assert changed == {"a": {"owner": Written("you", 1)}}
    assert left_out(changed) == {}
    again = rounds(2, changed, {"name": "n", "owner": "you"})
    assert list(begun(rounds(3, {}), again)) == [("a", "owner")]


def test_a_field_stays_left_out_while_its_job_needs_no_write_and_is_forgotten_with_its_declaration() -> None:
    known = rounds(3, {})
    assert note(known, {}, {}, {"a", "b"}) == known
    assert note(known, {}, {}, {"b"}) == {}


def test_a_field_that_stays_after_all_is_compared_again() -> None:
    assert note(rounds(3, {}), {"a": WANTED}, {"a": WANTED}, {"a"}) == {}


def test_a_job_that_was_not_seen_after_its_write_tells_nothing() -> None:
    assert note({}, {"a": WANTED}, {}, {"a"}) == {}
