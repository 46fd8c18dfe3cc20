"""Runs a Pulumi program through the SDK: started by the engine in the project's Python, never imported.

Arguments: the SDK's settings as JSON, and the program. Configuration comes in PULUMI_CONFIG and
PULUMI_CONFIG_SECRET_KEYS. Exit codes: 0, or 1 for whatever the program raised, which was logged to the engine.
"""

import asyncio
import json
import logging
import os
import runpy
import sys
import traceback
from typing import Any

import pulumi
import pulumi.runtime


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
    os._exit(main(json.loads(sys.argv[1]), sys.argv[2]))  # no tidying of the interpreter; it writes unbuffered
