"""Whether the stack's config names another Dkron than the one that this run was given.

Pulumi refreshes and destroys with the config that the state recorded. After `pulumi config set dkronUrl NEW` a refresh
would read the jobs at the old address and call them unchanged. It looks at the stack's own file and mends nothing.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from .errors import SettingsError
from .settings import from_environment, parse_urls


def moved(mark: str, urls: tuple[str, ...], folder: Path, env: Mapping[str, str] = os.environ) -> str | None:
    """Why a run with these addresses would look at the wrong Dkron, one line; None if it would not.

    `mark`: the stack's, `PROJECT/STACK`; without one nothing is known. `folder`: where the stack's file is.
    """
    project, _, stack = mark.rpartition("/")
    try:
        if not project or from_environment("dkronUrl", env) is not None:
            return None
        text = (folder / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8")
    except (OSError, UnicodeError, SettingsError):
        return None
    # One plain line, as the CLI writes it; no parser of YAML for it, which the package would need to bring.
    found = re.search(rf"""^\s+["']?{re.escape(project)}:dkronUrl["']?:[ \t]*["']?(http[^\s"']*)""", text, re.MULTILINE)
    if not found or parse_urls(found[1])[0] in ((), urls):
        return None
    return (
        f"the stack's config names Dkron at {found[1]}, but this run was given {','.join(urls)}, as the state has it: "
        f"run `pulumi up --run-program` once; to destroy, `DKRON_URL={found[1]} pulumi destroy`"
    )
