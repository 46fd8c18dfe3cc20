from pathlib import Path

import pytest

from provider.errors import SettingsError
from provider.settings import read_variable
from watcher.bound import DEFAULT
from watcher.environment import Environment
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
        ("WATCHER_HOSTS", "a, *"),
        ("STACK", "a b"),
        ("STACK", "-s"),
    ],
)
def test_a_malformed_setting_is_named(env: dict[str, str], name: str, value: str) -> None:
    (problem,) = problems({**env, name: value})
    assert problem.startswith(name)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    bad = {"PROGRAM_DIR": str(tmp_path), "STRAYS": "x", "DKRON_URL": "ftp://x", "SERVICE_KEY_FILE": "/nowhere"}
    told = problems(bad)
    assert len(told) == 4
    for word in ("PROGRAM_DIR", "STRAYS", "dkronUrl", "SERVICE_KEY_FILE: cannot read /nowhere"):
        assert any(word in line for line in told)


@pytest.mark.parametrize("given", ["DKRON_USER", "DKRON_PASSWORD"])
def test_half_a_login_may_be_completed_by_the_stack(env: dict[str, str], given: str) -> None:
    assert load({**env, given: "x"}).stack == "dev"


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
    found = load({**env, "DKRON_USER": "u", **given, "DKRON_TOKEN_FILE": ""})
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
