"""`tags`: which nodes run a job. What Dkron makes of them, in verdicts, in words and in numbers.

A tag is `value` (every node that carries it) or `value:count` (so many of them at most); all must match, and the lowest
count holds for all. No tags at all means every node. What nodes there are is for the caller to know. Pure.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from ..advice import Advice
from ..text import one_line
from .spec import UNKNOWN, JobSpec

# Says "every node" on purpose: equal to no tags, but no default takes its place.
ALL_NODES: Final[Mapping[str, str]] = MappingProxyType({})
ROLE: Final = "dkron"  # of every node, whatever --tag says
_COUNT = re.compile(r"[+-]?[0-9]+", re.ASCII)
_UNNAMED: Final = ("dc", "role")  # the values of these say enough by themselves


def _parts(value: str) -> tuple[str, int | None]:
    """The value that a node must carry, and the count, None for all; a count that Dkron can't read is 0."""
    wanted, *counts = value.split(":")
    if len(counts) != 1:
        return wanted, None
    return wanted, int(counts[0]) if _COUNT.fullmatch(counts[0]) and len(counts[0]) < 19 else 0


def tag_problems(tags: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Tags with which a job runs nowhere, and nobody is told: (property, reason)."""
    for name, value in tags.items():
        if value == UNKNOWN:
            continue
        wanted, count = _parts(value)
        shown, path = one_line(value), f"tags.{one_line(name)}"
        if value.count(":") > 1:
            yield path, f'"{shown}" has more than one colon, so Dkron looks for nodes that carry "{one_line(wanted)}"'
        elif count is not None and count <= 0:
            yield (
                path,
                f'"{shown}": behind the colon stands how many nodes, such as "{one_line(wanted)}:1"; it runs nowhere',
            )
        elif name == "role" and wanted != ROLE:
            yield path, f'"{shown}" runs nowhere: the role of every node is "{ROLE}", whatever its --tag says'


def tag_advice(tags: Mapping[str, str]) -> Iterator[Advice]:
    """What is likely to be a mistake."""
    for name, value in tags.items():
        if value != UNKNOWN and not _parts(value)[0]:
            yield Advice("tag-empty", f"tags.{one_line(name)} is empty, and only a node with an empty tag matches it")


def with_default(spec: JobSpec, default: Mapping[str, str]) -> JobSpec:
    """The declaration with the stack's default tags, if it says nothing of its own about nodes."""
    if not default or spec.tags or spec.tags is ALL_NODES:
        return spec
    return replace(spec, tags=default)


def parse_tags(text: str) -> dict[str, str]:
    """The tags in a text such as `dc=dc1:1,zone=z2`. Raises ValueError, one line, where it can't be read."""
    tags: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not name or not value:
            raise ValueError(f'must look like dc=dc1:1, not "{one_line(part)}"')
        if name in tags:
            raise ValueError(f'names "{one_line(name)}" twice')
        tags[name] = value
    for path, reason in tag_problems(tags):
        raise ValueError(f"{path}: {reason}")
    return tags


def where_it_runs(tags: Mapping[str, str]) -> str:
    """In words: "every node", "one node of dc1", "one node that is dc1 and zone z2", "2 nodes of dc1"."""
    counts = []
    names = []
    for name, value in tags.items():
        if value == UNKNOWN:
            names.append(f"{name} (not known yet)")
            continue
        wanted, count = _parts(value)
        if count is not None:
            counts.append(count)
        if (name, wanted) != ("role", ROLE):
            names.append(wanted if name in _UNNAMED else f"{name} {wanted}")
    if counts and min(counts) <= 0:
        return "no node"
    how_many = "every node" if not counts else "one node" if min(counts) == 1 else f"{min(counts)} nodes"
    if not names:
        return how_many
    return one_line(f"{how_many} of {names[0]}" if len(names) == 1 else f"{how_many} that is {' and '.join(names)}")


def how_many_run(tags: Mapping[str, str], nodes: Iterable[Mapping[str, str]]) -> int:
    """How many of these nodes (the tags of each live node of one region) run a job, as Dkron chooses them."""
    parts = {name: _parts(value) for name, value in tags.items()}
    matching = sum(all(node.get(name) == wanted for name, (wanted, _) in parts.items()) for node in nodes)
    counts = [count for _, count in parts.values() if count is not None]
    return max(0, min([matching, *counts]))


def accepted_codes(accept: Collection[str], tags: object) -> frozenset[str]:
    """The codes that a declaration accepts; one that says "every node" means it."""
    codes = [accept] if isinstance(accept, str) else accept
    return frozenset(codes) | ({"untagged-http"} if tags is ALL_NODES else frozenset())


def asks_for_nodes(job: Mapping[str, Any]) -> bool:
    """Whether it takes the cluster's nodes to judge where a job (inputs or Dkron's JSON) runs."""
    return not job.get("disabled") and bool(job.get("tags") or job.get("executor") == "http")


def cluster_advice(
    jobs: Iterable[Mapping[str, Any]],
    nodes: Sequence[Mapping[str, str]],
    accepted: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> list[Advice]:
    """What the nodes that are there now make of these jobs (inputs or Dkron's JSON): one line for all untagged http
    jobs together, and one for those of each choice of nodes that none matches. `accepted`: job -> codes."""
    asking = {str(job.get("name")): job.get("tags") or {} for job in jobs if asks_for_nodes(job)}

    def names(code: str) -> list[str]:
        return [name for name in asking if code not in accepted.get(name, ())]

    untagged = sum(not asking[name] for name in names("untagged-http"))
    nowhere: dict[str, list[str]] = {}
    for name in names("no-such-node"):
        tags = asking[name]
        if isinstance(tags, Mapping) and UNKNOWN not in tags.values() and not how_many_run(tags, nodes):
            nowhere.setdefault(where_it_runs(tags), []).append(one_line(name))
    found = []
    if untagged and len(nodes) > 1:
        what = "http job without tags: it runs" if untagged == 1 else "http jobs without tags: each runs"
        found.append(Advice("untagged-http", f"{len(nodes)} nodes, and {untagged} {what} {len(nodes)} times"))
    for where, jobs_there in nowhere.items() if nodes else ():
        more = f" and {len(jobs_there) - 1} more are" if len(jobs_there) > 1 else " is"
        text = f'job "{jobs_there[0]}"{more} to run on {where}, and no node that is there matches'
        found.append(Advice("no-such-node", text))
    return found
