import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.job.shell_words import split


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("", []),
        ("  a\tb\r\nc ", ["a", "b", "c"]),
        ("a 'b c' \"d e\"f", ["a", "b c", "d ef"]),
        ("a '' \"\"", ["a", "", ""]),
        (r"a\ b \' \"", ["a b", "'", '"']),
        (r'"a\"b\c"', ['a"bc']),
        (r"'a\b'", [r"a\b"]),
        ("$(a b) `c d`", ["$(a b)", "`c d`"]),
        ("$(a \"b' c)", ["$(a \"b' c)"]),
        ("`(a)`", ["`(a)`"]),
        ("'(' \"`)\"", ["(", "`)"]),
        ("$(a`b)", ["$(a`b)"]),
    ],
)
def test_a_command_is_split_as_dkron_splits_it(command: str, words: list[str]) -> None:
    found = split(command)
    assert [word.text for word in found.words] == words
    assert (found.cut, found.problem) == ("", "")


@pytest.mark.parametrize("command", ["(", "a)", "$(a (b)", "'", '"', "`", "\\", "a(b"])
def test_a_command_that_dkron_cannot_split_is_a_problem(command: str) -> None:
    assert split(command).problem


@pytest.mark.parametrize("cut", list(";&|<>"))
def test_a_command_ends_at_the_first_unquoted_operator(cut: str) -> None:
    found = split(f"a b{cut}c")
    assert ([word.text for word in found.words], found.cut) == (["a", "b"], cut)
    assert split(f"a '{cut}' \"{cut}\" \\{cut} `{cut}` $({cut})").cut == ""


def test_each_character_knows_how_it_was_written() -> None:
    (word,) = split("a'b'\"c\"\\d`e`").words
    assert word.text == "abcd`e`"
    assert word.marks == "psdebbb"
    assert word.shown("pd") == "a\0c\0\0\0\0"
    assert word.shown("psdeb") == word.text


@given(st.lists(st.text(st.characters(codec="utf-8"))))
def test_what_is_quoted_for_a_shell_arrives_as_it_was(words: list[str]) -> None:
    assert [word.text for word in split(shlex.join(words)).words] == words


@given(st.text("ab \t\n\\'\"`()$;&|<>2~*x"))
def test_any_command_gets_a_verdict(command: str) -> None:
    found = split(command)
    assert all(len(word.text) == len(word.marks) for word in found.words)
