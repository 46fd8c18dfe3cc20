"""From a preview to what may be done: asks the guard with all that is known, and sorts the strays.

It reads what the watcher remembers and changes neither that nor anything outside. `guard` and `strays` decide.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from provider.job.limits import Limits as RunLimits
from provider.job.unkept import prints
from watcher import causes, guard
from watcher import unkept as fields
from watcher.allowance import Allowance
from watcher.dkron.connection import Connection
from watcher.dkron.look import Look
from watcher.dkron.strays import NONE, Strays, find, sort
from watcher.endings import Ended
from watcher.memory import Identity, Memory
from watcher.pulumi.changes import ChangeSet
from watcher.pulumi.engine import Modules
from watcher.settings import WatcherSettings
from watcher.status import Outcome


@dataclass(frozen=True, slots=True)
class Case:
    """What one cycle is judged by. `modules`: module -> its jobs, None where the program doesn't say."""

    memory: Memory
    here: Identity
    now: float
    config: Mapping[str, str] = field(default_factory=dict)
    modules: Modules | None = None
    revision: str = ""

    def with_modules(self, modules: Modules | None) -> "Case":
        return replace(self, modules=modules)

    @property
    def changed_keys(self) -> tuple[str, ...]:
        return causes.changed_keys(self.memory.config, self.config)

    def lost_modules(self) -> Modules:
        """The modules that declared jobs in the last good cycle and declare none now."""
        if self.modules is None:
            return {}
        before, now = self.memory.modules, self.modules
        return {module: jobs for module, jobs in before.items() if jobs and not now.get(module)}


def require_the_same_tag(connection: Connection, memory: Memory) -> None:
    """An owner tag that a stack once had is not replaced by the default in silence. Raises Ended."""
    before, now = memory.identity, connection.owner_tag
    if before is None or connection.said or before.owner_tag == now or before.mark != connection.probe.mark:
        return
    raise Ended(
        Outcome.REFUSED,
        f'ownerTag is set no longer: the last good cycle used "{before.owner_tag}", the default is "{now}"; '
        "set it again, or say that the default is meant with `pulumi config set ownerTag " + now + "`",
    )


def read(plan: ChangeSet, case: Case) -> ChangeSet:
    """The plan, where a hidden difference counts as drift only while no key of the config changed."""
    return plan.with_new_secrets() if case.changed_keys else plan


def strays(plan: ChangeSet, look: Look, case: Case) -> Strays:
    return sort(find(look.marked - look.held.keys(), plan), plan, case.memory, case.here, case.now)


def judge(
    plan: ChangeSet, case: Case, settings: WatcherSettings, allowance: Allowance, strays: Strays = NONE
) -> guard.Verdict:
    """The guard's verdict on a plan, with the strays deleted that may go, too."""
    memory, doomed = case.memory, strays.going(allowance.deletes is not None)
    proposal = guard.Proposal(
        deletes={*(plan.doomed & {*plan.deletes}), *doomed},
        existing=plan.existing,
        declared=len(plan.declared),
        replaced=len(plan.doomed - {*plan.deletes}),
        updates=plan.revised,
        recent_deletes=memory.recent(memory.deletions, case.now),
        recent_updates=memory.recent(memory.updates, case.now),
        lost=case.lost_modules(),
        asked=not strays.held_names.isdisjoint(doomed),
    )
    limits = guard.Limits(settings.max_deletes, settings.max_updates, allowance.deletes, allowance.updates)
    if doomed:
        proposal = replace(proposal, existing=len({*proposal.deletes} | plan.declared))
    return guard.judge(proposal, limits)


def run_limits(plan: ChangeSet, memory: Memory) -> RunLimits:
    """What the run may do: no more than was judged. It compares what the preview compared."""
    return RunLimits(deletes=plan.doomed, updates=plan.writes, unkept=fields.left_out(memory.unkept))


def unkept(plan: ChangeSet, memory: Memory, after: Look | None) -> fields.Unkept:
    """The fields that don't stay as written, after this cycle. `after`: the look after its writes, None for no look."""
    if after is None:
        return memory.unkept if plan.wanted else fields.note(memory.unkept, {}, {}, plan.declared)
    live = {name: prints(json.loads(after.prints[name])) for name in plan.wanted if name in after.prints}
    return fields.note(memory.unkept, plan.wanted, live, plan.declared)


def large_change(plan: ChangeSet, case: Case) -> str:
    """One line where more than half of the jobs are updated for another reason than drift, else ""."""
    return causes.large_change(len(plan.revised), plan.existing, case.changed_keys)
