"""`python -m provider.needed`: which config keys the declarations refer to, as JSON on stdout: {key: whether a secret}.

For whoever must not import declarations, such as the watcher, which asks for it in a process of its own.
"""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from .job.references import ConfigValue, references_in
from .jobs_dir import gather


def needed(jobs: Iterable[Mapping[str, Any]]) -> dict[str, bool]:
    """The keys that the inputs of jobs refer to, and whether each is referred to as a secret."""
    keys: dict[str, bool] = {}
    for inputs in jobs:
        for _, reference in references_in(inputs):
            for part in reference.parts:
                if isinstance(part, ConfigValue):
                    keys[part.key] = keys.get(part.key, False) or part.secret
    return keys


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - as it is, whatever it is called
    sys.stdout.write(json.dumps(needed(spec.inputs() for spec in gather().specs)))
