"""The environment of the watcher and its runs. A secret's file is read anew whenever its variable is asked for.

So a file may be rotated without a restart. The old names of the Node reconciler are translated. What the Pulumi program
or the CLI reads from a file by itself stays in that file: no child has it in its environment.
"""

from collections.abc import Iterator, Mapping

from provider.errors import SettingsError
from provider.settings import read_variable

LEGACY_PREFIX = "DKRON_MGR__"
LEGACY = ("DKRON_URL", "GATEWAY_URL", "SERVICE_KEY", "RECONCILE_INTERVAL_MS")
# The CLI knows no files for these, or they are the watcher's own.
READ_HERE = ("PULUMI_BACKEND_URL", "PULUMI_ACCESS_TOKEN", "NOTIFY", "HTTP_PASSWORD")


class Environment(Mapping[str, str]):
    """Variables by name. A file that can't be read for a moment leaves the value that it had."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = dict(given)
        for name in LEGACY:
            old = self._given.get(LEGACY_PREFIX + name, "").strip()
            if old and not self._given.get(name, "").strip() and not self._given.get(f"{name}_FILE", "").strip():
                self._given[name] = old
        for name in [name for name, text in self._given.items() if not text.strip() and self._names_file(name)]:
            del self._given[name]  # to the CLI an empty passphrase is one
        self._last: dict[str, str] = {}
        self._files = [name for name in READ_HERE if not self._given.get(name, "").strip() and self._names_file(name)]
        for name in self._files:
            self._given.pop(name, None)

    def _names_file(self, name: str) -> bool:
        return bool(self._given.get(f"{name}_FILE", "").strip())

    def __getitem__(self, name: str) -> str:
        if name not in self._files:
            return self._given[name]
        try:
            self._last[name] = read_variable(name, self._given) or ""
        except SettingsError:
            self._last.setdefault(name, "")
        return self._last[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._given
        yield from self._files

    def __len__(self) -> int:
        return len(self._given) + len(self._files)
