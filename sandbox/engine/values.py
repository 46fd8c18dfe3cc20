"""Property values: plain JSON data in which {SIGNATURE: SECRET, "value": x} marks a secret, as on the wire.

Three spellings: the wire (protobuf Struct), the state file (ciphertexts), and what people see ("[secret]"). Pure.
"""

import json
from collections.abc import Callable
from typing import Any

from .console import Refused
from .passphrase import PassphraseCrypter

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # what a preview can't know yet
Properties = dict[str, Any]
Encode = Callable[[Any], Any]


def secret(value: Any) -> Properties:
    return {SIGNATURE: SECRET, "value": value}


def is_secret(value: Any) -> bool:
    return isinstance(value, dict) and value.get(SIGNATURE) == SECRET


def has_secret(value: Any) -> bool:
    """Is there a secret anywhere in it?"""
    if isinstance(value, dict):
        return is_secret(value) or any(has_secret(item) for item in value.values())
    return isinstance(value, list) and any(has_secret(item) for item in value)


def plain(value: Any, mask: str | None = None) -> Any:
    """The value without the marks of secrets; with `mask`, that text stands in each secret's place."""
    if isinstance(value, dict):
        if is_secret(value):
            return plain(value["value"]) if mask is None else mask
        return {key: plain(item, mask) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item, mask) for item in value]
    return value


def masked(value: Any) -> Any:
    """What a person may see."""
    return plain(value, "[secret]")


def marked(outputs: Properties, inputs: Properties) -> Properties:
    """`outputs`, with everything secret that is secret at the same path of `inputs`.

    A provider that takes no secrets gets plain values; this keeps the mark on what it echoes. A list with a secret
    in it becomes secret as a whole (recorded: session 13, x_list).
    """
    found = dict(outputs)
    for key in inputs.keys() & outputs.keys():
        ours, theirs = inputs[key], outputs[key]
        if is_secret(theirs):
            continue
        if isinstance(ours, dict) and isinstance(theirs, dict) and not is_secret(ours):
            found[key] = marked(theirs, ours)
        elif has_secret(ours):
            found[key] = secret(theirs)
    return found


def from_wire(struct: Any) -> Properties:
    """google.protobuf.Struct -> properties. Refused for assets, references and whatever else has a signature."""
    from google.protobuf import json_format

    found: Properties = json_format.MessageToDict(struct)
    _refuse_signatures(found)
    return found


def _refuse_signatures(value: Any) -> None:
    if isinstance(value, dict):
        if value.get(SIGNATURE, SECRET) != SECRET:
            raise Refused(f"assets, archives and references as values (signature {value[SIGNATURE]})")
        value = list(value.values())
    for item in value if isinstance(value, list) else ():
        _refuse_signatures(item)


def to_wire(properties: Properties, *, secrets: bool = False) -> Any:
    """Properties -> Struct. Without `secrets` the marks are dropped."""
    from google.protobuf import struct_pb2

    struct = struct_pb2.Struct()
    struct.update(properties if secrets else plain(properties))
    return struct


def to_state(value: Any, crypter: PassphraseCrypter | None) -> Any:
    """A value as JSON data for the state. Secrets become ciphertexts; plaintexts without a `crypter`."""
    if isinstance(value, dict):
        if is_secret(value):
            text = json.dumps(to_state(value["value"], None), ensure_ascii=False, separators=(",", ":"))
            shown = {"ciphertext": crypter.encrypt(text)} if crypter else {"plaintext": text}
            return {SIGNATURE: SECRET, **shown}
        return {key: to_state(item, crypter) for key, item in value.items()}
    if isinstance(value, list):
        return [to_state(item, crypter) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return int(value)  # as Go writes doubles
    return value


def from_state(data: Any, crypter: PassphraseCrypter) -> Any:
    """JSON data of the state -> a value. Secrets are decrypted at once."""
    if isinstance(data, dict):
        if is_secret(data):
            text = data["plaintext"] if "plaintext" in data else crypter.decrypt(str(data["ciphertext"]))
            return secret(from_state(json.loads(text), crypter))
        return {key: from_state(item, crypter) for key, item in data.items()}
    return [from_state(item, crypter) for item in data] if isinstance(data, list) else data
