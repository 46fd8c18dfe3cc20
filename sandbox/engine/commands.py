"""The commands that run nothing: stack, state, config and cancel read and write what a run uses."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .console import note, say, say_columns
from .errors import CliError
from .passphrase import Blind
from .state import ROOT_TYPE, Resource, Snapshot, repair
from .values import from_state, masked, plain, to_state
from .workspace import Stack, Workspace

Options = argparse.Namespace


def _stack(options: Options) -> Stack:
    return Workspace.open().stack(getattr(options, "name", None) or options.stack)


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


def stack_ls(options: Options) -> None:
    workspace = Workspace.open()
    listed: list[dict[str, Any]] = []
    for name in workspace.backend.stacks(workspace.project.name):
        latest = workspace.stack(name).deployment()
        updated, count = latest.get("manifest", {}).get("time"), len(latest.get("resources") or [])
        current = name == workspace.selected()
        listed.append({"name": name, "current": current, "lastUpdate": updated, "resourceCount": count})
    if options.json:
        say(json.dumps(listed, indent=2))
        return
    say_columns((item["name"] + "*" * item["current"], f"{item['resourceCount']} resources") for item in listed)


def stack_show(options: Options) -> None:
    stack = _stack(options)
    if options.show_name:
        say(stack.name)
        return
    resources = stack.deployment().get("resources") or []
    say(f"Current stack is {stack.name}: {len(resources)} resources")
    say_columns((item["urn"].split("::")[3], item["type"]) for item in resources)


def stack_export(options: Options) -> None:
    stack = _stack(options)
    deployment = stack.deployment()
    if options.show_secrets:
        deployment = stack.snapshot().to_json(stack.crypter.salt, None)
    text = json.dumps({"version": 3, "deployment": deployment}, indent=4, ensure_ascii=False)
    if options.file:
        Path(options.file).write_text(text + "\n", encoding="utf-8")
    else:
        say(text)


def stack_import(options: Options) -> None:
    """Replaces the state by an exported one; refuses what contradicts itself or belongs to another stack."""
    stack = _stack(options)
    try:
        data = json.loads(Path(options.file).read_text(encoding="utf-8") if options.file else sys.stdin.read())
        version, deployment = data["version"], data["deployment"] or {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CliError(f"could not import deployment: it isn't an exported stack ({error})") from None
    if version != 3 or data.get("features"):
        raise CliError(f"could not import deployment: version {version} isn't supported, only 3 without features")
    snapshot = stack.snapshot(deployment)
    snapshot.verify()
    for resource in snapshot.resources:
        if not resource.urn.startswith(f"urn:pulumi:{stack.name}::{stack.project.name}::"):
            raise CliError(f"resource '{resource.urn}' belongs to a different stack than '{stack.name}'")
    with stack.files.locked():
        stack.write(snapshot)
    say("Import complete.")


def stack_output(options: Options) -> None:
    stack = _stack(argparse.Namespace(stack=options.stack))
    resources = stack.deployment().get("resources") or []
    root: dict[str, Any] = next((item for item in resources if item["type"] == ROOT_TYPE), {})
    found = from_state(root.get("outputs") or {}, stack.crypter if options.show_secrets else Blind())
    outputs = to_state(plain(found) if options.show_secrets else masked(found), None)
    if options.name and options.name not in outputs:
        raise CliError(f"current stack does not have output property '{options.name}'")
    if options.name and not options.json and isinstance(outputs[options.name], str):
        say(outputs[options.name])
    elif options.name or options.json:
        say(json.dumps(outputs[options.name] if options.name else outputs, indent=2))
    else:
        say_columns((key, json.dumps(value)) for key, value in outputs.items())


def stack_history(options: Options) -> None:
    """The runs, the newest first. The shape of the JSON is the real CLI's."""
    runs = _stack(options).files.history()
    for number, run in enumerate(runs):
        run["version"] = len(runs) - number
        for key in ("startTime", "endTime"):
            run[key] = datetime.fromtimestamp(run[key], UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        run["config"] = {
            key: {"secret": True} if isinstance(value, dict) else {"value": value, "secret": False}
            for key, value in run["config"].items()
        }
    if options.json:
        say(json.dumps(runs, indent=2))
        return
    say_columns((run["startTime"], f"{run['kind']} {run['result']} {run['resourceChanges']}") for run in runs)


def stack_rm(options: Options) -> None:
    workspace = Workspace.open()
    stack = workspace.stack(options.name or options.stack)
    if not options.yes:
        raise CliError("--yes must be passed in to proceed when running in non-interactive mode")
    if stack.deployment().get("resources") and not options.force:
        raise CliError(
            f"'{stack.name}' still has resources; removal rejected. Run `pulumi destroy` to delete them, or "
            "`pulumi stack rm --force` to forget them"
        )
    stack.files.remove()
    if not options.preserve_config:
        stack.config.path.unlink(missing_ok=True)
    if workspace.selected() == stack.name:
        workspace.select("")
    say(f"Stack '{stack.name}' has been removed!")


# --- state ---


def state_delete(options: Options) -> None:
    """Takes a resource out of the state and leaves the thing itself alone."""
    stack = _stack(options)
    with stack.files.locked():
        snapshot = stack.snapshot()
        going = [item for item in snapshot.resources if item.urn == options.urn]
        if not going:
            raise CliError(f'No such resource "{options.urn}" exists in the current state')
        if any(item.protect for item in going) and not options.force:
            raise CliError(f"{options.urn} can't be deleted because it is protected; --force deletes it all the same")
        for item in snapshot.resources:
            if item not in going and options.urn in item.needs():
                raise CliError(f"{options.urn} can't be deleted because other resources depend on it: {item.urn}")
        snapshot.resources = [item for item in snapshot.resources if item not in going]
        stack.write(snapshot)
    say("Resource deleted")


def state_repair(options: Options) -> None:
    """Puts resources behind what they need, and drops references to what isn't there."""
    stack = _stack(options)
    with stack.files.locked():
        snapshot = stack.snapshot()
        placed: dict[str, None] = {}
        ordered: list[Resource] = []
        waiting = list({(item.urn, item.delete): item for item in snapshot.resources}.values())
        known = {item.urn for item in waiting}
        while waiting:
            ready = [item for item in waiting if not known.intersection(item.needs()) - placed.keys()]
            for item in ready or waiting[:1]:
                ordered.append(item)
                placed[item.urn] = None
                waiting.remove(item)
        repair(ordered)
        stack.write(Snapshot(ordered, snapshot.pending, snapshot.metadata))
    say("State repaired")


# --- config ---


def config_set(options: Options) -> None:
    stack = _stack(options)
    key = stack.project.full_key(options.key)
    value = sys.stdin.read().removesuffix("\n") if options.value is None else options.value
    if key in stack.config.secure and not options.secret and not options.plaintext:
        raise CliError(f"{key} is a secret; say --secret to keep it one or --plaintext to store it in clear")
    stored = stack.crypter.encrypt(value) if options.secret else value
    stack.config.edit(key, stored, secure=options.secret)


def config_get(options: Options) -> None:
    stack = _stack(options)
    key = stack.project.full_key(options.key)
    found = stack.config.resolved(stack.project, stack.crypter if key in stack.config.secure else Blind())
    if key not in found:
        raise CliError(f"configuration key '{options.key}' not found for stack '{stack.name}'")
    shown = {"value": found[key], "secret": key in stack.config.secure}
    say(json.dumps(shown, indent=2) if options.json else found[key])


def config_rm(options: Options) -> None:
    stack = _stack(options)
    stack.config.edit(stack.project.full_key(options.key), None)


def config_show(options: Options) -> None:
    stack = _stack(options)
    shown = stack.config.resolved(stack.project, stack.crypter if options.show_secrets else Blind())
    if not options.show_secrets:
        shown |= dict.fromkeys(stack.config.secure, "[secret]")
    if not options.json:
        say_columns((key.removeprefix(f"{stack.project.name}:"), value) for key, value in sorted(shown.items()))
        return
    listed = {key: {"value": value, "secret": key in stack.config.secure} for key, value in sorted(shown.items())}
    for entry in listed.values():
        if entry["secret"] and not options.show_secrets:
            del entry["value"]
    say(json.dumps(listed, indent=2))
