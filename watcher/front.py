"""How the page is reached: the path below which it lies, the login it asks for, the certificate it shows.

It serves nothing and decides nothing about the page; `web.server` asks it for each connection and each request.
"""

import base64
import hmac
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from provider.certificates import load_into


@dataclass(frozen=True, slots=True)
class Login:
    """Basic authentication. The password is asked for anew each time, since its file may be rotated."""

    user: str
    password: Callable[[], str]

    def admits(self, header: str) -> bool:
        """Whether an Authorization header carries this login; it takes as long for a nearly right one as for any."""
        kind, _, text = header.partition(" ")
        password = self.password()
        if kind.lower() != "basic" or not password:
            return False
        try:
            given = base64.b64decode(text.strip(), validate=True)
        except ValueError:
            return False
        # Hashed first, because the comparison would tell two lengths apart.
        return hmac.compare_digest(sha256(given).digest(), sha256(f"{self.user}:{password}".encode()).digest())


class Certificate:
    """The page's certificate and key, read anew when a file has changed. Raises ValueError if it can't be used now.

    Not safe for threads: only the thread that accepts connections asks it.
    """

    def __init__(self, certificate: str, key: str) -> None:
        self._files = (certificate, key)
        self._stamp = self._stamp_now()
        self._context = self._load()

    def context(self, tell: Callable[[str], None]) -> ssl.SSLContext:
        """The context for a new connection. A bad new file is told once, and the old one goes on."""
        stamp = self._stamp_now()
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._context = self._load()
            except ValueError as error:
                tell(f"the new certificate is not used: {error}")
        return self._context

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        load_into(context, *self._files)
        return context

    def _stamp_now(self) -> list[tuple[int, int, int]]:
        found = []
        for path in map(Path, self._files):
            with suppress(OSError):
                seen = path.stat()
                found.append((seen.st_mtime_ns, seen.st_ino, seen.st_size))
        return found


@dataclass(frozen=True, slots=True)
class Front:
    """`base`: the path below which a proxy serves the page, such as "/dkron", "" for none. `metrics`: an address of
    their own for them."""

    base: str = ""
    login: Login | None = None
    certificate: Certificate | None = None
    metrics: tuple[str, int] | None = None


def base_of(url: str) -> tuple[str, str]:
    """The path of the page's public address, without a slash at its end, and what is wrong with the address."""
    if not url:
        return "", ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", "is no valid address"
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return "", "must begin with http:// or https:// and a host"
    if "?" in url or "#" in url:
        return "", "must have no ? or # part"
    return parts.path.rstrip("/"), ""
