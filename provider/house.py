"""Reads the house rules for declarations from pyproject.toml. What they ask is `job.house_rules`' to say."""

from pathlib import Path

from .errors import SettingsError
from .job.house_rules import HouseRules, parse_rules
from .text import one_line


def house_rules(folder: Path = Path()) -> HouseRules:
    """The rules of the project in a folder, none where its pyproject.toml sets none. Raises SettingsError."""
    path = folder / "pyproject.toml"
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        if "dkron-jobs" not in text or "rules" not in text:
            return HouseRules()
        import tomllib  # most need it not, and the program is to begin soon

        tool = tomllib.loads(text).get("tool")
    except (OSError, UnicodeError, ValueError) as error:
        raise SettingsError([f"pyproject.toml can't be read: {one_line(str(error))}"]) from None
    try:
        ours = tool.get("dkron-jobs") if isinstance(tool, dict) else None
        return parse_rules(ours.get("rules", {}) if isinstance(ours, dict) else {})
    except ValueError as error:
        raise SettingsError(str(error).splitlines()) from None
