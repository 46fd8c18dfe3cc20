"""Verdicts on executors and tags, held against what the real Dkron 4.0.9 did with them, case by case.

Each case was posted and run once. "refused" and a code say what the check makes of it; an empty list is silence.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from provider.job.advise import advise
from provider.job.tags import cluster_advice, how_many_run
from provider.job.validation import check_job

DATA = Path(__file__).parents[1] / "data" / "dkron-4.0.9"
REFUSED = ("refused",)
SILENT = ()

# Long commands are cut short in the recording. Many words are fewer here: more than one argument may hold are enough.
LONG = {"l-long": "echo " + "x" * 140_000, "l-long-many": "echo " + "x " * 70_000}

SHELL: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(["c-pipe", "c-and", "c-amp", "c-redirect", "c-in", "c-subshell"], REFUSED),
    **dict.fromkeys(["c-unclosed", "c-unclosed-single", "c-empty", "c-nocommand", "l-long"], REFUSED),
    **dict.fromkeys(["c-pipe-shell", "c-quoted-pipe", "c-escaped-pipe", "c-paren-quoted", "l-long-many"], SILENT),
    "c-dollar": ("shell-substitution",),
    "c-backtick": ("shell-substitution",),
    "c-var": ("shell-variable",),
    "c-glob": ("shell-glob",),
    "c-tilde": ("shell-tilde",),
    "c-backslash": ("shell-backslash",),
    "c-hash": ("shell-comment",),
    "c-assign": ("shell-assignment",),
    **dict.fromkeys(["e-comma", "e-blankname", "e-noeq", "e-space"], REFUSED),
    "e-quote": ("shell-env-quotes",),
    **dict.fromkeys(["t-word", "t-zero", "t-minus", "t-url"], REFUSED),
    # Whether a node carries a tag is not known without the cluster.
    **dict.fromkeys(["t-good", "t-none", "t-plain"], SILENT),
    "x-shellexe": ("windows-executor",),
    "x-unknown": ("unknown-executor",),
    "m-two": ("owner-email",),
    **dict.fromkeys(["s-timeoutneg", "s-payload-bad"], REFUSED),
    # Which users there are, and how a command ends, is not known either.
    **dict.fromkeys(["s-timeout0", "s-su-none", "s-exit3"], SILENT),
}

HTTP: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(["h-lower", "h-mixed", "h-emptymethod", "h-badmethod"], REFUSED),
    **dict.fromkeys(["h-blank-name", "h-name-blank", "h-leading", "h-url-noscheme", "h-url-ftp"], REFUSED),
    **dict.fromkeys(["h-timeout-1s", "h-timeout-float", "h-tls"], REFUSED),
    **dict.fromkeys(["h-plain", "h-nospace", "h-unicode", "h-body-plain", "h-body-newline", "h-body-empty"], SILENT),
    **dict.fromkeys(["h-url-space", "h-url-upper", "h-url-unicode", "h-post-nobody", "h-timeout-0"], SILENT),
    **dict.fromkeys(["h-code-many", "h-code-space", "h-code-none500", "h-code-empty"], SILENT),
    "h-host": ("http-header-ignored",),
    "h-twice-case": ("http-header-repeated",),
    "h-chunked": (
        "http-header-ignored",
        "http-header-ignored",
        "http-no-content-type",
    ),
    "h-body-slashes": ("http-expect-body",),
    "h-body-backref": ("http-expect-body",),
    "h-body-anchored": ("http-body-end",),
    "h-code-range": ("http-expect-code",),
    "h-url-frag": ("http-fragment",),
    "h-post-noct": ("http-no-content-type",),
    "h-debug": ("http-debug",),
}


def cases(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((DATA / name).read_text(encoding="utf-8"))["cases"]
    return found


def verdict(job: dict[str, Any]) -> tuple[str, ...]:
    job = {**job, "metadata": {"managed_by": "us"}}
    return REFUSED if check_job(job) else tuple(found.code for found in advise(job))


SHELL_CASES = {case["job"]["name"]: case for case in cases("shell_executor.json")}
HTTP_CASES = {case["job"]["name"]: case for case in cases("http_executor.json")}
RUNS = [case for case in cases("nodes.json") if "tags" in case]
NODES = [{"dc": "dc1", "role": "dkron", "zone": f"z{number}"} for number in range(3)]


def test_every_recorded_case_has_a_verdict() -> None:
    assert SHELL.keys() == SHELL_CASES.keys()
    assert HTTP.keys() == HTTP_CASES.keys()


@pytest.mark.parametrize("name", SHELL_CASES)
def test_a_shell_job_is_judged_as_it_ran(name: str) -> None:
    job = SHELL_CASES[name]["job"]
    if name in LONG:
        job = {**job, "executor_config": {"command": LONG[name]}}
    assert verdict(job) == SHELL[name]


@pytest.mark.parametrize("name", HTTP_CASES)
def test_an_http_job_is_judged_as_it_ran(name: str) -> None:
    job = HTTP_CASES[name]["job"]
    wanted = HTTP[name]
    if wanted != REFUSED and not job["executor_config"].get("expectCode"):
        wanted = tuple(sorted((*wanted, "http-no-expect-code")))
    assert tuple(sorted(verdict(job))) == wanted


@pytest.mark.parametrize("case", RUNS, ids=lambda case: str(case["tags"]))
def test_tags_are_judged_by_the_nodes_that_ran_the_job(case: dict[str, Any]) -> None:
    tags = case["tags"] or {}
    job = {
        "name": "a",
        "schedule": "@daily",
        "tags": tags,
        "executor": "http",
        "executor_config": {
            "url": "http://h/",
            "method": "GET",
            "expectCode": "200",
        },
    }
    assert how_many_run(tags, NODES) == case["requests"]
    # What can run nowhere is refused, and nothing else; here no case names a tag that only the cluster can know.
    assert verdict(job) == (REFUSED if case["requests"] == 0 else SILENT)
    wanted = {0: ["no-such-node"]}.get(case["requests"], [] if tags else ["untagged-http"])
    assert [found.code for found in cluster_advice([job], NODES)] == wanted
