"""Reads the watcher's settings, by the rows of `setting_table`.

Everything comes from the environment. Names of the Node reconciler (DKRON_MGR__X) are taken where X isn't set, and a
secret NAME may stand in a file named by NAME_FILE. All problems are told at once. Nothing else is decided here.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from provider import settings as program
from provider.errors import SettingsError
from provider.reader import Reader, one_of, whole_number
from watcher import freeze, front, repository, targets
from watcher.bound import DEFAULT, Bound, parse_bound
from watcher.environment import Environment
from watcher.front import Front
from watcher.repository import Repository
from watcher.restraint import PlanOnly, Rules
from watcher.secrets import known_secrets
from watcher.setting_table import TABLE

_STACK: Final = re.compile(r"[\w./][\w./-]*")


@dataclass(frozen=True, slots=True)
class WatcherSettings:
    """What the watcher was told. Times in seconds. `env` is for its `pulumi` children and may hold secrets.

    `stack`: the one that these are for; `stacks`: all of STACK. `probe_s`: None for as often as it costs little, 0 for
    never.
    """

    stack: str
    program_dir: Path
    interval_s: float
    probe_s: float | None
    max_deletes: Bound
    max_updates: Bound | None
    delete_strays: bool
    rules: Rules
    up_timeout_s: float
    grace_s: float
    leader_wait_s: float
    health: tuple[str, int] | None
    job_metrics: bool
    show_output: bool
    notify: tuple[str, ...] = field(repr=False)
    notify_on: frozenset[str]
    public_url: str
    log_format: str
    log_level: str
    hosts: frozenset[str]
    work_dir: Path
    pulumi_logs: bool
    env: Mapping[str, str] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    front: Front = field(default_factory=Front)
    create_stack: bool = False
    stacks: tuple[str, ...] = ()
    jobs_dir: str = ""
    git: Repository | None = None


class _Reader(Reader):
    """Reads rows of the table, with their defaults."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.rows = {row.name: row for row in TABLE}
        super().__init__(
            lambda name: env.get(name, "").strip() or self.rows[name].default,
            _told,
        )

    def choice(self, name: str) -> str:
        row = self.rows[name]
        return self.judged(name, one_of(*row.choices), row.default)

    def number(self, name: str) -> int:
        row = self.rows[name]
        return self.judged(name, whole_number(row.minimum or 0), int(row.default))


def _seconds(text: str) -> float:
    return whole_number(0)(text) / 1000


def _address(text: str) -> tuple[str, int] | None:
    """The host and port of "host:port", None for "off". Raises ValueError."""
    if text.lower() == "off":
        return None
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    if not host or not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise ValueError("must be host:port, or off")
    return host, int(port)


def _hosts(text: str) -> frozenset[str]:
    """Patterns of host names. Raises ValueError."""
    patterns = frozenset(pattern.strip() for pattern in text.split(",") if pattern.strip())
    if any(not pattern.strip("*?") for pattern in patterns):
        raise ValueError("must not name every host: a person's old lock would pass for a dead watcher's")
    return patterns


def _told(name: str, value: str, reason: str) -> str:
    """One line; without a value it is about the missing half of a pair."""
    return f"{name} is {_quoted(value)}: it {reason}" if value else f"{name} {reason}: set both, or neither"


def _quoted(value: str) -> str:
    return f'"{value[:40]}"'


def _unreadable(env: Mapping[str, str]) -> list[str]:
    """What is wrong with the files that hold secrets."""
    problems: list[str] = []
    for row in TABLE:
        try:
            if row.secret:
                program.read_variable(row.name, env)
        except SettingsError as error:
            problems.extend(error.problems)
    return problems


def _given_by_environment(env: Mapping[str, str]) -> list[str]:
    """Problems of what the environment gives the program. What it doesn't give, the stack's config may."""
    stand_in = {"dkronUrl": "http://127.0.0.1:1", "dkronInsecure": "true"}
    pair = [name for name in ("DKRON_CERT_FILE", "DKRON_KEY_FILE") if env.get(name, "").strip()]
    if len(pair) == 1:
        env = {name: text for name, text in env.items() if name not in pair}
    try:
        user, password = (program.read_variable(name, env) for name in ("DKRON_USER", "DKRON_PASSWORD"))
        if user and not password:
            stand_in["dkronPassword"] = "unset"
        if password and not user:
            stand_in["dkronUser"] = "unset"
        program.load(stand_in.get, env)
    except SettingsError as error:
        return list(error.problems)
    return []


def _bad_stacks(stacks: Sequence[str]) -> list[str]:
    told = f"STACK is {_quoted(','.join(stacks))}"
    if not all(_STACK.fullmatch(stack) for stack in stacks):
        return [f"{told}: letters, digits, - _ . only"]
    short = {stack.rpartition("/")[2] for stack in stacks}
    return [f"{told}: it names a stack twice"] if len(short) < len(stacks) else []


def _repository(reader: _Reader) -> Repository | None:
    most_mb = reader.number("GIT_MAX_MB")
    url, ref, folder = (reader.text(name) for name in ("GIT_URL", "GIT_REF", "GIT_DIR"))
    return Repository(url, ref, folder, most_mb) if url else None


def _sources(chosen: WatcherSettings) -> list[str]:
    """What is wrong with where the declarations are to come from."""
    given = {name for name in repository.SETTINGS if chosen.env.get(name, "").strip()}
    if chosen.git is None:
        # A misspelt GIT_URL must not quietly give the jobs of the image.
        return ["GIT_REF is set, and GIT_URL is not"] if "GIT_REF" in given else []
    problems = ["JOBS_DIR and GIT_URL are both set: remove one"] if chosen.jobs_dir else []
    return problems + chosen.git.problems(with_token=any(name.startswith(repository.TOKEN) for name in given))


def _front(reader: _Reader, env: Mapping[str, str]) -> Front:
    base, reason = front.base_of(reader.text("PUBLIC_URL"))
    if reason:
        reader.malformed("PUBLIC_URL", reason, reader.text("PUBLIC_URL"))
    login, certificate, user = None, None, reader.text("HTTP_USER")
    if reader.both("HTTP_USER", "HTTP_PASSWORD"):
        login = front.Login(user, lambda: env.get("HTTP_PASSWORD", "").strip())
    if ":" in user:
        reader.malformed("HTTP_USER", "holds a colon, at which basic authentication would cut it", user)
    if reader.both("HTTP_CERT_FILE", "HTTP_KEY_FILE"):
        try:
            certificate = front.Certificate(reader.text("HTTP_CERT_FILE"), reader.text("HTTP_KEY_FILE"))
        except ValueError as error:
            reader.problems.append(f"HTTP_CERT_FILE and HTTP_KEY_FILE: {error}")
    return Front(base, login, certificate, reader.judged("METRICS_ADDR", _address, None))


def load(environ: Mapping[str, str] | None = None) -> WatcherSettings:
    """Reads everything. Raises SettingsError with all problems."""
    env = Environment(os.environ if environ is None else environ)
    problems = _unreadable(env)
    reader = _Reader(env)
    program_dir = Path(reader.text("PROGRAM_DIR")).expanduser().absolute()
    if not (program_dir / "Pulumi.yaml").is_file():
        problems.append(f"PROGRAM_DIR: {program_dir} holds no Pulumi.yaml")
    stacks = tuple(name.strip() for name in reader.text("STACK").split(","))
    problems += _bad_stacks(stacks)
    result = WatcherSettings(
        stack=stacks[0],
        stacks=stacks,
        program_dir=program_dir,
        interval_s=reader.number("RECONCILE_INTERVAL_MS") / 1000,
        probe_s=reader.judged("PROBE_INTERVAL_MS", _seconds, None),
        max_deletes=reader.judged("MAX_DELETES", parse_bound, DEFAULT),
        max_updates=reader.judged("MAX_UPDATES", parse_bound, None),
        delete_strays=reader.choice("STRAYS") == "delete",
        rules=Rules(
            reader.judged("FREEZE", freeze.parse, ()),
            reader.choice("FREEZE_DRIFT") == "repair",
            PlanOnly(reader.choice("PLAN_ONLY")),
        ),
        up_timeout_s=reader.number("UP_TIMEOUT_MS") / 1000,
        grace_s=reader.number("GRACE_MS") / 1000,
        leader_wait_s=reader.number("LEADER_WAIT_MS") / 1000,
        health=reader.judged("HEALTH_ADDR", _address, None),
        job_metrics=reader.choice("JOB_METRICS") == "on",
        show_output=reader.choice("SHOW_OUTPUT") == "true",
        notify=targets.targets(env.get("NOTIFY", "")),
        notify_on=targets.kinds(reader.text("NOTIFY_ON"))[0],
        public_url=reader.text("PUBLIC_URL"),
        log_format=reader.choice("LOG_FORMAT"),
        log_level=reader.choice("LOG_LEVEL"),
        hosts=reader.judged("WATCHER_HOSTS", _hosts, frozenset()),
        work_dir=program_dir / Path(reader.text("WORK_DIR")).expanduser(),
        pulumi_logs=reader.choice("PULUMI_LOGS") == "keep",
        env=env,
        secrets=known_secrets(env),
        jobs_dir=reader.text("JOBS_DIR"),
        git=_repository(reader),
        front=_front(reader, env),
    )
    problems += [*reader.problems, *_given_by_environment(env), *_sources(result)]
    problems += [*targets.problems(result.notify), *targets.kinds(reader.text("NOTIFY_ON"))[1]]
    if problems:
        raise SettingsError(dict.fromkeys(problems))
    return result
