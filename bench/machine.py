"""Where and when it was measured: the machine, the versions, the commit. No name of a host or a person."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from dev.say import ROOT


def _first(path: str, key: str) -> str:
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")


def machine() -> dict[str, Any]:
    """CPU model, cores, memory in MiB, kernel, Python."""
    memory = _first("/proc/meminfo", "MemTotal").split()
    return {
        "cpu": _first("/proc/cpuinfo", "model name") or platform.processor() or platform.machine() or "unknown",
        "cores": os.cpu_count(),
        "memory_mib": int(memory[0]) // 1024 if memory else None,
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def commit() -> dict[str, Any]:
    """What is measured: the commit, and whether there were changes besides."""
    found = _git("rev-parse", "HEAD")
    return {"commit": found or "unknown", "changed_since": bool(_git("status", "--porcelain", "--untracked-files=no"))}


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def surroundings(now: datetime) -> dict[str, Any]:
    """All of it, for the report."""
    libraries = {name: metadata.version(name) for name in ("pulumi", "requests")}
    return {
        "date": now.astimezone(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        **commit(),
        "sdk": libraries,
    }
