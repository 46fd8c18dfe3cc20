"""A Dkron in memory, and provider processes that know it."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fake_dkron import FakeDkron
from tests.provider.examples import CANARY
from tests.provider.process import Provider, secret

Start = Callable[..., Provider]


@pytest.fixture
def dkron() -> Iterator[FakeDkron]:
    with FakeDkron() as server:
        yield server


@pytest.fixture
def start(dkron: FakeDkron, tmp_path: Path) -> Iterator[Start]:
    """Starts provider processes that know the fake server."""
    with contextlib.ExitStack() as stack:

        def started(env: dict[str, str] | None = None, **config: Any) -> Provider:
            folder = tmp_path / str(len(list(tmp_path.iterdir())))
            folder.mkdir()
            given = {"dkronUrl": dkron.url, "serviceKey": secret(CANARY), **config}
            return stack.enter_context(Provider(folder, given, env))

        yield started


@pytest.fixture
def provider(start: Start) -> Provider:
    return start()
