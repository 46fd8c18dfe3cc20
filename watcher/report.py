"""`--report`: what a cycle would do, field by field: as text, JSON, or Markdown for a pull request's comment. Pure.

Names, values and reasons may be a stranger's: each is one line, and in Markdown it can be nothing but itself.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from provider.text import one_line
from watcher.guard import Verdict
from watcher.pulumi.changes import SIGNS, protected_words
from watcher.unkept import left_out
from watcher.work import Work

FORMATS: Final = ("text", "json", "markdown")
NONE: Final = "(none)"
LONGEST_MARKDOWN: Final = 60_000  # characters; GitHub takes no comment above 65,536
_PLAIN: Final = " -/,="
Document = dict[str, Any]


def document(work: Work, verdict: Verdict, stack: str) -> Document:
    """All that a report says, deletions first."""
    held = {name: hold.words for name, hold in work.look.held.items()}
    plan, strays, unkept = work.plan, work.strays.told(), left_out(work.unkept)
    counts = {
        "to delete": plan.deletes,
        "to replace": plan.replaces,
        "to update": plan.updates,
        "to create": plan.creates,
        "unchanged": plan.sames,
        "drifted": plan.drift,
        "held": held,
        "strays": strays,
        "unmarked": work.unmarked,
    }
    return {
        "stack": stack,
        "safe": verdict.safe,
        "refusal": one_line(verdict.refusal),
        "usesAllowance": verdict.uses_allowance,
        "heldBack": work.restraint.why if work.waiting else "",
        "counts": {what: len(names) for what, names in counts.items() if names},
        "changes": [
            {
                "operation": change.operation,
                "job": one_line(change.job),
                "drift": one_line(change.drift),
                "fields": [{"field": one_line(f.field), "old": f.old, "new": f.new} for f in change.fields],
            }
            for change in plan.details
        ],
        "strays": [{"job": one_line(name), "why": one_line(why)} for name, why in strays.items()],
        "unmarked": [one_line(name) for name in work.unmarked],
        "held": [{"job": one_line(name), "hold": words} for name, words in sorted(held.items())],
        "protected": [one_line(protected_words(job, urn)) for urn, job in sorted(plan.protected.items())],
        "unkept": [{"job": one_line(job), "fields": sorted(map(one_line, paths))} for job, paths in unkept.items()],
    }


def render(found: Document, style: str) -> str:
    """The report in one of FORMATS, without a line break at its end."""
    if style == "json":
        return json.dumps(found, indent=2, ensure_ascii=False)
    return markdown(found) if style == "markdown" else "\n".join(text(found))


def text(found: Document) -> Iterator[str]:
    """A line for each job and field, then the counts, then what the guard says."""
    for change in found["changes"]:
        drift = f"  drift: {change['drift']}" if change["drift"] else ""
        yield f"{SIGNS[change['operation']]} {change['job']}{drift}"
        for field in change["fields"]:
            yield f"    {field['field']}: {_shown(field['old'])} -> {_shown(field['new'])}"
    for sign, name, words in _notes(found):
        yield f"{sign} {name}  {words}" if name else f"{sign} {words}"
    yield _counted(found)
    yield from _verdict(found)


def _shown(value: str | None) -> str:
    return NONE if value is None else value


def _counted(found: Document) -> str:
    return ", ".join(f"{count} {what}" for what, count in found["counts"].items()) or "no jobs"


def _verdict(found: Mapping[str, Any]) -> Iterator[str]:
    if found["heldBack"]:
        yield f"a cycle would leave changes waiting: {found['heldBack']}"
    if not found["safe"]:
        yield f"a cycle would be refused: {found['refusal']}"
    elif found["usesAllowance"]:
        yield "a cycle would be applied only because of what is allowed here"


def markdown(found: Document) -> str:
    """A heading, the verdict, and one table; what is too long for a comment is counted."""
    lines = [f"### Dkron jobs, stack {_code(found['stack'])}", "", f"{_counted(found)}."]
    for line in _verdict(found):
        lines += ["", f"> **{line.partition(':')[0]}** {_code(line.partition(': ')[2])}"]
    changes = found["changes"]
    if changes:
        lines += ["", "| | job | field | before | after |", "|---|---|---|---|---|"]
    length = sum(map(len, lines))
    for number, change in enumerate(changes):
        rows = list(_rows(change))
        length += sum(len(row) + 1 for row in rows)
        if length > LONGEST_MARKDOWN:
            lines += ["", f"And {len(changes) - number} more changes: `--format json` has them all."]
            break
        lines += rows
    notes = [f"- {' '.join(filter(None, map(_code, (name, words))))}" for _, name, words in _notes(found)]
    if length + sum(map(len, notes)) <= LONGEST_MARKDOWN and notes:
        lines += ["", *notes]
    return "\n".join(lines)


def _rows(change: Mapping[str, Any]) -> Iterator[str]:
    """Rows of the table: the job in the first, a field in each."""
    first = f"| {_code(SIGNS[change['operation']])} | {_code(change['job'])} |"
    fields = change["fields"] or [{"field": change["drift"], "old": None, "new": None}]
    for field in fields:
        old, new = ("" if value is None else _code(value) for value in (field["old"], field["new"]))
        yield f"{first} {_code(field['field']) if field['field'] else ''} | {old} | {new} |"
        first = "| | |"


def _notes(found: Document) -> Iterator[tuple[str, str, str]]:
    """What there is to say besides the changes: a sign, the job if it is about one, and the words."""
    for stray in found["strays"]:
        yield "?", stray["job"], f"stray, in no state and no program: {stray['why']}"
    for name in found["unmarked"]:
        words = "unmarked: carries our tag and no stack's mark, and nobody declares it; declare it, or delete it with"
        yield "?", name, f"{words} `python -m jobs delete {name}`"
    for held in found["held"]:
        yield "=", held["job"], held["hold"]
    for line in found["protected"]:
        yield "!", "", line
    for one in found["unkept"]:
        yield "=", one["job"], f"not compared, as it doesn't stay as written: {', '.join(one['fields'])}"


def _code(words: str) -> str:
    """A text that Markdown shows as it is, also inside a table: no markup, no link, nobody mentioned."""
    escaped = "".join(c if c.isalnum() or c in _PLAIN else f"&#{ord(c)};" for c in words)
    return f"<code>{escaped}</code>" if words else ""
