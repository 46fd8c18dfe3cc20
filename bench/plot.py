"""bench.json as a picture: wall seconds against the number of jobs. `python bench/plot.py JSON SVG`.

Run by an interpreter that has matplotlib, in an environment of its own, so it imports nothing of the project.
"""

import json
import statistics
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "dkron-jobs"})

from matplotlib import pyplot as plt  # noqa: E402

# Apart for a colour-blind reader, too, and by their marks.
plt.style.use("tableau-colorblind10")
MARKS = {"ours": "o", "floor": "s", "reconciler": "^", "wire": "D"}
NAMES = {"ours": "this project", "floor": "floor: do-nothing resources", "wire": "the bare requests"}


def draw(measurements: list[dict[str, Any]], path: Path) -> None:
    """Writes the SVG; the same measurements always give the same file."""
    figure, axes = plt.subplots(1, 3, figsize=(11, 4.2), sharey=True, layout="constrained")
    for axis, operation in zip(axes, ("create", "preview", "up"), strict=True):
        for system, mark in MARKS.items():
            found: dict[int, list[float]] = {}
            for entry in measurements:
                if (entry["operation"], entry["system"]) == (operation, system) and entry["jobs"]:
                    found.setdefault(entry["jobs"], []).append(entry["wall_s"])
            medians = [statistics.median(seconds) for seconds in found.values()]
            axis.plot(list(found), medians, marker=mark, label=NAMES.get(system, system))
        axis.set(title=operation, xscale="log", yscale="log", xlabel="jobs")
        axis.grid(visible=True, color="#dddddd", linewidth=0.6)
    axes[0].set_ylabel("wall seconds, median")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(MARKS), frameon=False)
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


draw(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["measurements"], Path(sys.argv[2]))
