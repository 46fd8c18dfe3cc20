"""Runs a Pulumi program through the SDK: started by the engine in the project's Python, never imported.

Configuration comes in PULUMI_CONFIG and PULUMI_CONFIG_SECRET_KEYS, the rest as arguments. Exit codes: 0, 1 for an
error of the SDK's own making, 32 when the program raised and its traceback was logged to the engine.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import runpy
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pulumi
import pulumi.runtime

LOGGED = 32


def main() -> int:
    options = _arguments()
    pulumi.runtime.set_all_config(pulumi.runtime.get_config_env(), list(pulumi.runtime.get_config_secret_keys_env()))
    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            monitor=options.monitor,
            engine=options.engine,
            project=options.project,
            stack=options.stack,
            organization="organization",
            root_directory=options.root,
            parallel=options.parallel,
            dry_run=options.dry_run,
        )
    )
    sys.argv = [options.program]
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # futures left behind by a failed run are no news
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    pool = ThreadPoolExecutor(max_workers=max(options.parallel, 1) * 4)
    loop.set_default_executor(pool)
    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(lambda: _run(options.program)))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return 1
    except Exception as error:  # noqa: BLE001  # whatever the program raised belongs to its author
        pulumi.log.error(f"Program failed with an unhandled exception:\n{_own_frames(error, options.program)}")
        return LOGGED
    finally:
        pool.shutdown(wait=True)
        loop.close()
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _run(program: str) -> None:
    runpy.run_path(program, run_name="__main__")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("monitor", "engine", "project", "stack", "root"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--parallel", type=int, default=1)
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("program")
    return parser.parse_args()


def _own_frames(error: Exception, program: str) -> str:
    """The traceback from the program's first frame on."""
    main_file = str(Path(program, "__main__.py") if Path(program).is_dir() else Path(program))
    frames = traceback.extract_tb(error.__traceback__)
    first = next((at for at, frame in enumerate(frames) if frame.filename == main_file), 0)
    return "".join(traceback.format_exception(error, limit=first - len(frames)))


if __name__ == "__main__":
    sys.exit(main())
