"""login, cancel and the stack commands: they read and write state, and run nothing."""

from __future__ import annotations

import argparse
import getpass
import json
import socket
import sys
from typing import Any

from .backend import StackFiles
from .errors import CliError
from .output import note, read_file, say, table, write_file
from .passphrase import PassphraseCrypter
from .project import StackConfig
from .state import ROOT_TYPE, Resource, parse_checkpoint
from .values import from_state, plain, to_state
from .workspace import Workspace, crypter_of, load_snapshot, login, open_deployment


def run_login(options: argparse.Namespace) -> int:
    url = "file://~" if options.local else options.url
    if not url:
        raise CliError("say where the state is kept: pulumi login file://DIRECTORY")
    login(url)
    say(f"Logged in to {socket.gethostname()} as {getpass.getuser()} ({url})")
    return 0


def run_cancel(options: argparse.Namespace) -> int:
    files = Workspace.open().stack(options.name or options.stack)
    files.cancel()
    say(f"The currently running update for '{files.name}' has been canceled!")
    return 0


# --- stack ---


def stack_init(options: argparse.Namespace) -> int:
    name = options.name or options.stack
    if not name:
        raise CliError("missing stack name")
    workspace = Workspace.open()
    files = workspace.create(name)
    if not options.no_select:
        workspace.select(files.name)
    note(f"Created stack '{files.name}'")
    return 0


def stack_select(options: argparse.Namespace) -> int:
    name = options.name or options.stack
    if not name:
        raise CliError("a stack name must be provided when running in non-interactive mode")
    workspace = Workspace.open()
    if options.create and not workspace.files(name).exists():
        return stack_init(argparse.Namespace(name=name, no_select=False))
    workspace.select(workspace.stack(name).name)
    return 0


def stack_ls(options: argparse.Namespace) -> int:
    workspace = Workspace.open()
    selected = workspace.selected()
    rows = []
    for name in workspace.backend.stacks(workspace.project.name):
        latest = parse_checkpoint(workspace.files(name).read()) or {}
        rows.append((name, latest.get("manifest", {}).get("time"), len(latest.get("resources") or [])))
    if options.json:
        listed = [
            {"name": name, "current": name == selected, "lastUpdate": time, "resourceCount": count}
            for name, time, count in rows
        ]
        say(json.dumps(listed, indent=2))
        return 0
    marked = [(name + "*" * (name == selected), str(time), str(count)) for name, time, count in rows]
    table(("NAME", "LAST UPDATE", "RESOURCE COUNT"), marked)
    return 0


def stack_export(options: argparse.Namespace) -> int:
    workspace = Workspace.open()
    files = workspace.stack(options.stack)
    latest = parse_checkpoint(files.read()) or {}
    if options.show_secrets:
        crypter = crypter_of(StackConfig.load(workspace.project, files.name))
        shown = load_snapshot(files.read(), crypter).to_json(crypter, show=True)
        latest = shown | {"manifest": latest["manifest"]}
    text = json.dumps({"version": 3, "deployment": latest}, indent=4, ensure_ascii=False)
    if options.file:
        write_file(options.file, text + "\n")
    else:
        say(text)
    return 0


def stack_import(options: argparse.Namespace) -> int:
    """Replaces the state by an exported one; refuses what contradicts itself or belongs to another stack."""
    workspace = Workspace.open()
    files = workspace.stack(options.stack)
    text = read_file(options.file) if options.file else sys.stdin.read()
    try:
        data = json.loads(text)
        version, deployment = data["version"], data["deployment"] or {}
    except (ValueError, KeyError, TypeError) as error:
        raise CliError(f"could not import deployment: it isn't an exported stack ({error})") from None
    if version != 3 or data.get("features"):
        raise CliError(f"could not import deployment: version {version} isn't supported, only 3 without features")
    crypter = crypter_of(StackConfig.load(workspace.project, files.name))
    snapshot = open_deployment(deployment, crypter)
    prefix = f"urn:pulumi:{files.name}::{files.project}::"
    for resource in snapshot.resources:
        if not resource.urn.startswith(prefix):
            raise CliError(f"resource '{resource.urn}' belongs to a different stack than '{files.name}'")
    with files.locked():
        files.write(snapshot.checkpoint(files.qualified, crypter))
    say("Import complete.")
    return 0


def stack_output(options: argparse.Namespace) -> int:
    workspace = Workspace.open()
    files = workspace.stack(options.stack)
    outputs = _outputs(files, show=options.show_secrets)
    if options.name:
        if options.name not in outputs:
            raise CliError(f"current stack does not have output property '{options.name}'")
        value = outputs[options.name]
        say(value if isinstance(value, str) and not options.json else json.dumps(value))
    elif options.json:
        say(json.dumps(outputs, indent=2))
    elif outputs:
        say(f"Current stack outputs ({len(outputs)}):")
        rows = [
            (name, value if isinstance(value, str) else json.dumps(value, separators=(",", ":")))
            for name, value in outputs.items()
        ]
        table(("OUTPUT", "VALUE"), rows, indent="    ")
    else:
        say("No output values currently in this stack")
    return 0


def _outputs(files: StackFiles, *, show: bool) -> dict[str, Any]:
    latest = parse_checkpoint(files.read()) or {}
    root: dict[str, Any] = next((item for item in latest.get("resources") or [] if item["type"] == ROOT_TYPE), {})
    crypter = PassphraseCrypter(((latest.get("secrets_providers") or {}).get("state") or {}).get("salt", ""))
    found = from_state(root.get("outputs") or {}, crypter if show else _Blind())
    shown: dict[str, Any] = to_state(plain(found, None if show else "[secret]"), None)
    return shown


class _Blind:
    """Opens no secret: for those who only want to see [secret]."""

    def encrypt(self, plaintext: str) -> str:
        return plaintext

    def decrypt(self, ciphertext: str) -> str:  # noqa: ARG002
        return '"[secret]"'


def stack_rm(options: argparse.Namespace) -> int:
    workspace = Workspace.open()
    files = workspace.stack(options.name or options.stack)
    if not options.yes:
        raise CliError("--yes must be passed in to proceed when running in non-interactive mode")
    latest = parse_checkpoint(files.read()) or {}
    if latest.get("resources") and not options.force:
        raise CliError(
            f"'{files.name}' still has resources; removal rejected. Possible actions:\n- Make sure that '{files.name}' "
            "is the stack that you want to destroy\n- Run `pulumi destroy` to delete the resources, then run `pulumi "
            "stack rm`\n- Run `pulumi stack rm --force` to override this error"
        )
    files.remove()
    if not options.preserve_config:
        StackConfig.load(workspace.project, files.name).path.unlink(missing_ok=True)
    if workspace.selected() == files.name:
        workspace.select("")
    say(f"Stack '{files.name}' has been removed!")
    return 0


def stack_show(options: argparse.Namespace) -> int:
    workspace = Workspace.open()
    files = workspace.stack(options.stack)
    if options.show_name:
        say(files.name)
        return 0
    latest = parse_checkpoint(files.read()) or {}
    resources = latest.get("resources") or []
    say(f"Current stack is {files.name}:\n    Managed by {socket.gethostname()}")
    say(f"    Last updated: {latest.get('manifest', {}).get('time', 'never')}")
    say(f"Current stack resources ({len(resources)}):")
    rows = [(item["type"], Resource.from_json({**item, "inputs": {}, "outputs": {}}, None).name) for item in resources]
    table(("TYPE", "NAME"), rows, indent="    ")
    say("")
    return stack_output(argparse.Namespace(stack=files.name, name=None, json=False, show_secrets=False))
