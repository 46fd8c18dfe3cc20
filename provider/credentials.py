"""How we log in at a proxy in front of Dkron, and what is wrong with that: token, user and password, our certificate.

It reads settings and sends nothing.
"""

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from .reader import Reader, boolean


def login(reader: Reader, urls: Iterable[str]) -> tuple[str, str, str]:
    """Token, user, password, each "" where there is none. `urls`: where they will be sent."""
    token, user, password = (reader.text(key) for key in ("dkronToken", "dkronUser", "dkronPassword"))
    for key, value in (("dkronToken", token), ("dkronUser", user), ("dkronPassword", password)):
        if not value.isprintable():
            reader.malformed(key, "holds a line break or another control character")
    if not token.isascii():
        reader.malformed("dkronToken", "holds a character that no HTTP header can carry")
    if ":" in user:
        reader.malformed("dkronUser", "holds a colon, at which basic authentication would cut it")
    if token and (user or password):
        reader.problems.append(
            "dkronToken and dkronUser/dkronPassword are both set; only one way to log in can be used: remove one with "
            "`pulumi config rm KEY`, or from the environment"
        )
    else:
        reader.both("dkronUser", "dkronPassword")
    insecure = reader.judged("dkronInsecure", boolean, False)
    if (token or password) and not insecure:
        _refuse_in_clear(reader, "dkronToken" if token else "dkronPassword", urls)
    return token, user, password


def _refuse_in_clear(reader: Reader, key: str, urls: Iterable[str]) -> None:
    exposed = next(filter(is_exposed, urls), None)
    if exposed is not None:
        reader.problems.append(
            f"{key} would cross the network in clear, because {exposed} is not https: name an https address in "
            "dkronUrl, or, where that network is safe, run `pulumi config set dkronInsecure true` or set "
            "DKRON_INSECURE=true in the environment"
        )


def is_exposed(url: str) -> bool:
    """Whether what is sent to an address can be read on the way: plain http to another host."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its name or address; a name that only begins like one is not."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def certificate(reader: Reader) -> tuple[str, str]:
    """The files of our certificate and its key, both "" without one."""
    ours, key = reader.text("dkronCertFile"), reader.text("dkronKeyFile")
    if reader.both("dkronCertFile", "dkronKeyFile"):
        from .certificates import problem  # TLS takes a while to load, and most stacks have no use for it here

        reason = problem(ours, key)
        if reason:
            reader.problems.append(f"dkronCertFile and dkronKeyFile: {reason}")
    return ours, key
