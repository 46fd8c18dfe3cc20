"""Where the tests' data are, and the jobs that this project must declare."""

import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"


def recorded(name: str) -> Any:
    """What the real Dkron 4.0.9 answered, recorded."""
    return json.loads((DATA / "dkron-4.0.9" / f"{name}.json").read_text(encoding="utf-8"))


def jobs_table() -> list[tuple[str, str, str]]:
    """(name, schedule, display name) of the eight jobs, as agreed with the services' owners."""
    lines = (DATA / "jobs.txt").read_text(encoding="utf-8").splitlines()
    return [(name.strip(), schedule.strip(), text.strip()) for name, schedule, text in (ln.split("|") for ln in lines)]
