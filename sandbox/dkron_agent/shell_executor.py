"""The shell executor: runs a job's command the way Dkron does.

Recorded: shell_executor.json, firing.json shell-*. Without `shell` a command ends at the first unquoted `;`, `&`, `|`,
`<` or `>`, and nothing is expanded. It does not watch memory: `mem_limit` is checked when a job is stored, and not
enforced.
"""

import base64
import binascii
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

from provider.schedule.moments import duration

# A word; behind it an unquoted ; & | < > ends the command, and any other character spoils it.
_WORD = re.compile(r"""(?:[^\s"'\\;&|<>`()$]|\$\([^)]*\)|\$|`[^`]*`|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+""", re.DOTALL)
_QUOTED = re.compile(r"""\\(.)|'([^']*)'|"((?:[^"\\]|\\.)*)\"""", re.DOTALL)
_TRUE = ("1", "t", "T", "TRUE", "true", "True")


class _Failed(Exception):
    """Why the execution failed."""


def execute(job: str, config: Mapping[str, str]) -> tuple[bytes, str | None]:
    """Called with the job's name and config; answers the output and why it failed, if it did."""
    try:
        process = _start(_arguments(config), _options(job, config))
        payload = _payload(config.get("payload", ""))
    except _Failed as error:
        return b"", str(error)
    with process:
        return _watch(process, payload, config)


def _arguments(config: Mapping[str, str]) -> list[str]:
    command = config.get("command", "")
    if config.get("shell") in _TRUE:
        return ["/bin/sh", "-c", command]
    words, rest = [], command.strip()
    while rest:
        match = _WORD.match(rest)
        if match is None:
            if rest[0] in "\"'`()\\":
                raise _Failed("invalid command line string")
            break
        words.append(_QUOTED.sub(_unquoted, match[0]))
        rest = rest[match.end() :].lstrip()
    if not words:
        raise _Failed("shell: Command missing")
    return words


def _unquoted(match: re.Match[str]) -> str:
    escaped, single, double = match.groups()
    return escaped or single or re.sub(r"\\(.)", r"\1", double or "", flags=re.DOTALL)


def _options(job: str, config: Mapping[str, str]) -> dict[str, Any]:
    pairs = [pair.partition("=") for pair in config.get("env", "").split(",") if "=" in pair]
    options: dict[str, Any] = {
        "env": {**os.environ, **{name: value for name, _equals, value in pairs}, "ENV_JOB_NAME": job},
        "cwd": config.get("cwd") or None,
        "process_group": 0 if config.get("timeout") or config.get("su") else None,
    }
    if config.get("su"):
        user, _colon, group = config["su"].partition(":")
        try:
            found = pwd.getpwnam(user)
            options |= {"user": found.pw_uid, "group": grp.getgrnam(group).gr_gid if group else found.pw_gid}
        except KeyError:
            raise _Failed(f"user: unknown user {config['su']}") from None
    return options


def _payload(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise _Failed(f"illegal base64 data: {error}") from None


def _start(command: list[str], options: dict[str, Any]) -> subprocess.Popen[bytes]:
    program, pipe = command[0], subprocess.PIPE
    if "/" not in program and shutil.which(program) is None:
        raise _Failed(f'exec: "{program}": executable file not found in $PATH')
    try:
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, **options)
    except ValueError:  # a NUL in a word
        raise _Failed(f"fork/exec {program}: invalid argument") from None
    except OSError as error:
        raise _Failed(f"fork/exec {program}: {(error.strerror or str(error)).lower()}") from None


def _watch(process: subprocess.Popen[bytes], payload: bytes, config: Mapping[str, str]) -> tuple[bytes, str | None]:
    late = threading.Event()

    def kill() -> None:
        late.set()
        os.killpg(process.pid, signal.SIGKILL)

    limit = duration(config.get("timeout") or "0") / 1e9
    timer = threading.Timer(max(0, limit), kill)
    if limit:
        timer.start()
    output, _none = process.communicate(payload)
    timer.cancel()
    if late.is_set():
        what = f"Job '{config['command']}' execution time exceeding defined timeout {config['timeout']}"
        output += f"shell: {what}. Job was killed".encode()
    code = process.returncode
    if code < 0:
        return output, f"signal: {signal.strsignal(-code) or -code}".lower()
    return output, f"exit status {code}" if code else None
