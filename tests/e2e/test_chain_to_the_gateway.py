"""To the end of the chain: Dkron fires a job, and the gateway that the jobs call receives what was declared."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.e2e.harness import CANARY, Dkron, Project, wait_until


class Gateway:
    """A loopback server that answers 200 and remembers each request."""

    def __init__(self) -> None:
        self.received: list[tuple[str, str, str | None]] = []
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                gateway.received.append((self.command, self.path, self.headers.get("X-Api-Key")))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST  # noqa: N815 - http.server names them so

            def log_message(self, *_arguments: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    running = Gateway()
    yield running
    running.close()


@pytest.mark.every_pair
def test_a_declared_job_that_is_run_reaches_the_gateway_and_counts_as_a_success(
    project: Project, dkron: Dkron, gateway: Gateway
) -> None:
    project.config("gatewayUrl", gateway.url)
    project.up().ok()
    dkron.run("geo-purge-stale-whois")
    wait_until(lambda: dkron.job("geo-purge-stale-whois")["success_count"] == 1, "a recorded success")
    assert gateway.received == [("POST", "/api/v1/geo/jobs/purge-stale-whois", CANARY)]
    assert dkron.job("geo-purge-stale-whois")["error_count"] == 0


def test_a_job_fires_by_its_schedule(project: Project, dkron: Dkron, gateway: Gateway) -> None:
    project.config("gatewayUrl", gateway.url)
    project.declare(
        'JobSpec(name="often", schedule="*/2 * * * * *", executor=http(setting("gatewayUrl") + "/tick", method="POST", '
        'headers={"X-Api-Key": secret("serviceKey")}, timeout=30, expect_code=200))'
    )
    project.up().ok()
    wait_until(lambda: len(gateway.received) >= 2, "two runs by schedule")
    assert set(gateway.received) == {("POST", "/tick", CANARY)}
    wait_until(lambda: dkron.job("often")["success_count"] >= 2, "two recorded successes")
    project.destroy().ok()
