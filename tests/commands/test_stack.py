from pathlib import Path

import pytest

from commands.stack import chosen_stack, plain_config
from provider.errors import SettingsError
from provider.settings import stack_names


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: app\nruntime: python\n", encoding="utf-8")
    (tmp_path / "Pulumi.dev.yaml").write_text(
        "config:\n  app:defaultTags: dc=dc1:1\n  app:adopt: true\n  app:port: 5\n"
        "  app:key:\n    secure: v1:x\n  other:x: y\n",
        encoding="utf-8",
    )
    return tmp_path


def test_the_stack_is_the_named_one_else_the_only_one_else_dev(folder: Path) -> None:
    assert chosen_stack({"STACK": "org/app/prod"}, folder) == "prod"
    (folder / "Pulumi.dev.yaml").rename(folder / "Pulumi.live.yaml")
    assert chosen_stack({}, folder) == "live"
    (folder / "Pulumi.prod.yaml").touch()
    assert chosen_stack({}, folder) == "dev"
    assert stack_names(folder) == ["live", "prod"]


@pytest.mark.parametrize(
    ("key", "value"),
    [("defaultTags", "dc=dc1:1"), ("adopt", "true"), ("port", "5"), ("key", None), ("x", None), ("nosuch", None)],
)
def test_a_plain_value_is_read_from_the_stacks_file(folder: Path, key: str, value: str | None) -> None:
    assert plain_config(key, {}, folder) == value


def test_a_stack_without_a_file_or_without_config_has_no_value(folder: Path) -> None:
    assert plain_config("defaultTags", {"STACK": "prod"}, folder) is None
    (folder / "Pulumi.dev.yaml").write_text("- a list", encoding="utf-8")
    assert plain_config("defaultTags", {}, folder) is None
    (folder / "Pulumi.yaml").unlink()
    assert plain_config("defaultTags", {}, folder) is None


def test_a_file_that_cannot_be_read_is_one_line(folder: Path) -> None:
    (folder / "Pulumi.dev.yaml").write_text("config: [", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        plain_config("defaultTags", {}, folder)
    (problem,) = caught.value.problems
    assert problem.startswith("Pulumi.dev.yaml can't be read: ")
    assert "\n" not in problem


def test_a_command_is_for_one_stack(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="STACK names several stacks \\(a,b\\): say which one is meant by --stack"):
        chosen_stack({"STACK": "a,b"}, tmp_path)
