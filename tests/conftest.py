"""What holds for every test: loopback is the only network, no setting comes from the shell, no clock in hypothesis."""

import atexit
import importlib
import os
import shutil
import signal
import sys
import tempfile

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

from provider.job.limits import DEFER_CHECKS
from provider.settings import KEYS, environment_name
from tests.e2e.harness import WHOLE
from tests.paths import DATA

# The product is tested with eight jobs of its own, whatever is declared in jobs/.
sys.path.insert(0, str(DATA / "declared"))
importlib.import_module("jobs")  # now, for pytest puts this project before it

# A test run that was started in the background ignores SIGINT, and so would every program that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Where the sandbox's pulumi keeps its keys, each of which takes half a second to derive; workers share it.
if "SANDBOX_KEYS" not in os.environ:
    os.environ["SANDBOX_KEYS"] = tempfile.mkdtemp(prefix="dkron-jobs-keys-")
    atexit.register(shutil.rmtree, os.environ["SANDBOX_KEYS"], ignore_errors=True)

LOOPBACK = ["127.0.0.1", "::1"]

settings.register_profile(
    "dkron-jobs", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow], max_examples=100
)
settings.load_profile("dkron-jobs")


LEFT_OUT = pytest.mark.skip(reason="others of its kind run here; it runs with E2E=all")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.allow_hosts(LOOPBACK))
        # What random examples reach differs each time, so written ones hold the coverage: in half the time, too.
        if is_hypothesis_test(getattr(item, "obj", None)) or item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.no_cover)
        if not WHOLE and item.get_closest_marker("thorough"):
            item.add_marker(LEFT_OUT)


@pytest.fixture(autouse=True)
def _no_settings_from_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in map(environment_name, (*KEYS, "gatewayUrl", "serviceKey")):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
    monkeypatch.delenv(DEFER_CHECKS, raising=False)
