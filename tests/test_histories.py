"""Random histories on a model of the engine: no job is lost, and no other's is touched."""

import os
from pathlib import Path

import pytest

from tests.engine_model import play

HISTORIES = int(os.environ.get("HISTORIES", "20"))
FIRST = int(os.environ.get("HISTORIES_FIRST", "0"))


@pytest.mark.parametrize("seed", range(FIRST, FIRST + HISTORIES))
def test_after_any_history_every_declared_job_lives_once_and_no_strangers_has_changed(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where no stack's file names another Dkron
    play(seed, tmp_path, steps=20)
