"""Declares what the file named by THINGS says: {name: {property: value, "opts": {resource option: value}}}.

The text "SECRET" stands for the secret token, "REF:x" for what depends on the ID of thing x.
"""

import base64
import json
import os
import pickle
from pathlib import Path
from typing import Any

import pulumi
from thing import ThingProvider  # type: ignore[import-not-found]

config = pulumi.Config()
token = config.get_secret("token")
provider = base64.b64encode(pickle.dumps(ThingProvider(), 4)).decode()
made: dict[str, "Thing"] = {}


class Thing(pulumi.CustomResource):
    """A resource of the dynamic provider, which is passed by reference."""

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("pulumi-python:dynamic/tiny:Thing", name, {"__provider": provider, **props}, opts)


def value_of(value: Any) -> Any:
    if value == "SECRET":
        return token
    if isinstance(value, str) and value.startswith("REF:"):
        return made[value[4:]].id.apply(lambda identity: f"ref to {identity}")
    if isinstance(value, dict):
        return {key: value_of(item) for key, item in value.items()}
    if isinstance(value, list):
        return [value_of(item) for item in value]
    return value


def options_of(found: dict[str, Any]) -> pulumi.ResourceOptions:
    options = dict(found)
    for key in ("depends_on", "deleted_with", "parent"):
        if key in options:
            options[key] = made[options[key]] if isinstance(options[key], str) else [made[x] for x in options[key]]
    if "aliases" in options:
        options["aliases"] = [pulumi.Alias(name=name) for name in options["aliases"]]
    return pulumi.ResourceOptions(**options)


def main() -> None:
    things = json.loads(Path(os.environ["THINGS"]).read_text(encoding="utf-8"))
    special = things.pop("", {})
    for name, spec in things.items():
        options = spec.pop("opts", {})
        props = {key: value_of(value) for key, value in spec.items()}
        made[name] = Thing(name, {"name": name, **props}, options_of(options))
    pulumi.export("names", list(made))
    pulumi.export("token", token)
    if special.get("print"):
        print(special["print"])
    if special.get("raise"):
        raise RuntimeError(special["raise"])
    if "exit" in special:
        raise SystemExit(special["exit"])
    if special.get("invoke"):
        pulumi.runtime.invoke(special["invoke"], {})


main()
