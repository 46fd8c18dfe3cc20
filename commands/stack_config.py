"""A stack's config with its secrets in clear: only the pulumi program can decrypt it, so it is asked, and told.

No value is ever an argument of a program, and none is shown. `stack.py` reads what stands in clear, without pulumi.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from commands.programs import run
from provider.errors import SettingsError
from provider.text import one_line


@dataclass(frozen=True, slots=True)
class StackConfig:
    """The config of one stack, by the keys of its own project. `secrets`: the keys that are encrypted."""

    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: frozenset[str] = frozenset()

    def get(self, key: str) -> str | None:
        return self.values.get(key)


def read(stack: str) -> StackConfig:
    """All config of a stack. Raises SettingsError."""
    text = _pulumi(stack, "config", "--json", "--show-secrets")
    try:
        found = json.loads(text)
        items = {key.partition(":")[2] or key: item for key, item in found.items()}
        values = {key: str(item["value"]) for key, item in items.items() if "value" in item}
        secrets = frozenset(key for key, item in items.items() if item.get("secret"))
    except (ValueError, AttributeError, TypeError):
        raise SettingsError([f"the config of the stack {stack} can't be read: pulumi printed no JSON"]) from None
    return StackConfig(values, secrets)


def set_secret(stack: str, key: str, value: str) -> None:
    """Sets a secret of a stack. Raises SettingsError."""
    # The CLI takes one line break at the end off what it is given.
    _pulumi(stack, "config", "set", "--secret", key, given=f"{value}\n")


def _pulumi(stack: str, *arguments: str, given: str = "") -> str:
    done = run(["pulumi", *arguments, "--stack", stack, "--non-interactive"], given)
    if done.code == 0:
        return done.out
    lines = [line for line in done.err.splitlines() if line.strip()]
    reason = next((line for line in lines if line.startswith("error:")), lines[-1] if lines else "it failed")
    way_out = "; set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE" if "passphrase" in done.err else ""
    problem = f"`pulumi {' '.join(arguments)} --stack {stack}`: {one_line(reason.removeprefix('error:'))}{way_out}"
    raise SettingsError([problem])
