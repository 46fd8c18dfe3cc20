"""Runs a Pulumi program, or `python -m pulumi.dynamic`, in the project's Python: started by the engine, never imported.

Arguments: the SDK's settings as JSON, and the program; or that module's name. Configuration comes in PULUMI_CONFIG and
PULUMI_CONFIG_SECRET_KEYS. Exit codes: 0, or 1 for whatever the program raised, which was logged to the engine.
"""

import asyncio
import json
import logging
import os
import runpy
import sys
import traceback
from types import ModuleType
from typing import Any

# A third of the SDK's import, for what neither program nor provider has here: runs within a run, and a trace of them.
for name in ("pulumi.automation", "opentelemetry.sdk.trace"):
    sys.modules[name] = ModuleType(name)
vars(sys.modules["opentelemetry.sdk.trace"])["TracerProvider"] = None

import pulumi  # noqa: E402
import pulumi.runtime  # noqa: E402


def main(settings: dict[str, Any], program: str) -> int:
    pulumi.runtime.set_all_config(pulumi.runtime.get_config_env(), list(pulumi.runtime.get_config_secret_keys_env()))
    pulumi.runtime.configure(pulumi.runtime.Settings(**settings))
    sys.argv = [program]
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # futures left behind by a failed run are no news
    try:
        asyncio.run(pulumi.runtime.run_in_stack(lambda: _run(program)))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
    except Exception:  # noqa: BLE001  # whatever the program raised belongs to its author
        pulumi.log.error(f"Program failed with an unhandled exception:\n{traceback.format_exc()}")
    else:
        return 0
    return 1


def _run(program: str) -> None:
    runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    if sys.argv[1] == "pulumi.dynamic":
        sys.path.insert(0, "")  # as `python -m` does
        runpy.run_module("pulumi.dynamic", run_name="__main__")
    os._exit(main(json.loads(sys.argv[1]), sys.argv[2]))  # no tidying of the interpreter; it writes unbuffered
