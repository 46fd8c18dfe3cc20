"""URLs of http jobs as Dkron understands them, with its words for bad ones.

Recorded: firing.json wire-url-*, wire-bad-url. Pure; it opens no connection.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urljoin

from .gojson import encode

_PATH_SAFE = "$&+,/:;=@!'()*~-._"


class BadUrl(ValueError):
    """The message is Dkron's."""


@dataclass(frozen=True, slots=True)
class Url:
    text: str
    scheme: str
    userinfo: str
    host: str  # with the port as written
    target: str  # what goes into the request line

    @property
    def shown(self) -> str:
        """As error messages have it: the password blotted out."""
        if ":" not in self.userinfo:
            return self.text
        return self.text.replace(f"{self.userinfo}@", f"{self.userinfo.split(':', 1)[0]}:***@", 1)

    @property
    def hostname(self) -> str:
        match = re.fullmatch(r"\[([^\]]*)\](?::\d*)?|([^:]*)(?::\d*)?", self.host)
        return (match[1] or match[2] or "") if match else self.host

    @property
    def port(self) -> int:
        match = re.search(r":(\d+)$", self.host)
        return int(match[1]) if match else {"https": 443}.get(self.scheme, 80)

    @property
    def credentials(self) -> str:
        """user:password, decoded; empty if the URL has none."""
        user, colon, password = self.userinfo.partition(":")
        return f"{unquote(user)}:{unquote(password) if colon else ''}" if self.userinfo else ""

    def join(self, location: str) -> "Url":
        return parse(urljoin(self.text, location))


def parse(text: str) -> Url:
    """Raises BadUrl with Dkron's words."""
    quoted = encode(text).decode()
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise BadUrl(f"parse {quoted}: net/url: invalid control character in URL")
    bare = text.partition("#")[0]
    match = re.match(r"([a-zA-Z][a-zA-Z0-9+.-]*):", bare)
    if match is None:
        if bare.startswith(":"):
            raise BadUrl(f"parse {quoted}: missing protocol scheme")
        if ":" in bare.partition("/")[0]:
            raise BadUrl(f"parse {quoted}: first path segment in URL cannot contain colon")
        return Url(text, "", "", "", bare)
    scheme, rest = match[1].lower(), bare[match.end() :]
    before, mark, query = rest.partition("?")
    authority, slash, path = before[2:].partition("/") if before.startswith("//") else ("", "", before)
    userinfo, _at, host = authority.rpartition("@")
    if host.startswith("[") and "]" not in host:
        raise BadUrl(f"parse {quoted}: missing ']' in host")
    odd = re.search(r'[\s"<>^`{|}\\]', host)
    if odd:
        raise BadUrl(f"parse {quoted}: invalid character {encode(odd[0]).decode()} in host name")
    if re.search(r"[^\w.~!$&'()*+,;=:%@-]", userinfo, re.ASCII):
        raise BadUrl(f"parse {quoted}: net/url: invalid userinfo")
    port = re.search(r":([^:\]]*)$", host)
    if port and port[1] and not port[1].isdigit():
        raise BadUrl(f'parse {quoted}: invalid port ":{port[1]}" after host')
    bad = re.search(r"%(?![0-9a-fA-F]{2}).{0,2}", path)
    if bad:
        raise BadUrl(f"parse {quoted}: invalid URL escape {encode(bad[0]).decode()}")
    target = quote(slash + path, safe=_PATH_SAFE + "%") or "/"
    return Url(text, scheme, userinfo, host, target + (mark and f"?{query}"))
