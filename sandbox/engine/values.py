"""Property values: plain Python data plus Secret and UNKNOWN, and their three spellings.

The wire (protobuf Struct), the state file (JSON with ciphertexts) and what people see ("[secret]"). All numbers are
doubles, as on the wire. Pure: knows no files, processes or resources.
"""

from __future__ import annotations

import json
import math
from typing import Any, Protocol

from .errors import Refused

SIGNATURE_KEY = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"
UNSUPPORTED_SIGNATURES = {
    "c44067f5952c0a294b673a41bacd8c17": "assets",
    "0def7320c3a5731c473e5ecbe6d01bc7": "archives",
    "5cf8f73096256a8f31e491e813e4eb8e": "resource references",
    "d0e6a833031e9bbcd3f4e8bde6ca49a4": "output values",
}
UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
UNKNOWN_STRINGS = frozenset(
    (
        UNKNOWN_STRING,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    )
)
Value = Any
Properties = dict[str, Value]


class Unknown:
    """The one value that a preview can't know yet."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()


class Secret:
    """A value that is shown as [secret] and stored encrypted. `ciphertext` saves encrypting it again."""

    __slots__ = ("ciphertext", "value")
    value: Value

    def __init__(self, value: Value, ciphertext: str = "") -> None:
        self.value = value.value if isinstance(value, Secret) else value
        self.ciphertext = ciphertext

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.value == other.value

    def __hash__(self) -> int:
        return hash(repr(self.value))

    def __repr__(self) -> str:
        return "Secret(...)"


class Crypter(Protocol):
    """What the state file needs of a secrets manager."""

    def encrypt(self, plaintext: str) -> str: ...
    def decrypt(self, ciphertext: str) -> str: ...


def has(value: Value, kind: type) -> bool:
    """Is there a Secret (or Unknown) anywhere in it?"""
    if isinstance(value, kind):
        return True
    if isinstance(value, Secret):
        return has(value.value, kind)
    if isinstance(value, dict):
        return any(has(item, kind) for item in value.values())
    return isinstance(value, list) and any(has(item, kind) for item in value)


def plain(value: Value, secret: str | None = None) -> Value:
    """The value without secret marks; with `secret`, that text stands in each secret's place."""
    if isinstance(value, Secret):
        return plain(value.value) if secret is None else secret
    if isinstance(value, dict):
        return {key: plain(item, secret) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item, secret) for item in value]
    return value


def masked(properties: Properties) -> Properties:
    """What a person may see."""
    return {key: plain(value, "[secret]") for key, value in properties.items()}


def mark_secrets(outputs: Properties, inputs: Properties) -> None:
    """Make secret in `outputs`, in place, what is secret at the same path of `inputs`.

    A provider that takes no secrets gets plain values; this keeps the mark on what it echoes. A list with a secret
    in it becomes secret as a whole (recorded: session 13, x_list).
    """
    for key, value in inputs.items():
        if key not in outputs:
            continue
        if isinstance(outputs[key], dict) and isinstance(value, dict):
            mark_secrets(outputs[key], value)
        elif not isinstance(outputs[key], Secret) and has(value, Secret):
            outputs[key] = Secret(outputs[key])


# --- the wire -----------------------------------------------------------------------------------------------------


def from_wire(struct: Any) -> Properties:
    """google.protobuf.Struct -> properties."""
    return {key: _value_from_wire(value) for key, value in struct.fields.items()}


def _value_from_wire(value: Any) -> Value:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _object(from_wire(value.struct_value))
    if kind == "list_value":
        return [_value_from_wire(item) for item in value.list_value.values]
    if kind == "string_value":
        return UNKNOWN if value.string_value in UNKNOWN_STRINGS else value.string_value
    return None if kind in (None, "null_value") else getattr(value, kind)


def _object(found: Properties) -> Value:
    signature = found.get(SIGNATURE_KEY)
    if signature is None:
        return found
    if signature == SECRET_SIGNATURE and "value" in found:
        return Secret(found["value"])
    raise Refused(UNSUPPORTED_SIGNATURES.get(str(signature), f"values with the signature {signature}"))


def to_wire(properties: Properties, *, secrets: bool = False, unknowns: bool = True) -> Any:
    """Properties -> Struct. Without `secrets` the marks are dropped; without `unknowns` unknowns are left out."""
    from google.protobuf import struct_pb2

    struct = struct_pb2.Struct()
    for key, value in properties.items():
        if unknowns or value is not UNKNOWN:
            _fill(struct.fields[key], value, secrets)
    return struct


def _fill(target: Any, value: Value, secrets: bool) -> None:
    if value is None:
        target.null_value = 0
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, (int, float)):
        target.number_value = float(value)
    elif isinstance(value, str):
        target.string_value = value
    elif value is UNKNOWN:
        target.string_value = UNKNOWN_STRING
    elif isinstance(value, Secret):
        if secrets:
            _fill(target, {SIGNATURE_KEY: SECRET_SIGNATURE, "value": value.value}, secrets)
        else:
            _fill(target, value.value, secrets)
    elif isinstance(value, dict):
        target.struct_value.SetInParent()
        for key, item in value.items():
            _fill(target.struct_value.fields[key], item, secrets)
    else:
        target.list_value.SetInParent()
        for item in value:
            _fill(target.list_value.values.add(), item, secrets)


# --- the state file -----------------------------------------------------------------------------------------------


def to_state(value: Value, crypter: Crypter | None, *, show: bool = False) -> Any:
    """A value as JSON data for the state: secrets become ciphertexts, or plaintexts with `show`."""
    if isinstance(value, Secret):
        text = json.dumps(to_state(value.value, None, show=True), ensure_ascii=False, separators=(",", ":"))
        if show:
            return {SIGNATURE_KEY: SECRET_SIGNATURE, "plaintext": text}
        if not value.ciphertext:
            if crypter is None:
                raise Refused("a secret in a stack without a secrets provider")
            value.ciphertext = crypter.encrypt(text)
        return {SIGNATURE_KEY: SECRET_SIGNATURE, "ciphertext": value.ciphertext}
    if isinstance(value, dict):
        return {key: to_state(value[key], crypter, show=show) for key in sorted(value)}
    if isinstance(value, list):
        return [to_state(item, crypter, show=show) for item in value]
    if value is UNKNOWN:
        return UNKNOWN_STRING
    return number(value) if isinstance(value, float) else value


def number(value: float) -> int | float:
    """2.0 -> 2, as Go writes doubles; 0.5 stays."""
    if not math.isfinite(value):
        raise Refused("numbers that are not finite")
    return int(value) if value == int(value) and abs(value) < 1e21 else value


def from_state(data: Any, crypter: Crypter | None) -> Value:
    """JSON data of the state -> a value. Secrets are decrypted at once."""
    if isinstance(data, dict):
        if data.get(SIGNATURE_KEY) == SECRET_SIGNATURE:
            return _secret_from_state(data, crypter)
        return _object({key: from_state(item, crypter) for key, item in data.items()})
    if isinstance(data, list):
        return [from_state(item, crypter) for item in data]
    if isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    return UNKNOWN if isinstance(data, str) and data in UNKNOWN_STRINGS else data


def _secret_from_state(data: dict[str, Any], crypter: Crypter | None) -> Secret:
    if "plaintext" in data:
        return Secret(from_state(json.loads(data["plaintext"]), None))
    if crypter is None:
        raise Refused("a secret in a stack without a secrets provider")
    ciphertext = str(data["ciphertext"])
    return Secret(from_state(json.loads(crypter.decrypt(ciphertext)), None), ciphertext)
