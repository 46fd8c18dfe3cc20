"""A stack's config is asked of pulumi, and told it, and no value is an argument or is shown."""

import stat
import sys
from pathlib import Path

import pytest

from commands import programs, stack_config
from provider.errors import SettingsError
from tests.commands.support import CANARY


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pulumi that does what the lines in the file say; it keeps its arguments and its input beside it."""
    program = tmp_path / "pulumi"
    program.write_text(
        f"#!{sys.executable}\nimport pathlib, sys\nhere = pathlib.Path({str(tmp_path)!r})\n"
        "here.joinpath('arguments').write_text(' '.join(sys.argv[1:]))\n"
        "here.joinpath('input').write_text(sys.stdin.read())\n"
        "exec(here.joinpath('lines').read_text())\n",
        encoding="utf-8",
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_the_config_is_read_with_its_secrets(pulumi: Path) -> None:
    found = '{"shop:a": {"value": "1", "secret": true}, "shop:b": {"value": "x"}, "shop:broken": {"secret": true}}'
    (pulumi / "lines").write_text(f"print('''{found}''')", encoding="utf-8")
    config = stack_config.read("prod")
    assert config.values == {"a": "1", "b": "x"}
    assert config.secrets == {"a", "broken"}
    assert (config.get("b"), config.get("c")) == ("x", None)
    assert "1" not in repr(config)
    arguments = (pulumi / "arguments").read_text(encoding="utf-8")
    assert arguments == "config --json --show-secrets --stack prod --non-interactive"


def test_a_secret_goes_to_standard_input_only(pulumi: Path) -> None:
    (pulumi / "lines").write_text("", encoding="utf-8")
    stack_config.set_secret("dev", "key", f"{CANARY}\n")
    assert CANARY not in (pulumi / "arguments").read_text(encoding="utf-8")
    # The CLI takes one line break off.
    assert (pulumi / "input").read_text(encoding="utf-8") == f"{CANARY}\n\n"


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (
            "sys.exit('noise\\nerror: no stack named nope found\\n')",
            "`pulumi config --json --show-secrets --stack nope`: no stack named nope found",
        ),
        (
            "sys.exit('error: incorrect passphrase')",
            "`pulumi config --json --show-secrets --stack nope`: incorrect passphrase; "
            "set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE",
        ),
        ("sys.exit(3)", "`pulumi config --json --show-secrets --stack nope`: it failed"),
        ("print('no JSON')", "the config of the stack nope can't be read: pulumi printed no JSON"),
        ("print('[1]')", "the config of the stack nope can't be read: pulumi printed no JSON"),
    ],
)
def test_what_went_wrong_is_told_in_a_line(lines: str, told: str, pulumi: Path) -> None:
    (pulumi / "lines").write_text(lines, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        stack_config.read("nope")
    assert list(caught.value.problems) == [told]


def test_no_pulumi_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SettingsError, match="No such file or directory"):
        stack_config.read("dev")


def test_a_program_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "TIME_LIMIT_S", 0.01)
    ended = programs.run([sys.executable, "-c", "import sys; sys.stdin.read(); import time; time.sleep(60)"])
    assert ended == programs.Ended(None, err="took more than 0.01 s")
