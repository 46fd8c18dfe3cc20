"""The config commands: they read and edit Pulumi.STACK.yaml."""

from __future__ import annotations

import argparse
import json
import sys

from .errors import CliError
from .output import say, table
from .passphrase import PassphraseCrypter
from .project import StackConfig
from .workspace import Workspace, crypter_of


def _stack_config(options: argparse.Namespace) -> tuple[Workspace, StackConfig]:
    workspace = Workspace.open()
    return workspace, StackConfig.load(workspace.project, workspace.stack(options.stack).name)


def _full_key(workspace: Workspace, key: str) -> str:
    return key if ":" in key else f"{workspace.project.name}:{key}"


def config_set(options: argparse.Namespace) -> int:
    workspace, config = _stack_config(options)
    key = _full_key(workspace, options.key)
    value = options.value
    if value is None:
        if sys.stdin.isatty():
            raise CliError("config value must be specified in non-interactive mode")
        value = sys.stdin.read().removesuffix("\n")
    if options.secret:
        config.set(key, crypter_of(config).encrypt(value), secure=True)
        return 0
    if key in config.secure and not options.plaintext:
        raise CliError(f"{key} is a secret; say --secret to keep it one or --plaintext to store it in clear")
    config.set(key, value, secure=False)
    return 0


def config_get(options: argparse.Namespace) -> int:
    workspace, config = _stack_config(options)
    key = _full_key(workspace, options.key)
    found = config.resolved(workspace.project, crypter_of(config) if key in config.secure else Blind())
    if key not in found:
        raise CliError(f"configuration key '{options.key}' not found for stack '{config.path.name.split('.')[1]}'")
    shown = {"value": found[key], "secret": key in config.secure}
    say(json.dumps(shown, indent=2) if options.json else found[key])
    return 0


def config_rm(options: argparse.Namespace) -> int:
    workspace, config = _stack_config(options)
    key = _full_key(workspace, options.key)
    if key in config.values or key in config.secure:
        config.remove(key)
    return 0


def config_show(options: argparse.Namespace) -> int:
    workspace, config = _stack_config(options)
    show = options.show_secrets
    found = config.resolved(workspace.project, crypter_of(config) if show else Blind())
    if options.json:
        listed = {
            key: ({} if key in config.secure and not show else {"value": value}) | {"secret": key in config.secure}
            for key, value in sorted(found.items())
        }
        say(json.dumps(listed, indent=2))
        return 0
    own = f"{workspace.project.name}:"
    rows = [
        (key.removeprefix(own), "[secret]" if key in config.secure and not show else value)
        for key, value in sorted(found.items())
    ]
    table(("KEY", "VALUE"), rows)
    return 0


class Blind(PassphraseCrypter):
    """Stands in where no secret is going to be shown, so that no passphrase is needed."""

    def __init__(self) -> None:
        super().__init__("")

    def decrypt(self, ciphertext: str) -> str:  # noqa: ARG002
        return "[secret]"
