"""Would Go's HTTP client call this address? The rules of its `net/url` and `net/http`, as far as they refuse. Pure.

A reason never quotes the address: it may hold a password or a token.
"""

import re
from ipaddress import AddressValueError, IPv6Address
from typing import Final

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SCHEME = re.compile(r"https?:", re.IGNORECASE | re.ASCII)
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_USER = re.compile(r"[A-Za-z0-9._~:!$&'()*+,;=%@-]*", re.ASCII)
_HOST = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=<>\"\]-]|[^\x00-\x7f]|%[89A-Fa-f][0-9A-Fa-f])+")
_HIGHEST_PORT: Final = 65535


def url_problem(url: str) -> str | None:
    """Why every call would fail, None if it is an address that can be called."""
    if _CONTROL.search(url.partition("#")[0]):
        return "holds a line break or another control character"
    scheme = _SCHEME.match(url)
    if scheme is None:
        return "must begin with http:// or https:// and name a host"
    address, _, fragment = url[scheme.end() :].partition("#")
    address = address.partition("?")[0]
    if not address.startswith("//"):
        return "must begin with http:// or https:// and name a host"
    authority, slash, path = address[2:].partition("/")
    if _BAD_ESCAPE.search(slash + path + fragment):
        return "holds a % that is not followed by two hexadecimal digits: write it as %25"
    user, at, host = authority.rpartition("@")
    if at and (not _USER.fullmatch(user) or _BAD_ESCAPE.search(user)):
        return "is no valid URL: its user or password holds a character that must be written as %..."
    return _host_problem(host)


def _host_problem(text: str) -> str | None:
    unreadable = "is no valid URL: its host or port can't be read (in a password write / as %2F and @ as %40)"
    if text.startswith("["):
        inner, bracket, rest = text[1:].partition("]")
        number, _, zone = inner.partition("%25")
        try:
            IPv6Address(number)
        except AddressValueError:
            return unreadable
        if not bracket or "%" in number or _BAD_ESCAPE.search(zone) or not (rest == "" or rest.startswith(":")):
            return unreadable
        port = rest[1:]
    else:
        host, _, port = text.partition(":")
        if not host:
            return "must begin with http:// or https:// and name a host"
        if not _HOST.fullmatch(host):
            return unreadable
    if port and not (port.isascii() and port.isdecimal() and len(port) < 6 and int(port) <= _HIGHEST_PORT):
        return unreadable
    return None
