"""What the state may hold of a live job. Pure.

State, history and backups keep it in clear, and so does what the CLI prints of a refresh. So a foreign job, whose
secrets we don't know, is recorded by name, owner tag, stack mark and a digest; in one of ours a secret that somebody
moved to another field is masked there, since the engine encrypts only the fields that the declaration made secret.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from .job import ownership
from .job.ownership import Owner
from .job.spec import canonical
from .redaction import redact, secret_texts
from .text import one_line

SHORTEST_MOVED: Final = 8  # characters; a shorter text may stand in two fields by accident

Props = dict[str, Any]
Path = tuple[str, ...]


def recorded(live: Mapping[str, Any], held: Mapping[str, Any], tag: str, mark: str) -> Props:
    """The live job in canonical form, as the state may hold it. `held`: what it holds so far.

    `tag`, `mark`: our owner tag and our stack's mark, "" where an older version wrote the state.
    """
    owner = ownership.owner_of(live, tag, mark)
    if owner is Owner.FOREIGN or (owner is Owner.OTHER_STACK and mark):
        return _foreign(live)
    return _without_moved_secrets(canonical(live), canonical(held))


def recorded_mark(props: Props) -> str:
    """Our stack's mark as the state holds it, "" where an older version wrote the state."""
    kept = props.get(ownership.STACK_MARK_KEY)
    return kept if isinstance(kept, str) else ownership.stack_mark(props) or ""


def kept_mark(props: Props, live: Props) -> Props:
    """What the outputs of a refresh hold besides the live job: our mark, where the job carries another."""
    ours = recorded_mark(props)
    return {} if (ownership.stack_mark(live) or "") == ours else {ownership.STACK_MARK_KEY: ours}


def _foreign(live: Mapping[str, Any]) -> Props:
    fields = json.dumps(canonical(live), sort_keys=True, default=str)
    carried = {
        ownership.OWNER_TAG_KEY: ownership.owner_tag(live),
        ownership.STACK_MARK_KEY: ownership.stack_mark(live),
    }
    return {
        "name": live.get("name", ""),
        "metadata": {key: one_line(text) for key, text in carried.items() if text},
        ownership.DIGEST_KEY: f"sha256:{hashlib.sha256(fields.encode('utf-8', 'replace')).hexdigest()[:16]}",
    }


def _without_moved_secrets(live: Props, held: Props) -> Props:
    before = dict(_texts(held))
    changed = {path for path, text in _texts(live) if before.get(path) != text}
    if not changed:
        return live
    secrets = {text for text in secret_texts(held) if len(text) >= SHORTEST_MOVED}

    def shown(value: Any, path: Path) -> Any:
        if isinstance(value, Mapping):
            return {key: shown(item, (*path, str(key))) for key, item in value.items()}
        if path not in changed or not isinstance(value, str):
            return value
        return redact(value, secrets - set(_belonging(before.get(path, ""), path)))

    return {key: shown(value, (key,)) for key, value in live.items()}


def _belonging(text: str, path: Path) -> Iterable[str]:
    """The secrets that are at home in a field: there the engine itself encrypts what must be."""
    return secret_texts({path[0]: {path[1]: text}}) if len(path) == 2 else (text,)


def _texts(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every text in a job's fields, with its path."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, (*path, str(key)))
    elif isinstance(value, str):
        yield path, value
