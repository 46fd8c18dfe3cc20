"""Judges a certificate with its key, before TLS would ask a terminal for a passphrase or fail in the middle of a run.

It keeps nothing and opens no connection.
"""

import ssl
from pathlib import Path


def load_into(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """Raises ValueError with what is wrong, naming the file: unreadable, no PEM, not a pair, or a passphrase."""
    for path in (certificate, key):
        try:
            Path(path).read_bytes()
        except (OSError, ValueError) as error:
            raise ValueError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    try:
        # Without an answer of ours OpenSSL would ask for a passphrase on the terminal.
        context.load_cert_chain(certificate, key, password=lambda: "")
    except (OSError, ValueError):
        pair = f"{certificate} and {key}"
        raise ValueError(f"{pair} are no certificate and its key, in PEM and without a passphrase") from None


def problem(certificate: str, key: str) -> str:
    """Why a pair can't be used, "" if it can."""
    try:
        load_into(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), certificate, key)
    except ValueError as error:
        return str(error)
    return ""
