"""Where Dkron is, how to log in, and which jobs are ours: from the environment, else the stack's config.

The environment wins, so that a stack survives a moved Dkron: `pulumi up --refresh` reads with the provider
configuration recorded in the state, and only the environment can mend an address that went bad in there. It decides
nothing about jobs and opens no connection. Every problem is told at once, with the command that mends it.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from .errors import SettingsError
from .job.tags import parse_tags
from .reader import Reader, boolean, whole_number

DEFAULT_OWNER_TAG = "d2-dkron-mgr"
DEFAULT_MAX_ANSWER_MB = 64  # of one answer, decoded; the list of 10,000 jobs has about 10
DEFAULT_TIMEOUT_S = 10.0  # longer would hold a SIGTERM up: the engine waits for calls in flight

KEYS = (
    "dkronUrl",
    "dkronToken",
    "dkronUser",
    "dkronPassword",
    "dkronCaFile",
    "dkronMaxAnswerMb",
    "ownerTag",
    "adopt",
    "defaultTags",
)
SECRET_KEYS = frozenset({"dkronToken", "dkronPassword"})

Lookup = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class DkronSettings:
    """One cluster: its servers' addresses (at least one, no trailing slash), credentials, seconds to wait."""

    urls: tuple[str, ...]
    token: str = field(default="", repr=False)
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""
    timeout_s: float = DEFAULT_TIMEOUT_S
    max_answer_mb: int = DEFAULT_MAX_ANSWER_MB

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown; basic authentication sends user and password as one text, in base64."""
        pair = f"{self.user}:{self.password}" if self.password else ""
        return tuple(s for s in (self.token, self.password, pair) if s)

    @property
    def shown(self) -> str:
        """The addresses as they may be shown: there are no credentials in them, `parse_urls` refuses those."""
        return ",".join(self.urls)


@dataclass(frozen=True, slots=True)
class Settings:
    """All that the program and the provider need besides the values that declarations refer to."""

    dkron: DkronSettings
    owner_tag: str = DEFAULT_OWNER_TAG
    adopt: bool = False
    default_tags: Mapping[str, str] = field(default_factory=dict)


def stack_names(folder: Path = Path()) -> list[str]:
    """The stacks that have a file, Pulumi.STACK.yaml, in order of name."""
    return sorted(path.name[len("Pulumi.") : -len(".yaml")] for path in folder.glob("Pulumi.*.yaml"))


def environment_name(key: str) -> str:
    """The environment variable that wins over a config key: dkronUrl -> DKRON_URL."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).replace("-", "_").upper()


def from_environment(key: str, env: Mapping[str, str]) -> str | None:
    """What the environment gives for a config key, None if nothing. Raises SettingsError (no such file)."""
    return read_variable(environment_name(key), env)


def read_variable(name: str, env: Mapping[str, str]) -> str | None:
    """A variable's value, without white space around it, None if it is empty. Raises SettingsError (no such file).

    NAME_FILE names a file that holds the value; the line break at its end is no part of it.
    """
    if env.get(name, "").strip():
        return env[name].strip()
    path = env.get(f"{name}_FILE", "").strip()
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise SettingsError([f"{name}_FILE: cannot read {path}: {reason}"]) from None


def _reader(config: Lookup, env: Mapping[str, str] | None) -> Reader:
    """Looks values up in the environment first, then in the stack's config."""
    variables = os.environ if env is None else env

    def lookup(key: str) -> str | None:
        value = from_environment(key, variables)
        # The config holds booleans and numbers, too.
        return value if value is not None else str(config(key) or "")

    return Reader(lookup, lambda key, _value, reason: f"{key} {reason}: {way_out(key)}")


def way_out(key: str, *, secret: bool = False) -> str:
    """How to set a key, as a command. The CLI asks for a secret's value, so that no shell's history keeps it."""
    command = f"--secret {key}" if secret or key in SECRET_KEYS else f"{key} VALUE"
    return f"run `pulumi config set {command}` or set {environment_name(key)} in the environment"


def check_url(text: str) -> str | None:
    """Why `text` is no http(s) address of a server, or None if it is one."""
    try:
        parts: SplitResult = urlsplit(text)
        port = parts.port
    except ValueError:
        return "is no valid address"
    if any(c.isspace() or not c.isprintable() for c in text):
        return "holds white space"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "must look like http://host:port"
    if parts.username is not None or parts.password is not None:
        return "must hold no user or password (use dkronUser and dkronPassword)"
    if parts.query or parts.fragment or "?" in text or "#" in text:
        return "must have no ? or # part"
    return "has port 0" if port == 0 else None


def parse_urls(text: str) -> tuple[tuple[str, ...], str | None]:
    """The addresses in a comma-separated list, without trailing slashes, and the first reason against one."""
    urls = tuple(part.strip().rstrip("/") for part in text.split(",") if part.strip())
    if not urls:
        return (), "names no server"
    return urls, next((reason for reason in map(check_url, urls) if reason), None)


def _dkron(reader: Reader) -> DkronSettings:
    urls: tuple[str, ...] = ()
    text = reader.text("dkronUrl")
    if not text and not reader.problems:  # no file that could not be read
        reader.malformed("dkronUrl", "is not set")
    if text:
        urls, reason = parse_urls(text)
        if reason:
            reader.malformed("dkronUrl", reason)
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
    elif bool(user) != bool(password):
        missing = "dkronPassword" if user else "dkronUser"
        reader.malformed(missing, "is not set, but its counterpart is")
    ca_file = reader.text("dkronCaFile")
    if ca_file and not Path(ca_file).is_file():
        reader.malformed("dkronCaFile", f"names no file ({ca_file})")
    size = reader.judged("dkronMaxAnswerMb", whole_number(1, 4096), DEFAULT_MAX_ANSWER_MB)
    return DkronSettings(urls, token, user, password, ca_file, max_answer_mb=size)


def load_default_tags(config: Lookup, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """The tags of every job that declares none. Raises SettingsError."""
    reader = _reader(config, env)
    tags: dict[str, str] = reader.judged("defaultTags", parse_tags, {})
    reader.end()
    return tags


def load_dkron(config: Lookup, env: Mapping[str, str] | None = None) -> DkronSettings:
    """Only what a client of Dkron needs. Raises SettingsError."""
    reader = _reader(config, env)
    settings = _dkron(reader)
    reader.end()
    return settings


def load_owner(config: Lookup, env: Mapping[str, str] | None = None) -> tuple[str, bool]:
    """The owner tag and whether foreign jobs may be adopted. Raises SettingsError."""
    reader = _reader(config, env)
    tag, adopt = reader.text("ownerTag") or DEFAULT_OWNER_TAG, reader.judged("adopt", boolean, False)
    reader.end()
    return tag, adopt


def load(config: Lookup, env: Mapping[str, str] | None = None) -> Settings:
    """Everything. `config` looks a key of the stack's config up. Raises SettingsError with all problems at once."""
    reader = _reader(config, env)
    dkron = _dkron(reader)
    tag = reader.text("ownerTag") or DEFAULT_OWNER_TAG
    adopt = reader.judged("adopt", boolean, False)
    tags: dict[str, str] = reader.judged("defaultTags", parse_tags, {})
    reader.end()
    return Settings(dkron, tag, adopt, tags)
