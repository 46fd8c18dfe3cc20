"""Pulumi's passphrase scheme: what the real CLI encrypted is opened, and a wrong passphrase is said to be one."""

from pathlib import Path

import pytest

from sandbox.engine.console import CliError
from sandbox.engine.passphrase import PassphraseCrypter, passphrase

# Made by the real CLI 3.260 with the passphrase "pw".
SALT = "v1:zEJ3XkfsUdQ=:v1:BQh99uFbb6ro5F0s:XZihUoKc/QjhZmpuHVoV2vR3SiZoOQ=="
TOKEN = "v1:/TiQQlgbXT0dC663:qBC+D5DxweTAPh+TCitmd4scLRg2OQqufUSR"


def test_what_the_real_cli_encrypted_is_opened() -> None:
    crypter = PassphraseCrypter(SALT, {"PULUMI_CONFIG_PASSPHRASE": "pw"})
    assert crypter.decrypt(TOKEN) == "s3cretvalue"
    assert crypter.encrypt("s3cretvalue") == TOKEN
    assert crypter.decrypt(crypter.encrypt("ä\n")) == "ä\n"
    for damaged in (TOKEN[:-4] + "AAAA", "plain"):
        with pytest.raises(CliError, match="another passphrase or is damaged"):
            crypter.decrypt(damaged)


def test_a_new_salt_serves_the_same_passphrase_only(tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_text("other\n", encoding="utf-8")
    made = PassphraseCrypter.create({"PULUMI_CONFIG_PASSPHRASE_FILE": str(file)})
    text = made.encrypt("x")
    assert PassphraseCrypter(made.salt, {"PULUMI_CONFIG_PASSPHRASE": "other"}).decrypt(text) == "x"
    with pytest.raises(CliError, match=r"^incorrect passphrase$"):
        PassphraseCrypter(made.salt, {"PULUMI_CONFIG_PASSPHRASE": ""}).decrypt(text)


def test_a_key_that_is_kept_opens_nothing_for_another_passphrase(tmp_path: Path) -> None:
    kept = {"SANDBOX_KEYS": str(tmp_path)}
    for _ in range(2):
        assert PassphraseCrypter(SALT, {"PULUMI_CONFIG_PASSPHRASE": "pw", **kept}).decrypt(TOKEN) == "s3cretvalue"
        with pytest.raises(CliError, match=r"^incorrect passphrase$"):
            PassphraseCrypter(SALT, {"PULUMI_CONFIG_PASSPHRASE": "other", **kept}).decrypt(TOKEN)
    assert len(list(tmp_path.iterdir())) == 2  # both were kept, and found by the second round


def test_a_missing_passphrase_or_a_damaged_salt_is_no_traceback() -> None:
    with pytest.raises(CliError, match="passphrase must be set with PULUMI_CONFIG_PASSPHRASE or"):
        passphrase({})
    with pytest.raises(OSError, match="/nowhere/at/all"):
        passphrase({"PULUMI_CONFIG_PASSPHRASE_FILE": "/nowhere/at/all"})
    with pytest.raises(CliError, match="malformed state value"):
        PassphraseCrypter("nonsense", {}).verify()
