"""Which Dkron `make up` and its like work on."""

from pathlib import Path

import pytest

from dev import server

PROD = "config:\n  dkron-jobs:dkronUrl: http://prod:8080\n"


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: dkron-jobs\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {}\n")
    monkeypatch.setattr(server, "ROOT", tmp_path)
    monkeypatch.setattr(server, "_own_dkron", lambda: "http://127.0.0.1:8889")
    monkeypatch.delenv("STACK", raising=False)
    return tmp_path


def test_where_the_port_is_taken_the_commands_that_follow_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert server.ensure_dkron() == "http://127.0.0.1:8889"
    assert "export DKRON_URL=http://127.0.0.1:8889" in capsys.readouterr().out


def test_on_its_usual_port_nothing_is_to_be_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(server, "_own_dkron", lambda: f"http://127.0.0.1:{server.PORT}")
    server.ensure_dkron()
    assert "export" not in capsys.readouterr().out


def test_another_stack_than_dev_has_a_dkron_of_its_own(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACK", "prod")
    with pytest.raises(SystemExit):
        server.ensure_dkron()
    (root / "Pulumi.prod.yaml").write_text(PROD)
    assert server.ensure_dkron() == "http://prod:8080"
    monkeypatch.setenv("DKRON_URL", "http://elsewhere:1")
    assert server.ensure_dkron() == "http://elsewhere:1"
