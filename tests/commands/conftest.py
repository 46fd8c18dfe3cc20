"""What the tests of the commands that act on live jobs share: a project's folder and a Dkron in memory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from provider.archive import Archive
from tests.fake_dkron import FakeDkron

PASSPHRASE = "correct horse"


@pytest.fixture
def dkron(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDkron]:
    """A server that the stack's file names, the folder of that stack being the current one."""
    with FakeDkron() as server:
        (tmp_path / "Pulumi.yaml").write_text("name: shop\n", encoding="utf-8")
        config = f"config:\n  shop:dkronUrl: {server.url}\n  shop:ownerTag: us\n"
        (tmp_path / "Pulumi.dev.yaml").write_text(config, encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        monkeypatch.delenv("STACK", raising=False)
        monkeypatch.delenv("DKRON_JOBS_ARCHIVE", raising=False)
        monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", PASSPHRASE)
        yield server


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """The copies that the commands keep."""
    return Archive(tmp_path / ".state" / "archive", PASSPHRASE)
