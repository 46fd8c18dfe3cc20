"""Shows the events of a run: one object for `preview --json`, lines for people. Only turns events into text.

The shapes are the real CLI's as far as programs read them: the digest (recorded: preview-drift.json), the counts under
"Resources:", the diagnostics.
"""

import json
from typing import Any

from .console import say
from .state import ROOT_TYPE

DONE = {"create": "created", "update": "updated", "delete": "deleted", "replace": "replaced"}
MARKS = {"create": "+ ", "update": "~ ", "delete": "- ", "replace": "+-"}
PARTS = ("create-replacement", "delete-replaced")  # of a replacement


def print_line(event: dict[str, Any]) -> None:
    say(json.dumps(event, ensure_ascii=False, separators=(",", ":")))


class Digest:
    """Collects a preview and prints it as one object."""

    def __init__(self) -> None:
        self._found: dict[str, Any] = {"steps": []}

    def __call__(self, event: dict[str, Any]) -> None:
        if said := event.get("diagnosticEvent"):
            shown = {key: said[key] for key in ("urn", "severity") if key in said}
            shown["message"] = said.get("prefix", "") + said["message"]
            self._found.setdefault("diagnostics", []).append(shown)
        elif "resourcePreEvent" in event:
            self._step(event["resourcePreEvent"]["metadata"])
        elif "summaryEvent" in event:
            counts = {"changeSummary": event["summaryEvent"]["resourceChanges"]}
            say(json.dumps(self._found | counts, indent=4, ensure_ascii=False))

    def _step(self, step: dict[str, Any]) -> None:
        if step["op"] in PARTS or (step["op"] == "same" and step["type"] != ROOT_TYPE):
            return
        found = {key: step[key] for key in ("op", "urn", "provider") if step[key]}
        found |= {f"{side}State": step[side] for side in ("old", "new") if step[side]}
        found |= {"replaceReasons": step["keys"]} if "keys" in step else {}
        self._found["steps"].append(found)


class Display:
    """Prints a run for people, with `diff` the properties of what changes, too."""

    def __init__(self, title: str, *, diff: bool) -> None:
        self._diff = diff
        self._diagnostics: list[dict[str, Any]] = []
        say(f"{title}:\n")

    def __call__(self, event: dict[str, Any]) -> None:
        if said := event.get("diagnosticEvent"):
            if said["severity"] != "debug":
                self._diagnostics.append(said)
        elif "resOpFailedEvent" in event:
            self._step(event["resOpFailedEvent"]["metadata"], " **failed**")
        elif "resOutputsEvent" in event:
            self._step(event["resOutputsEvent"]["metadata"], "")
        elif "summaryEvent" in event:
            self._end(event["summaryEvent"])

    def _step(self, step: dict[str, Any], result: str) -> None:
        if step["op"] == "same":
            return
        old, new = ((step[side] or {}).get("inputs") or {} for side in ("old", "new"))
        mark = MARKS.get(step["op"], "  ")
        say(f" {mark} {step['type']} {step['urn'].split('::')[3]} {step['op']}{result}")
        if self._diff:
            _say_properties(old, new, "      ")

    def _end(self, summary: dict[str, Any]) -> None:
        say("\nDiagnostics:" if self._diagnostics else "")
        for said in self._diagnostics:
            name = said.get("urn", "").rpartition("::")[2]
            say(f"  {name + ': ' if name else ''}{said.get('prefix', '')}{said['message'].rstrip()}")
        say("\nResources:")
        changes = summary["resourceChanges"]
        kinds = [op for op in DONE if changes.get(op)]
        for op in kinds:
            say(f"    {MARKS[op]}{changes[op]} {'to ' + op if summary['isPreview'] else DONE[op]}")
        parts = [f"{sum(changes[op] for op in kinds)} changes"] if len(kinds) > 1 else []
        parts += [f"{changes['same']} unchanged"] if changes.get("same") else []
        say(f"    {'. '.join(parts)}" if parts else "")


def _say_properties(old: dict[str, Any], new: dict[str, Any], indent: str) -> None:
    """A line for each property; of mappings those in them."""
    for key in sorted({*old, *new} - {"__provider"}):
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            say(f"{indent}{key}:")
            _say_properties(before, after, f"{indent}  ")
        else:
            was = "" if key not in old or before == after else f"{json.dumps(before)} => "
            say(f"{indent}{key}: {was}{json.dumps(after)}")
