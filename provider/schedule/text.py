"""The text rules of Go that Dkron's schedules inherit: white space, numbers, quoting, and how a str arrives there.

Only text in, values out; every refusal is a `Refused` whose words are Dkron's own. No input may cost more than linear
time, because a schedule can be megabytes of rubbish.
"""

import re
from typing import Final

MAX_INT: Final = 2**63 - 1
_SPACES: Final = "\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_NOT_SPACE = re.compile(f"[^{_SPACES}]+")
_INTEGER = re.compile(r"([+-]?)([0-9]+)")
_SURROGATE = re.compile("[\ud800-\udfff]")
# Every character keeps its case but A-Z, the dotted capital I and the Kelvin sign, the only others that become ASCII.
_LOWER = {ord(capital): ord(capital) + 32 for capital in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"} | {0x130: ord("i"), 0x212A: 107}
_ESCAPES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"} | {
    '"': '\\"',
    "\\": "\\\\",
}


class Refused(ValueError):
    """Dkron refuses the text; the message is the end of its answer."""


def as_sent(text: str) -> str:
    """What arrives when the text is sent as JSON: half a surrogate pair becomes U+FFFD, two halves one character."""
    if not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def split_fields(text: str) -> list[str]:
    """The parts between white space; U+001C to U+001F, which Python counts as space, are none."""
    return _NOT_SPACE.findall(text)


def trim(text: str) -> str:
    """The text without white space at both ends."""
    first = _NOT_SPACE.search(text)
    if first is None:
        return ""
    start, end = first.start(), len(text)
    while not _NOT_SPACE.match(text, end - 1):
        end -= 1
    return text[start:end]


def lower(text: str) -> str:
    """Lower case as far as it can make an ASCII name."""
    return text.translate(_LOWER)


def whole_number(text: str) -> int:
    """A decimal number of 64 bits, signs and leading zeros allowed; Refused for anything else, and below zero."""
    match = _INTEGER.fullmatch(text)
    if match is None:
        raise Refused(f"failed to parse int from {text}: strconv.Atoi: parsing {quote(text)}: invalid syntax")
    sign, digits = match.groups()
    digits = digits.lstrip("0") or "0"
    number = int(digits) if len(digits) <= 19 else MAX_INT + 2
    if number > MAX_INT + (sign == "-"):
        raise Refused(f"failed to parse int from {text}: strconv.Atoi: parsing {quote(text)}: value out of range")
    if sign == "-" and number:
        raise Refused(f"negative number (-{number}) not allowed: {text}")
    return number


def quote(text: str) -> str:
    """The text in double quotes, what can't be printed escaped."""
    return f'"{"".join(map(_printable, text))}"'


def _printable(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def quote_bytes(data: bytes) -> str:
    """The same for dates and durations, where whatever isn't ASCII is escaped byte by byte."""
    out = []
    for byte in data:
        if byte < 0x20 or byte >= 0x80:
            out.append(f"\\x{byte:02x}")
        else:
            out.append(("\\" if byte in b'"\\' else "") + chr(byte))
    return f'"{"".join(out)}"'
