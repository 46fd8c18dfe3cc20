"""Turns one registration of the program into steps, as the real engine's step generator does.

Check, then Diff, then: create, same, update or one of the two replacements. Nothing is done here.
"""

import uuid
from dataclasses import replace

from .console import Bail, CliError, switched_on
from .provider import Diff, Dynamic
from .report import Step
from .run import Run, reference_of
from .state import PROVIDER_TYPE, Resource
from .values import UNKNOWN, Properties, masked, plain, secret


class Planner:
    """Decides; remembers which URNs were registered, and the provider of this run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.registered: set[str] = set()
        self.left_out: set[str] = set()  # would be created, but for --target
        self._provider: Resource | None = None

    def _old(self, urn: str) -> Resource | None:
        known = (item for item in self._run.recorder.base.resources if item.urn == urn and not item.delete)
        return next(known, None)

    def prepare(self, new: Resource) -> Resource | None:
        """Completes what the program registered; returns the old state, if any."""
        if new.urn in self.registered:
            raise CliError(f"Duplicate resource URN '{new.urn}'; try giving it a unique name")
        self.registered.add(new.urn)
        if new.custom and self._provider:
            new.provider = reference_of(self._provider)
        old = self._old(new.urn)
        if old:
            # An ignored property keeps its old value.
            others = {key: value for key, value in new.inputs.items() if key not in new.ignore_changes}
            new.inputs = others | {key: old.inputs[key] for key in new.ignore_changes if key in old.inputs}
        return old

    def register_provider(self) -> Step | None:
        """The step for the default provider, when it is needed for the first time in a run."""
        if self._provider:
            return None
        run = self._run
        inputs = {key: secret(value) if key in run.secret_keys else value for key, value in run.config.items()}
        new = Resource(run.urn(PROVIDER_TYPE, "default"), PROVIDER_TYPE, custom=True, inputs=inputs)
        self.registered.add(new.urn)
        self._provider = new
        old = self._old(new.urn)
        new.id = old.id if old else UNKNOWN if run.preview else str(uuid.uuid4())
        run.providers.configure(new)
        return Step("create" if not old else "same" if old.inputs == inputs else "update", old, new)

    def plan(self, old: Resource | None, new: Resource) -> list[Step]:
        """The steps, in order. Raises Bail when the declaration is wrong or may not be carried out."""
        provider = self._run.providers.get(new.provider) if new.custom else None
        forced = new.urn in self._run.options.replace
        declared = new.inputs
        if provider:
            self._check(provider, new, old.inputs if old and not forced else {})
        if old is None:
            return [Step("create", None, new)]
        diff = Diff(True, ("id",)) if forced else self._diff(provider, old, new)
        if not diff.changed or not diff.replaces:
            return [Step("update" if diff.changed else "same", old, new)]
        if old.protect and new.protect:
            raise CliError(f'unable to replace "{new.urn}": it is marked for protection', urn=new.urn)
        if provider and not forced:
            new.inputs = declared
            self._check(provider, new, {})
        creating = Step("create-replacement", old, new, logical=False, keys=diff.replaces)
        replacing = Step("replace", old, new, keys=diff.replaces)
        if diff.delete_first:
            return [Step("delete-replaced", old, None, logical=False), replacing, creating]
        return [creating, replacing]

    def _check(self, provider: Dynamic, new: Resource, olds: Properties) -> None:
        new.inputs, failures = provider.check(new, olds, new.inputs)
        for key, reason in failures:
            value = f": property {key} value {{{masked(new.inputs.get(key))}}}" if key else ""
            text = f"{new.type} resource '{new.name}'{value} has a problem: {reason}"
            self._run.report.error(text, new.urn)
        if failures:
            raise Bail

    def _diff(self, provider: Dynamic | None, old: Resource, new: Resource) -> Diff:
        """The provider's verdict; where it gives none, a change of the inputs is a change."""
        equal = old.inputs == new.inputs
        if provider is None or (switched_on("PULUMI_ENABLE_LEGACY_DIFF") and equal):
            return Diff(not equal)
        diff = provider.diff(replace(new, id=old.id), old.inputs, old.outputs)
        if diff.changed is None:
            return Diff(plain(old.inputs) != plain(new.inputs), diff.replaces, diff.delete_first)
        return diff
