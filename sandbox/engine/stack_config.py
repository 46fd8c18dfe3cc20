"""Pulumi.STACK.yaml: the configuration of one stack, with the defaults of the project's schema.

The file is edited line by line, so that comments and order survive `config set`. Values are texts, as Pulumi has them.
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import CliError, Refused
from .passphrase import PassphraseCrypter
from .project import Project, load_yaml
from .values import Crypter


@dataclass
class StackConfig:
    """`values` maps full keys (project:key) to texts, `secure` to ciphertexts."""

    path: Path
    values: dict[str, str] = field(default_factory=dict)
    secure: dict[str, str] = field(default_factory=dict)
    salt: str = ""

    @classmethod
    def load(cls, project: Project, stack: str) -> "StackConfig":
        """What Pulumi.STACK.yaml says; empty if there is no such file."""
        config = cls(project.root / f"Pulumi.{stack}.yaml")
        data = load_yaml(config.path) if config.path.exists() else {}
        for key in ("secretsprovider", "encryptedkey", "environment"):
            if data.get(key, "passphrase") != "passphrase":
                raise Refused(f"{key} in {config.path.name}")
        config.salt = str(data.get("encryptionsalt") or "")
        for key, value in (data.get("config") or {}).items():
            if isinstance(value, dict) and list(value) == ["secure"]:
                config.secure[project.full_key(key)] = str(value["secure"])
            else:
                config.values[project.full_key(key)] = text_of(value)
        return config

    def crypter(self) -> PassphraseCrypter:
        """The stack's crypter; makes the salt, and writes it into the file, when there is none yet."""
        if self.salt:
            return PassphraseCrypter(self.salt)
        crypter = PassphraseCrypter.create()
        self.salt = crypter.salt
        self._write(f"encryptionsalt: {self.salt}\n{self._text()}")
        return crypter

    def resolved(self, project: Project, crypter: Crypter | None) -> dict[str, str]:
        """The values in clear, the schema's defaults included; the secrets only with a `crypter`."""
        defaults = {key: entry.get("value", entry.get("default")) for key, entry in project.schema.items()}
        found = {key: text_of(value) for key, value in defaults.items() if value is not None}
        opened = {key: crypter.decrypt(ciphertext) for key, ciphertext in self.secure.items() if crypter}
        return found | self.values | opened

    def edit(self, key: str, value: str | None, *, secure: bool = False) -> None:
        """Writes one value into the file, in the place of the one before; None removes it."""
        text = self._text()
        if re.search(r"^config: *[{\"]", text, re.MULTILINE):
            raise Refused(f"editing the config in {self.path.name} while it is written in braces")
        if not re.search(r"^config:", text, re.MULTILINE):
            text += "config:\n"
        # JSON's strings are YAML's, too.
        written = f"\n    secure: {json.dumps(value)}" if secure else f" {json.dumps(value)}"
        new = "" if value is None else f"  {key}:{written}\n"
        names = "|".join(map(re.escape, (key, key.partition(":")[2])))
        entry = re.compile(rf"^( +)[\"']?(?:{names})[\"']?:(?: .*)?\n(?:\1 +.*\n)*", re.MULTILINE)
        place = entry if entry.search(text) else re.compile(r"(?<=^config:)(.*\n)", re.MULTILINE)
        kept = "" if place is entry else r"\1"
        self._write(place.sub(lambda found: found.expand(kept) + new, text, count=1))

    def _text(self) -> str:
        text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        return text if not text or text.endswith("\n") else f"{text}\n"

    def _write(self, text: str) -> None:
        try:
            self.path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise CliError(f"could not write {self.path}: {error.strerror}") from None


def text_of(value: Any) -> str:
    """A YAML value as the text that Pulumi makes of it."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, separators=(",", ":"))
