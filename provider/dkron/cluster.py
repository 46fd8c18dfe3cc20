"""Are the servers of one cluster, and is everything really gone? Decides from what each of them says. Pure.

A fresh or cut-off server lists nothing, with 200. Then everything would be created anew, or the state emptied. So "all
gone" is believed of the leader's own node, or of two servers of one cluster, and of nobody while a server lists some.
A server that has just started answers with no or few jobs for seconds (recorded: cluster.json, restart.json): a list
that lost more than a few at once is believed only if a second look, after a pause, agrees. Provider, watcher and
commands go by that one rule.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ..text import one_line

FEW: Final = 2  # this many missing jobs are still believed, or asked for one by one
SECOND_LOOK_AFTER_S: Final = 2.0


def lost_many(expected: Iterable[str], seen: Iterable[str]) -> bool:
    """Whether so many of the expected jobs are missing that the list must be taken a second time."""
    return len(set(expected) - set(seen)) > FEW


@dataclass(frozen=True, slots=True)
class Word:
    """What one server says: whether it leads, and whether it lists any job of ours."""

    url: str
    leads: bool
    lists_ours: bool


def apart(leaders: Mapping[str, str], members: Mapping[str, Collection[str]]) -> str:
    """Why the servers are of different clusters, "" if they seem to be of one.

    `leaders`: address -> the leader that it names; `members`: address -> the members that it knows.
    """
    if len(set(leaders.values())) > 1:
        return ", ".join(f"{url} follows {one_line(leader)}" for url, leader in leaders.items())
    known = [(url, set(names)) for url, names in members.items() if names]
    for url, names in known[1:]:
        if names.isdisjoint(known[0][1]):
            return f"{url} and {known[0][0]} have no member in common"
    return ""


def is_all_gone(words: Sequence[Word]) -> bool:
    """Whether it is to be believed that none of our jobs is left. The servers are of one cluster."""
    if any(word.lists_ours for word in words):
        return False
    return len(words) > 1 or any(word.leads for word in words)


def doubt(words: Sequence[Word], leader: str) -> str:
    """Why it is not believed, in one line with the way out."""
    there = [word.url for word in words if word.lists_ours]
    if there:
        return f"a server listed none of our jobs, but {', '.join(there)} lists some, so nothing was changed; try again"
    asked = ", ".join(word.url for word in words) or "Dkron"
    return (
        f'{asked} lists none of our jobs and is not the leader "{one_line(leader)}", so nothing was changed: '
        "name another server of the cluster in dkronUrl as well"
    )
