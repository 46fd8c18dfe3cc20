"""A command as Dkron's shell executor splits it where no shell is asked for. Pure.

Dkron uses go-shellwords without its expansions: it knows quotes and backslashes, and it stops at the first unquoted
`| & ; < >`. Here the words come with how each of their characters was quoted, so that advice can be given about them.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

SPACES: Final = " \t\r\n"
CUTS: Final = ";&|<>"
_PIECES = re.compile(r"""[^\\ \t\r\n`()'";&|<>]+|.""", re.DOTALL)
# How a character of a word was written.
PLAIN, ESCAPED, SINGLE, DOUBLE, SUBSTITUTION = "p", "e", "s", "d", "b"
# What a backslash outside quotes is there for; before anything else /bin/sh would drop it, too, and nobody means that.
_NEEDS_BACKSLASH: Final = frozenset(" \t'\"\\$`;&|<>()*?[]{}~#!=%^")
_NEEDS_BACKSLASH_QUOTED: Final = frozenset('$`"\\')


@dataclass(frozen=True, slots=True)
class Word:
    """One argument. `marks` says how each character of `text` was written."""

    text: str
    marks: str

    def shown(self, marks: str) -> str:
        """The text with every character that was written in another way replaced by NUL."""
        if not self.marks.strip(marks):
            return self.text
        return "".join(c if mark in marks else "\0" for c, mark in zip(self.text, self.marks, strict=True))


@dataclass(slots=True)
class Split:
    """What Dkron makes of a command. `cut`: the character at which it stops. `problem`: why every run fails."""

    words: list[Word] = field(default_factory=list)
    cut: str = ""
    problem: str = ""
    lost_backslash: bool = False
    line_break: bool = False


class _Splitter:
    """The state between two characters. `single`, `double`, `back` and `dollar`: what is open."""

    def __init__(self) -> None:
        self.found = Split()
        self.text: list[str] = []
        self.marks: list[str] = []
        self.begun = self.escaped = self.single = self.double = self.back = self.dollar = False
        self.broken = False  # a line break since the last word

    @property
    def mark(self) -> str:
        if self.single:
            return SINGLE
        if self.double:
            return DOUBLE
        return SUBSTITUTION if self.back or self.dollar else PLAIN

    def add(self, text: str, mark: str) -> None:
        if self.broken and self.found.words and not self.text:
            self.found.line_break = True
        self.broken = False
        self.text.append(text)
        self.marks.append(mark * len(text))

    def end_word(self) -> None:
        if self.begun:
            self.found.words.append(Word("".join(self.text), "".join(self.marks)))
            self.text, self.marks, self.begun = [], [], False

    def add_escaped(self, character: str) -> None:
        if character in "\r\n":
            self.found.line_break = True
        elif character not in (_NEEDS_BACKSLASH_QUOTED if self.double else _NEEDS_BACKSLASH):
            self.found.lost_backslash = True
        self.add(character, DOUBLE if self.double and character not in _NEEDS_BACKSLASH_QUOTED else ESCAPED)
        self.escaped, self.begun = False, True

    def quote(self, character: str) -> bool:
        """Whether the character opened or closed quotes, and so is no part of the word."""
        if self.dollar or (self.single if character == '"' else self.double):
            return False
        if character == '"':
            self.begun |= self.double
            self.double = not self.double
        else:
            self.begun |= self.single
            self.single = not self.single
        return True

    def substitution(self, character: str) -> None:
        """A backtick or a parenthesis: Dkron keeps it and looks for its partner."""
        if self.single or self.double:
            self.add(character, self.mark)
            self.begun = True
        elif character == "`":
            if not self.dollar:
                self.back = not self.back
            self.add(character, SUBSTITUTION)
            self.begun = True
        elif self.back:
            self.add(character, SUBSTITUTION)
            self.begun = True
        elif character == ")":
            self.dollar = not self.dollar
            self.add(character, SUBSTITUTION)
            self.begun = True
        elif not self.dollar and self.text and self.text[-1].endswith("$"):
            self.dollar = True
            self.add(character, SUBSTITUTION)
        else:
            self.found.problem = 'has an unquoted "("'

    def space(self, character: str) -> None:
        if self.mark != PLAIN:
            self.add(character, self.mark)
            return
        self.end_word()
        self.broken |= character in "\r\n"

    def take(self, text: str) -> None:
        """The next character of the command, or several ordinary ones that no backslash stands in front of.

        Afterwards `found.cut` or `found.problem` may end the work.
        """
        character = text[0]
        if self.escaped:
            self.add_escaped(character)
            if len(text) > 1:
                self.take(text[1:])
        elif character == "\\" and not self.single:
            self.escaped = True
        elif character in SPACES:
            self.space(character)
        elif character in "`()":
            self.substitution(character)
        elif character in "'\"" and self.quote(character):
            pass
        elif character in CUTS and self.mark == PLAIN:
            self.end_word()
            self.found.cut = character
        else:
            self.add(text, self.mark)
            self.begun = True

    def finish(self) -> Split:
        self.end_word()
        if self.escaped:
            self.found.problem = "ends in a backslash"
        elif self.single or self.double:
            self.found.problem = f"has an unclosed {chr(39) if self.single else chr(34)}"
        elif self.back or self.dollar:
            self.found.problem = "has an unclosed ` or an unquoted parenthesis"
        return self.found


@lru_cache(maxsize=16)
def split(command: str) -> Split:
    """The words that Dkron runs, and what it loses on the way. Remembered, because problems and advice both ask."""
    splitter = _Splitter()
    for piece in _PIECES.findall(command):
        splitter.take(piece)
        if splitter.found.cut or splitter.found.problem:
            return splitter.found
    return splitter.finish()
