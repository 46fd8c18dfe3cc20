"""A resource that does nothing: what the Pulumi SDK and CLI cost by themselves."""

from typing import Any

from pulumi.dynamic import CreateResult, DiffResult, ResourceProvider, UpdateResult

Props = dict[str, Any]


class Nothing(ResourceProvider):
    """Keeps one property, `name`, and talks to nobody."""

    serialize_as_secret_always = False

    def create(self, props: Props) -> CreateResult:
        return CreateResult(props["name"], dict(props))

    def diff(self, _id: str, _olds: Props, _news: Props) -> DiffResult:
        return DiffResult(changes=_olds["name"] != _news["name"])

    def update(self, _id: str, _olds: Props, _news: Props) -> UpdateResult:
        return UpdateResult(dict(_news))
