"""The commands that run nothing: stack, state, config and cancel read and write what a run uses."""

import argparse
import json
import sys
from pathlib import Path

from .console import CliError, note, say
from .state import ROOT_TYPE
from .values import masked
from .workspace import Stack, Workspace

Options = argparse.Namespace


def _stack(options: Options) -> Stack:
    return Workspace.open().stack(options.stack)


def cancel(options: Options) -> None:
    stack = _stack(options)
    stack.files.cancel()
    say(f"The currently running update for '{stack.name}' has been canceled!")


# --- stack ---


def stack_init(options: Options) -> None:
    workspace = Workspace.open()
    name = options.name or options.stack
    if not name:
        raise CliError("missing stack name")
    files = workspace.create(name)
    if not options.no_select:
        workspace.select(files.name)
    note(f"Created stack '{files.name}'")


def stack_select(options: Options) -> None:
    workspace = Workspace.open()
    name = options.name or options.stack
    if options.create and name and not workspace.files(name).exists():
        workspace.create(name)
    workspace.select(workspace.stack(name).name)


def stack_ls(_options: Options) -> None:
    """As JSON, as all that these commands show."""
    workspace = Workspace.open()
    names, selected = workspace.backend.stacks(workspace.project.name), workspace.selected()
    say(json.dumps([{"name": name, "current": name == selected} for name in names], indent=2))


def stack_export(options: Options) -> None:
    stack = _stack(options)
    deployment = stack.deployment()
    if options.show_secrets:
        deployment = stack.snapshot().to_json(stack.crypter.salt, None)
    say(json.dumps({"version": 3, "deployment": deployment}, indent=4, ensure_ascii=False))


def stack_import(options: Options) -> None:
    """Replaces the state by an exported one; refuses what contradicts itself or belongs to another stack."""
    stack = _stack(options)
    try:
        data = json.loads(Path(options.file).read_text(encoding="utf-8") if options.file else sys.stdin.read())
        version, deployment = data["version"], data["deployment"] or {}
    except (ValueError, KeyError, TypeError) as error:
        raise CliError(f"could not import deployment: it isn't an exported stack ({error})") from None
    if version != 3 or data.get("features"):
        raise CliError(f"could not import deployment: version {version} isn't supported, only 3 without features")
    snapshot = stack.snapshot(deployment)
    for resource in snapshot.resources:
        if not resource.urn.startswith(f"urn:pulumi:{stack.name}::{stack.project.name}::"):
            raise CliError(f"resource '{resource.urn}' belongs to a different stack than '{stack.name}'")
    with stack.files.locked():
        stack.write(snapshot)
    say("Import complete.")


def stack_output(options: Options) -> None:
    """Without the secrets."""
    resources = _stack(options).deployment().get("resources") or []
    outputs = next((item.get("outputs") for item in resources if item["type"] == ROOT_TYPE), None)
    say(json.dumps(masked(outputs or {}), indent=2))


def stack_rm(options: Options) -> None:
    workspace = Workspace.open()
    stack = workspace.stack(options.name or options.stack)
    if not options.yes:
        raise CliError("--yes must be passed in to proceed when running in non-interactive mode")
    if stack.deployment().get("resources"):
        raise CliError(f"'{stack.name}' still has resources: run `pulumi destroy` before")
    stack.files.remove()
    if not options.preserve_config:
        stack.config.path.unlink(missing_ok=True)
    if workspace.selected() == stack.name:
        workspace.select("")
    say(f"Stack '{stack.name}' has been removed!")


def state_delete(options: Options) -> None:
    """Takes a resource out of the state and leaves the thing itself alone."""
    stack = _stack(options)
    with stack.files.locked():
        snapshot = stack.snapshot()
        kept = [item for item in snapshot.resources if item.urn != options.urn]
        if len(kept) == len(snapshot.resources):
            raise CliError(f'No such resource "{options.urn}" exists in the current state')
        if any(options.urn in item.needs() for item in kept):
            raise CliError(f"{options.urn} can't be deleted because other resources depend on it")
        snapshot.resources = kept
        stack.write(snapshot)
    say("Resource deleted")


# --- config ---


def config_set(options: Options) -> None:
    stack = _stack(options)
    key = stack.project.full_key(options.key)
    value = sys.stdin.read().removesuffix("\n") if options.value is None else options.value
    if key in stack.config.secure and not options.secret and not options.plaintext:
        raise CliError(f"{key} is a secret; say --secret to keep it one or --plaintext to store it in clear")
    stack.config.edit(key, {"secure": stack.crypter.encrypt(value)} if options.secret else value)


def config_get(options: Options) -> None:
    stack = _stack(options)
    key = stack.project.full_key(options.key)
    found = stack.config.resolved(stack.project, stack.crypter if key in stack.config.secure else None)
    if key not in found:
        raise CliError(f"configuration key '{options.key}' not found for stack '{stack.name}'")
    say(found[key])


def config_rm(options: Options) -> None:
    stack = _stack(options)
    stack.config.edit(stack.project.full_key(options.key), None)


def config_show(options: Options) -> None:
    """Secrets only where they may be shown."""
    stack = _stack(options)
    secure = stack.config.secure
    shown = stack.config.resolved(stack.project, stack.crypter if options.show_secrets else None)
    listed = {key: {"value": value, "secret": key in secure} for key, value in shown.items()}
    say(json.dumps({key: {"secret": True} for key in secure} | listed, indent=2))
