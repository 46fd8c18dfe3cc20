"""What was measured: every single measurement as JSON, and its medians, ratios and limits as markdown tables.

A ratio is taken within a round, between neighbours in time, and then its median over the rounds: a machine that gets
slower meanwhile changes both sides alike.
"""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.measure import Cost
from bench.systems import OPERATIONS, SYSTEMS

TITLES = {
    "wall_s": "Wall time, seconds: median (minimum)",
    "cpu_s": "CPU time of the whole process tree, seconds: median (minimum)",
    "memory_mib": "Peak memory of the whole process tree, MiB: median (minimum)",
}
# What a measurement, (jobs, operation, system), should at most be: in times of another one, or in seconds.
LIMITS = (
    ("preview, 1000 jobs, ours / floor", 1.25, (1000, "preview", "ours"), (1000, "preview", "floor")),
    ("up without a change, 1000 jobs, ours / floor", 1.25, (1000, "up", "ours"), (1000, "up", "floor")),
    ("create, 1000 jobs, ours / floor", 1.4, (1000, "create", "ours"), (1000, "create", "floor")),
    ("destroy, 1000 jobs, ours / floor", 1.6, (1000, "destroy", "ours"), (1000, "destroy", "floor")),
    ("create, ours, 3000 jobs / 1000 jobs", 3.3, (3000, "create", "ours"), (1000, "create", "ours")),
    ("create, ours, 10000 jobs / 1000 jobs", 11.0, (10000, "create", "ours"), (1000, "create", "ours")),
    ("probe, 1000 jobs, / a bare list request", 2.5, (1000, "probe", "ours"), (1000, "probe", "wire")),
    ("probe, 1000 jobs, seconds", 0.05, (1000, "probe", "ours"), None),
)


@dataclass
class Report:
    """`about` is date, machine, versions; `complete` is False after an interruption."""

    about: dict[str, Any]
    measurements: list[dict[str, Any]] = field(default_factory=list)
    complete: bool = False

    def add(self, where: tuple[int, int, str, str], cost: Cost, samples: Sequence[float] = ()) -> None:
        """One measurement: (jobs, round, operation, system). `samples`: the times of which the cost is the median."""
        named = dict(zip(("jobs", "round", "operation", "system"), where, strict=True))
        self.measurements.append({**named, **cost._asdict(), **({"samples_s": list(samples)} if samples else {})})

    @property
    def sizes(self) -> list[int]:
        return sorted({entry["jobs"] for entry in self.measurements})

    def rounds(self, jobs: int, operation: str, system: str, figure: str = "wall_s") -> dict[int, float]:
        """round -> value, the rounds in which it was measured."""
        wanted = (jobs, operation, system)
        found = [m for m in self.measurements if (m["jobs"], m["operation"], m["system"]) == wanted]
        return {entry["round"]: entry[figure] for entry in found if entry[figure] is not None}

    def write(self, path: Path) -> None:
        """In one step, so that no half of it is ever there."""
        lines = ",\n".join(f"    {json.dumps(entry)}" for entry in self.measurements)
        head = json.dumps({"complete": self.complete, **self.about}, indent=2)
        beside = path.with_name(f".{path.name}.new")
        beside.write_text(f'{head[:-2]},\n  "measurements": [\n{lines}\n  ]\n}}\n', encoding="utf-8")
        beside.replace(path)


def summary(values: dict[int, float]) -> str | None:
    """Median (minimum) over the rounds."""
    return f"{digits(statistics.median(values.values()))} ({digits(min(values.values()))})" if values else None


def ratio(top: dict[int, float], bottom: dict[int, float]) -> str | None:
    """The median of the ratios of each round that has both, and the ratio of the minima of these rounds."""
    both = [number for number in top if bottom.get(number)]
    if not both:
        return None
    least = min(top[number] for number in both) / min(bottom[number] for number in both)
    return f"{digits(statistics.median(top[number] / bottom[number] for number in both))} ({digits(least)})"


def digits(value: float) -> str:
    """Three that tell something: 0.0213, 1.23, 45.6, 789, 1234."""
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def markdown(head: Sequence[object], rows: Sequence[Sequence[object]]) -> list[str]:
    """A table; None is a dash."""
    lines = [["-" if cell is None else str(cell) for cell in line] for line in (head, ["---"] * len(head), *rows)]
    return [f"| {' | '.join(line)} |" for line in lines] + [""]


def about(report: Report) -> list[str]:
    """Where, when, on what."""
    lines = [f"- {key}: {value}" for key, value in report.about.items()]
    lines = [line.translate({ord(mark): None for mark in "{}'"}) for line in lines]
    counts = {jobs: len({m["round"] for m in report.measurements if m["jobs"] == jobs}) for jobs in report.sizes}
    lines.append(f"- rounds: {', '.join(f'{jobs} jobs: {count}' for jobs, count in counts.items())}")
    if any(tool["kind"] == "sandbox" for tool in report.about["tools"].values()):
        lines.append("- **measured on the sandbox's stand-ins: the figures say nothing about the real tools**")
    if not report.complete:
        lines.append("- **interrupted: not everything was measured**")
    return [*lines, ""]


def figure_table(report: Report, figure: str) -> list[str]:
    """One figure of all systems. A probe is compared with a bare list request, everything else with the floor."""
    rows: list[Sequence[object]] = []
    for jobs in report.sizes:
        for operation in OPERATIONS:
            found = {name: report.rounds(jobs, operation, name, figure) for name in SYSTEMS}
            over = ratio(found["ours"], found["wire" if operation == "probe" else "floor"])
            if any(found.values()):
                rows.append([jobs, operation, *map(summary, found.values()), over])
    return [f"### {TITLES[figure]}", "", *markdown(["jobs", "operation", *SYSTEMS, "ours / floor"], rows)]


def limit_table(report: Report) -> list[str]:
    """The limits that can be judged by what was measured."""
    rows: list[Sequence[object]] = []
    for what, most, top, bottom in LIMITS:
        above, below = report.rounds(*top), report.rounds(*bottom) if bottom else {1: 1.0}
        both = above.keys() & below.keys() if bottom and top[0] == bottom[0] else ()  # two sizes share no rounds
        if above and below:
            medians = statistics.median(above.values()) / statistics.median(below.values())
            measured = statistics.median(above[number] / below[number] for number in both) if both else medians
            rows.append([what, "kept" if measured <= most else "EXCEEDED", digits(measured), digits(most)])
    return ["### Limits", "", *markdown(["what", "", "measured", "at most"], rows)] if rows else []


def text(report: Report) -> str:
    """All of it. A ratio is the median of the ratios of each round, in brackets the ratio of the minima."""
    figures = [line for figure in TITLES for line in figure_table(report, figure)]
    return "\n".join([*about(report), *figures, *limit_table(report)]).rstrip() + "\n"
