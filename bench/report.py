"""What was measured, as markdown tables: medians, ratios and limits.

A ratio is taken within a round, between neighbours in time, and then its median over the rounds: a machine that gets
slower meanwhile changes both sides alike.
"""

from collections.abc import Sequence
from statistics import median
from typing import Any

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
# As bench.json has it: "complete" (false after an interruption), date, machine, versions, "measurements".
Report = dict[str, Any]


def rounds(report: Report, jobs: int, operation: str, system: str, figure: str = "wall_s") -> dict[int, float]:
    """round -> value, the rounds in which it was measured."""
    wanted = (jobs, operation, system)
    found = [m for m in report["measurements"] if (m["jobs"], m["operation"], m["system"]) == wanted]
    return {entry["round"]: entry[figure] for entry in found if entry[figure] is not None}


def summary(values: Sequence[float]) -> str | None:
    """Median (minimum)."""
    return f"{median(values):.4g} ({min(values):.4g})" if values else None


def paired(top: dict[int, float], bottom: dict[int, float]) -> list[float]:
    """The ratios of the rounds that have both."""
    return [top[number] / bottom[number] for number in top if bottom.get(number)]


def markdown(head: Sequence[object], rows: Sequence[Sequence[object]]) -> list[str]:
    """A table; None is a dash."""
    lines = [["-" if cell is None else str(cell) for cell in line] for line in (head, ["---"] * len(head), *rows)]
    return [f"| {' | '.join(line)} |" for line in lines] + [""]


def about(report: Report) -> list[str]:
    """Where, when, on what."""
    lines = [f"- {key}: {value}" for key, value in report.items() if key not in ("complete", "measurements")]
    if any(tool["kind"] == "sandbox" for tool in report["tools"].values()):
        lines.append("- **measured on the sandbox's stand-ins: the figures say nothing about the real tools**")
    if not report["complete"]:
        lines.append("- **interrupted: not everything was measured**")
    return [*lines, ""]


def figure_table(report: Report, figure: str) -> list[str]:
    """One figure of all systems. A probe is compared with a bare list request, everything else with the floor."""
    rows: list[Sequence[object]] = []
    for jobs in sorted({entry["jobs"] for entry in report["measurements"]}):
        for operation in OPERATIONS:
            found = {name: rounds(report, jobs, operation, name, figure) for name in SYSTEMS}
            over = paired(found["ours"], found["wire" if operation == "probe" else "floor"])
            cells = [summary([*values.values()]) for values in found.values()]
            if any(cells):
                rows.append([jobs, operation, *cells, summary(over), len(found["ours"])])
    return [f"### {TITLES[figure]}", "", *markdown(["jobs", "operation", *SYSTEMS, "ours / floor", "rounds"], rows)]


def limit_table(report: Report) -> list[str]:
    """The limits that can be judged by what was measured."""
    rows: list[Sequence[object]] = []
    for what, most, top, bottom in LIMITS:
        above, below = rounds(report, *top), rounds(report, *bottom) if bottom else {1: 1.0}
        if above and below:
            alike = bottom is not None and bottom[0] == top[0]  # two sizes share no rounds
            pairs = paired(above, below) if alike else []
            measured = median(pairs) if pairs else median(above.values()) / median(below.values())
            rows.append([what, "kept" if measured <= most else "EXCEEDED", f"{measured:.4g}", most])
    return ["### Limits", "", *markdown(["what", "", "measured", "at most"], rows)] if rows else []


def text(report: Report) -> str:
    """All of it. A ratio is the median of the ratios of each round, in brackets their minimum."""
    figures = [line for figure in TITLES for line in figure_table(report, figure)]
    return "\n".join([*about(report), *figures, *limit_table(report)]).rstrip() + "\n"
