"""What `pulumi up` did to which job, and why something failed, as values. Pure; touches nothing.

`up --json` prints one event a line. Values of properties stay inside: only names of jobs leave this module, and
messages, which the caller redacts. A preview is read in `preview`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from provider.errors import code_in
from watcher.pulumi.changes import OPERATIONS, REPLACE, SAME, Applied, Failure

JOB_TYPE = "dkron:Job"
REFRESH = "refresh"
# Python writes the class before the text of an error; of ours the text alone says it all.
_OUR_ERROR = re.compile(r"\A(?:dkron-jobs|(?:provider|pulumi_dkron)\.errors\.\w+): ")
_NO_SPACE = "no space left on device"  # it may stand anywhere in a list of consequences
# Where the program's directory is read-only, as in the image, a new stack's file can't be made.
_UNWRITTEN = re.compile(r"save stack config: open \S+: (?:read-only file system|permission denied)\Z")
_GO_STACK = ("goroutine ", "Stack Trace:", "main.main()", "runtime/debug.Stack()")
_GO_FAULT = ("panic:", "fatal error:", "error:")


def is_job(urn: str) -> bool:
    """Whether a URN names a Dkron job."""
    parts = urn.split("::")
    return len(parts) >= 4 and parts[2].split("$")[-1].endswith(JOB_TYPE)


def resource_name(urn: str) -> str:
    """The name of a resource, as its URN has it."""
    return "::".join(urn.split("::")[3:])


def parse_up(lines: str) -> Applied:
    """What an up did. A line that is no event (a notice, a cut line) is passed over."""
    done: dict[str, str] = {}
    failed: dict[str, str] = {}
    failures: list[Failure] = []
    for event in _events(lines):
        diagnostic = event.get("diagnosticEvent")
        if isinstance(diagnostic, Mapping) and is_error(diagnostic):
            failures.append(failure_of(diagnostic))
        for kind, target in (("resOutputsEvent", done), ("resOpFailedEvent", failed)):
            metadata = (event.get(kind) or {}).get("metadata") or {}
            urn, op = str(metadata.get("urn", "")), str(metadata.get("op", ""))
            if is_job(urn) and op != REFRESH:
                target[urn] = _strongest(target.get(urn), op)
    by_op: dict[str, list[str]] = {op: [] for op in (*OPERATIONS, SAME)}
    for urn, op in done.items():
        if urn not in failed and op in by_op:
            by_op[op].append(resource_name(urn))
    created, updated, deleted, replaced = (tuple(sorted(by_op[op])) for op in OPERATIONS)
    return Applied(created, updated, deleted, replaced, len(by_op[SAME]), distinct(failures))


def _strongest(before: str | None, op: str) -> str:
    if op in ("create-replacement", "delete-replaced", REPLACE) or before == REPLACE:
        return REPLACE
    return op


def _events(lines: str) -> Iterator[Mapping[str, Any]]:
    for line in lines.splitlines():
        if not line.startswith("{") or '"severity":"debug"' in line:
            continue
        try:
            event = json.loads(line)
        except ValueError:
            continue
        yield event


def is_error(diagnostic: Any) -> bool:
    return isinstance(diagnostic, Mapping) and diagnostic.get("severity") == "error"


def failure_of(diagnostic: Mapping[str, Any]) -> Failure:
    urn = str(diagnostic.get("urn") or "")
    job = resource_name(urn) if is_job(urn) else ""
    message = str(diagnostic.get("message", ""))
    return Failure(job, _every_reason(message), code_in(message) or "")


def _every_reason(message: str) -> str:
    """All that a message says in one line: a program that misses several settings names each on a line of its own."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    told_by_python = "Traceback" in message or any(line.startswith("File ") for line in lines)
    return reason(message) if told_by_python else "; ".join(map(reason, lines))


def distinct(failures: list[Failure]) -> tuple[Failure, ...]:
    """Each once; and a job's own reason makes "update failed" superfluous."""
    unique = list(dict.fromkeys(f for f in failures if f.reason))
    telling = [f for f in unique if f.reason not in ("update failed", "preview failed")]
    return tuple(telling or unique)


def reason(message: str) -> str:
    """The line of a message that says why: the last line of a traceback, with the place of a syntax error."""
    lines = [line.rstrip() for line in message.splitlines() if line.strip()]
    if not lines:
        return ""
    if any(line.startswith(_GO_STACK) for line in lines):
        # The engine's own fault: its first words say what, all that follows is of use to its authors.
        first = next((line for line in lines if line.startswith(_GO_FAULT)), lines[0])
        return f"Pulumi itself failed: {first.removeprefix('error: ')}"
    full = next((line.strip() for line in lines if _NO_SPACE in line), "")
    text = full.replace("(code=Unknown)", "").strip() or lines[-1].strip()
    text = text.removesuffix(f"[dkron-jobs:{code_in(text)}]").rstrip()
    if len(lines) > 1 and ("Traceback" in message or text.startswith(("SyntaxError", "IndentationError"))):
        places = [line.strip() for line in lines if line.strip().startswith("File ")]
        text = f"{text} ({places[-1]})" if places else text
    for prefix in ("error: ", "Preview failed: ", "Exception: "):
        text = text.removeprefix(prefix)
    text = _OUR_ERROR.sub("", text)
    way_out = "; make the stack (`pulumi stack init`) where that file can be written, and bring it along"
    return f"{text}{way_out}" if _UNWRITTEN.search(text) else text
