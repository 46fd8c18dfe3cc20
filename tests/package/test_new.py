"""`python -m pulumi_dkron new DIR`: what it writes, what it refuses, and that its program runs."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from dev.say import ROOT
from provider.__main__ import TEMPLATE, main
from provider.settings import KEYS
from tests.test_program import run

FILES = {".gitignore", "Pulumi.yaml", "README.md", "__main__.py", "requirements.txt"}


def test_a_project_is_written_and_its_program_runs_on_the_engine_of_the_sdk(tmp_path: Path) -> None:
    folder = tmp_path / "my.jobs"
    done = subprocess.run(
        [sys.executable, "-m", "provider", "new", folder], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"wrote a project to {folder}; its README.md has the next steps\n"
    assert {path.name for path in folder.iterdir()} == FILES
    for path in folder.iterdir():
        assert "${" not in path.read_text(encoding="utf-8")

    (folder / "pulumi_dkron").symlink_to(ROOT / "provider")
    config = {"dkronUrl": "http://127.0.0.1:1", "ownerTag": "my.jobs"}
    answer = run(folder / "__main__.py", config=config, secrets=(), here=folder)
    assert answer["error"] is None
    assert {job["name"]: job["inputs"]["metadata"]["managed_by"] for job in answer["registered"]} == {
        "example-backup": "my.jobs",
        "example-report": "my.jobs",
    }
    assert answer["log"] == []


def test_its_config_is_of_settings_that_there_are_and_pulumi_new_reads_the_same_files(tmp_path: Path) -> None:
    assert {path.name for path in TEMPLATE.iterdir() if path.is_file()} == FILES
    assert main(["new", str(tmp_path / "123")]) == 0
    written = yaml.safe_load((tmp_path / "123" / "Pulumi.yaml").read_text(encoding="utf-8"))
    assert (written["name"], written["config"]["ownerTag"]["default"]) == ("123", "123")
    assert set(written["config"]) <= set(KEYS)
    template = yaml.safe_load((TEMPLATE / "Pulumi.yaml").read_text(encoding="utf-8"))
    assert template.keys() - written.keys() == {"template"}
    assert set(template["template"]["config"]) <= set(template["config"])


def test_the_package_is_required_as_it_was_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def required() -> str:
        folder = tmp_path / f"p{len(list(tmp_path.iterdir()))}"
        assert main(["new", str(folder)]) == 0
        return (folder / "requirements.txt").read_text(encoding="utf-8")

    monkeypatch.setattr("importlib.metadata.distributions", lambda **_: iter(()))
    assert required() == "pulumi-dkron\n"
    info = tmp_path / "pulumi_dkron-9.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pulumi-dkron\nVersion: 9.9\n", encoding="utf-8")
    monkeypatch.undo()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert required() == "pulumi-dkron==9.9\n"
    (info / "direct_url.json").write_text('{"url": "file:///w/x.whl", "archive_info": {}}', encoding="utf-8")
    assert required() == "pulumi-dkron @ file:///w/x.whl\n"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("full", "the directory is not empty; name a new one"),
        ("a b", '"a b" is no name for a Pulumi project'),
        ("file", "File exists"),
        ("file/below", "Not a directory"),
    ],
)
def test_what_can_t_be_a_project_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, reason: str
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.py").write_text("x")
    (tmp_path / "file").write_text("x")
    before = sorted(tmp_path.rglob("*"))
    assert main(["new", str(tmp_path / name)]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith(f"cannot write a project to {tmp_path / name}: ")
    assert reason in said.err
    assert sorted(tmp_path.rglob("*")) == before


def test_an_empty_directory_is_taken(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["new", str(tmp_path / "empty")]) == 0
