"""How large a job is in Dkron's internal message: beyond a limit Dkron can't store it.

Recorded: http.json n09-n12. Counts the bytes of the message without making it.
"""

from typing import Final

from . import gotime
from .job import FIELDS, Job

LIMIT: Final = 4_194_304  # bytes
_NUMBERS: Final = ("int", "uint")


def _varint(number: int) -> int:
    return max(1, (number.bit_length() + 6) // 7)


def _block(size: int, tag: int) -> int:
    return tag + _varint(size) + size


def _map_size(values: dict[str, str] | None, tag: int) -> int:
    pairs = ((len(key.encode()), len(value.encode())) for key, value in (values or {}).items())
    return sum(_block(_block(key, 1) + _block(value, 1), tag) for key, value in pairs)


def _instant_size(moment: gotime.GoTime) -> int:
    seconds, nanos = divmod(moment.ns, 1_000_000_000)
    return (1 + (10 if seconds < 0 else _varint(seconds)) if seconds else 0) + (1 + _varint(nanos) if nanos else 0)


def size_of(job: Job) -> int:
    """Bytes of the internal message that would carry the job: beyond LIMIT Dkron answers 500 (recorded: n09)."""
    short = ("name", "timezone", "schedule", "owner", "owner_email", "parent_job")  # fields whose tag is one byte
    size = 0
    for name, kind in FIELDS.items():
        if kind == "string" and name != "id" and job[name]:
            size += _block(len(job[name].encode()), 1 if name in short else 2)
        elif kind == "bool" and job[name]:
            size += 2 if name == "disabled" else 3
        elif kind in _NUMBERS and job[name]:
            size += 1 + (10 if job[name] < 0 else _varint(job[name] % 2**32))
        elif kind == "time?":
            size += 3 if job[name] is None else _block(2 + _block(_instant_size(job[name]), 1), 2)
    size += _block(_instant_size(job["next"]), 2) + _map_size(job["tags"], 1)
    size += _map_size(job["metadata"], 2) + _map_size(job["executor_config"], 2)
    size += sum(_block(len(name.encode()), 1) for name in job["dependent_jobs"] or [])
    for name, config in (job["processors"] or {}).items():
        size += _block(_block(len(name.encode()), 1) + _block(_map_size(config, 1), 1), 2)
    return _block(size, 1)
