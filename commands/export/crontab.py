"""A crontab as Dkron's jobs, in the form that a live Dkron would give them in: all else about an export is the same.

Cron's own rules are here (fields, variables, `%`), and where Dkron can't do what cron does, the reason. Schedules are
Dkron's grammar's to judge. Pure; it quotes no command, for there may be a secret in it.
"""

import base64
import re
import shlex
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final

from provider.schedule import SHORTHANDS
from provider.schedule.repair import repair

_VARIABLE: Final = re.compile(r"""\s*["']?([A-Za-z_]\w*)["']?\s*=\s*(.*)""")
_USER: Final = re.compile(r"[A-Za-z_][\w.-]*\$?(?:[:/][\w./:-]+)?")
_HEADING: Final = re.compile(r"(?i)(?:m|min|minute)s?\s+(?:h|hour)")
_PIECE: Final = re.compile(r"\\.|%|[^\\%]+|\\", re.DOTALL)
_SUNDAY_STEP: Final = re.compile(r"([0-7])-7/([0-9])")
_STARS: Final = frozenset({"*", "*/1"})
# What cron reads itself, with what to do instead.
_CRONS_OWN: Final = {
    "MAILTO": "Dkron mails no output; owner_email gets a notification where Dkron's mail is set up",
    "MAILFROM": "Dkron mails no output",
    "CONTENT_TYPE": "Dkron mails no output",
    "CONTENT_TRANSFER_ENCODING": "Dkron mails no output",
    "RANDOM_DELAY": 'Dkron has no delay; "~" in a schedule\'s field spreads jobs by their names',
}
_SH: Final = frozenset({"/bin/sh", "/usr/bin/sh", "sh"})
# Words in front of the program that a job is named for.
_IN_FRONT: Final = re.compile(
    r"bash|chronic|command|env|exec|flock|ionice|java|nice|node|nohup|perl|php|python3?|ruby|sh|sudo|time|timeout|test"
    r"|\[|[-$].*|\w+=.*|[0-9]+",
    re.DOTALL,
)
_OTHERWISE: Final = (
    "note: cron ran them in the machine's own time zone, as its user and in that user's home directory: "
    "give timezone, su and cwd where that matters"
)


@dataclass(slots=True)
class Crontab:
    """Its jobs, in order; `against`: why Dkron can't do what cron does, by a job's name; `notes`: one line each."""

    jobs: list[dict[str, Any]] = field(default_factory=list)
    against: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class _Unfit(Exception):
    """A line that is no entry; the text says why."""


def read(text: str, *, system: bool = False, taken: Collection[str] = ()) -> Crontab:
    """The jobs of a crontab; `system`: one with a column for the user; `taken`: names that others have."""
    found, comment = Crontab(), list[str]()
    variables: dict[str, str] = {}
    names = set(taken)
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        line = line.lstrip()  # noqa: PLW2901 - as cron does
        if line.startswith("#"):
            comment.append(line.lstrip("#").strip())
        elif variable := _VARIABLE.fullmatch(line):
            _set(variables, variable, found.notes)
        elif line:
            try:
                job, against = _entry(line, variables, system)
            except _Unfit as error:
                found.notes.append(f"left out: line {number}: {error}")
                continue
            job["name"] = _free(_name_for(job["executor_config"]["command"]), names)
            job["displayname"] = _said(comment)
            found.jobs.append(_with_variables(job, variables))
            if against:
                found.against[job["name"]] = against
        if not line.startswith("#"):
            comment = []
    if found.jobs:
        found.notes.append(_OTHERWISE)
    return found


def _set(variables: dict[str, str], line: re.Match[str], notes: list[str]) -> None:
    name, value = line[1], line[2].strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    if name in _CRONS_OWN:
        if value:
            notes.append(f"note: {name}={value} was left out: {_CRONS_OWN[name]}")
        return
    if name == "SHELL" and value not in _SH:
        notes.append(
            f"note: SHELL={value}: Dkron runs commands by /bin/sh; where one needs the other, write {value} -c '...'"
        )
    variables[name] = value


def _entry(line: str, variables: dict[str, str], system: bool) -> tuple[dict[str, Any], str]:
    """The job of a line, and what stands against it. Raises _Unfit."""
    fields = line.split(None, 1 if line.startswith("@") else 5)
    when, command = fields[:-1], fields[-1]
    if len(when) not in (1, 5) or (len(when) == 1 and not line.startswith("@")):
        raise _Unfit("a crontab's line has five fields, or one such as @daily, and then a command")
    config = {"shell": "true"}
    user, _, rest = command.expandtabs(1).partition(" ")
    # "root" and a path is what only a system's crontab holds.
    if system or (user == "root" and rest.lstrip().startswith("/")):
        if not rest or not _USER.fullmatch(user):
            raise _Unfit("has no column for the user: leave --system out for a user's own crontab")
        command = command[len(user) :].lstrip()
        if user != "root":
            config["su"] = re.split("[:/]", user)[0]
    config["command"], payload = _split_input(command)
    if payload:
        config["payload"] = base64.b64encode(payload.encode()).decode()
    schedule, against = _schedule(when, "CRON_TZ" in variables)
    return {"schedule": schedule, "executor": "shell", "executor_config": config}, against


def _schedule(when: list[str], zoned: bool) -> tuple[str, str]:
    """Dkron's schedule, and what stands against it; one that Dkron can't have stays as it is, and is refused."""
    if len(when) == 1:
        # Dkron ignores the time zone of a job with a descriptor.
        return SHORTHANDS.get(when[0], when[0]) if zoned else when[0], ""
    day, weekday = when[2], when[4] = when[2], _SUNDAY_STEP.sub(_days, when[4])
    text = " ".join(when)
    schedule = repair(text).works or f"0 {text}"
    if not {day, weekday} & _STARS and (day.startswith("*") or weekday.startswith("*")):
        return schedule, "cron runs it on days that match both the day and the weekday, Dkron on those that match one"
    return schedule, ""


def _days(match: re.Match[str]) -> str:
    """5-7/2: Dkron has no weekday 7."""
    return ",".join(str(day % 7) for day in range(int(match[1]), 8, max(int(match[2]), 1)))


def _split_input(text: str) -> tuple[str, str]:
    """The command, and behind its first `%` what is given to it as input, each further `%` a line break."""
    parts = [""]
    for piece in _PIECE.findall(text):
        if piece == "%" and len(parts) == 1:
            parts.append("")
        else:
            parts[-1] += {"%": "\n", r"\%": "%"}.get(piece, piece)
    given = "".join(parts[1:])
    return parts[0], given if not given or given.endswith("\n") else f"{given}\n"


def _with_variables(job: dict[str, Any], variables: dict[str, str]) -> dict[str, Any]:
    config = job["executor_config"]
    pairs: list[str] = []
    for name, value in reversed(variables.items()):
        if name == "CRON_TZ":
            job["timezone"] = value
        elif "," in value:
            # Dkron would split it there.
            config["command"] = f"export {name}={shlex.quote(value)}; {config['command']}"
        else:
            pairs.insert(0, f"{name}={value}")
    if pairs:
        config["env"] = ",".join(pairs)
    if "HOME" in variables:
        config["cwd"] = variables["HOME"]
    return job


def _said(comment: list[str]) -> str:
    """The comment right above an entry, unless it is a heading, a drawing, or an entry that is commented out."""
    lines = [line for line in comment if line[:1].isalpha() and not _HEADING.match(line)]
    return " ".join(line for line in lines if not _VARIABLE.fullmatch(line))


def _name_for(command: str) -> str:
    """A name made of the program that is run: /opt/backup/run.sh is "run-sh"."""
    words = re.sub(r"^\s*cd\s+\S+\s*(?:&&|;)\s*", "", command).split()
    program = next((word for word in words if not _IN_FRONT.fullmatch(word)), "job")
    return re.sub(r"[^a-z0-9]+", "-", program.rstrip("/;").rpartition("/")[2].lower())[:50].strip("-") or "job"


def _free(name: str, names: set[str]) -> str:
    number = 1
    while (free := name if number == 1 else f"{name}-{number}") in names:
        number += 1
    names.add(free)
    return free
