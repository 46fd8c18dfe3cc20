"""Turns one registration of the program into steps, as the real engine's step generator does.

Check, then Diff, then: create, same, update, or one of the two replacements. Called under the run's lock, so that
registrations are decided one after the other while their steps run side by side.
"""

from __future__ import annotations

import uuid

from .errors import Bail, CliError, Refused
from .provider import Diff, Dynamic, ProviderError
from .report import Step
from .run import Run, matches, reference_of
from .state import PROVIDER_TYPE, Resource
from .values import UNKNOWN, Properties, masked, plain, secret


class Planner:
    """Decides; remembers which URNs were registered, and the provider of this run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._olds = {item.urn: item for item in run.recorder.base.resources if not item.delete}
        self.registered: set[str] = set()
        self.left_out: set[str] = set()  # would be created, but for --target
        self._provider: Resource | None = None

    def prepare(self, new: Resource, aliases: list[str]) -> Resource | None:
        """Completes what the program registered; returns the old state, if any. `aliases`: its URNs of old."""
        if new.urn in self.registered:
            raise CliError(f"Duplicate resource URN '{new.urn}'; try giving it a unique name")
        self.registered.add(new.urn)
        for alias in aliases:
            if new.urn not in self._olds and alias in self._olds and alias not in self.registered:
                self._rename(alias, new.urn)
        if new.custom and self._provider:
            new.provider = reference_of(self._provider)
        old = self._olds.get(new.urn)
        if old:
            new.created, new.modified = old.created, old.modified
            new.inputs = keep_ignored(new.inputs, old.inputs, new.ignore_changes)
        return old

    def _rename(self, before: str, after: str) -> None:
        """From now on the resource, and what refers to it, has the new URN."""
        for item in self._run.recorder.base.resources:
            item.keep_needs(lambda urn: after if urn == before else urn)
            item.urn = after if item.urn == before else item.urn
            self._run.recorder.touched(item)
        self._olds[after] = self._olds.pop(before)

    def register_provider(self) -> Step | None:
        """The step for the default provider, when it is needed for the first time in a run."""
        if self._provider:
            return None
        run = self._run
        inputs = {key: secret(value) if key in run.secret_keys else value for key, value in run.config.items()}
        new = Resource(run.urn(PROVIDER_TYPE, "default"), PROVIDER_TYPE, custom=True, inputs=inputs)
        self.registered.add(new.urn)
        self._provider = new
        old = self._olds.get(new.urn)
        new.id = old.id if old else UNKNOWN if run.options.preview else str(uuid.uuid4())
        new.created, new.modified = (old.created, old.modified) if old else ("", "")
        run.providers.configure(new)
        return Step("create" if not old else "same" if old.inputs == inputs else "update", old, new)

    def plan(self, old: Resource | None, new: Resource) -> list[Step]:
        """The steps, in order. Raises Bail when the declaration is wrong or may not be carried out."""
        provider = self._run.providers.get(new.provider) if new.custom else None
        forced = matches(self._run.options.replaces, new.urn)
        declared = new.inputs
        fresh = old is None or forced or old.pending_replacement
        if provider:
            self._check(provider, new, old.inputs if old and not fresh else {})
        if old is None:
            return [Step("create", None, new)]
        if old.pending_replacement:
            return [Step("replace", old, new), Step("create-replacement", old, new, logical=False)]
        diff = Diff(True, ("id",)) if forced else self._diff(provider, old, new)
        if not diff.changed:
            return [Step("update" if old.init_errors else "same", old, new)]
        if not diff.replaces:
            return [Step("update", old, new)]
        if old.protect and new.protect:
            self._refuse_replacement(new)
        if provider and not forced:
            new.inputs = declared
            self._check(provider, new, {})
        replacing = Step("replace", old, new, keys=diff.replaces)
        creating = Step("create-replacement", old, new, logical=False, keys=diff.replaces)
        if diff.delete_first:
            return [Step("delete-replaced", old, None, logical=False), replacing, creating]
        return [creating, replacing]

    def _check(self, provider: Dynamic, new: Resource, olds: Properties) -> None:
        try:
            new.inputs, failures = provider.check(new, olds, new.inputs)
        except ProviderError as error:
            self._run.report.error(str(error), new.urn)
            raise Bail from None
        for key, reason in failures:
            value = f": property {key} value {{{masked(new.inputs.get(key))}}}" if key else ""
            text = f"{new.type} resource '{new.name}'{value} has a problem: {reason}"
            self._run.report.error(text, new.urn)
        if failures:
            raise Bail

    def _diff(self, provider: Dynamic | None, old: Resource, new: Resource) -> Diff:
        """The provider's verdict; where it gives none, a change of the inputs is a change."""
        equal = old.inputs == new.inputs
        if provider is None or (self._run.options.legacy_diff and equal):
            return Diff(not equal)
        new.id = old.id
        try:
            diff = provider.diff(new, old.inputs, old.outputs)
        except ProviderError as error:
            self._run.report.error(str(error), new.urn)
            raise Bail from None
        new.id = ""
        if diff.changed is None:
            return Diff(plain(old.inputs) != plain(new.inputs), diff.replaces, diff.delete_first)
        return diff

    def _refuse_replacement(self, new: Resource) -> None:
        message = (
            f'unable to replace resource "{new.urn}"\nas it is currently marked for protection. To unprotect the '
            "resource, remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`"
        )
        self._run.report.error(message, new.urn)
        raise Bail


def keep_ignored(inputs: Properties, olds: Properties, ignored: list[str]) -> Properties:
    """`inputs` with the old values at the ignored paths ("a", "a.b"); Refused for paths that it can't follow."""
    for path in ignored:
        if any(mark in path for mark in '[*"'):
            raise Refused(f"the ignoreChanges path {path!r} (only a.b.c)")
        inputs = _with_old(inputs, olds, path.split("."))
    return inputs


def _with_old(inputs: Properties, olds: Properties, path: list[str]) -> Properties:
    key, rest = path[0], path[1:]
    if rest:
        inner, old_inner = inputs.get(key), olds.get(key)
        if isinstance(inner, dict) and isinstance(old_inner, dict):
            return {**inputs, key: _with_old(inner, old_inner, rest)}
        return inputs
    kept = {name: value for name, value in inputs.items() if name != key}
    return kept | ({key: olds[key]} if key in olds else {})
