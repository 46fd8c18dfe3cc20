"""Strays: jobs that carry our owner tag and are in no state and no program. Found purely, deleted one by one.

Each is looked at again before it goes: only a job that still carries our tag is deleted. Children go before parents,
because Dkron deletes no job that has children.
"""

from collections.abc import Iterable

from provider.dkron.client import DkronClient
from provider.errors import DkronError
from provider.job import ownership
from watcher.pulumi.output import ChangeSet, Failure


def find(managed: Iterable[str], plan: ChangeSet) -> tuple[str, ...]:
    """The strays among the managed jobs. A job that the plan deletes is in the state, so it is none."""
    return tuple(sorted(set(managed) - plan.declared - set(plan.deletes)))


def delete(client: DkronClient, owner_tag: str, names: Iterable[str]) -> tuple[list[str], list[Failure]]:
    """Deletes them: (deleted, failures)."""
    left, deleted = list(names), []
    failures: dict[str, Failure] = {}
    while left:
        failures = {}
        for name in left:
            try:
                job = client.get_job(name)
                if job is not None and ownership.is_ours(job, owner_tag) and client.delete_job(name):
                    deleted.append(name)
            except DkronError as error:
                failures[name] = Failure(name, f"stray not deleted: {error}")
        if len(failures) == len(left):
            break
        left = list(failures)
    return deleted, list(failures.values())
