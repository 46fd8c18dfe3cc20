from pathlib import Path

import pytest

from provider.moved import moved

OLD = ("http://old:1",)


def config(folder: Path, line: str) -> Path:
    (folder / "Pulumi.dev.yaml").write_text(
        f"encryptionsalt: v1:x\nconfig:\n  {line}\n  other:dkronUrl: http://other:1\n"
    )
    return folder


@pytest.mark.parametrize(
    "line", ["shop:dkronUrl: http://new:1", 'shop:dkronUrl: "http://new:1"', "'shop:dkronUrl': http://new:1"]
)
def test_another_address_in_the_stack_s_file_names_both_and_the_way_out(tmp_path: Path, line: str) -> None:
    found = moved("shop/dev", OLD, config(tmp_path, line), {})
    assert found is not None
    assert "Dkron at http://new:1" in found
    assert "given http://old:1" in found
    assert "`pulumi up --run-program`" in found
    assert "`DKRON_URL=http://new:1 pulumi destroy`" in found


@pytest.mark.parametrize(
    ("mark", "line", "env"),
    [
        ("shop/dev", "shop:dkronUrl: http://old:1/", {}),
        ("shop/dev", "shop:dkronUrl: http://new:1", {"DKRON_URL": "http://old:1"}),
        ("shop/prod", "shop:dkronUrl: http://new:1", {}),
        ("", "shop:dkronUrl: http://new:1", {}),
        ("shop/dev", "shop:ownerTag: x", {}),
        ("shop/dev", "shop:dkronUrl: http://new:1", {"DKRON_URL_FILE": "/nowhere"}),
    ],
)
def test_otherwise_nothing_is_said(tmp_path: Path, mark: str, line: str, env: dict[str, str]) -> None:
    assert moved(mark, OLD, config(tmp_path, line), env) is None
