"""`python -m dev.settings_text`: writes the watcher's settings into .env.example and docs/settings.md, from one table.

A test holds that both are as written here. Nothing else in those files is touched.
"""

import sys

from dev.say import ROOT
from watcher.setting_table import TABLE, Setting

ENV_EXAMPLE = ROOT / ".env.example"
DOCUMENT = ROOT / "docs" / "settings.md"
BEGIN, END = "<!-- settings of the watcher: begin -->", "<!-- settings of the watcher: end -->"
HEAD = """\
# Settings of the watcher, each with its default. Copy this file to .env, which compose.yaml reads and git ignores, and
# uncomment what you change. A secret NAME can also be given as NAME_FILE, the path of a file that holds the value.
# In the image HEALTH_ADDR, PROGRAM_DIR, PULUMI_HOME and PULUMI_LOGS have values of their own; .state is its volume
# /state.
"""


def facts(row: Setting) -> str:
    """What a line of text can say of a setting besides its default."""
    limits = f" (at least {row.minimum})" if row.minimum else ""
    if not all(choice in row.meaning for choice in row.choices):
        limits = f" ({' or '.join(row.choices)})"
    return f"{row.meaning}{limits}{'; secret' if row.secret else ''}"


def env_example() -> str:
    """The whole of .env.example."""
    return HEAD + "".join(f"\n# {facts(row)}\n#{row.name}={row.default}\n" for row in TABLE)


def table() -> str:
    """The document's table, in Markdown."""
    rows = [f"| `{r.name}` | {f'`{r.default}`' if r.default else '–'} | {facts(r)} |" for r in TABLE]
    return "\n".join(["| environment | default | meaning |", "|---|---|---|", *rows])


def document(text: str) -> str:
    """The document with the table between its marks put right. Raises ValueError where a mark is missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"docs/settings.md lacks the line {END if begin else BEGIN}")
    return f"{before}{begin}\n{table()}\n{end}{after}"


def main() -> int:
    """Writes both files. Exit code 1 where the document has no place for the table."""
    ENV_EXAMPLE.write_text(env_example(), encoding="utf-8")
    try:
        DOCUMENT.write_text(document(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
