"""The history in PostgreSQL keeps the newest updates of each stack, and nothing else is pruned."""

import re
import shutil
from collections.abc import Iterator

import pytest

from dev.say import ROOT
from tests.postgres import Postgres, server
from watcher.recovery.copies import KEPT

PRUNE = ROOT / "deploy" / "postgres" / "prune.sql"
needs_psql = pytest.mark.skipif(not shutil.which("psql"), reason="psql (Debian's postgresql-client) is not here")


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    with server() as started:
        yield started


def as_pulumi(database: Postgres, prefix: str, updates: int) -> None:
    """Writes what so many updates of two stacks leave, in Pulumi's own words."""
    insert = "INSERT INTO pulumi_state (key, data) VALUES ('{}', '{{}}') ON CONFLICT (key) DO UPDATE SET data = '{{}}';"
    keys = []
    for number in range(updates):
        stamp = 1_795_787_746_851_385_208 + number * 10**9
        for stack in ("dev", "prod"):
            place = f"dkron-jobs/{stack}"
            keys += [
                f".pulumi/stacks/{place}.json",
                f".pulumi/history/{place}/{stack}-{stamp}.history.json",
                f".pulumi/history/{place}/{stack}-{stamp}.checkpoint.json",
                f".pulumi/backups/{place}/{stack}.{stamp + 7}.json",
            ]
    database.ask("\n".join(insert.format(prefix + key) for key in keys))


@needs_psql
@pytest.mark.parametrize("prefix", ["", "postgres/"])
def test_the_newest_updates_of_each_stack_stay(database: Postgres, prefix: str) -> None:
    for _ in range(2):
        database.ask(PRUNE.read_text(encoding="utf-8"))
    database.ask("TRUNCATE pulumi_state")
    as_pulumi(database, prefix, KEPT + 30)
    left = database.ask("SELECT key FROM pulumi_state").splitlines()
    assert len(left) == 2 * (1 + 3 * KEPT)
    for stack in ("dev", "prod"):
        stamps = {int(found[1]) for key in left if (found := re.search(rf"{stack}[-.](\d{{19}})\.", key))}
        assert min(stamps) == 1_795_787_746_851_385_208 + 30 * 10**9


def test_the_number_is_the_one_of_a_directory() -> None:
    text = PRUNE.read_text(encoding="utf-8")
    assert f"THEN {KEPT} ELSE {2 * KEPT} END" in text
