"""A report as text: markdown tables that read well as they are. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bench.options import SYSTEM_NAMES
from bench.results import Report, Summary

ORDER = ("create", "preview", "up", "change", "drift", "orphan", "cycle", "destroy")
TITLES = {
    "wall_s": "Wall time, seconds: median (minimum)",
    "cpu_s": "CPU time of the whole process tree, seconds: median (minimum)",
    "memory_mib": "Peak memory of the whole process tree, MiB: median (minimum)",
}
OURS_FLOOR = ("ours", "floor")
OURS_WIRE = ("ours", "wire")
NONE = "-"


@dataclass(frozen=True, slots=True)
class Limit:
    """What a figure should not exceed; the table shows where it does."""

    what: str
    most: float
    figure: Callable[[Report], float | None]
    unit: str = ""


def _median(found: Summary | None) -> float | None:
    return None if found is None else found.median


def _over_floor(operation: str, jobs: int) -> Callable[[Report], float | None]:
    return lambda report: _median(report.ratio(jobs, operation, OURS_FLOOR))


def _growth(operation: str, more: int, less: int) -> Callable[[Report], float | None]:
    def figure(report: Report) -> float | None:
        top, bottom = (_median(report.summary(jobs, operation, "ours")) for jobs in (more, less))
        return top / bottom if top and bottom else None

    return figure


def _probe_ms(report: Report) -> float | None:
    seconds = _median(report.summary(1000, "probe", "ours"))
    return None if seconds is None else seconds * 1000


LIMITS = (
    Limit("preview, 1000 jobs, ours / floor", 1.25, _over_floor("preview", 1000)),
    Limit("up without a change, 1000 jobs, ours / floor", 1.25, _over_floor("up", 1000)),
    Limit("create, 1000 jobs, ours / floor", 1.4, _over_floor("create", 1000)),
    Limit("create, ours, 3000 jobs / 1000 jobs", 3.3, _growth("create", 3000, 1000)),
    Limit("probe, 1000 jobs, / a bare list request", 2.5, lambda r: _median(r.ratio(1000, "probe", OURS_WIRE))),
    Limit("probe, 1000 jobs", 50.0, _probe_ms, " ms"),
)


def number(value: float) -> str:
    """Three digits that tell something: 0.021, 1.23, 45.6, 789."""
    return (
        f"{value:.0f}"
        if value >= 100
        else f"{value:.1f}"
        if value >= 10
        else f"{value:.2f}"
        if value >= 1
        else f"{value:.3f}"
    )


def cell(found: Summary | None, scale: float = 1.0) -> str:
    return NONE if found is None else f"{number(found.median * scale)} ({number(found.minimum * scale)})"


def ratio_cell(found: Summary | None) -> str:
    return NONE if found is None else f"{found.median:.2f} ({found.minimum:.2f})"


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table with columns of even width, the figures to the right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        padded = [c.ljust(w) if i < 2 else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True))]
        return f"| {' | '.join(padded)} |"

    rule = [("-" * w if i < 2 else "-" * (w - 1) + ":") for i, w in enumerate(widths)]
    return [line(head), line(rule), *(line(row) for row in rows)]


def about(report: Report) -> list[str]:
    """Where, when, on what."""
    facts = report.about
    machine: dict[str, Any] = facts.get("machine", {})
    tools: dict[str, dict[str, str]] = facts.get("tools", {})
    stand_ins = sorted(name for name, tool in tools.items() if tool["kind"] == "sandbox")
    named = ", ".join(f"{name} {tool['version']} ({tool['kind']})" for name, tool in sorted(tools.items()))
    rounds = ", ".join(f"{jobs} jobs: {len(_rounds(report, jobs))}" for jobs in report.sizes)
    lines = [
        f"- {facts.get('date', '?')}, commit {facts.get('commit', '?')[:12]}"
        + (" with changes besides" if facts.get("changed_since") else ""),
        f"- {machine.get('cpu')}, {machine.get('cores')} cores, {machine.get('memory_mib')} MiB, "
        f"{machine.get('kernel')}",
        f"- {named}, Pulumi's SDK {facts.get('sdk', {}).get('pulumi')}, Python {machine.get('python')}",
        f"- rounds: {rounds}",
    ]
    if stand_ins:
        lines.append(
            f"- **{' and '.join(stand_ins)}: the sandbox's stand-ins; the figures say nothing about the real ones**"
        )
    if not report.complete:
        lines.append("- **interrupted: not everything was measured**")
    if any(entry["system"] != "wire" and entry["cpu_s"] is None for entry in report.measurements):
        lines.append("- CPU time and memory of a process tree can only be measured on Linux")
    return lines


def _rounds(report: Report, jobs: int) -> set[int]:
    return {entry["round"] for entry in report.measurements if entry["jobs"] == jobs}


def figure_table(report: Report, figure: str) -> list[str]:
    """One figure of all systems. Nothing where it was not measured at all."""
    systems = [
        s for s in SYSTEM_NAMES if any(e["system"] == s and e["operation"] in ORDER for e in report.measurements)
    ]
    rows = []
    for jobs in report.sizes:
        for operation in ORDER:
            found = [report.summary(jobs, operation, system, figure) for system in systems]
            if any(found):
                ratio = report.ratio(jobs, operation, OURS_FLOOR, figure)
                rows.append([str(jobs), operation, *map(cell, found), ratio_cell(ratio)])
    return (
        [f"### {TITLES[figure]}", "", *markdown(["jobs", "operation", *systems, "ours / floor"], rows), ""]
        if rows
        else []
    )


def probe_table(report: Report) -> list[str]:
    """The probe beside a bare list request."""
    rows = []
    for jobs in report.sizes:
        ours, wire = (report.summary(jobs, "probe", system) for system in OURS_WIRE)
        if ours and wire:
            ratio = report.ratio(jobs, "probe", OURS_WIRE)
            rows.append([str(jobs), "probe", cell(ours, 1000), cell(wire, 1000), ratio_cell(ratio)])
    head = ["jobs", "operation", "ours", "a bare list request", "ratio"]
    return ["### Probe, milliseconds: median (minimum)", "", *markdown(head, rows), ""] if rows else []


def limit_table(report: Report) -> list[str]:
    """The limits that can be judged by what was measured."""
    rows = []
    for limit in LIMITS:
        value = limit.figure(report)
        if value is not None:
            judged = "kept" if value <= limit.most else "EXCEEDED"
            rows.append([limit.what, judged, f"{value:.2f}{limit.unit}", f"{limit.most:g}{limit.unit}"])
    return ["### Limits", "", *markdown(["what", "", "measured", "at most"], rows), ""] if rows else []


def text(report: Report) -> str:
    """All of it. A ratio is the median of the ratios of each round, in brackets the ratio of the minima."""
    lines = [*about(report), ""]
    for figure in TITLES:
        lines += figure_table(report, figure)
    lines += [*probe_table(report), *limit_table(report)]
    return "\n".join(lines).rstrip() + "\n"
