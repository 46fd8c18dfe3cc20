"""Dkron's regular expressions (expectBody) with Python's engine.

Dkron's are a subset: no look-around, no back references; `$` is the very end; `\\d` is ASCII. What Dkron can't compile
never matches (recorded: expectbody-07, -13). Nor do `\\p` classes and the flag U, which
Python has not.
"""

import re

_TOKEN = re.compile(
    r"\\Q.*?(?:\\E|$)|\\x\{[0-9a-fA-F]+\}|\(\?<(?=[a-zA-Z_])|\\.|\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]|.", re.DOTALL
)
_UNKNOWN = re.compile(r"\(\?(?:[=!>(#]|<[=!]|P[=>])|\\[1-9]|[*+?}]\+")


_CLASSES = {"alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "lower": "a-z", "upper": "A-Z", "space": r"\s"}


def _set(token: str) -> str:
    """A [set]: named classes spelled out, and what Python would take for more than a character escaped."""
    inner = re.sub(r"\[:(\w+):\]", lambda match: _CLASSES.get(match[1], match[0]), token[1:-1])
    return "[" + re.sub(r"(\\.)|([\[&|~])", lambda match: match[1] or f"\\{match[2]}", inner) + "]"


def _spelled(token: str) -> str:
    """What only Dkron can read, in Python's spelling."""
    if token.startswith("[") and len(token) > 1:
        return _set(token)
    if token.startswith(r"\Q"):
        return re.escape(token[2:].removesuffix(r"\E"))
    if token.startswith(r"\x{"):
        return re.escape(chr(min(int(token[3:-1], 16), 0x10FFFF)))
    return "(?P<" if token == "(?<" else token


def search(pattern: str, text: str) -> bool:
    """Does the pattern match anywhere in the text? False as well when Dkron could not compile it."""
    many_lines = re.match(r"\(\?[a-zA-Z]*m", pattern) is not None
    ends = {"\\z": r"\Z", "\\Z": "(", "$": "$" if many_lines else r"\Z"}  # \Z is no escape there: "(" can't compile
    tokens = [_spelled(token) for token in _TOKEN.findall(pattern)]
    bare = "".join("." if token.startswith("[") else token for token in tokens)
    if _UNKNOWN.search(bare):
        return False
    try:
        return re.search("".join(ends.get(token, token) for token in tokens), text, re.ASCII) is not None
    except re.error:
        return False
