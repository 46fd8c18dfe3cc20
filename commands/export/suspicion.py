"""Where a text may hold a secret: behind telling names, in the logins of addresses, in what looks like a token. Pure.

It errs on the side of too much: a harmless text taken for a secret costs one more config key, the reverse costs a leak.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

_SUSPICIOUS: Final = (
    "pass",
    "pwd",
    "secret",
    "token",
    "credential",
    "auth",
    "cookie",
    "session",
    "signature",
    "apikey",
    "bearer",
    "dsn",
    "webhook",
    "private",
    "salt",
)
_SUSPICIOUS_WORDS: Final = frozenset({"sig", "key", "pw", "code", "jwt", "sas", "pin"})
_PAIR: Final = re.compile(
    r"""(?<![\w/.@-])-{0,2}([A-Za-z_][\w.\[\]-]*)\\?["']?\s*[=:]\s*"""
    r"""(?:\\?"((?:[^"\\]|\\[^"])*)\\?"|'([^']*)'|([^\s&,;'"#{}\[\]]+))"""
)
_FLAG: Final = re.compile(r"""(?<!\S)--?([A-Za-z][\w-]*)\s+(?:"([^"]*)"|'([^']*)'|([^\s'"-]\S*))""")
_RULES: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"""(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]*://([^\s/?#'"]+)@""",
        r"""(?i)\b(?:cookie|authorization|x-[\w-]{0,60}(?:key|token|secret|auth)[\w-]{0,60})\s*:\s*([^'"\r\n]+)""",
        r"(?i)\b(?:bearer|basic|token)\s+([A-Za-z0-9._~+/=-]{6,})",
        r"""(?<!\S)(?:-u|--user|--proxy-user)[\s=]+["']?([^\s'":]+:[^\s'"]+)""",
        r"""\bsshpass\s+-p\s*["']?([^\s'"]+)""",
        r"""\bmysql\w{0,20}\b[^|;&]{0,400}?\s-p([^\s'"]+)""",
        r"\b(eyJ[\w-]{5,2000}\.[\w-]{5,4000}\.[\w-]*)",
        r"(-----BEGIN [^-]*PRIVATE KEY-----[\s\S]*?(?:-----END [^-]*-----|\Z))",
    )
)
_WORD: Final = re.compile(r"[A-Za-z0-9_+=-]{20,}")
_SHORT_WORD: Final = re.compile(r"\b(?:AKIA|ASIA|ghp_|gho_|glpat-|xox[abp]-|sk-|sk_)[A-Za-z0-9_-]{6,}")
_PIECE: Final = re.compile(r"[A-Za-z0-9+=]+")
_NO_SECRET: Final = frozenset({"", "true", "false", "null", "none", "yes", "no", "on", "off"})
_VARIABLE: Final = re.compile(r"\$(?:[A-Za-z_]\w*$|\{\w+\}$|\()")

Span = tuple[int, int]


def suspicious(name: str) -> bool:
    """Whether a value of that name is likely to be a secret: password, API_KEY, accessToken, sig."""
    words = re.split(r"[^a-z0-9]+", re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower())
    joined = "".join(words)
    return (
        any(part in joined for part in _SUSPICIOUS) or not _SUSPICIOUS_WORDS.isdisjoint(words) or joined.endswith("key")
    )


def looks_random(word: str) -> bool:
    """Whether a word of 20 or more characters is no name that a person made up: a part mixes letters and digits."""
    return any(
        len(piece) >= 8 and re.search(r"[0-9]", piece) and re.search(r"[A-Za-z]", piece)
        for piece in _PIECE.findall(word)
    )


def secret_spans(text: str, *, names: bool = True, command: bool = False) -> list[Span]:
    """Where in a text secrets may stand, in order and apart. `names`: also judge values by the names before them;
    `command`: a value such as $TOKEN is a variable."""
    found: list[Span] = []
    for rule in _RULES:
        found += [match.span(1) for match in rule.finditer(text)]
    found += [match.span() for match in _WORD.finditer(text) if looks_random(match[0])]
    found += [match.span() for match in _SHORT_WORD.finditer(text)]
    if names:
        found += _named(text, command)
    return apart(span for span in found if span[0] < span[1])


def _named(text: str, command: bool) -> Iterator[Span]:
    for pattern in (_PAIR, _FLAG) if command else (_PAIR,):
        position = 0
        while match := pattern.search(text, position):
            group = next(number for number in (2, 3, 4) if match[number] is not None)
            value = match[group]
            if suspicious(match[1]) and value.lower() not in _NO_SECRET and not (command and _VARIABLE.match(value)):
                yield match.span(group)
                position = match.end()
            else:
                # What looked like a value may hold a name itself, as in `run: "token=..."`.
                position = max(match.start(group), match.start() + 1)


def apart(spans: Iterable[Span]) -> list[Span]:
    result: list[Span] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result
