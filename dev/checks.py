"""`python -m dev.checks lint unit e2e`: every check that can run here; what was skipped, and why, is said last.

`changed` is the unit tests of what differs from main, `plain` all of them without coverage, for another Python.

Each part runs even if one before it failed. The last line is "N passed, N failed, N skipped" for all tests together.
"""

import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from dev.say import ROOT
from dev.tools import on_path

BIN = Path(sys.executable).parent
SOURCES = ["__main__.py", "provider", "jobs", "commands", "watcher", "sandbox", "dev", "bench", "tests"]
CORES = os.cpu_count() or 1
MOST_SECOND_TRIES = 10  # more failures than that are no accident


@dataclass
class Tally:
    """What happened so far."""

    failed_checks: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    pairs: Counter[str] = field(default_factory=Counter)
    failed_tests: list[str] = field(default_factory=list)
    unstable: list[str] = field(default_factory=list)
    in_ci: bool = False


def run(tally: Tally, name: str, command: Sequence[str | Path]) -> None:
    """Runs one check, its output shown."""
    sys.stdout.write(f"== {name}\n")
    sys.stdout.flush()
    done = subprocess.run([str(c) for c in command], cwd=ROOT, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        tally.failed_checks.append(name)


def lint(tally: Tally) -> None:
    """ruff, mypy --strict, import-linter; for texts codespell and pymarkdown. At once, and shown in this order."""
    documents = [*ROOT.glob("*.md"), *ROOT.glob("*/*.md")]
    commands: dict[str, list[str | Path]] = {
        "ruff check": [BIN / "ruff", "check", *SOURCES],
        "ruff format": [BIN / "ruff", "format", "--check", *SOURCES],
        "mypy": [BIN / "mypy", *SOURCES],
        "import-linter": [BIN / "lint-imports"],
        "codespell": [BIN / "codespell", *SOURCES, *documents],
        "pymarkdown": [BIN / "pymarkdown", "scan", *documents],
    }
    with ThreadPoolExecutor() as pool:
        for name, done in zip(commands, pool.map(captured, commands.values()), strict=True):
            sys.stdout.write(f"== {name}\n{done.stdout}")
            sys.stdout.flush()
            if done.returncode != 0:
                tally.failed_checks.append(name)


def captured(command: Sequence[str | Path]) -> "subprocess.CompletedProcess[str]":
    """A command that has ended; what it wrote, errors too, in the order in which it wrote it."""
    silent, read, both = subprocess.DEVNULL, subprocess.PIPE, subprocess.STDOUT
    return subprocess.run(command, cwd=ROOT, check=False, stdin=silent, stdout=read, stderr=both, text=True)


def pytest(tally: Tally, name: str, arguments: Sequence[str], workers: int = CORES + 1) -> None:
    """Runs pytest and adds what it reports to the tally. One worker more than cores, for tests often wait."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        spread = ["-n", str(workers), "--dist=worksteal"]
        command: list[str | Path] = [BIN / "python", "-m", "pytest", *spread, f"--junitxml={report}", *arguments]
        run(tally, name, command)
        if report.is_file():
            read_report(tally, report)


def read_report(tally: Tally, report: Path) -> None:
    """Counts the cases of a JUnit report by outcome, the skipped by reason, the end-to-end ones by pair."""
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - pytest has just written it
        skipped = case.find("skipped")
        failed = case.find("failure") is not None or case.find("error") is not None
        outcome = "failed" if failed else "passed" if skipped is None else "skipped"
        tally.counts[outcome] += 1
        if failed:
            tally.failed_tests.append(case.get("name") or "?")
        if skipped is not None:
            tally.skipped[skipped.get("message") or "no reason given"] += 1
        elif pair := re.search(r"\b(real|sandbox)\+(real|sandbox)\b", case.get("name") or ""):
            tally.pairs[pair[0]] += 1


def unit(tally: Tally) -> None:
    """All tests that need neither a pulumi CLI nor a dkron server, and the coverage of the pure modules."""
    pytest(tally, "unit tests", ["-m", "not e2e", "--cov", "--cov-report="])
    report = ["report", "--show-missing", "--skip-covered", "--fail-under=100"]
    run(tally, "coverage of the pure modules", [BIN / "coverage", *report])


def plain(tally: Tally) -> None:
    """The same tests without coverage: whether they pass on another Python.

    Not the slow ones, nor the sandbox's, whose programs run on the Python of .venv wherever they are started from.
    """
    pytest(tally, "unit tests", ["-m", "not e2e and not slow", "--ignore=tests/sandbox"])


def changed(tally: Tally) -> None:
    """The unit tests of the files that differ from main, or from the last commit on main itself."""
    chosen = tests_of(changed_files())
    if chosen:
        pytest(tally, f"unit tests in {' '.join(chosen)}", ["-m", "not e2e and not slow", *chosen])


def changed_files() -> list[str]:
    """Paths of files that git finds changed, new or deleted since this branch left main."""

    def git(*arguments: str) -> list[str]:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.splitlines()

    base = git("merge-base", "HEAD", "main") or git("merge-base", "HEAD", "origin/main") or ["HEAD"]
    return git("diff", "--name-only", base[0]) + git("ls-files", "--others", "--exclude-standard")


def tests_of(files: Sequence[str]) -> list[str]:
    """Where the tests of these files are: tests mirror paths, the nearest that exists count; or those of documents."""
    found: set[str] = set()
    for file in map(Path, files):
        if file.suffix != ".py":
            found |= {"tests/test_documents.py", "tests/test_container_files.py", "tests/test_requirements.py"}
        elif file.parts[0] == "tests":
            found |= {str(file)} if file.name.startswith("test_") else set()
        else:
            folder = Path("tests") / file.parent
            named = sorted((ROOT / folder).glob(f"test_{file.stem.strip('_')}*.py"))
            found |= {str(path.relative_to(ROOT)) for path in named} or {str(folder)}
    return sorted(path for path in found if (ROOT / path).exists() and path != "tests")


def e2e(tally: Tally) -> None:
    """The end-to-end tests, on every pair of engine and server that is here, the longest first.

    Tests that fail are run once more, alone on the machine, so that the summary can tell the unstable ones from the
    broken. On a person's machine an unstable one counts as passed; where CI is set, the run has failed all the same.
    """
    first = Tally()
    workers = CORES if on_path("pulumi") else CORES + 1  # the real engine keeps more than one core busy by itself
    pytest(first, "end-to-end tests", ["-m", "e2e", "--timeout=600", "--durations=20"], workers)
    tally.counts, tally.skipped, tally.pairs = (
        tally.counts + first.counts,
        tally.skipped + first.skipped,
        tally.pairs + first.pairs,
    )
    failed = first.counts["failed"]
    if failed and failed <= MOST_SECOND_TRIES:
        again = Tally()
        pytest(again, "end-to-end tests that failed, once more", ["-m", "e2e", "--timeout=600", "--last-failed"], 0)
        broken = set(again.failed_tests)
        tally.unstable.extend(name for name in first.failed_tests if name not in broken)
        if not again.failed_checks and again.counts["passed"] >= failed and not tally.in_ci:
            tally.counts["failed"] -= failed
            tally.counts["passed"] += failed
            return
    tally.failed_checks.extend(first.failed_checks)


def close(tally: Tally) -> int:
    """Says what ran and what didn't; the exit code."""
    lines = ["", "== summary"]
    lines += [f"real {tool}: {on_path(tool) or 'not on PATH, so nothing ran on it'}" for tool in ("pulumi", "dkron")]
    lines += [f"end-to-end pair {pair} (pulumi+dkron): {count} tests" for pair, count in sorted(tally.pairs.items())]
    lines += [f"skipped {count}: {reason}" for reason, count in sorted(tally.skipped.items())]
    lines += [f"UNSTABLE, failed at first and passed at its second try: {name}" for name in tally.unstable]
    lines += [f"FAILED: {name}" for name in tally.failed_checks]
    counts = tally.counts
    lines.append(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if tally.failed_checks else 0


def main(parts: Sequence[str]) -> int:
    """Runs the named parts. Exit code 0 only if all of them passed."""
    known = {"lint": lint, "unit": unit, "plain": plain, "changed": changed, "e2e": e2e}
    if not parts or any(part not in known for part in parts):
        sys.stderr.write(f"usage: python -m dev.checks {' '.join(f'[{name}]' for name in known)}\n")
        return 2
    os.environ.pop("SANDBOX", None)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # tests start the same programs hundreds of times
    tally = Tally(in_ci=bool(os.environ.pop("CI", "")))  # no program that a test starts shall see it
    for part in parts:
        known[part](tally)
    return close(tally)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
