"""A repository for tests, and a server that offers it by git's own http-backend on loopback."""

import os
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ALONE = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "PATH": os.environ["PATH"]}
WHO = {f"GIT_{role}_{what}": "a@b" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


@dataclass
class Origin:
    """A bare repository that grows by commits."""

    root: Path

    @property
    def url(self) -> str:
        return f"file://{self.bare}"

    @property
    def bare(self) -> Path:
        return self.root / "origin.git"

    def git(self, *arguments: str) -> str:
        where = ["git", f"--git-dir={self.bare}", f"--work-tree={self.root / 'tree'}"]
        env = {**ALONE, **WHO}
        return subprocess.run([*where, *arguments], env=env, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, *more: str, **files: str) -> str:
        """Commits these modules of jobs/, and no others; the new commit. `more`: options of `git commit`."""
        tree = self.root / "tree" / "jobs"
        tree.mkdir(parents=True, exist_ok=True)
        for old in tree.iterdir():
            old.unlink()
        for name, text in files.items():
            (tree / f"{name}.py").write_text(text, encoding="utf-8")
        self.git("add", "--all", ".")
        self.git("commit", "--quiet", "--allow-empty", "-m", "x", *more)
        return self.git("rev-parse", "HEAD")


def origin(root: Path) -> Origin:
    """An empty one."""
    made = Origin(root)
    (root / "tree").mkdir(parents=True)
    made.git("init", "--quiet", "--initial-branch=main")
    made.git("config", "core.bare", "false")
    made.git("config", "http.receivepack", "false")
    return made


@dataclass
class Server:
    """`logins`: the Authorization headers that it saw; `password`: the one that it wants, "" for none."""

    url: str
    password: str = ""
    logins: list[str] = field(default_factory=list)

    def lets_in(self, header: str) -> bool:
        user = b64encode(f"x-access-token:{self.password}".encode()).decode()
        return not self.password or header == f"Basic {user}"


@contextmanager
def serving(origin: Origin) -> Iterator[Server]:
    """Offers it by smart HTTP."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(b"")

        def do_POST(self) -> None:
            self.answer(self.rfile.read(int(self.headers["Content-Length"])))

        def answer(self, body: bytes) -> None:
            login = self.headers.get("Authorization", "")
            offered.logins += [login] if login else []
            if not offered.lets_in(login):
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            done = subprocess.run(
                ["git", "http-backend"], input=body, env=self.environment(), capture_output=True, check=True
            )
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
            self.send_response(int(headers.pop("Status", "200 OK").split()[0]))
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def environment(self) -> dict[str, str]:
            path, _, query = self.path.partition("?")
            names = {"HTTP_CONTENT_ENCODING": "Content-Encoding", "GIT_PROTOCOL": "Git-Protocol"}
            return {
                **ALONE,
                **{name: self.headers[header] for name, header in names.items() if header in self.headers},
                "GIT_PROJECT_ROOT": str(origin.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": self.headers.get("Content-Length", "0"),
            }

        def log_message(self, *_args: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    offered = Server(f"http://127.0.0.1:{server.server_address[1]}/{origin.bare.name}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield offered
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
