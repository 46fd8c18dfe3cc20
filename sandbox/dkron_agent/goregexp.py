"""Dkron's regular expressions (expectBody) with Python's engine.

Dkron's are a subset: no look-around, no back references; `$` is the very end; `\\d` is ASCII. What Dkron can't compile
never matches (recorded: expectbody-07, -13).
"""

import re

_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]|.", re.DOTALL)
_UNKNOWN = re.compile(r"\(\?(?:[=!>(#]|<[=!]|P[=>])|\\[1-9]|[*+?}]\+")


def search(pattern: str, text: str) -> bool:
    """Does the pattern match anywhere in the text? False as well when Dkron could not compile it."""
    many_lines = re.match(r"\(\?[a-zA-Z]*m", pattern) is not None
    ends = {"\\z": r"\Z", "\\Z": "(", "$": "$" if many_lines else r"\Z"}  # \Z is no escape there: "(" can't compile
    tokens = _TOKEN.findall(pattern)
    bare = "".join("." if token.startswith("[") else token for token in tokens)
    if _UNKNOWN.search(bare):
        return False
    try:
        return re.search("".join(ends.get(token, token) for token in tokens), text, re.ASCII) is not None
    except re.error:
        return False
