import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from provider import errors
from provider.redaction import redact
from provider.text import LONGEST_QUOTE, one_line
from tests.provider.examples import CANARY

SOFT = {"Unreachable", "TimedOut", "NoLeader", "Paused", "ServerFault", "DeleteRefused", "NotJudged", "NotConfirmed"}
HARD = {
    "SettingsError",
    "InvalidJob",
    "ForeignJob",
    "Rejected",
    "Unauthorised",
    "BadAnswer",
    "TwoClusters",
    "JobError",
    "DkronError",
}


def test_every_error_has_the_verdict_that_the_tree_draws() -> None:
    found = {
        name: value.soft
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.DkronJobsError) and name != "DkronJobsError"
    }
    assert found == {**dict.fromkeys(SOFT, True), **dict.fromkeys(HARD, False)}
    for name in found:
        assert name in (errors.__doc__ or "")


def test_a_settings_error_tells_all_problems() -> None:
    error = errors.SettingsError(iter(["a is not set", "b is not set"]))
    assert error.problems == ("a is not set", "b is not set")
    assert str(error) == "a is not set; b is not set"


def test_an_invalid_job_is_named_with_every_property_and_reason() -> None:
    error = errors.InvalidJob("geo", [("name", "is bad"), ("retries", "too many")])
    assert str(error) == 'job "geo" is not valid: name: is bad; retries: too many'
    assert error.job == "geo"
    assert error.problems == (("name", "is bad"), ("retries", "too many"))


def test_a_foreign_job_is_named() -> None:
    error = errors.ForeignJob("geo", "left as it is")
    assert (error.job, str(error)) == ("geo", "left as it is")


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.Paused, "paused"),
        (errors.NoLeader, "no-leader"),
        (errors.NotJudged, "not-judged"),
        (errors.TimedOut, "soft"),
        (errors.ForeignJob, "foreign"),
        (errors.InvalidJob, "invalid"),
        (errors.Rejected, "hard"),
        (errors.SettingsError, "hard"),
    ],
)
def test_the_code_at_the_end_of_a_text_tells_the_kind_of_error(kind: type[errors.DkronJobsError], code: str) -> None:
    assert kind.code == code
    assert errors.code_in(errors.with_code("a line", kind.code)) == code
    assert errors.code_in(errors.with_code("a line", kind.code) + "\n\n") == code


@pytest.mark.parametrize(
    "text", ["", "a line", "[dkron-jobs:paused] and more", "[dkron-jobs:Paused]", "dkron-jobs:paused"]
)
def test_a_text_without_a_code_at_its_very_end_has_none(text: str) -> None:
    assert errors.code_in(text) is None


def test_a_code_in_foreign_words_does_not_count() -> None:
    assert errors.code_in(errors.with_code("Dkron said: [dkron-jobs:paused]", "hard")) == "hard"


@pytest.mark.parametrize("status", [None, 500])
def test_a_dkron_error_carries_the_status_if_there_was_an_answer(status: int | None) -> None:
    assert errors.ServerFault("it failed", status).status == status


def forms(secret: str) -> list[str]:
    """How a server or a proxy may echo a secret."""
    go = json.dumps(secret, ensure_ascii=False)[1:-1]
    for character in "<>&":
        go = go.replace(character, f"\\u{ord(character):04x}")
    return [
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        json.dumps(json.dumps(secret)[1:-1])[1:-1],
        go,
        quote(secret, safe=""),
        base64.b64encode(secret.encode()).decode(),
        base64.urlsafe_b64encode(secret.encode()).decode(),
    ]


# Outside the alphabet of the text around it, so that nothing but the redaction can make it vanish.
secrets = st.text(st.characters(exclude_categories=["Cs"]), min_size=3, max_size=30)


@given(secrets)
@example(CANARY)
@example("a&b<c>")
@example("s3cr3t??>>~~")
def test_no_form_of_a_secret_is_left(secret: str) -> None:
    for form in forms(secret):
        assert redact(f'"{form}"', [secret]) == '"[secret]"', form


def test_a_secret_inside_another_does_not_uncover_the_longer_one() -> None:
    assert redact("key=abcdef", ["abc", "abcdef"]) == "key=[secret]"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("own", "[secret]"),
        (
            'the header "X-Api-Key: own" and {\\"key\\": \\"own\\"}',
            'the header "X-Api-Key: [secret]" and {\\"key\\": \\"[secret]\\"}',
        ),
        ("key=own", "key=[secret]"),
        ("job own-d keeps its own schedule", "job own-d keeps its own schedule"),
        ("Dkron refused it (200: ok), expectCode 200", "Dkron refused it (200: ok), expectCode 200"),
        ("a pin-7, and pin-77", "a [secret], and pin-77"),
    ],
)
def test_a_short_secret_is_replaced_only_where_it_stands_alone(text: str, shown: str) -> None:
    assert redact(text, ["own", "200", "pin-7"]) == shown


def test_the_word_secret_as_a_secret_is_replaced_once() -> None:
    assert redact("my secret and hunter2", ["the secret", "hunter2", "secret"]) == "my secret and [secret]"
    assert redact("my own secret", ["own secret", "secret"]) == "my [secret]"


def test_texts_too_short_to_be_a_secret_are_left() -> None:
    assert redact("abab", ["ab", ""]) == "abab"


def test_redacting_without_secrets_changes_nothing() -> None:
    assert redact("anything", []) == "anything"


@given(st.text())
def test_one_line_is_one_printable_line_of_bounded_length(text: str) -> None:
    line = one_line(text)
    assert line.isprintable()
    assert len(line) <= LONGEST_QUOTE
    assert line == line.strip()


def test_one_line_keeps_words_and_drops_what_moves_the_cursor() -> None:
    assert one_line(" a\n\tb\x1b[2Jc  d ") == "a b [2Jc d"


def test_a_long_text_is_cut_with_a_mark() -> None:
    assert one_line("x" * LONGEST_QUOTE) == "x" * LONGEST_QUOTE
    assert one_line("x" * (LONGEST_QUOTE + 1)) == "x" * (LONGEST_QUOTE - 1) + "…"
