"""Connections of the http executor: timeouts, TLS, and what Dkron says when they fail.

Recorded: firing.json timeout-*, tls-*, out-refused, out-close, out-garbage. It knows nothing about jobs' results.
"""

import http.client
import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from . import gojson, gourl

_DEFAULT_TIMEOUT: Final = 30  # seconds
_LONGEST: Final = 10**8  # seconds; a socket takes no more, and nobody waits three years
_HANDSHAKE: Final = 10.0  # seconds; recorded: tls-https-to-http
_LATE: Final = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
_TRUE: Final = ("1", "t", "T", "TRUE", "true", "True")
_FALSE: Final = ("0", "f", "F", "FALSE", "false", "False")
_KEYS: Final = ("timeout", "tlsNoVerifyPeer", "tlsRootCAsFile", "tlsCertificateFile", "tlsCertificateKeyFile")


class Trouble(Exception):
    """The request could not be made or answered; the message is Dkron's."""


@dataclass(frozen=True, slots=True)
class Client:
    """What a job's config asks of its connections; `key` tells one from another (warnings are given once for each)."""

    key: tuple[str | None, ...]
    timeout: float | None
    tls: ssl.SSLContext


class Deadline:
    def __init__(self, timeout: float | None) -> None:
        self._end = None if timeout is None else time.monotonic() + timeout

    def left(self) -> float | None:
        """Seconds left, None for no limit. Raises Trouble when the time is up."""
        if self._end is None:
            return None
        left = self._end - time.monotonic()
        if left <= 0:
            raise Trouble(_LATE)
        return left


def client(config: Mapping[str, str]) -> tuple[Client, list[str]]:
    """The client for a job's config, and Dkron's warnings about that config."""
    warnings: list[str] = []
    text = config.get("timeout", "")
    seconds = _DEFAULT_TIMEOUT
    number = re.fullmatch(r"[+-]?\d+", text, re.ASCII)
    if number and abs(int(text)) < 2**63:
        seconds = min(int(text), _LONGEST)
    elif text:
        why = f'strconv.Atoi: parsing "{text}": {"value out of range" if number else "invalid syntax"}'
        warnings.append(f'invalid timeout value: "{text}" not understood ({why}), using default value of {seconds}')
    context = ssl.create_default_context()
    verify = config.get("tlsNoVerifyPeer", "")
    if verify in _TRUE:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif verify and verify not in _FALSE:
        why = f'strconv.ParseBool: parsing "{verify}": invalid syntax'
        warnings.append(f"not disabling certificate validation: {why}")
    certificate = config.get("tlsCertificateFile", "")
    if certificate:
        try:
            context.load_cert_chain(certificate, config.get("tlsCertificateKeyFile"))
        except (OSError, ValueError) as error:
            warnings.append(f"not using client certificate: {_file_trouble(certificate, error)}")
    roots = config.get("tlsRootCAsFile", "")
    if roots:
        try:
            context.load_verify_locations(roots)
        except (OSError, ValueError) as error:
            why = _file_trouble(roots, error)
            warnings.append(f"using system root CAs instead of configured CAs: {why}")
    limit = float(seconds) if seconds > 0 else None
    return Client(tuple(config.get(key) for key in _KEYS), limit, context), warnings


def _file_trouble(path: str, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"open {path}: no such file or directory"
    return "no certificates in file"


def connect(url: gourl.Url, client: Client, deadline: Deadline) -> socket.socket:
    """An open connection, TLS included. Raises Trouble."""
    address = (url.hostname, url.port)
    shown = f"[{address[0]}]:{address[1]}" if ":" in address[0] else f"{address[0]}:{address[1]}"
    if url.port > 65_535:
        raise Trouble(f"dial tcp: address {url.port}: invalid port")
    try:
        connection = socket.create_connection(address, timeout=deadline.left())
    except TimeoutError:
        raise Trouble(_LATE) from None
    except (socket.gaierror, UnicodeError):
        raise Trouble(f"dial tcp: lookup {url.hostname}: no such host") from None
    except OSError as error:
        raise Trouble(f"dial tcp {shown}: connect: {(error.strerror or str(error)).lower()}") from None
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if url.scheme != "https":
        return connection
    left = deadline.left()
    connection.settimeout(_HANDSHAKE if left is None else min(left, _HANDSHAKE))
    try:
        return client.tls.wrap_socket(connection, server_hostname=url.hostname)
    except TimeoutError:
        connection.close()
        late = left is not None and left < _HANDSHAKE
        raise Trouble(_LATE if late else "net/http: TLS handshake timeout") from None
    except ssl.SSLCertVerificationError as error:
        connection.close()
        raise Trouble(f"tls: failed to verify certificate: x509: {_certificate(error, url.hostname)}") from None
    except ssl.SSLError:
        connection.close()
        raise Trouble("tls: first record does not look like a TLS handshake") from None
    except OSError:
        connection.close()
        raise Trouble("EOF") from None


def _certificate(error: ssl.SSLCertVerificationError, host: str) -> str:
    message = error.verify_message or ""
    if "mismatch" in message or "doesn't match" in message or "not valid for" in message:
        if re.fullmatch(r"[\d.]+", host):
            return f"cannot validate certificate for {host} because it doesn't contain any IP SANs"
        return f"certificate is not valid for any names, but wanted to match {host}"
    if "expired" in message or "not yet valid" in message:
        return "certificate has expired or is not yet valid"
    return "certificate signed by unknown authority"


@contextmanager
def explained(connection: socket.socket) -> Iterator[None]:
    """Dkron's words for what goes wrong between the request and the head of the answer."""
    names = "->".join(f"{host}:{port}" for host, port, *_rest in (connection.getsockname(), connection.getpeername()))
    try:
        yield
    except TimeoutError:
        raise Trouble(_LATE) from None
    except http.client.RemoteDisconnected:
        raise Trouble("EOF") from None
    except http.client.BadStatusLine as error:
        raise Trouble(f"net/http: HTTP/1.x transport connection broken: {_malformed(str(error.args[0]))}") from None
    except http.client.HTTPException as error:
        raise Trouble(f"net/http: HTTP/1.x transport connection broken: {error}") from None
    except ConnectionResetError:
        raise Trouble(f"read tcp {names}: read: connection reset by peer") from None
    except OSError as error:
        raise Trouble(f"write tcp {names}: write: {(error.strerror or str(error)).lower()}") from None


def _malformed(line: str) -> str:
    line = line.strip().strip("'")
    words = line.split(" ", 2)
    if len(words) < 2:
        return f"malformed HTTP response {gojson.encode(line).decode()}"
    return f"malformed HTTP status code {gojson.encode(words[1]).decode()}"
