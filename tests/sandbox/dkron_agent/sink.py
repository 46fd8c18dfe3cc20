"""What the jobs of the recordings call: a server on loopback that notes every request as it came over the wire."""

import gzip
import ipaddress
import socketserver
import ssl
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Seen:
    line: str
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


class _Connection(socketserver.StreamRequestHandler):
    server: Sink

    def handle(self) -> None:
        line = self.rfile.readline().decode().rstrip("\r\n")
        if not line:
            return
        headers: list[tuple[str, str]] = []
        while header := self.rfile.readline(2**20).decode().rstrip("\r\n"):
            name, _colon, value = header.partition(": ")
            headers.append((name, value) if _colon else (header.rstrip(":"), ""))
        length = next((int(value) for name, value in headers if name == "Content-Length"), 0)
        self.server.note(Seen(line, headers, self.rfile.read(length).decode()))
        method, target, _version = line.split(" ")
        self._answer(method, target.partition("?")[0].split("/")[1:])

    def _send(self, status: int, body: bytes = b"", headers: str = "") -> None:
        head = f"HTTP/1.1 {status} X\r\nConnection: close\r\n{headers}"
        head += "" if status == 204 else f"Content-Length: {len(body)}\r\n"
        self.wfile.write(head.encode() + b"\r\n" + body)

    def _answer(self, method: str, path: list[str]) -> None:
        match path:
            case ["status", code]:
                self._send(int(code), b"" if code == "204" else f"status {code}".encode())
            case ["body", *text]:
                self._send(200, "/".join(text).encode())
            case ["redirect", code, where]:
                self._send(int(code), headers=f"Location: /{where}\r\n")
            case ["redirect-host"]:
                self._send(302, headers=f"Location: http://localhost:{self.server.port}/ok\r\n")
            case ["flaky", key, failures]:
                self.server.calls[key] += 1
                number = self.server.calls[key]
                self._send(500 if number <= int(failures) else 200, f"call {number}".encode())
            case [("slow" | "drip") as how, seconds]:
                if how == "drip":
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nd")
                if not self.server.released.wait(float(seconds)):
                    self._send(200, b"ok")
            case ["wait"]:
                self.server.released.wait(60)
                self._send(200, b"ok")
            case ["big", size]:
                self._send(200, b"S" + b"a" * (int(size) - 2) + b"E")
            case _:
                self._fixed(method, path[0])

    def _fixed(self, method: str, name: str) -> None:
        match name:
            case "nocontent":
                self._send(204)
            case "json":
                self._send(200, b'{"status":"fail","code":1}')
            case "loop":
                self._send(302, headers="Location: /loop\r\n")
            case "gzip":
                self._send(200, gzip.compress(b"plain text inside"), "Content-Encoding: gzip\r\n")
            case "binary":
                self._send(200, b"\xff\xfe\x00ab\xff")
            case "garbage":
                self.wfile.write(b"this is not HTTP\r\n")
            case "close":
                pass
            case _:
                self._send(200, b"" if method == "HEAD" else b"ok")


def certificate(path: Path, *, for_loopback: bool) -> Path:
    """A self-signed certificate with its key in one file; without `for_loopback` it names no address."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sink")])
    names: list[x509.GeneralName] = [x509.DNSName("sink.example.com")]
    if for_loopback:
        names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return path
