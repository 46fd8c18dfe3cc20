"""Where a text may hold a secret: behind telling names, in the logins of addresses, in what looks like a token. Pure.

It errs on the side of too much: a harmless text taken for a secret costs one more config key, the reverse costs a leak.
The texts are strangers': every pattern reads a text once, whatever is in it. So a name is found first, by a pattern of
bounded length, and only behind a telling one the value is read, and never read again.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from commands.export.known_places import known_places

_PARTS: Final = re.compile(
    "pass|pwd|secret|token|credential|auth|cookie|session|signature|apikey|bearer|dsn|webhook|private|salt"
)
_WORDS: Final = frozenset({"sig", "sign", "key", "pw", "code", "jwt", "sas", "pin", "otp", "hmac", "ticket", "sk"})
_NAME: Final = re.compile(
    r"""(?<![\w/.@-])-{0,2}([A-Za-z_][\w.-]{0,200}(?:\[[\w.-]{0,50}\]){0,3})\\?["']?\s{0,20}[=:]\s{0,20}"""
)
# What a command reads as a name with a value behind it: `--token V`, `configure set secret_key V`.
_FLAG: Final = re.compile(r"(?<!\S)--?([A-Za-z][\w-]{0,100})\s{1,20}(?!-)")
_SET: Final = re.compile(r"(?<!\S)(?:(?:config\s{1,20})?set|config)\s{1,20}([\w./:-]{1,100})\s{1,20}(?!-)")
_ACCESS_KEY: Final = re.compile(r"(?i)(?<!\S)([\w.-]{0,60}secret_?access_?key)\s{1,20}(?!-)")
# In escaped quotes (JSON in JSON), in quotes, in a list, or up to a blank; an unclosed one reaches to the end.
_VALUE: Final = re.compile(
    r"""\\"((?:[^"\\]|\\\\(?:\\.)?|\\[^"\\])*+)|"((?:[^"\\]|\\.)*+)|'([^']*+)|\[([^\[\]]*+)|([^\s&;'"{\[][^\s&;'"]*+)""",
    re.DOTALL,
)
_LINE: Final = re.compile(r"""[^'"\r\n]++""")
_WHOLE_LINE: Final = frozenset({"cookie", "set-cookie", "authorization", "proxy-authorization"})
_RULES: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"""(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,30}:\\?/\\?/([^\s/?#'"]+)@""",
        r"(?i)\b(?:bearer|basic|token)\s{1,20}([A-Za-z0-9._~+/=-]{6,}+)",
        r"(?<![\w-])(eyJ[\w-]{5,}+\.[\w-]{5,}+\.[\w-]*+)",
        r"(-----BEGIN [^-]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [^-]{0,40}-----|\Z))",
        r"\b((?:AKIA|ASIA|AIza|gh[opsu]_|github_pat_|glpat-|xox[abeprs]-|xapp-|sk-|sk_|rk_|npm_|hvs\.|SG\.)"
        r"[A-Za-z0-9_.-]{6,}+)",
    )
)
_WORD: Final = re.compile(r"[A-Za-z0-9_+-]{20,}+={0,2}")
_PIECE: Final = re.compile(r"[A-Za-z0-9+=]+")
_NO_SECRET: Final = frozenset({"", "true", "false", "null", "none", "yes", "no", "on", "off"})
_VARIABLE: Final = re.compile(r"\$(?:[A-Za-z_]\w*+$|\{\w++\}$|\()")

Span = tuple[int, int]


@lru_cache(maxsize=4096)
def suspicious(name: str) -> bool:
    """Whether a value of that name is likely to be a secret: password, API_KEY, accessToken, sig."""
    words = re.split(r"[^a-z0-9]+", re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower())
    joined = "".join(words)
    return _PARTS.search(joined) is not None or not _WORDS.isdisjoint(words) or joined.endswith("key")


def looks_random(word: str) -> bool:
    """Whether a word of 20 or more characters is no name that a person made up: a part mixes letters and digits."""
    return any(
        len(piece) >= 8 and re.search(r"[0-9]", piece) and re.search(r"[A-Za-z]", piece)
        for piece in _PIECE.findall(word)
    )


def secret_spans(text: str, *, names: bool = True, command: bool = False) -> list[Span]:
    """Where in a text secrets may stand, in order and apart. `names`: also judge values by the names before them;
    `command`: a value such as $TOKEN is a variable, and a value may stand behind a blank."""
    found: list[Span] = [match.span(1) for rule in _RULES for match in rule.finditer(text)]
    found += [match.span() for match in _WORD.finditer(text) if looks_random(match[0])]
    for start, end in known_places(text, lambda position: value_at(text, position)):
        if not (command and _VARIABLE.match(text[start:end])):
            found.append((start, end))
    for pattern in ((_NAME, _FLAG, _SET, _ACCESS_KEY) if command else (_NAME,)) if names else ():
        found += _named(pattern, text, command)
    return apart(span for span in found if span[0] < span[1])


def _named(pattern: re.Pattern[str], text: str, command: bool) -> Iterator[Span]:
    position = 0
    while match := pattern.search(text, position):
        # What looked like a value may hold a name itself, as in `run: "token=..."`.
        position = match.end()
        if not suspicious(match[1]):
            continue
        name = match[1].lower()
        span = value_at(text, position, whole_line=name in _WHOLE_LINE or name.startswith("x-"))
        value = text[span[0] : span[1]]
        if value.lower() not in _NO_SECRET and not (command and _VARIABLE.match(value)):
            yield span
            position = span[1]


def value_at(text: str, position: int, *, whole_line: bool = False) -> Span:
    """The value that begins there, without the quotes around it; empty if none does. `whole_line`: it holds blanks."""
    match = _VALUE.match(text, position)
    if match is None or match.lastindex is None:
        return position, position
    start, end = match.span(match.lastindex)
    if match[5] is None:
        return start, end
    if whole_line and (line := _LINE.match(text, position)):
        return line.span()
    # Brackets that close what the value stands in.
    return start, start + len(match[5].rstrip(",}])\\"))


def apart(spans: Iterable[Span]) -> list[Span]:
    """The spans in order, those that touch as one."""
    result: list[Span] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result
