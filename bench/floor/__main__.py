"""The floor: as many do-nothing resources as BENCH_JOBS says, registered in the cheapest way we know."""

import gc

gc.disable()

import base64  # noqa: E402
import os  # noqa: E402
import pickle  # noqa: E402

import pulumi  # noqa: E402
from nothing import Nothing  # type: ignore[import-not-found]  # noqa: E402 - it lies beside this file where it runs

REFERENCE = base64.b64encode(pickle.dumps(Nothing(), protocol=4)).decode()
CHANGED = bool(os.environ.get("BENCH_CHANGED"))

for number in range(int(os.environ["BENCH_JOBS"])):
    name = f"job-{number:05d}"
    text = f"{name}, changed" if CHANGED and number == 0 else name
    pulumi.CustomResource("pulumi-python:dynamic/nothing:Nothing", name, {"name": text, "__provider": REFERENCE})
