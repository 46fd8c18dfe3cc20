"""The package's public names are those of its page, and an author's mistakes are one line each."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import provider
from dev.say import ROOT
from tests.test_program import CONFIG, run, script

PAGE = (ROOT / "docs" / "package.md").read_text(encoding="utf-8")
NAMED = re.findall(r"^\| `([\w.]+)` \|", PAGE, re.MULTILINE)


def test_the_page_lists_the_public_names_and_no_other() -> None:
    assert sorted(name for name in NAMED if "." not in name) == sorted(provider.__all__)
    assert len(set(NAMED)) == len(NAMED)


@pytest.mark.parametrize("name", NAMED)
def test_each_public_name_is_there_and_explains_itself(name: str) -> None:
    module, _, short = name.rpartition(".")
    found = getattr(import_module(f"provider.{module}".rstrip(".")), short)
    assert found.__doc__ or not callable(found)


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="provider has no nosuch"):
        provider.nosuch  # noqa: B018 - the look-up is what is tested


def test_importing_the_package_loads_neither_pulumi_nor_http() -> None:
    code = "import sys, provider; print({'pulumi', 'requests'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    ("declaration", "error"),
    [
        (
            "Job('a', executor=http)",
            'job "a": executor must be what http(), shell() or plugin() gives, or a name, not a ',
        ),
        ("Job('a', executor={'url': 'http://h/'})", 'job "a": executor must be what http(), shell() or plugin() gives'),
        ("Job('a', executor=http(provider.setting('noUrl')))", "noUrl is not set"),
    ],
)
def test_a_bad_executor_is_one_line(tmp_path: Path, declaration: str, error: str) -> None:
    done = run(script(tmp_path, f"import provider\n{declaration}\n"))
    assert done["error"].startswith(error)
    assert len(done["error"].splitlines()) == 1
    assert done["registered"] == []


@pytest.mark.parametrize(
    ("config", "error"),
    [
        ({}, "dkronUrl is not set: run `pulumi config set dkronUrl VALUE`"),
        ({**CONFIG, "dkronUrl": "dkron:8080"}, "dkronUrl must look like http://host:port"),
        ({**CONFIG, "adopt": "perhaps"}, "adopt must be true or false"),
        ({**CONFIG, "dkronUrl": "https://d", "dkronToken": "t"}, "dkronToken stands in the stack's config unencrypted"),
    ],
)
def test_a_setting_that_is_missing_or_malformed_is_one_line(tmp_path: Path, config: dict[str, str], error: str) -> None:
    done = run(script(tmp_path, "Job('a', schedule='@daily', executor=shell('true'))\n"), config=config)
    assert done["error"].startswith(error)
    assert len(done["error"].splitlines()) == 1
    assert done["registered"] == []
