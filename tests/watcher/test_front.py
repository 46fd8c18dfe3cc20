"""Login, certificate and path of the page, without a server."""

import base64
from pathlib import Path

import pytest

from tests.certificates import certificate
from watcher.front import Certificate, Login, base_of


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("header", "admitted"),
    [
        (basic("ann:s3cret:1ö"), True),
        (basic("ann:s3cret:1ö").replace("Basic", "bASIC"), True),
        (basic("ann:s3cret:1"), False),
        (basic("ann:"), False),
        (basic("bob:s3cret:1ö"), False),
        (basic("ann:s3cret:1ö") + "!", False),
        ("Bearer s3cret:1ö", False),
        ("Basic", False),
        ("Basic ö", False),
        ("", False),
    ],
)
def test_only_the_login_that_was_set_is_admitted(header: str, admitted: bool) -> None:
    assert Login("ann", lambda: "s3cret:1ö").admits(header) is admitted


def test_a_password_file_that_became_empty_admits_nobody() -> None:
    words = ["first", "second", ""]
    login = Login("ann", lambda: words[0])
    assert login.admits(basic("ann:first"))
    words.pop(0)
    assert (login.admits(basic("ann:first")), login.admits(basic("ann:second"))) == (False, True)
    words.pop(0)
    assert not login.admits(basic("ann:"))


@pytest.mark.parametrize(
    ("url", "base"),
    [("", ""), ("https://ops.example", ""), ("http://ops.example/", ""), ("https://ops.example/a/dkron/", "/a/dkron")],
)
def test_the_path_of_the_public_address_is_the_base(url: str, base: str) -> None:
    assert base_of(url) == (base, "")


@pytest.mark.parametrize("url", ["ops.example/x", "ftp://x", "https://", "http://[", "http://x/?a=1", "http://x/#a"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    base, reason = base_of(url)
    assert (base, reason != "") == ("", True)


def test_a_bad_certificate_is_one_line_that_names_the_file(tmp_path: Path) -> None:
    crt, key = certificate(tmp_path)
    (tmp_path / "locked").mkdir()
    locked = certificate(tmp_path / "locked", b"word")
    (tmp_path / "junk").write_text("no pem\n")
    assert Certificate(str(crt), str(key)).context(pytest.fail)
    pairs = [(crt, tmp_path / "gone"), (tmp_path / "junk", key), (crt, locked[1]), locked]
    for one, two in pairs:
        with pytest.raises(ValueError, match=str(two)) as caught:
            Certificate(str(one), str(two))
        assert "\n" not in str(caught.value)


def test_a_changed_certificate_is_taken_and_a_bad_one_told_once(tmp_path: Path) -> None:
    crt, key = certificate(tmp_path)
    (tmp_path / "new").mkdir()
    new = certificate(tmp_path / "new")
    told: list[str] = []
    kept = Certificate(str(crt), str(key))
    first = kept.context(told.append)
    assert kept.context(told.append) is first
    new[0].replace(crt)  # for a moment it is no pair with the old key
    assert [kept.context(told.append), kept.context(told.append)] == [first, first]
    assert len(told) == 1
    assert told[0].startswith("the new certificate is not used: ")
    new[1].replace(key)
    assert kept.context(told.append) is not first
    key.unlink()
    kept.context(told.append)
    assert "cannot read" in told[1]
