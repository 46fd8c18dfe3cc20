from pathlib import Path

import pytest

from provider.errors import SettingsError
from provider.settings import read_variable
from watcher.bound import DEFAULT
from watcher.environment import Environment
from watcher.pulumi.cli import run_environment
from watcher.repository import Repository
from watcher.restraint import PlanOnly, Rules
from watcher.setting_table import TABLE
from watcher.settings import load


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "Pulumi.yaml").write_text("name: x\n")
    return {"PROGRAM_DIR": str(tmp_path)}


def problems(env: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(env)
    return caught.value.problems


def test_the_defaults(env: dict[str, str], tmp_path: Path) -> None:
    found = load(env)
    assert (found.stack, found.program_dir, found.interval_s, found.probe_s) == ("dev", tmp_path, 300, None)
    assert (found.max_deletes, found.delete_strays, found.up_timeout_s, found.grace_s) == (DEFAULT, True, 600, 30)
    assert (found.health, found.log_format, found.hosts) == (("127.0.0.1", 8080), "json", frozenset())
    assert found.work_dir == tmp_path / ".state"


def test_every_setting_can_be_given(env: dict[str, str]) -> None:
    env |= {"STACK": "prod", "RECONCILE_INTERVAL_MS": "1000", "PROBE_INTERVAL_MS": "0", "STRAYS": "REPORT"}
    env |= {"HEALTH_ADDR": "[::1]:9", "WATCHER_HOSTS": "a, b,", "LOG_FORMAT": "text", "WORK_DIR": "/w"}
    found = load(env)
    assert (found.stack, found.interval_s, found.probe_s, found.delete_strays) == ("prod", 1, 0, False)
    assert (found.health, set(found.hosts), found.work_dir) == (("::1", 9), {"a", "b"}, Path("/w"))


def test_what_holds_changes_back_can_be_given(env: dict[str, str]) -> None:
    assert load(env).rules == Rules()
    env |= {"FREEZE": "Fri 18:00-Mon 06:00 Europe/Berlin, Wed 00:00-Thu 00:00", "FREEZE_DRIFT": "Repair"}
    rules = load({**env, "PLAN_ONLY": "STRICT"}).rules
    assert (len(rules.freeze), rules.freeze_repairs, rules.plan_only) == (2, True, PlanOnly.STRICT)


def test_a_window_that_is_none_is_named(env: dict[str, str]) -> None:
    assert problems({**env, "FREEZE": "weekend"}) == (
        'FREEZE is "weekend": it must be windows such as "Fri 18:00-Mon 06:00 Europe/Berlin", and "weekend" is none',
    )


def test_no_http_side_is_possible(env: dict[str, str]) -> None:
    assert load({**env, "HEALTH_ADDR": "off"}).health is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RECONCILE_INTERVAL_MS", "999"),
        ("RECONCILE_INTERVAL_MS", "1e3"),
        ("RECONCILE_INTERVAL_MS", "-5"),
        ("PROBE_INTERVAL_MS", "٣"),
        ("UP_TIMEOUT_MS", "9" * 20),
        ("MAX_DELETES", "many"),
        ("MAX_DELETES", "120%"),
        ("MAX_UPDATES", "-1"),
        ("STRAYS", "maybe"),
        ("FREEZE_DRIFT", "maybe"),
        ("PLAN_ONLY", "yes"),
        ("FREEZE", "Fri 18:00-Mon 06:00 Mars"),
        ("LOG_FORMAT", "xml"),
        ("HEALTH_ADDR", "8080"),
        ("HEALTH_ADDR", "host:99999"),
        ("HEALTH_ADDR", ":80"),
        ("METRICS_ADDR", "9"),
        ("PUBLIC_URL", "ops.example"),
        ("WATCHER_HOSTS", "a, *"),
        ("STACK", "a b"),
        ("STACK", "-s"),
    ],
)
def test_a_malformed_setting_is_named(env: dict[str, str], name: str, value: str) -> None:
    (problem,) = problems({**env, name: value})
    assert problem.startswith(name)


def test_the_front_of_the_page_is_read(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "word").write_text("s3cret-s3cret\n")
    env |= {"PUBLIC_URL": "https://ops.example/dkron/", "METRICS_ADDR": "0.0.0.0:9", "HTTP_USER": "ann"}
    found = load({**env, "HTTP_PASSWORD_FILE": str(tmp_path / "word")})
    assert (found.front.base, found.front.metrics) == ("/dkron", ("0.0.0.0", 9))
    assert found.front.login is not None
    assert found.front.login.password() == "s3cret-s3cret"
    (tmp_path / "word").write_text("another-one\n")
    assert found.front.login.password() == "another-one"
    assert "s3cret-s3cret" in found.secrets


def test_half_a_front_is_told_in_one_line_each(env: dict[str, str]) -> None:
    told = problems({**env, "HTTP_USER": "ann", "HTTP_CERT_FILE": "/c", "PUBLIC_URL": "x"})
    assert sorted(told)[:2] == [
        "HTTP_KEY_FILE is not set, but HTTP_CERT_FILE is: set both, or neither",
        "HTTP_PASSWORD is not set, but HTTP_USER is: set both, or neither",
    ]
    assert len(told) == 3
    given = {**env, "HTTP_USER": "a:b", "HTTP_PASSWORD": "x", "HTTP_CERT_FILE": "/c", "HTTP_KEY_FILE": "/k"}
    assert sorted(problems(given)) == [
        "HTTP_CERT_FILE and HTTP_KEY_FILE: cannot read /c: No such file or directory",
        'HTTP_USER is "a:b": it holds a colon, at which basic authentication would cut it',
    ]


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    bad = {"PROGRAM_DIR": str(tmp_path), "STRAYS": "x", "DKRON_URL": "ftp://x", "SERVICE_KEY_FILE": "/nowhere"}
    told = problems(bad)
    assert len(told) == 4
    for word in ("PROGRAM_DIR", "STRAYS", "dkronUrl", "SERVICE_KEY_FILE: cannot read /nowhere"):
        assert any(word in line for line in told)


@pytest.mark.parametrize("given", ["DKRON_USER", "DKRON_PASSWORD"])
def test_half_a_login_may_be_completed_by_the_stack(env: dict[str, str], given: str) -> None:
    assert load({**env, given: "x"}).stack == "dev"


@pytest.mark.parametrize(
    "given",
    [
        {"DKRON_CERT_FILE": "/crt"},
        {"DKRON_KEY_FILE": "/key"},
        {"DKRON_URL": "http://dkron:8080", "DKRON_TOKEN": "t0ken-t0ken"},
    ],
)
def test_what_the_stack_may_complete_or_allow_is_no_problem_of_the_environment(
    env: dict[str, str], given: dict[str, str]
) -> None:
    assert load({**env, **given}).stack == "dev"


def test_a_token_for_plain_http_is_refused_where_the_environment_says_no(env: dict[str, str]) -> None:
    (problem,) = problems({**env, "DKRON_URL": "http://dkron", "DKRON_TOKEN": "t0ken", "DKRON_INSECURE": "false"})
    assert problem.startswith("dkronToken would cross the network in clear")


def test_the_node_reconcilers_names_are_taken(env: dict[str, str]) -> None:
    old = {"DKRON_MGR__DKRON_URL": "http://old:1", "DKRON_MGR__RECONCILE_INTERVAL_MS": "2000"}
    found = load({**env, **old, "DKRON_MGR__SERVICE_KEY": "old-key", "DKRON_MGR__GATEWAY_URL": "http://gw"})
    assert found.interval_s == 2
    assert (found.env["DKRON_URL"], found.env["GATEWAY_URL"]) == ("http://old:1", "http://gw")
    assert "old-key" in found.secrets


def test_our_own_names_win(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("new-key\n")
    env = Environment(
        {
            "DKRON_MGR__DKRON_URL": "http://old",
            "DKRON_URL": "http://new",
            "DKRON_MGR__SERVICE_KEY": "old-key",
            "SERVICE_KEY_FILE": str(key),
        }
    )
    assert (env["DKRON_URL"], read_variable("SERVICE_KEY", env)) == ("http://new", "new-key")


def test_every_secret_may_stand_in_a_file(env: dict[str, str], tmp_path: Path) -> None:
    secrets = [row.name for row in TABLE if row.secret and row.name != "NOTIFY"]
    given = {}
    for name in secrets:
        (tmp_path / name).write_text(f"value-of-{name}\n")
        given[f"{name}_FILE"] = str(tmp_path / name)
    found = load({**env, "DKRON_USER": "u", "HTTP_USER": "u", **given, "DKRON_TOKEN_FILE": ""})
    assert {read_variable(name, found.env) for name in secrets} >= {
        f"value-of-{n}" for n in secrets if "TOKEN" not in n
    }
    assert {f"value-of-{name}" for name in secrets if name not in ("DKRON_TOKEN", "PULUMI_BACKEND_URL")} <= set(
        found.secrets
    )


def test_a_secret_file_that_is_no_text_is_a_problem(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError) as caught:
        load({**env, "SERVICE_KEY_FILE": str(tmp_path / "key")})
    assert list(caught.value.problems) == [f"SERVICE_KEY_FILE: cannot read {tmp_path / 'key'}: not a text file"]


def test_secrets_are_not_shown_by_accident(env: dict[str, str]) -> None:
    assert "k1-secret" not in repr(load({**env, "SERVICE_KEY": "k1-secret"}))


def test_the_table_names_each_setting_once() -> None:
    names = [row.name for row in TABLE]
    assert len(names) == len(set(names))
    assert all(row.meaning for row in TABLE)


# -- where the declarations come from


def test_declarations_may_come_from_a_repository(env: dict[str, str], tmp_path: Path) -> None:
    assert (load(env).git, load(env).jobs_dir) == (None, "")
    assert load({**env, "JOBS_DIR": "/volume/jobs"}).jobs_dir == "/volume/jobs"
    (tmp_path / "token").write_text("t0ken-of-mine")
    env |= {"GIT_URL": "https://h/x.git", "GIT_REF": "release", "GIT_TOKEN_FILE": f"{tmp_path}/token"}
    found = load(env)
    assert found.git == Repository("https://h/x.git", "release", "jobs", 100)
    assert "t0ken-of-mine" in found.secrets
    assert load({**env, "GIT_DIR": "decl", "GIT_MAX_MB": "5"}).git == Repository(
        "https://h/x.git", "release", "decl", 5
    )


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"GIT_REF": "main"}, "GIT_REF is set, and GIT_URL is not"),
        ({"GIT_URL": "file:///x", "JOBS_DIR": "/y"}, "JOBS_DIR and GIT_URL are both set: remove one"),
        ({"GIT_URL": "https://me:pass@h/x"}, "GIT_URL must hold no password: use GIT_TOKEN_FILE"),
        ({"GIT_URL": "file:///x", "GIT_MAX_MB": "0"}, 'GIT_MAX_MB is "0": it must be at least 1'),
    ],
)
def test_what_is_wrong_with_their_source_is_told(env: dict[str, str], given: dict[str, str], problem: str) -> None:
    assert problems({**env, **given}) == (problem,)


def test_a_token_goes_over_no_open_line(env: dict[str, str]) -> None:
    (told,) = problems({**env, "GIT_URL": "http://h/x", "GIT_TOKEN": "t"})
    assert told.startswith("GIT_URL is http://")


def test_runs_hear_nothing_of_the_repository() -> None:
    given = {"GIT_URL": "u", "GIT_REF": "r", "GIT_DIR": "d", "GIT_TOKEN": "t", "GIT_TOKEN_FILE": "f", "HOME": "/h"}
    run = run_environment(given)
    assert not [name for name in run if name.startswith("GIT_")]
