"""One stand-in for all tests of a module that do not stop it."""

from collections.abc import Iterator

import pytest

from tests.sandbox.dkron_agent.agents import SANDBOX, Agent


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    with Agent(SANDBOX, tmp_path_factory.mktemp("agent") / "data", name="f1") as running:
        yield running
