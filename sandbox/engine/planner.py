"""Turns one registration of the program into steps, as the real engine's step generator does.

Check, then Diff, then: create, same, update, or one of the two replacements. Called under the run's lock, so that
registrations are decided one after the other while their steps run side by side.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .errors import Bail, CliError
from .events import Step
from .executor import Executor
from .provider import Diff, Dynamic, ProviderError
from .run import Run
from .state import ROOT_TYPE, Resource
from .values import UNKNOWN, Properties, plain


@dataclass(frozen=True)
class Goal:
    """What the program asked for. None means "not said"."""

    type: str
    name: str
    custom: bool
    inputs: Properties
    parent: str = ""
    dependencies: list[str] = field(default_factory=list)
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    protect: bool | None = None
    retain_on_delete: bool | None = None
    delete_before_replace: bool | None = None
    ignore_changes: list[str] = field(default_factory=list)
    additional_secret_outputs: list[str] = field(default_factory=list)
    custom_timeouts: dict[str, float] = field(default_factory=dict)
    source_position: str = ""
    stack_trace: list[dict[str, str]] = field(default_factory=list)


class Planner:
    """Decides; remembers which URNs were seen, which were acted on and which were deleted on the way."""

    def __init__(self, run: Run, executor: Executor) -> None:
        self._run, self._executor = run, executor
        self.olds = {item.urn: item for item in run.recorder.base.resources if not item.delete}
        self.seen: set[str] = set()
        self.operated: set[str] = set()
        self.deleted: set[str] = set()  # before their replacement, because what they depend on is replaced
        self.provider: Resource | None = None  # as registered in this run

    def urn(self, goal_type: str, name: str, parent: str) -> str:
        kind = goal_type
        if parent and parent.split("::")[2] != ROOT_TYPE:
            kind = f"{parent.split('::')[2]}${goal_type}"
        return f"urn:pulumi:{self._run.stack}::{self._run.project.name}::{kind}::{name}"

    def prepare(self, goal: Goal) -> tuple[Resource | None, Resource]:
        """The old state, if any, and the new one before the provider saw it."""
        urn = self.urn(goal.type, goal.name, goal.parent)
        if urn in self.seen:
            raise CliError(f"Duplicate resource URN '{urn}'; try giving it a unique name")
        self.seen.add(urn)
        old = self.olds.get(urn)
        new = Resource(
            urn=urn,
            type=goal.type,
            custom=goal.custom,
            inputs=goal.inputs,
            parent=goal.parent,
            protect=bool(goal.protect),
            retain_on_delete=bool(goal.retain_on_delete),
            dependencies=goal.dependencies,
            property_dependencies=goal.property_dependencies,
            provider=self.provider_reference() if goal.custom else "",
            additional_secret_outputs=goal.additional_secret_outputs,
            custom_timeouts=goal.custom_timeouts,
            created=old.created if old else "",
            modified=old.modified if old else "",
            source_position=goal.source_position,
            stack_trace=goal.stack_trace,
            ignore_changes=goal.ignore_changes,
        )
        return old, new

    def provider_reference(self) -> str:
        """The default provider's URN::ID; it is registered with the first resource that needs it."""
        if not self.provider:
            new = self._run.default_provider()
            self.seen.add(new.urn)
            self.operated.add(new.urn)
            self._register_provider(self.olds.get(new.urn), new)
            self.provider = new
        return f"{self.provider.urn}::{self.provider.id}"

    def _register_provider(self, old: Resource | None, new: Resource) -> None:
        providers = self._run.providers
        if old is None:
            process = providers.spawn()
            process.check_config(new, {}, compare=False)
            self._executor.execute(Step("create", None, new))
            providers.configure(process, new)
            return
        new.id, new.created, new.modified = old.id, old.created, old.modified
        running = providers.known(f"{old.urn}::{old.id}")
        process = running or providers.spawn()
        process.check_config(new, old.inputs, compare=True)
        changed = old.inputs != new.inputs
        self._executor.execute(Step("update" if changed else "same", old, new))
        if changed or not running:
            providers.configure(providers.spawn() if changed and running else process, new)

    def plan(self, goal: Goal, old: Resource | None, new: Resource) -> list[Step]:
        """The steps, in order. Raises Bail when the declaration is wrong or may not be carried out."""
        recreating = new.urn in self.deleted
        provider = self._run.providers.get(new.provider) if goal.custom else None
        if old:
            new.inputs = keep_ignored(goal.inputs, old.inputs, goal.ignore_changes)
        if provider:
            fresh = recreating or old is None or old.external
            self._check(provider, new, {} if fresh or not old else old.inputs, goal.inputs if fresh else new.inputs)
        self.operated.add(new.urn)
        if recreating:
            self.deleted.discard(new.urn)
            return [Step("replace", old, new), Step("create-replacement", old, new, logical=False)]
        if old is None:
            return [Step("create", None, new)]
        if old.external:
            return [
                Step("create-replacement", old, new, logical=False, pends=True),
                Step("replace", old, new),
            ]
        return self._compare(goal, old, new, provider)

    def _check(self, provider: Dynamic, new: Resource, olds: Properties, news: Properties) -> None:
        try:
            checked = provider.check(new, olds, news)
        except ProviderError as error:
            self._run.events.diagnostic("error", str(error), new.urn)
            raise Bail from None
        new.inputs = checked.inputs
        for key, reason in checked.failures:
            what = f"{new.type} resource '{new.name}'"
            if key:
                shown = plain(new.inputs.get(key), "[secret]")
                what += f": property {key} value {{{shown}}}"
            text = f"{what} has a problem: {reason}"
            self._run.events.diagnostic("error", text, new.urn)
        if checked.failures:
            raise Bail

    def _compare(self, goal: Goal, old: Resource, new: Resource, provider: Dynamic | None) -> list[Step]:
        diff = Diff(old.inputs != new.inputs)
        if provider:
            diff = self.diff(provider, old, new, old.inputs)
        if not diff.changed and not old.pending_replacement:
            return [Step("update" if old.init_errors else "same", old, new)]
        if not diff.replaces and not old.pending_replacement:
            return [Step("update", old, new, diffs=diff.keys)]
        if old.protect and new.protect:
            self._refuse_replacement(new)
        if provider:
            self._check(provider, new, {}, goal.inputs)
        first = diff.delete_before_replace if goal.delete_before_replace is None else goal.delete_before_replace
        replacing = Step("replace", old, new, keys=diff.replaces, diffs=diff.keys)
        creating = Step("create-replacement", old, new, logical=False, keys=diff.replaces, diffs=diff.keys)
        if not first:
            creating.pends = True
            return [creating, replacing]
        deleting = [] if old.pending_replacement else [Step("delete-replaced", old, None, logical=False, pends=True)]
        return [*self._delete_dependents(old), *deleting, replacing, creating]

    def diff(self, provider: Dynamic, old: Resource, new: Resource, old_inputs: Properties) -> Diff:
        """The provider's verdict; where it gives none, a change of the inputs is a change."""
        if self._run.options.legacy_diff and old_inputs == new.inputs:
            return Diff(False)
        subject = new.copy()
        subject.id = old.id
        try:
            diff = provider.diff(subject, old_inputs, old.outputs, new.inputs)
        except ProviderError as error:
            self._run.events.diagnostic("error", str(error), new.urn)
            raise Bail from None
        if diff.changed is None:
            return Diff(plain(old_inputs) != plain(new.inputs), diff.replaces, diff.delete_before_replace, diff.keys)
        return diff

    def _refuse_replacement(self, new: Resource) -> None:
        message = (
            f'unable to replace resource "{new.urn}"\nas it is currently marked for protection. To unprotect the '
            "resource, remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`"
        )
        self._run.events.diagnostic("error", message, new.urn)
        self._run.failed = self._run.step_failed = True
        if not self._run.options.preview:
            raise Bail

    def _delete_dependents(self, root: Resource) -> list[Step]:
        """Deletes, dependents first, of what would have to be replaced because `root` is deleted first."""
        condemned, steps = {root.urn}, []
        for item in self._run.recorder.base.resources:
            touched = {key for key, urns in item.property_dependencies.items() if condemned & set(urns)}
            if not touched or not item.custom or item.external or item.delete or item.urn in self.seen:
                continue
            probe = item.copy()
            probe.inputs = {key: UNKNOWN if key in touched else value for key, value in item.inputs.items()}
            diff = self.diff(self._run.providers.get(item.provider), item, probe, item.inputs)
            if diff.changed and diff.replaces:
                if item.protect:
                    self._refuse_replacement(item)
                condemned.add(item.urn)
                self.deleted.add(item.urn)
                steps.append(Step("delete-replaced", item, None, logical=False, keys=diff.replaces, pends=True))
        return steps[::-1]


def keep_ignored(inputs: Properties, olds: Properties, ignored: list[str]) -> Properties:
    """`inputs` with the old values at the ignored paths ("a", "a.b"); CliError for paths that it can't follow."""
    for path in ignored:
        if any(mark in path for mark in '[*"'):
            raise CliError(f"the sandbox Pulumi doesn't support the ignoreChanges path {path!r} (only a.b.c)")
        inputs = _with_old(inputs, olds, path.split("."))
    return inputs


def _with_old(inputs: Properties, olds: Properties, path: list[str]) -> Properties:
    key, rest = path[0], path[1:]
    if rest:
        inner, old_inner = inputs.get(key), olds.get(key)
        if isinstance(inner, dict) and isinstance(old_inner, dict):
            return {**inputs, key: _with_old(inner, old_inner, rest)}
        return inputs
    if key in olds:
        return {**inputs, key: olds[key]}
    return {name: value for name, value in inputs.items() if name != key}
