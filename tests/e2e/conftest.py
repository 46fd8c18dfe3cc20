"""The pairs {real, sandbox} x {real, sandbox} of engine and server that can run here, and what a test gets of them."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import WHOLE, Dkron, Project, Proxy, proxy_before, tool
from tests.e2e.watcher_support import Watcher, watched_project
from tests.processes import end_processes_of

KINDS = ("real", "sandbox")
PAIRS = [
    (engine, server)
    for engine, server in itertools.product(KINDS, KINDS)
    if tool("pulumi", engine) and tool("dkron", server)
]
LEFT_OUT = pytest.mark.skip(
    reason="the stand-ins run a selection here; they run all where the real tools are missing, and with E2E=all"
)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Everything here is end to end."""
    if item.path.is_relative_to(Path(__file__).parent):
        item.add_marker(pytest.mark.e2e)
        item.add_marker(pytest.mark.enable_socket)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes a minute comes first, so that no worker is left alone with it."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "pair" in metafunc.fixturenames:
        # Faults and the watcher take minutes; what the mixed pairs could show of them, the other tests do.
        long = metafunc.module.__name__.rpartition(".")[2].startswith(
            ("test_watcher", "test_refusals", "test_import", "test_ownership", "test_documents", "test_histories")
        )
        chosen = marks_of(metafunc)
        long = long or "long" in chosen
        pairs = [
            pytest.param(pair, id="+".join(pair), marks=() if runs(pair, chosen) else LEFT_OUT)
            for pair in PAIRS
            if pair[0] == pair[1] or not long
        ]
        metafunc.parametrize("pair", pairs, scope="session")


def marks_of(metafunc: pytest.Metafunc) -> set[str]:
    """The names of a test's marks."""
    return {mark.name for mark in metafunc.definition.iter_markers()}


def runs(pair: tuple[str, str], marks: set[str]) -> bool:
    """Whether a test with these marks runs on that pair here: where both real tools are, few need the stand-ins."""
    if WHOLE or pair == ("real", "real") or "every_pair" in marks:
        return True
    return "sandbox_too" in marks and pair == ("sandbox", "sandbox")


@pytest.fixture(scope="session")
def shared_dkron(pair: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dkron]:
    """One server for many tests."""
    server = Dkron(pair[1], tmp_path_factory.mktemp("dkron") / "data").start()
    yield server
    server.stop()


@pytest.fixture
def dkron(shared_dkron: Dkron) -> Dkron:
    """A running server without a job."""
    shared_dkron.clear()
    return shared_dkron


@pytest.fixture
def own_dkron(pair: tuple[str, str], tmp_path: Path) -> Iterator[Dkron]:
    """A server of the test's own, to be stopped and started at will."""
    server = Dkron(pair[1], tmp_path / "dkron").start()
    yield server
    server.stop()


@pytest.fixture
def proxy(dkron: Dkron) -> Iterator[Proxy]:
    """A proxy before the server."""
    with proxy_before(dkron.url) as running:
        yield running


def make_project(pair: tuple[str, str], root: Path, url: str) -> Project:
    pulumi = tool("pulumi", pair[0])
    assert pulumi is not None
    return Project(root, pulumi, url).create()


@pytest.fixture
def project(pair: tuple[str, str], dkron: Dkron, tmp_path: Path) -> Project:
    """The project with the eight jobs, nothing deployed yet."""
    return make_project(pair, tmp_path / "project", dkron.url)


@pytest.fixture
def watcher(request: pytest.FixtureRequest, pair: tuple[str, str], dkron: Dkron, tmp_path: Path) -> Iterator[Watcher]:
    """A watcher that isn't started yet, on the jobs that the module's NAMES say, nothing deployed."""
    pulumi = tool("pulumi", pair[0])
    assert pulumi is not None
    project = watched_project(pulumi, tmp_path / "project", dkron.url, *request.module.NAMES)
    watcher = Watcher(project, tmp_path / "watcher.log")
    yield watcher
    watcher.close()
    end_processes_of(project.root)
