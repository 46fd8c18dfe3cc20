"""What stands in every state file for our dynamic provider: its class by its import path, pickled, and no state.

Pulumi unpickles that text at every run, so any other text there may be anybody's code. Pure.
"""

import base64
from typing import Final


def reference_of(package: str) -> str:
    """The pickle of `PACKAGE.job_provider.JobProvider()` in base64.

    Written by hand, because the program has no other need of that module, which takes long to import.
    """
    names = [f"{package}.job_provider".encode(), b"JobProvider"]
    # SHORT_BINUNICODE and MEMOIZE each name; then STACK_GLOBAL, MEMOIZE; EMPTY_TUPLE, NEWOBJ, MEMOIZE, STOP.
    body = b"".join(b"\x8c" + bytes([len(name)]) + name + b"\x94" for name in names) + b"\x93\x94)\x81\x94."
    # PROTO 4 and FRAME.
    return base64.b64encode(b"\x80\x04\x95" + len(body).to_bytes(8, "little") + body).decode()


# The package is called `provider` in this repository, and `pulumi_dkron` where it is installed.
OURS: Final = frozenset(map(reference_of, ("provider", "pulumi_dkron")))
