"""The shell executor: runs a job's command the way Dkron does.

Recorded: firing.json shell-*. Without `shell` a command ends at the first unquoted `;`, `&`, `|`, `<` or `>`, and
nothing is expanded. It does not watch memory: `mem_limit` is checked when a job is stored, and not enforced.
"""

import base64
import grp
import os
import pwd
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping
from typing import Any

from . import durations

_WORD = re.compile(r"""(?:[^\s"'\\;&|<>`()$]|\$\([^)]*\)|\$|`[^`]*`|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+""", re.DOTALL)


_QUOTED = re.compile(r"""\\(.)|'([^']*)'|"((?:[^"\\]|\\.)*)\"""", re.DOTALL)


def _unquoted(match: re.Match[str]) -> str:
    escaped, single, double = match.groups()
    return escaped or single or re.sub(r"\\(.)", r"\1", double or "", flags=re.DOTALL)


class _Failed(Exception):
    """The message is Dkron's."""


def execute(job: str, config: Mapping[str, str]) -> tuple[bytes, str | None]:
    """Called with the job's name and config; answers the output and why it failed, if it did."""
    try:
        command = _arguments(config)
        options = _options(job, config)
        payload = _payload(config.get("payload", ""))
        limit = durations.parse(config["timeout"]) if config.get("timeout") else None
        process = _start(command, options)
    except _Failed as error:
        return b"", str(error)
    with process:
        return _watch(process, payload, limit, config.get("command", ""))


def _arguments(config: Mapping[str, str]) -> list[str]:
    command = config.get("command", "")
    if config.get("shell") in ("1", "t", "T", "TRUE", "true", "True"):
        return ["/bin/sh", "-c", command]
    words, rest = [], command.strip()
    while rest:
        match = _WORD.match(rest)
        if match is None:
            if rest[0] in "\"'`()\\":
                raise _Failed("invalid command line string")
            break  # ; & | < > end the command
        words.append(_QUOTED.sub(_unquoted, match[0]))
        rest = rest[match.end() :].lstrip()
    if not words:
        raise _Failed("shell: Command missing")
    return words


def _options(job: str, config: Mapping[str, str]) -> dict[str, Any]:
    pairs = [pair.partition("=") for pair in config.get("env", "").split(",") if "=" in pair]
    options: dict[str, Any] = {
        "env": {**os.environ, **{name: value for name, _eq, value in pairs}, "ENV_JOB_NAME": job},
        "cwd": config.get("cwd") or None,
        "process_group": 0 if config.get("timeout") or config.get("su") else None,
    }
    user, _colon, group = config.get("su", "").partition(":")
    if config.get("su"):
        try:
            found = pwd.getpwnam(user)
        except KeyError:
            raise _Failed(f"user: unknown user {user}") from None
        try:
            options |= {"user": found.pw_uid, "group": grp.getgrnam(group).gr_gid if group else found.pw_gid}
        except KeyError:
            raise _Failed(f"group: unknown group {group}") from None
    return options


def _payload(text: str) -> bytes:
    text = re.sub(r"[\r\n]", "", text)
    whole = re.match(r"(?:[A-Za-z0-9+/]{4})*", text)
    at = whole.end() if whole else 0
    last = re.match(r"[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=", text[at:])
    if not text[at:] or (last and last.end() == len(text[at:])):
        return base64.b64decode(text)
    odd = re.search(r"[^A-Za-z0-9+/]", text[at:])
    raise _Failed(f"illegal base64 data at input byte {at + (last.end() if last else odd.start() if odd else 0)}")


def _start(command: list[str], options: dict[str, Any]) -> subprocess.Popen[bytes]:
    program = command[0]
    if "/" not in program and shutil.which(program) is None:
        raise _Failed(f'exec: "{program}": executable file not found in $PATH')
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=False, **options)
    except ValueError:  # a NUL in a word
        raise _Failed(f"fork/exec {program}: invalid argument") from None
    except OSError as error:
        path = program if "/" in program else shutil.which(program)
        raise _Failed(f"fork/exec {path}: {(error.strerror or str(error)).lower()}") from None


def _watch(
    process: subprocess.Popen[bytes], payload: bytes, limit: int | None, command: str
) -> tuple[bytes, str | None]:
    late = threading.Event()

    def kill() -> None:
        late.set()
        os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(max(0, limit) / 1e9, kill) if limit else None
    if timer:
        timer.start()
    output, _none = process.communicate(payload)
    if timer:
        timer.cancel()
    if late.is_set():
        shown = durations.show(limit or 0)
        output += f"shell: Job '{command}' execution time exceeding defined timeout {shown}. Job was killed".encode()
    code = process.returncode
    if code < 0:
        return output, f"signal: {signal.strsignal(-code) or -code}".lower()
    return output, f"exit status {code}" if code else None
