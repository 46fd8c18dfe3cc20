"""What the checks of all executors share: how an option is read, and what is said about one that isn't there. Pure."""

import base64
import json
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from ..text import did_you_mean
from .spec import UNKNOWN

Config = Mapping[str, str]
Finding = tuple[str, str]  # option, reason

TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})  # as Go reads them, and so BOOLEANS
BOOLEANS: Final = TRUE | {"0", "f", "F", "FALSE", "false", "False"}


def known(config: Config, option: str) -> str | None:
    """The value of an option that is set and known."""
    value = config.get(option, "")
    return value if value and value != UNKNOWN else None


def unknown_options(config: Config, options: Collection[str], executor: str) -> Iterator[Finding]:
    """Options that the executor doesn't have, and would ignore without a word."""
    for option in config:
        if option not in options:
            near = did_you_mean(option, options)
            yield option, f"the {executor} executor has no such option and would ignore it{near}"


def boolean_problem(config: Config, option: str) -> Iterator[Finding]:
    """An option that Dkron reads as true or false, and takes for false where it is neither."""
    flag = known(config, option)
    if flag and flag not in BOOLEANS:
        yield option, f'must be "true" or "false", not "{flag}"'


def base64_problem(config: Config, option: str) -> Iterator[Finding]:
    """An option that Dkron decodes, line breaks left out, and fails on if it can't."""
    try:
        base64.b64decode((known(config, option) or "").translate({10: None, 13: None}), validate=True)
    except ValueError:
        yield option, "must be base64, or every run would fail"


def json_texts(text: str) -> list[str] | None:
    """The texts in a JSON list of texts; None if it is something else. null stands for an empty text, as in Go."""
    try:
        items = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(items, list) or not all(item is None or isinstance(item, str) for item in items):
        return None
    return [item or "" for item in items]
