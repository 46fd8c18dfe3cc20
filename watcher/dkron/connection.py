"""Which Dkron, which owner tag: the environment first, then the stack's config, as the program itself decides it.

A secret of the stack's config is decrypted by `pulumi config get`, kept in memory, and told to the log's redactor.
It asks again only when the files changed; what the environment gives is read anew each time, so a secret in a file may
be rotated. It opens no connection by itself.
"""

from dataclasses import dataclass

from provider import settings as program
from provider.dkron.client import DkronClient
from provider.errors import SettingsError
from provider.job.ownership import mark_of
from watcher.clock import Control
from watcher.dkron.probe import Probe
from watcher.endings import Ended, NoStack, Stopped
from watcher.logs import Redactor
from watcher.memory import Identity
from watcher.pulumi import output
from watcher.pulumi.cli import PulumiCli
from watcher.pulumi.workspace import Workspace
from watcher.secrets import known_secrets
from watcher.settings import WatcherSettings
from watcher.status import Outcome


@dataclass(frozen=True, slots=True)
class Connection:
    """A cluster to ask, and the probe of our jobs there. `said`: whether anybody named the owner tag."""

    client: DkronClient
    probe: Probe
    owner_tag: str
    said: bool = True

    @property
    def mark(self) -> str:
        """Our stack's."""
        return self.probe.mark

    @property
    def identity(self) -> Identity:
        return Identity(self.owner_tag, self.mark, self.client.settings.shown)


class Connector:
    """Makes the connection, and keeps it while what it was made from stays."""

    def __init__(self, settings: WatcherSettings, cli: PulumiCli, control: Control, redactor: Redactor) -> None:
        self.settings, self.cli, self.control, self.redactor = settings, cli, control, redactor
        self._made_from: Workspace | None = None
        self._config: dict[str, str] | None = None
        self._connection: Connection | None = None
        self._wanted: object = None  # what it was made for

    def connect(self, workspace: Workspace) -> Connection:
        """Raises Ended where a setting is missing or a secret can't be decrypted, NoStack where there is no stack."""
        env = self.settings.env
        self.redactor.learn(known_secrets(env))
        if self._config is None or self._made_from != workspace:
            self._config = {**workspace.plain, **self._decrypted(workspace)}
            self._made_from = workspace
        try:
            dkron = program.load_dkron(self._config.get, env)
            owner_tag, _ = program.load_owner(self._config.get, env)
        except SettingsError as error:
            raise Ended(Outcome.FAILED, str(error)) from None
        mark = mark_of(workspace.project, workspace.stack)
        said = "ownerTag" in workspace.given or self._given("ownerTag")
        wanted = dkron, owner_tag, mark, said
        if self._connection is None or self._wanted != wanted:
            self.close()
            client = DkronClient(dkron)
            self._wanted = wanted
            self._connection = Connection(client, Probe(client, owner_tag, mark, self.control), owner_tag, said)
        return self._connection

    @property
    def current(self) -> Connection | None:
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.client.close()
        self._connection = None

    def _decrypted(self, workspace: Workspace) -> dict[str, str]:
        """The encrypted values that the environment doesn't give instead."""
        values: dict[str, str] = {}
        for key in sorted(workspace.encrypted):
            if self._given(key):
                continue
            run = self.cli.config_value(key)
            if run.stopped:
                raise Stopped
            if not run.ok:
                why = self.redactor(output.reason(run.stderr) or "no reason given")
                if run.no_stack:
                    raise NoStack(Outcome.FAILED, why)
                raise Ended(Outcome.FAILED, f"cannot decrypt {key} of stack {workspace.stack}: {why}")
            values[key] = run.stdout.rstrip("\n")
        self.redactor.learn(values.values())
        return values

    def _given(self, key: str) -> bool:
        try:
            return program.from_environment(key, self.settings.env) is not None
        except SettingsError:
            return False
