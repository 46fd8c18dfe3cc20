"""JSON as Dkron reads and writes it: which texts it takes, what it says about the others, how it escapes.

Stands in for the decoder and encoder of Dkron's language (recorded: http.json c31-c34, e75-e86, ea6-ea8). It knows
nothing about jobs. Objects come out as lists of pairs, because Dkron merges repeated keys instead of dropping them.
"""

import codecs
import json
import re
from collections.abc import Callable
from typing import Any, Final

MAX_DEPTH: Final = 10_000  # recorded: ea7 (5,000 levels pass), ea8 (20,000 do not)
_STRINGS_AND_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)
_SPACE = " \t\r\n"


class JsonError(ValueError):
    """The text is no JSON for Dkron; the message is Dkron's."""


class Number(str):
    """A JSON number as it was written: `3` and `3.0` are different things to Dkron."""

    __slots__ = ()


class Pairs(list[tuple[str, Any]]):
    """A JSON object in its own order, repeated keys included."""


def kind(value: Any) -> str:
    """What Dkron calls this value in "cannot unmarshal ..."."""
    for python_type, word in ((bool, "bool"), (Number, "number"), (str, "string"), (Pairs, "object")):
        if isinstance(value, python_type):
            return word
    return "array"


def _no_constant(text: str) -> Any:
    raise json.JSONDecodeError("Expecting value", text, 0)


_DECODER = json.JSONDecoder(
    object_pairs_hook=Pairs, parse_int=Number, parse_float=Number, parse_constant=_no_constant, strict=True
)


def _each_bad_byte(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return "�" * (error.end - error.start), error.end


codecs.register_error("dkron", _each_bad_byte)


def decode(body: bytes, *, alone: bool = False) -> Any:
    """The first JSON value in the body; what follows it does not count, unless the value must be `alone`.

    Raises JsonError with Dkron's words.
    """
    text = body.decode("utf-8", errors="dkron")
    start = len(text) - len(text.lstrip(_SPACE))
    if start == len(text):
        raise JsonError("EOF")
    _check_depth(text)
    try:
        value, end = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        position = error.pos if error.doc is text else _constant_position(text)
        raise JsonError(_explain(body, text, error.msg, position)) from None
    except RecursionError:
        raise JsonError("invalid character '[' exceeded max depth") from None
    rest = text[end:].lstrip(_SPACE)
    if alone and rest:
        raise JsonError(f"invalid character {_shown(body, text, len(text) - len(rest))} after top-level value")
    return _mend_surrogates(value) if "\\u" in text else value


def _check_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for match in _STRINGS_AND_BRACKETS.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match[0], 0)
        if depth > MAX_DEPTH:
            raise JsonError(f"invalid character '{match[0]}' exceeded max depth")


def _mend_surrogates(value: Any) -> Any:
    """Half a surrogate pair becomes U+FFFD."""
    if isinstance(value, Pairs):
        return Pairs((_mend_surrogates(key), _mend_surrogates(item)) for key, item in value)
    if isinstance(value, list):
        return [_mend_surrogates(item) for item in value]
    if isinstance(value, str) and not isinstance(value, Number):
        return re.sub("[\ud800-\udfff]", "�", value)
    return value


def _constant_position(text: str) -> int:
    found = re.search(r"[:,\[\s]-?(?:NaN|Infinity)", "," + text)
    return found.start() if found else 0


def _shown(body: bytes, text: str, position: int) -> str:
    """The byte at a character position, as Dkron prints it."""
    offset = len(text[:position].encode("utf-8", "surrogatepass"))
    char = chr(body[offset]) if len(body) > offset else "�"
    if char in _SPECIAL:
        return f"'{_SPECIAL[char]}'"
    return f"'{char}'" if char.isprintable() else f"'\\x{ord(char):02x}'"


_SPECIAL: Final = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "'": "\\'", "\\": "\\\\", "\b": "\\b", "\f": "\\f"}
_CONTEXT: Final[dict[str, str]] = {
    "Expecting property name enclosed in double quotes": "looking for beginning of object key string",
    "Expecting ':' delimiter": "after object key",
    "Invalid control character at": "in string literal",
    "Illegal trailing comma before end of object": "looking for beginning of object key string",
    "Illegal trailing comma before end of array": "looking for beginning of value",
}


def _explain(body: bytes, text: str, problem: str, position: int) -> str:
    """Dkron's words for what Python's decoder found."""
    problem = problem.split(": '", maxsplit=1)[0]
    if problem.startswith("Invalid \\u"):
        digits = re.match(r"u?[0-9a-fA-F]*", text[position:])
        position += digits.end() if digits else 0
        context = "in \\u hexadecimal character escape"
    elif problem.startswith("Invalid \\"):
        position += text[position : position + 1] == "\\"
        context = "in string escape code"
    elif problem == "Expecting ',' delimiter" and text[position : position + 1] in (".", "e", "E"):
        where = "after decimal point in" if text[position] == "." else "in exponent of"
        context = f"{where} numeric literal"
        position += 1
    elif problem == "Expecting ',' delimiter":
        context = "after array element" if _innermost(text[:position]) == "[" else "after object key:value pair"
    elif problem == "Expecting value":
        return _explain_value(body, text, position)
    else:
        context = _CONTEXT.get(problem, "")
    if not context or position >= len(text):
        return "unexpected EOF"
    return f"invalid character {_shown(body, text, position)} {context}"


def _explain_value(body: bytes, text: str, position: int) -> str:
    word = {"t": "true", "f": "false", "n": "null"}.get(text[position : position + 1], "")
    for index in range(1, len(word)):
        found = text[position + index : position + index + 1]
        if found and found != word[index]:
            shown = _shown(body, text, position + index)
            return f"invalid character {shown} in literal {word} (expecting '{word[index]}')"
    if position >= len(text) or word:
        return "unexpected EOF"
    if text[position] == "-":
        rest = position + 1
        return (
            f"invalid character {_shown(body, text, rest)} in numeric literal" if rest < len(text) else "unexpected EOF"
        )
    return f"invalid character {_shown(body, text, position)} looking for beginning of value"


def _innermost(text: str) -> str:
    stack: list[str] = []
    for match in _STRINGS_AND_BRACKETS.finditer(text):
        if match[0] in "[{":
            stack.append(match[0])
        elif match[0] in "]}":
            stack = stack[:-1]
    return stack[-1] if stack else ""


_ESCAPED = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_ESCAPE = re.compile("[<>&\u2028\u2029]")


def encode(value: Any, *, pretty: bool = False, default: Callable[[Any], Any] | None = None) -> bytes:
    """JSON text with Dkron's escapes; `pretty` is its ?pretty (four spaces)."""
    if pretty:
        text = json.dumps(value, ensure_ascii=False, indent=4, default=default)
    else:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=default)
    return _ESCAPE.sub(lambda match: _ESCAPED[match[0]], text).encode()
