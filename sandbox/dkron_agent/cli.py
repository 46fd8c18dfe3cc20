"""The command `dkron`: agent, version, help. Its flags are those that this project uses; any other one is an error.

It says first that it is a stand-in, starts the node and the web server, and ends them on SIGTERM or SIGINT, with
exit code 0.
"""

import argparse
import signal
import socket
import sqlite3
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from . import VERSION
from .api import Api
from .node import Node
from .web import Server

NOTICE = "sandbox dkron: a stand-in for development and tests, not Dkron"


class _Parser(argparse.ArgumentParser):
    """Ends with one line and exit code 1."""

    def error(self, message: str) -> NoReturn:
        raise SystemExit(f"Error: {message}")


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a command's output


def host_and_port(text: str) -> tuple[str, int]:
    """HOST:PORT, either of which may be left out: loopback, and any free port. Raises ValueError."""
    address = urlsplit(f"//{text}")
    return address.hostname or "127.0.0.1", address.port or 0


def parser() -> argparse.ArgumentParser:
    root = _Parser("dkron", description=NOTICE, allow_abbrev=False)
    commands = root.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("version", help="show the version", allow_abbrev=False)
    agent = commands.add_parser("agent", help="start the node", allow_abbrev=False, description=NOTICE)
    agent.add_argument("--server", action="store_true", required=True, help="there are no agents without a server here")
    agent.add_argument("--bootstrap-expect", type=int, choices=[1], required=True, help="a single node")
    agent.add_argument("--http-addr", type=host_and_port, default=":8080", help="no host: loopback only")
    agent.add_argument("--data-dir", type=Path, default=Path("dkron.data"))
    agent.add_argument("--bind-addr", type=host_and_port, default=":8946", help="shown, not opened")
    agent.add_argument("--advertise-addr", default="", help="shown, not opened; as --bind-addr")
    agent.add_argument("--rpc-port", type=int, default=6868, help="shown, not opened")
    agent.add_argument("--node-name", default=socket.gethostname())
    agent.add_argument("--disable-usage-stats", action="store_true", help="nothing is ever reported")
    agent.add_argument("--log-level", choices=("debug", "info", "warn", "error", "fatal", "panic"), help="not heeded")
    return root


def run_agent(options: argparse.Namespace) -> None:
    """Serves until a signal ends it, as KeyboardInterrupt in this thread."""
    host, port = options.bind_addr
    sys.setrecursionlimit(12_000)  # JSON nested about as deep as Dkron takes it
    threading.stack_size(16 * 2**20)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        node = Node(options.node_name, options.data_dir, options.advertise_addr or host, port, options.rpc_port)
        server = Server(options.http_addr, Api(node).answer)
    except (OSError, sqlite3.Error) as error:
        hint = f" ({options.data_dir} is used by another agent)" if "locked" in str(error) else ""
        raise SystemExit(f"Error: can't start: {error}{hint}") from None
    node.start()
    say(f"listening on http://{options.http_addr[0]}:{server.server_address[1]}, data in {options.data_dir}")
    server.serve_forever(0.05)


def main(arguments: Sequence[str] | None = None) -> int:
    say(NOTICE)
    options = parser().parse_args(arguments)
    if options.command == "version":
        say(f"Name: Dkron stand-in\nVersion: {VERSION}")
    elif options.command == "agent":
        try:
            run_agent(options)
        except KeyboardInterrupt:
            say("stopped")
    else:
        parser().print_help()
    return 0
