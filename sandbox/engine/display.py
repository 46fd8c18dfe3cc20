"""What people read: a line for each operation, diagnostics by resource, outputs, counts.

The shape is the real CLI's plain progress output. Only turns events into text.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Any

from .events import Event, Step
from .render import changed_keys, render_diff
from .state import ROOT_TYPE
from .values import Properties, masked, plain

Print = Callable[[str], None]
MARKS = {
    "same": "    ", "create": " +  ", "update": " ~  ", "delete": " -  ", "replace": " +- ", "refresh": " ~  ",
    "create-replacement": " ++ ", "delete-replaced": " -- ", "read": " >  ", "read-replacement": " >> ",
}  # fmt: skip
# operation: (in a preview, while it runs, when it is done)
WORDS = {
    "same": ("", "", ""),
    "create": ("create", "creating", "created"),
    "update": ("update", "updating", "updated"),
    "delete": ("delete", "deleting", "deleted"),
    "replace": ("replace", "replacing", "replaced"),
    "refresh": ("refresh", "refreshing", "refresh"),
    "create-replacement": ("create replacement", "creating replacement", "created replacement"),
    "delete-replaced": ("delete original", "deleting original", "deleted original"),
    "read": ("read", "reading", "read"),
    "read-replacement": ("read for replacement", "reading for replacement", "read for replacement"),
}
TITLES = {
    "update": ("Previewing update", "Updating"),
    "refresh": ("Previewing refresh", "Refreshing"),
    "destroy": ("Previewing destroy", "Destroying"),
}
COUNTED = (("create", "+ "), ("update", "~ "), ("delete", "- "), ("replace", "+-"), ("read", "> "))


class Display:
    """Prints a run for people. With `rich` each change is shown property by property (--diff)."""

    def __init__(self, out: Print, *, planning: bool, rich: bool, outputs: bool, show_secrets: bool) -> None:
        self._out, self._planning, self._rich = out, planning, rich
        self._show_outputs, self._show_secrets = outputs, show_secrets
        self._diagnostics: dict[str, list[str]] = {}
        self._errored: set[str] = set()
        self._begun: dict[int, float] = {}
        self._shown: set[str] = set()
        self._stack: Step | None = None
        self._lock = threading.Lock()

    def title(self, kind: str, stack: str) -> None:
        words = TITLES[kind][0 if self._planning else 1]
        self._out(f"{words} ({stack}):\n")

    def handle(self, event: Event) -> None:
        if event.kind == "diagnostic":
            self._diagnostic(event)
        elif event.kind == "summary":
            self._summary(event.data)
        elif event.step:
            if event.step.resource.type == ROOT_TYPE:
                self._stack = event.step
            if self._rich:
                self._rich_step(event)
            else:
                self._line(event)

    def _diagnostic(self, event: Event) -> None:
        if event.severity == "debug":
            return
        prefix = f"{event.severity}: " if event.severity in ("warning", "error") else ""
        if event.severity == "error":
            self._errored.add(event.urn)
        self._diagnostics.setdefault(event.urn, []).append(prefix + event.message.rstrip("\n"))

    def _line(self, event: Event) -> None:
        step = event.step
        if step is None or (event.op == "same" and step.resource.type != ROOT_TYPE and step.urn not in self._shown):
            return
        name = f"{step.resource.type} {step.resource.name}"
        mark = MARKS.get(event.op, "    ")
        preview, running, done = WORDS.get(event.op, (event.op,) * 3)
        diff = self._keys(step)
        if event.kind == "pre":
            if event.op == "same" or self._planning:
                return
            self._begun[id(step)] = time.monotonic()
            self._shown.add(step.urn)
            self._out(f"{mark}{name} {running} (0s) {diff}".rstrip())
        elif event.kind == "failed":
            self._out(f"{mark}{name} **{running} failed** {diff}".rstrip())
        else:
            self._shown.add(step.urn)
            took = time.monotonic() - self._begun.get(id(step), time.monotonic())
            status = preview if self._planning else f"{done} ({took:.2f}s)" if done else ""
            self._out(f"{mark}{name} {status} {diff}".rstrip())

    def _keys(self, step: Step) -> str:
        if not step.old or not step.new or step.resource.type == ROOT_TYPE:
            return ""
        refreshed = step.op == "refresh"
        old, new = (step.old.outputs, step.new.outputs) if refreshed else (step.old.inputs, step.new.inputs)
        found = changed_keys(old, new)
        if step.old.protect != step.new.protect:
            found["~"].append("protect")
        text = "".join(mark + ",".join(keys) for mark, keys in found.items() if keys)
        return f"[diff: {text}]" if text else ""

    def _rich_step(self, event: Event) -> None:
        step = event.step
        wanted = "pre" if not step or event.op != "refresh" else "outputs"
        if step is None or event.kind != wanted or (not step.logical and event.op != "refresh"):
            return
        root = step.resource.type == ROOT_TYPE
        if (event.op == "same" and not root) or (event.op == "refresh" and (root or step.result_op == "same")):
            return
        mark = MARKS.get(event.op, "    ").strip() or " "
        indent = "" if root else "    "
        self._out(f"{indent}{mark} {step.resource.type}: ({event.op})")
        if step.old and step.old.id:
            self._out(f"{indent}    [id={step.old.id}]")
        self._out(f"{indent}    [urn={step.urn}]")
        if root:
            return
        old = step.old.outputs if step.old and event.op == "refresh" else step.old.inputs if step.old else {}
        new = step.new.outputs if step.new and event.op == "refresh" else step.new.inputs if step.new else {}
        for line in render_diff(self._seen(old), self._seen(new), only_changes=event.op == "refresh"):
            self._out(f"{indent}  {line}")

    def _seen(self, properties: Properties) -> dict[str, Any]:
        found = plain(properties) if self._show_secrets else masked(properties)
        return {key: value for key, value in found.items() if not key.startswith("__")}

    # --- the end ---

    def _summary(self, data: dict[str, Any]) -> None:
        if self._diagnostics:
            self._out("\nDiagnostics:")
            for urn, messages in self._diagnostics.items():
                kind, name = urn.split("::")[2:4] if urn else (ROOT_TYPE, "")
                name = name or (self._stack.resource.name if self._stack else "stack")
                self._out(f"  {kind.rpartition('$')[2]} ({name}):")
                for line in "\n".join(messages).splitlines():
                    self._out(f"    {line}".rstrip())
                self._out("")
        self._outputs()
        self._counts(data["changes"])
        if not self._planning:
            self._out(f"\nDuration: {_duration(data['seconds'])}\n")

    def _outputs(self) -> None:
        step = self._stack
        if not self._show_outputs or not step or not step.new or not step.new.outputs:
            return
        old = step.old.outputs if step.old else {}
        if self._planning and step.old and plain(old) == plain(step.new.outputs):
            return
        self._out("Outputs:")
        seen_old = self._seen(old) if step.old else self._seen(step.new.outputs)
        for line in render_diff(seen_old, self._seen(step.new.outputs)):
            self._out(f"  {line}")
        self._out("")

    def _counts(self, changes: dict[str, int]) -> None:
        self._out("Resources:")
        kinds = [(op, mark) for op, mark in COUNTED if changes.get(op)]
        for op, mark in kinds:
            words = f"to {WORDS[op][0]}" if self._planning else WORDS[op][2]
            self._out(f"    {mark}{changes[op]} {words}")
        parts = [f"{sum(changes[op] for op, _ in kinds)} changes"] if len(kinds) > 1 else []
        if changes.get("same"):
            parts.append(f"{changes['same']} unchanged")
        if parts:
            self._out(f"    {'. '.join(parts)}")
        if self._errored:
            self._out(f"    {len(self._errored)} errored")


def _duration(seconds: float) -> str:
    whole = math.ceil(seconds)
    return f"{whole}s" if whole < 60 else f"{whole // 60}m{whole % 60}s"
