"""bench.json as a picture: wall seconds against the number of jobs. `python -m bench.plot JSON SVG`.

Run by an interpreter that has matplotlib, in an environment of its own, so it imports nothing of the project.
"""

import json
import statistics
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
mpl.rcParams.update({
    "svg.fonttype": "none",
    "svg.hashsalt": "dkron-jobs",
    "font.family": "sans-serif",
    "font.size": 10,
    "savefig.facecolor": "white",
})  # fmt: skip

from matplotlib import pyplot as plt  # noqa: E402
from matplotlib.ticker import FuncFormatter, NullLocator  # noqa: E402

PANELS = (("create", "create all"), ("preview", "preview, no change"), ("up", "up, no change"))
# Apart for a colour-blind reader, too, and by their marks.
LOOKS = {
    "ours": ("this project", "#0072b2", "o"),
    "floor": ("do-nothing resources (floor)", "#e69f00", "s"),
    "reconciler": ("stateless reconciler", "#009e73", "^"),
    "wire": ("the bare requests", "#555555", "D"),
}


def medians(report: dict[str, Any], operation: str, system: str) -> dict[int, float]:
    """number of jobs -> median wall seconds."""
    found: dict[int, list[float]] = {}
    for entry in report["measurements"]:
        if (entry["operation"], entry["system"]) == (operation, system):
            found.setdefault(entry["jobs"], []).append(entry["wall_s"])
    return {jobs: statistics.median(values) for jobs, values in sorted(found.items())}


def draw(report: dict[str, Any], path: Path) -> None:
    """Writes the SVG; the same report always gives the same file."""
    figure, axes = plt.subplots(1, len(PANELS), figsize=(11, 4.2), sharey=True, layout="constrained")
    named: dict[str, Any] = {}
    sizes = sorted({entry["jobs"] for entry in report["measurements"]} - {0})
    for axis, (operation, title) in zip(axes, PANELS, strict=True):
        for system, (label, colour, mark) in LOOKS.items():
            points = medians(report, operation, system)
            empty = points.pop(0, None)
            if points:
                named[label] = axis.plot(list(points), list(points.values()), color=colour, marker=mark, markersize=5)[
                    0
                ]
            if empty is not None and system == "floor":
                named["empty stack"] = axis.axhline(empty, color=colour, linestyle=":", linewidth=1)
        axis.set(title=title, xscale="log", yscale="log", xlabel="jobs")
        axis.set_xticks(sizes, [str(size) for size in sizes])
        axis.xaxis.set_minor_locator(NullLocator())
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _position: f"{value:g}"))
        axis.grid(visible=True, color="#dddddd", linewidth=0.6)
    axes[0].set_ylabel("wall seconds, median")
    figure.legend(list(named.values()), list(named), loc="outside lower center", ncols=len(named), frameon=False)
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        sys.stderr.write("usage: python -m bench.plot bench.json bench.svg\n")
        return 2
    draw(json.loads(Path(arguments[0]).read_text(encoding="utf-8")), Path(arguments[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
