"""Tells the log which version of Dkron answers, whenever it is another one. It asks nothing: the leader said it."""

from provider.dkron.client import DkronClient
from provider.dkron.version import untested
from watcher.logs import EventLog


class VersionLog:
    """For one watcher."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._told = ""

    def tell(self, client: DkronClient) -> None:
        """After the leader was asked for. Nothing where it didn't say."""
        version, why = client.version, untested(client.version)
        if version in ("", self._told):
            return
        self._told = version
        if why:
            self._log.warning("dkron.version", version=version, why=why)
        else:
            self._log.info("dkron.version", version=version)
