"""The versions that the tests ran on; `[tool.dkron-jobs.tested]` in pyproject.toml is the one place that names them."""

import tomllib

from dev.say import ROOT


def known_good(what: str) -> str:
    """The version of `pulumi` (the CLI), `sdk` or `dkron`. Raises KeyError."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return str(project["tool"]["dkron-jobs"]["tested"][what])
