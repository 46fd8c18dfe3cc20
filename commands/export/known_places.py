"""Where well-known programs and services put a secret: behind a flag of one letter, in the path of a webhook. Pure.

Nothing here judges what a value looks like. A new program or service is one more line of a table.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

Span = tuple[int, int]
_APART, _JOINED = 1, 2  # `-a V`, `-aV`

# A program as it stands in a command, its flag, and where the value stands. A line without a flag ends the one above.
_FLAGS: Final = (
    (r"redis-cli", "a", _APART),
    (r"(?:docker|podman|nerdctl|helm|skopeo|buildah|oras|crane|az)(?:\s{1,9}\w{1,20}){0,2}?\s{1,9}login", "p", 3),
    (r"docker|podman|nerdctl|helm", "", 0),
    (r"sshpass", "p", _APART | _JOINED),
    (r"(?:mysql|mariadb)[\w-]{0,20}|7z[arz]{0,2}", "p", _JOINED),
    (r"mongo\w{0,20}|cqlsh|rabbitmqadmin", "p", _APART),
    (r"ldap\w{1,20}", "w", _APART | _JOINED),
    (r"sqlcmd|bcp|zip|unzip|mosquitto_(?:pub|sub)", "P", _APART | _JOINED),
    (r"smbclient", "U", _APART | _JOINED),
    (r"lftp", "u", _APART),
    (r"snmp\w{1,20}", "c", _APART),
    (r"openssl", "k", _APART),
)
_PROGRAMS: Final = "|".join(f"(?P<program{number}>{flag[0]})" for number, flag in enumerate(_FLAGS))
_TOKEN: Final = re.compile(
    rf"(?=[a-z7])(?<![\w.-])(?:{_PROGRAMS})(?![\w-])"
    r"|(?P<flag>-(?<!\S.)([A-Za-z])(=|\s{1,20}(?!-)|(?=[^\s=])))|(?P<line>\n)"
)
# "-uadmin:..." of whatever program; -user and -url are other flags.
_LOGIN: Final = re.compile(r"""(?<!\S)(?:(?!-user|-url)-[uU]\s{0,20}|--(?:proxy-)?user[\s=]{1,20})""")
_HOSTS: Final = (
    r"hooks\.slack(?:-gov)?\.com",
    r"(?:\w{1,20}\.)?discord(?:app)?\.com/api/(?:v\d{1,3}/)?webhooks",
    r"api\.telegram\.org/(?:file/)?bot",
    r"[\w-]{1,60}\.webhook\.office\.com",
    r"outlook\.office(?:365)?\.com/webhook",
    r"chat\.googleapis\.com/v1/spaces",
    r"hooks\.zapier\.com",
    r"maker\.ifttt\.com/trigger",
    r"hook\.[\w.]{0,30}(?:make|integromat)\.com",
    r"open\.(?:feishu\.cn|larksuite\.com)/open-apis/bot",
    r"events\.pagerduty\.com",
    r"alert\.victorops\.com",
    r"hc-ping\.com",
    r"nosnch\.in",
    r"cronitor\.link",
    r"(?:uptime|in)\.(?:betterstack|betteruptime)\.com/api/v1/heartbeat",
    r"(?:heartbeat|push)\.(?:uptimerobot|statuscake)\.com",
    r"ntfy\.sh",
    r"webhook\.site",
    r"api\.netlify\.com/build_hooks",
    r"api\.vercel\.com/v1/integrations/deploy",
    r"api\.render\.com/deploy",
    # A server of one's own that takes what Slack takes.
    r"[^\s/'\"]{1,200}/services(?=\\?/T[A-Z0-9]{2,20}\\?/B)",
)
_WEBHOOK: Final = re.compile(rf"(?i):\\?/\\?/(?:{'|'.join(_HOSTS)})(?::\d{{1,5}})?\\?/?([^\s'\"<>\\]+)")


def known_places(text: str, value_at: Callable[[int], Span]) -> Iterator[Span]:
    """The secrets in a text; `value_at`: the value that begins at a position."""
    yield from (match.span(1) for match in _WEBHOOK.finditer(text))
    for match in _LOGIN.finditer(text):
        start, end = value_at(match.end())
        if ":" in text[start:end]:
            yield start, end
    yield from _flags(text, value_at)


def _flags(text: str, value_at: Callable[[int], Span]) -> Iterator[Span]:
    """The values of the one-letter flags, each behind the program that reads it so, on the same line."""
    known: dict[str, int] = {}
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup or ""
        if kind == "flag":
            letter, style = text[token.start() + 1], _JOINED if token.end() == token.start() + 2 else _APART
            if known.get(letter, 0) & style:
                yield value_at(token.end())
        elif kind == "line":
            known = {}
        else:
            _, letter, style = _FLAGS[int(kind.removeprefix("program"))]
            known = {**known, letter: known.get(letter, 0) | style} if letter else {}
