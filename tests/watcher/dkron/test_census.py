from pathlib import Path

from tests.watcher.support import world


def test_the_version_is_logged_when_it_is_another_one_and_an_untested_one_is_a_warning(tmp_path: Path) -> None:
    w = world(tmp_path)
    connection = w.cycle.connector.current
    assert connection is not None
    for version in ("", "4.0.9", "4.0.9", "4.1.0", "4.1.0", "", "4.0.9"):
        w.dkron.version = version
        w.cycle.census.await_leader(connection)
    assert [(e["level"], e["version"]) for e in w.events] == [
        ("info", "4.0.9"),
        ("warning", "4.1.0"),
        ("info", "4.0.9"),
    ]
    assert w.events[1]["why"].startswith("Dkron 4.1.0 was not tested")
