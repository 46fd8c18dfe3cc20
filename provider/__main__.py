"""`python -m pulumi_dkron new DIR`: writes a Pulumi project with two jobs, to begin one's own with.

The files are those of `template/`, which `pulumi new` takes as they are. It asks nobody and installs nothing.
"""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

TEMPLATE = Path(__file__).parent / "template"
DISTRIBUTION = "pulumi-dkron"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")  # what Pulumi takes for the name of a project


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m pulumi_dkron", description="Jobs of a Dkron cluster, by Pulumi.")
    commands = parser.add_subparsers(required=True)
    new = commands.add_parser("new", help="write a project to begin with")
    new.add_argument("directory", metavar="DIR", type=Path, help="where; the project is called like it")
    folder: Path = parser.parse_args(argv).directory
    try:
        write(folder)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        sys.stderr.write(f"cannot write a project to {folder}: {reason}\n")
        return 2
    sys.stdout.write(f"wrote a project to {folder}; its README.md has the next steps\n")
    return 0


def write(folder: Path) -> None:
    """Writes the project. Raises ValueError, OSError before anything is written where it must not or can't be."""
    name = folder.absolute().name
    if not NAME.fullmatch(name):
        raise ValueError(f'"{name}" is no name for a Pulumi project; letters, digits, - _ . are')
    if folder.is_dir() and any(folder.iterdir()):
        raise ValueError("the directory is not empty; name a new one")
    folder.mkdir(parents=True, exist_ok=True)
    words = {"${PROJECT}": name, "${DESCRIPTION}": "Jobs of a Dkron cluster"}
    for source in TEMPLATE.iterdir():
        if not source.is_file():
            continue
        text = source.read_text(encoding="utf-8")
        for mark, word in words.items():
            text = text.replace(mark, word)
        if source.name == "Pulumi.yaml":
            text = text.partition("\ntemplate:\n")[0] + "\n"  # what only `pulumi new` reads
        if source.name == "requirements.txt":
            text = f"{requirement()}\n"
        (folder / source.name).write_text(text, encoding="utf-8")


def requirement() -> str:
    """How pip finds this package again: the file that it was installed from, or its version."""
    try:
        found = metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return DISTRIBUTION
    origin = json.loads(found.read_text("direct_url.json") or "{}").get("url")
    return f"{DISTRIBUTION} @ {origin}" if origin else f"{DISTRIBUTION}=={found.version}"


if __name__ == "__main__":
    sys.exit(main())
