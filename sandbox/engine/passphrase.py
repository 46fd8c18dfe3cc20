"""Pulumi's passphrase secrets: PBKDF2-SHA256, a million rounds, AES-256-GCM; salts and values as `v1:...` texts.

The passphrase comes from the environment, nothing is ever asked for. The key is derived once and only when a secret
is touched: half a second. Where SANDBOX_KEYS names a folder, as in the end-to-end tests, it is kept there for the next
command. A stack's `encryptionsalt` is v1:SALT:VERIFIER, where the verifier decrypts to "pulumi".
"""

import hashlib
import os
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .console import CliError

ROUNDS = 1_000_000


def passphrase(environment: Mapping[str, str]) -> str:
    """The passphrase; CliError or OSError without one. An empty one counts as one."""
    if "PULUMI_CONFIG_PASSPHRASE" in environment:
        return environment["PULUMI_CONFIG_PASSPHRASE"]
    if path := environment.get("PULUMI_CONFIG_PASSPHRASE_FILE"):
        return Path(path).read_text(encoding="utf-8").strip()
    raise CliError("passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE")


class PassphraseCrypter:
    """Encrypts and decrypts with one salt. CliError when the passphrase is missing or doesn't fit the salt.

    A text is encrypted once: the same one gets the same ciphertext again, and keeps the one that it came with.
    """

    def __init__(self, salt: str, environment: Mapping[str, str] = os.environ) -> None:
        self.salt, self._environment = salt, environment
        self._key = b""
        self._known: dict[str, str] = {}

    @classmethod
    def create(cls, environment: Mapping[str, str] = os.environ) -> "PassphraseCrypter":
        """A new salt for the passphrase in the environment."""
        crypter = cls("", environment)
        raw = os.urandom(8)
        crypter._key = _derive(passphrase(environment), raw, environment)
        crypter.salt = f"v1:{b64encode(raw).decode()}:{crypter.encrypt('pulumi')}"
        return crypter

    def verify(self) -> None:
        if self._key:
            return
        version, _, rest = self.salt.partition(":")
        salt, _, verifier = rest.partition(":")
        if version != "v1" or not verifier:
            raise CliError("malformed state value of the passphrase secrets provider (encryptionsalt)")
        key = _derive(passphrase(self._environment), b64decode(salt), self._environment)
        if _open(key, verifier) != "pulumi":
            raise CliError("incorrect passphrase")
        self._key = key

    def encrypt(self, plaintext: str) -> str:
        if plaintext not in self._known:
            self.verify()
            nonce = os.urandom(12)
            sealed = AESGCM(self._key).encrypt(nonce, plaintext.encode(), None)
            self._known[plaintext] = f"v1:{b64encode(nonce).decode()}:{b64encode(sealed).decode()}"
        return self._known[plaintext]

    def decrypt(self, ciphertext: str) -> str:
        self.verify()
        text = _open(self._key, ciphertext)
        if text is None:
            raise CliError("failed to decrypt a secret: it was encrypted with another passphrase or is damaged")
        self._known[text] = ciphertext
        return text


def _derive(phrase: str, salt: bytes, environment: Mapping[str, str]) -> bytes:
    keys = environment.get("SANDBOX_KEYS")
    kept = Path(keys or os.devnull) / hashlib.sha256(salt + phrase.encode()).hexdigest()
    if keys and kept.is_file():
        return kept.read_bytes()
    key = hashlib.pbkdf2_hmac("sha256", phrase.encode(), salt, ROUNDS, 32)
    if keys:
        new = kept.with_suffix(f".{os.getpid()}")  # another command may read or write the same one
        new.write_bytes(key)
        new.replace(kept)
    return key


def _open(key: bytes, value: str) -> str | None:
    try:
        version, nonce, sealed = value.split(":")
        text = AESGCM(key).decrypt(b64decode(nonce), b64decode(sealed), None)
    except (InvalidTag, ValueError):
        return None
    return text.decode() if version == "v1" else None
