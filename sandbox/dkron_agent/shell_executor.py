"""The shell executor: runs a job's command the way Dkron does.

Recorded: shell_executor.json, firing.json shell-*. Without `shell` a command ends at the first unquoted `;`, `&`, `|`,
`<` or `>`, and nothing is expanded. `mem_limit` is checked when a job is stored, and not enforced.
"""

import base64
import os
import signal
import subprocess
from collections.abc import Mapping

from provider.job.config import TRUE
from provider.job.shell_words import split
from provider.schedule.moments import duration


def execute(job: str, config: Mapping[str, str]) -> tuple[bytes, str | None]:
    """Called with the job's name and config; answers the output and why it failed, if it did."""
    try:
        payload = base64.b64decode(config.get("payload", ""), validate=True)
        command = _arguments(config.get("command", ""), shell=config.get("shell") in TRUE)
        process = _start(command, job, config)
    except (ValueError, KeyError, OSError) as error:  # no base64, no words, a NUL in one; an unknown user; no program
        return b"", str(error)
    with process:
        return _watch(process, payload, config)


def _arguments(command: str, *, shell: bool) -> list[str]:
    if shell:
        return ["/bin/sh", "-c", command]
    found = split(command)
    if found.problem or not found.words:
        raise ValueError("invalid command line string, or none")
    return [word.text for word in found.words]


def _start(command: list[str], job: str, config: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Raises OSError, ValueError, or KeyError for an unknown user or group."""
    added = dict(pair.split("=", 1) for pair in config.get("env", "").split(",") if "=" in pair)
    user, _colon, group = config.get("su", "").partition(":")
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **added, "ENV_JOB_NAME": job},
        cwd=config.get("cwd") or None,
        user=user or None,
        group=group or None,
        process_group=0,
    )


def _watch(process: subprocess.Popen[bytes], payload: bytes, config: Mapping[str, str]) -> tuple[bytes, str | None]:
    limit = duration(config.get("timeout") or "0") / 1e9
    try:
        output, _none = process.communicate(payload, max(0, limit) if limit else None)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _none = process.communicate()
        what = f"Job '{config['command']}' execution time exceeding defined timeout {config['timeout']}"
        output += f"shell: {what}. Job was killed".encode()
    code = process.returncode
    if code < 0:
        return output, f"signal: {signal.strsignal(-code) or -code}".lower()
    return output, f"exit status {code}" if code else None
