"""The command `dkron`: agent, version, help. Its flags are those that this project uses; any other one is an error.

Stands in for the real command on machines that can't install it, and says so first. It starts the node and the web
server, and ends them on SIGTERM or SIGINT with exit code 0.
"""

import argparse
import re
import signal
import socket
import sqlite3
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from . import VERSION
from .api import Api
from .node import NO_LEADER_FILE, UNSCHEDULED_FILE, Identity, Node
from .store import InUse
from .web import Server

NOTICE = "sandbox dkron: a stand-in for development and tests, not Dkron"
_CLUSTER = "this stand-in is a single node; for a cluster use the real dkron"


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        unknown = re.match(r"unrecognized arguments: (\S+)", message)
        print(f"Error: {'unknown flag: ' + unknown[1] if unknown else message}", file=sys.stderr)  # noqa: T201
        raise SystemExit(1)


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a command's output


def parser() -> Parser:
    root = Parser("dkron", description=NOTICE, allow_abbrev=False)
    commands = root.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("version", help="show the version", allow_abbrev=False)
    hint = (
        f"In the environment, for tests: {NO_LEADER_FILE}=PATH: while that file exists, the node has no leader. "
        f"{UNSCHEDULED_FILE}=PATH: the jobs named in that file are stored but never scheduled."
    )
    agent = commands.add_parser("agent", help="start the node", allow_abbrev=False, description=NOTICE, epilog=hint)
    agent.add_argument("--server", action="store_true", help="required: there are no agents without a server here")
    agent.add_argument("--bootstrap-expect", type=int, default=0, metavar="1", help="required, and 1")
    agent.add_argument("--http-addr", default=":8080", metavar="HOST:PORT", help="no host: loopback only")
    agent.add_argument("--data-dir", type=Path, default=Path("dkron.data"), metavar="DIR")
    agent.add_argument("--bind-addr", default="127.0.0.1:8946", metavar="HOST:PORT", help="shown, not opened")
    agent.add_argument("--advertise-addr", default="", metavar="HOST", help="shown, not opened; as --bind-addr")
    agent.add_argument("--rpc-port", type=int, default=6868, metavar="PORT", help="shown, not opened")
    agent.add_argument("--advertise-rpc-port", type=int, default=0, metavar="PORT", help="shown; as --rpc-port")
    agent.add_argument("--node-name", default=socket.gethostname(), metavar="NAME")
    agent.add_argument("--disable-usage-stats", action="store_true", help="nothing is ever reported")
    agent.add_argument("--log-level", default="info", choices=("debug", "info", "warn", "error", "fatal", "panic"))
    for flag in ("--join", "--retry-join"):
        agent.add_argument(flag, action="append", metavar="ADDRESS", help="refused: a single node")
    return root


def _address(flag: str, text: str, port: int) -> tuple[str, int]:
    match = re.fullmatch(r"(\[[^\]]+\]|[^:\[\]]*)(?::(\d{1,5}))?", text)
    if match is None or int(match[2] or 0) > 65_535:
        raise SystemExit(f"Error: {flag} {text!r} is no host:port")
    return match[1].strip("[]") or "127.0.0.1", int(match[2] or port)


def _refusal(options: argparse.Namespace) -> str | None:
    if options.join or options.retry_join:
        return f"--join and --retry-join: {_CLUSTER}"
    if options.bootstrap_expect != 1:
        return f"--bootstrap-expect must be 1: {_CLUSTER}"
    if not options.server:
        return f"--server is required: {_CLUSTER}"
    return None


def _signals() -> socket.socket:
    """Readable once SIGTERM or SIGINT has come. (An Event set in a handler can deadlock with its own wait.)"""
    read, write = socket.socketpair()
    write.setblocking(False)
    signal.set_wakeup_fd(write.detach())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    return read


def run_agent(options: argparse.Namespace) -> int:
    refusal = _refusal(options)
    if refusal:
        raise SystemExit(f"Error: {refusal}")
    listen = _address("--http-addr", options.http_addr, 8080)
    host, port = _address("--bind-addr", options.bind_addr, 8946)
    rpc_port = options.advertise_rpc_port or options.rpc_port
    sys.setrecursionlimit(12_000)  # JSON nested about as deep as Dkron takes it
    threading.stack_size(16 * 2**20)
    try:
        node = Node(Identity(options.node_name, options.advertise_addr or host, port, rpc_port), options.data_dir)
        server = Server(listen, Api(node).answer)
    except (InUse, OSError, sqlite3.Error) as error:
        raise SystemExit(f"Error: can't start: {error}") from None
    ended = _signals()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True, name="web").start()
    node.start()
    say(f"listening on http://{listen[0]}:{server.server_address[1]}, data in {options.data_dir}")
    ended.recv(1)
    server.shutdown()
    server.server_close()
    node.stop()
    say("stopped")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    say(NOTICE)
    options = parser().parse_args(arguments)
    if options.command == "version":
        say(f"Name: Dkron stand-in\nVersion: {VERSION}")
        return 0
    if options.command == "agent":
        return run_agent(options)
    parser().print_help()
    return 0
