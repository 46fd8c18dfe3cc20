"""Pulumi.STACK.yaml: the configuration of one stack, with the defaults of the project's schema.

Values are texts, as Pulumi has them. A file with comments is not edited, for they would be lost.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .console import Refused
from .passphrase import PassphraseCrypter
from .project import Project, load_yaml


@dataclass
class StackConfig:
    """`data` is what the file says; its "config" has full keys (project:key)."""

    path: Path
    data: dict[str, Any]

    @classmethod
    def load(cls, project: Project, stack: str) -> "StackConfig":
        """What Pulumi.STACK.yaml says; empty if there is no such file."""
        path = project.root / f"Pulumi.{stack}.yaml"
        data = load_yaml(path) if path.exists() else {}
        for key in ("secretsprovider", "encryptedkey", "environment"):
            if data.get(key, "passphrase") != "passphrase":
                raise Refused(f"{key} in {path.name}")
        data["config"] = {project.full_key(key): value for key, value in (data.get("config") or {}).items()}
        return cls(path, data)

    @property
    def secure(self) -> dict[str, str]:
        """The ciphertexts of the secrets."""
        found = self.data["config"].items()
        return {key: str(value["secure"]) for key, value in found if isinstance(value, dict) and "secure" in value}

    def crypter(self) -> PassphraseCrypter:
        """The stack's crypter; makes the salt, and writes it in front of all that the file says, when there is none."""
        if salt := self.data.get("encryptionsalt"):
            return PassphraseCrypter(str(salt))
        crypter = PassphraseCrypter.create()
        self.data["encryptionsalt"] = crypter.salt
        self.path.write_text(f"encryptionsalt: {crypter.salt}\n{self._text()}", encoding="utf-8")
        return crypter

    def resolved(self, project: Project, crypter: PassphraseCrypter | None) -> dict[str, str]:
        """The values in clear, the schema's defaults included; the secrets only with a `crypter`."""
        defaults = {key: entry.get("value", entry.get("default")) for key, entry in project.schema.items()}
        secure = self.secure
        plain = {key: value for key, value in (defaults | self.data["config"]).items() if key not in secure}
        opened = {key: crypter.decrypt(ciphertext) for key, ciphertext in secure.items() if crypter}
        return {key: text_of(value) for key, value in plain.items() if value is not None} | opened

    def edit(self, key: str, value: str | dict[str, str] | None) -> None:
        """Writes one value into the file, a secret as {"secure": ciphertext}; None removes it.

        Raises Refused rather than lose a comment, and OSError.
        """
        if "#" in self._text():
            raise Refused(f"editing {self.path.name}, in which a # may begin a comment")
        self.data["config"].pop(key, None)
        self.data["config"] |= {} if value is None else {key: value}
        self.path.write_text(yaml.safe_dump(self.data, sort_keys=False), encoding="utf-8")

    def _text(self) -> str:
        return self.path.read_text(encoding="utf-8") if self.path.exists() else ""


def text_of(value: Any) -> str:
    """A YAML value as the text that Pulumi makes of it."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
