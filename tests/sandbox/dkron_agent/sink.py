"""What the jobs of the recordings call: a server on loopback that notes every request."""

import gzip
import http.client
import ipaddress
import re
import socketserver
import ssl
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ALL_FINE = b"success: all fine\n"
PLAIN: dict[str, tuple[Any, ...]] = {
    "nocontent": (204,),
    "json": (200, b'{"status":"fail","code":1}'),
    "loop": (302, b"", "/loop"),
    "gzip": (200, gzip.compress(b"plain text inside"), "", "gzip"),
    "binary": (200, b"\xff\xfe\x00ab\xff"),
}


@dataclass(frozen=True)
class Seen:
    method: str
    path: str  # decoded, with the query
    headers: list[tuple[str, str]]
    body: str


class Sink(socketserver.ThreadingTCPServer):
    """`seen` grows by one for each request; `released` lets the answers of /wait go."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, certificate: Path | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.port = int(self.server_address[1])
        self.seen: list[Seen] = []
        self.says_fine = False  # to whatever is asked, as the server of http_executor.json does
        self.calls: Counter[str] = Counter()
        self.arrived = threading.Condition()
        self.released = threading.Event()
        self._context: ssl.SSLContext | None = None
        if certificate:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def get_request(self) -> Any:
        connection, address = super().get_request()
        if self._context is None:
            return connection, address
        return self._context.wrap_socket(connection, server_side=True), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Jobs hang up whenever they like."""

    def note(self, seen: Seen) -> None:
        with self.arrived:
            self.seen.append(seen)
            self.arrived.notify_all()

    def wait_for(self, wanted: Callable[[list[Seen]], bool], what: str) -> None:
        with self.arrived:
            assert self.arrived.wait_for(lambda: wanted(self.seen), timeout=60), what

    def close(self) -> None:
        self.released.set()
        self.shutdown()
        self.server_close()


class _Connection(BaseHTTPRequestHandler):
    server: Sink

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def log_message(self, format: str, *_: Any) -> None:  # noqa: A002
        """Says nothing."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        self.server.note(
            Seen(self.command, unquote_to_bytes(self.path.encode("latin-1")).decode(), self.headers.items(), body)
        )
        path, _mark, query = self.path.partition("?")
        code = re.fullmatch(r"code=(\d+)", query)
        if self.server.says_fine:
            self._send(int(code[1]) if code else 200, ALL_FINE)
        else:
            self._act(path.split("/")[1:])

    def _send(self, status: int, body: bytes = b"", location: str = "", packing: str = "") -> None:
        self.send_response_only(status, http.client.responses.get(status, "Odd"))
        for name, value in (("Location", location), ("Content-Encoding", packing)):
            if value:
                self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    def _act(self, path: list[str]) -> None:
        match path:
            case ["flaky", key, failures]:
                self.server.calls[key] += 1
                number = self.server.calls[key]
                self._send(500 if number <= int(failures) else 200, f"call {number}".encode())
            case ["wait"]:
                self.server.released.wait(60)
                self._send(200, b"ok")
            case [("slow" | "drip") as how, seconds]:
                if how == "drip":
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nd")
                if not self.server.released.wait(float(seconds)):
                    self._send(200, b"ok")
            case ["garbage"]:
                self.wfile.write(b"this is not HTTP\r\n")
            case ["close"]:
                pass
            case _:
                self._send(*self._plain(path))

    def _plain(self, path: list[str]) -> tuple[Any, ...]:
        """Status, body, location and packing."""
        match path:
            case ["status", code]:
                return int(code), b"" if code == "204" else f"status {code}".encode()
            case ["body", *text]:
                return 200, "/".join(text).encode()
            case ["redirect", code, where]:
                return int(code), b"", f"/{where}"
            case ["redirect-host"]:
                return 302, b"", f"http://localhost:{self.server.port}/ok"
            case ["big", size]:
                return 200, b"S" + b"a" * (int(size) - 2) + b"E"
        return PLAIN.get(path[0], (200, b"ok"))


def certificate(path: Path, *, for_loopback: bool) -> Path:
    """A self-signed certificate with its key in one file; without `for_loopback` it names no address."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sink")])
    loopback: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))] if for_loopback else []
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("sink.example.com"), *loopback]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return path
