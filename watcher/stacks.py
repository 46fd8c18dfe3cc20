"""Several stacks in one watcher: what is told of each, under one address. One stack is told as if there were no other.

It holds no cycle and decides nothing about jobs: `loop.run` drives the stacks, one after the other.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from provider.errors import SettingsError
from watcher.metrics import Together
from watcher.settings import WatcherSettings
from watcher.web.server import Answer, Request, Route, scraped

FOLDER: Final = "/stack"
Routes = Mapping[str, Route]


def each(chosen: WatcherSettings) -> list[WatcherSettings]:
    """The settings of each stack."""
    return [replace(chosen, stack=stack) for stack in chosen.stacks or (chosen.stack,)]


def problems_of(stack: str, error: SettingsError, several: bool) -> list[str]:
    """What one stack lacks, with its name where there are several."""
    return [f"stack {stack}: {problem}" if several else problem for problem in error.problems]


def base_of(base: str, stack: str) -> str:
    """The path of a stack's page, where there are several."""
    return f"{base}{FOLDER}/{stack.rpartition('/')[2]}"


def pages_of(by_stack: Mapping[str, Routes]) -> dict[str, Route]:
    """Every stack's pages below its own path; the first one's, too, where a single stack's would be."""
    if not by_stack:
        return {}
    found = dict(next(iter(by_stack.values())))
    if len(by_stack) > 1:
        for stack, pages in by_stack.items():
            found |= {f"{base_of('', stack)}{path}": page for path, page in pages.items()}
    return found


def routes_of(by_stack: Mapping[str, Routes], together: Together) -> dict[str, Route]:
    """/healthz and /readyz are red where one stack's is, with a line for each; /metrics has all series."""
    if len(by_stack) == 1:
        return dict(next(iter(by_stack.values())))

    def all_of(path: str) -> Answer:
        answers = {stack: routes[path](Request()) for stack, routes in by_stack.items()}
        lines = [f"{stack}: {answer.body.decode()}" for stack, answer in answers.items()]
        return Answer(max(answer.status for answer in answers.values()), "".join(lines).encode())

    return {
        "/healthz": lambda _request: all_of("/healthz"),
        "/readyz": lambda _request: all_of("/readyz"),
        "/metrics": partial(scraped, together),
    }


def worst(codes: Iterable[int]) -> int:
    """The exit code of several: that of the first which is not well."""
    return next((code for code in codes if code), 0)


def tabs_of(base: str, stacks: Sequence[str]) -> dict[str, str]:
    """The address of each stack's page, nothing where there is one."""
    return {stack: f"{base_of(base, stack)}/" for stack in stacks} if len(stacks) > 1 else {}
