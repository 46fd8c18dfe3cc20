import io
import json

from tests.watcher.support import FakeDkron
from watcher.dkron.version import VersionLog
from watcher.logs import Redactor, open_log


def test_the_version_is_logged_when_it_is_another_one_and_an_untested_one_is_a_warning() -> None:
    stream = io.StringIO()
    log = VersionLog(open_log("json", "info", Redactor(), stream))
    client = FakeDkron()
    for version in ("", "4.0.9", "4.0.9", "4.1.0", "4.1.0", "", "4.0.9"):
        client.version = version
        log.tell(client)
    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["level"], line["version"]) for line in told] == [
        ("info", "4.0.9"),
        ("warning", "4.1.0"),
        ("info", "4.0.9"),
    ]
    assert told[1]["why"].startswith("Dkron 4.1.0 was not tested")
