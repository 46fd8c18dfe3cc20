"""What was measured, as it stands in bench.json: every single measurement, and where and when. And the arithmetic.

A ratio is taken within a round, between neighbours in time, and then its median over the rounds: a machine that gets
slower meanwhile changes both sides alike.
"""

import json
import os
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.measure import Cost

FORMAT = 1
FIGURES = ("wall_s", "cpu_s", "memory_mib")


@dataclass(frozen=True, slots=True)
class Summary:
    """Of one figure over the rounds."""

    median: float
    minimum: float


@dataclass
class Report:
    """`about` is date, machine, versions; `complete` is False after an interruption."""

    about: dict[str, Any]
    measurements: list[dict[str, Any]] = field(default_factory=list)
    complete: bool = False

    def add(self, jobs: int, round_: int, operation: str, system: str, cost: Cost, samples: list[float]) -> None:
        """One measurement. `samples`: the single times, in seconds, where the cost is their median."""
        entry: dict[str, Any] = {"jobs": jobs, "round": round_, "operation": operation, "system": system}
        entry |= {"wall_s": round(cost.wall_s, 6)}
        entry["cpu_s"] = None if cost.cpu_s is None else round(cost.cpu_s, 6)
        entry["memory_mib"] = None if cost.memory_mib is None else round(cost.memory_mib, 2)
        if samples:
            entry["samples_s"] = [round(sample, 6) for sample in samples]
        self.measurements.append(entry)

    # -- the arithmetic

    @property
    def sizes(self) -> list[int]:
        return sorted({entry["jobs"] for entry in self.measurements})

    def by_round(self, jobs: int, operation: str, system: str, figure: str = "wall_s") -> dict[int, float]:
        """round -> value, the rounds in which it was measured."""
        key = (jobs, operation, system)
        return {
            entry["round"]: entry[figure]
            for entry in self.measurements
            if (entry["jobs"], entry["operation"], entry["system"]) == key and entry[figure] is not None
        }

    def summary(self, jobs: int, operation: str, system: str, figure: str = "wall_s") -> Summary | None:
        return summarise(self.by_round(jobs, operation, system, figure))

    def ratio(self, jobs: int, operation: str, over: tuple[str, str], figure: str = "wall_s") -> Summary | None:
        """One system over another, both by name."""
        top, bottom = (self.by_round(jobs, operation, system, figure) for system in over)
        return paired(top, bottom)

    # -- the file

    def write(self, path: Path) -> None:
        """In one step, so that no half of it is ever there."""
        lines = ",\n".join(f"    {json.dumps(entry)}" for entry in self.measurements)
        head = json.dumps({"format": FORMAT, "complete": self.complete, **self.about}, indent=2)
        text = f'{head[:-2]},\n  "measurements": [\n{lines}\n  ]\n}}\n'
        beside = path.with_name(f".{path.name}.new")
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, path)  # noqa: PTH105 - the same


def summarise(values: Mapping[int, float]) -> Summary | None:
    return Summary(statistics.median(values.values()), min(values.values())) if values else None


def paired(top: Mapping[int, float], bottom: Mapping[int, float]) -> Summary | None:
    """The median of the ratios of each round that has both, and the ratio of the minima of these rounds."""
    rounds = [number for number in top if bottom.get(number)]
    if not rounds:
        return None
    least = min(top[number] for number in rounds) / min(bottom[number] for number in rounds)
    return Summary(statistics.median(top[number] / bottom[number] for number in rounds), least)


def read(path: Path) -> Report:
    """A report from its file. Raises BenchError."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        known = document.pop("format") == FORMAT
        measurements, complete = document.pop("measurements"), bool(document.pop("complete"))
        keys = {"jobs", "round", "operation", "system", *FIGURES}
        whole = all(keys <= entry.keys() for entry in measurements)
    except OSError as error:
        raise BenchError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, KeyError, AttributeError, TypeError):
        raise BenchError(f"{path} is no bench.json") from None
    if not known:
        raise BenchError(f"{path} has another format than this version reads: measure again")
    if not whole:
        raise BenchError(f"{path} is no bench.json")
    return Report(document, measurements, complete)
