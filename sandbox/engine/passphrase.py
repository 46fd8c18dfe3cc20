"""Pulumi's passphrase secrets: PBKDF2-SHA256, a million rounds, AES-256-GCM; salts and values as `v1:...` texts.

The passphrase comes from PULUMI_CONFIG_PASSPHRASE or the file named by PULUMI_CONFIG_PASSPHRASE_FILE; nothing is
ever asked for. The key is derived once per process and only when a secret is touched. Named as in Pulumi's files:
`encryptionsalt` is v1:SALT:VERIFIER, where the verifier decrypts to "pulumi".
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from .errors import CliError

ROUNDS = 1_000_000


def passphrase(environment: Mapping[str, str]) -> str:
    """The passphrase, or CliError in the real CLI's words. An empty one counts as one."""
    if "PULUMI_CONFIG_PASSPHRASE" in environment:
        return environment["PULUMI_CONFIG_PASSPHRASE"]
    if path := environment.get("PULUMI_CONFIG_PASSPHRASE_FILE"):
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise CliError(f"unable to read PULUMI_CONFIG_PASSPHRASE_FILE: {error}") from None
    raise CliError(
        "passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE environment variables"
    )


class PassphraseCrypter:
    """Encrypts and decrypts with one salt; derives its key at the first use.

    `decrypt` and `encrypt` raise CliError("incorrect passphrase") when the passphrase doesn't fit the salt.
    """

    def __init__(self, salt: str, environment: Mapping[str, str] | None = None) -> None:
        self.salt = salt
        self._environment = os.environ if environment is None else environment
        self._key: bytes | None = None

    @classmethod
    def create(cls, environment: Mapping[str, str] | None = None) -> PassphraseCrypter:
        """A new salt for the passphrase in the environment."""
        crypter = cls("", environment)
        raw = os.urandom(8)
        crypter._key = _derive(passphrase(crypter._environment), raw)
        crypter.salt = f"v1:{base64.b64encode(raw).decode()}:{crypter.encrypt('pulumi')}"
        return crypter

    def verify(self) -> None:
        """Raises CliError when the passphrase is missing or wrong."""
        if self._key is None:
            version, _, rest = self.salt.partition(":")
            salt, _, verifier = rest.partition(":")
            if version != "v1" or not verifier:
                raise CliError("malformed state value of the passphrase secrets provider (encryptionsalt)")
            key = _derive(passphrase(self._environment), base64.b64decode(salt))
            if _open(key, verifier) != "pulumi":
                raise CliError("incorrect passphrase")
            self._key = key

    def encrypt(self, plaintext: str) -> str:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self.verify()
        nonce = os.urandom(12)
        sealed = AESGCM(self._key or b"").encrypt(nonce, plaintext.encode(), None)
        return f"v1:{base64.b64encode(nonce).decode()}:{base64.b64encode(sealed).decode()}"

    def decrypt(self, ciphertext: str) -> str:
        self.verify()
        text = _open(self._key or b"", ciphertext)
        if text is None:
            raise CliError("failed to decrypt a secret: it was encrypted with another passphrase or is damaged")
        return text


def _derive(phrase: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", phrase.encode(), salt, ROUNDS, 32)


def _open(key: bytes, value: str) -> str | None:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        version, nonce, sealed = value.split(":")
        text = AESGCM(key).decrypt(base64.b64decode(nonce), base64.b64decode(sealed), None)
    except (InvalidTag, ValueError):
        return None
    return text.decode() if version == "v1" else None
