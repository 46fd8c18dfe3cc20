import json
import time
from pathlib import Path

import pytest

from watcher.secrets import PUBLIC_PASSPHRASE, exposed, known_secrets, url_secrets, weak

HERE = ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:1"]


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("postgres://u:k3@db/x", "k3"),
        ("postgres://u:s3c%2Fret@db/x", "s3c/ret"),
        ("postgres://u:s3c%2Fret@db/x", "s3c%2Fret"),
        ("postgres://u:with/slash@and-at@db/x", "with/slash@and-at"),
        ("postgres://db/x?user=u&password=P%21x", "P!x"),
        ("postgres://db/x?user=u&sslpassword=P", "P"),
        ("azblob://c?storage_account=x&sas=SIG", "SIG"),
        ("https://h/b?X-Amz-Signature=1&sig=abc+d", "abc d"),
        ("http://[x:k@", "k"),
        ("https://ghp_0123456789abcdef@github.com/x", "ghp_0123456789abcdef"),
        ("http://user:pr0xy@proxy:3128", "pr0xy"),
    ],
)
def test_a_secret_in_an_address_is_known(url: str, secret: str) -> None:
    assert secret in set(url_secrets(url))
    assert secret in known_secrets({"ANY_NAME": url})


@pytest.mark.parametrize("url", ["", "file:///srv/state", "s3://b?region=eu&endpoint=h:1", "ssh://git@host/x"])
def test_an_address_without_one_has_none(url: str) -> None:
    assert list(url_secrets(url)) == []


def test_what_is_named_like_a_secret_is_one_and_so_is_what_its_file_holds(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-a-file\n")
    key = json.dumps({"type": "service_account", "private_key": "-----BEGIN", "project_id": "shown"})
    env = {
        "SERVICE_KEY": " key ",
        "AWS_SECRET_ACCESS_KEY": "aws",
        "AZURE_CLIENT_SECRET": "azure",
        "VAULT_TOKEN": "vault",
        "PGPASSWORD": "pg",
        "GOOGLE_CREDENTIALS": key,
        "GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "token"),
        "OTHER_TOKEN_FILE": str(tmp_path / "token"),
        "DKRON_TOKEN_FILE": "/nowhere",
        "DKRON_MGR__SERVICE_KEY": "old",
        "HTTPS_PROXY": "http://u:proxy-login@p:1",
        "NOTIFY": "json://u:hook@h/x, slack://a/b/c",
        "SOME_TOKEN_SUPPORT": "true",
        "HOME": "/root",
    }
    found = set(known_secrets(env))
    assert {"key", "aws", "azure", "vault", "pg", key, "-----BEGIN", "from-a-file", "old", "proxy-login"} < found
    assert {"hook", "slack://a/b/c"} < found
    assert not {"shown", "true", "/root", "", str(tmp_path / "token")} & found


def test_weak_secrets_are_named() -> None:
    env = {"SERVICE_KEY": "own", "DKRON_TOKEN": "changeme", "PULUMI_CONFIG_PASSPHRASE": "long-and-rare", "X_TOKEN": "a"}
    assert weak(env) == ["DKRON_TOKEN", "SERVICE_KEY"]


def test_a_long_address_is_read_at_once() -> None:
    started = time.process_time()
    list(url_secrets("postgres://" + "a:@?&" * 200_000))
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("env", "addresses", "words"),
    [
        ({"PULUMI_CONFIG_PASSPHRASE": PUBLIC_PASSPHRASE, "SERVICE_KEY": "k"}, HERE, "and a SERVICE_KEY is set: choose"),
        ({"PULUMI_CONFIG_PASSPHRASE": PUBLIC_PASSPHRASE}, ["http://dkron:8080"], "and Dkron is on another machine:"),
        (
            {"PULUMI_CONFIG_PASSPHRASE": PUBLIC_PASSPHRASE},
            ["http://127.example.org:1"],
            "and Dkron is on another machine:",
        ),
        ({"PULUMI_CONFIG_PASSPHRASE": PUBLIC_PASSPHRASE}, HERE, ""),
        ({"PULUMI_CONFIG_PASSPHRASE": "another", "SERVICE_KEY": "k"}, ["http://dkron:8080"], ""),
        ({"SERVICE_KEY": "k", "PULUMI_CONFIG_PASSPHRASE_FILE": "/nowhere"}, HERE, ""),
        ({}, ["http://dkron:8080"], ""),
    ],
)
def test_a_public_passphrase_guards_nothing_real(env: dict[str, str], addresses: list[str], words: str) -> None:
    found = exposed(env, addresses)
    assert words in found
    assert bool(words) == bool(found)


def test_a_file_may_hold_the_public_passphrase_too(tmp_path: Path) -> None:
    (tmp_path / "passphrase").write_text(f"{PUBLIC_PASSPHRASE}\n")
    env = {"PULUMI_CONFIG_PASSPHRASE_FILE": str(tmp_path / "passphrase"), "SERVICE_KEY": "k"}
    assert exposed(env, HERE)
