"""Dockerfile, compose file, .env.example and README agree with the watcher's table of settings, and hold no secret."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from dev import settings_text
from dev.say import ROOT
from dev.tools import known_good
from tests.certificates import certificate
from watcher.front import Certificate, Front
from watcher.secrets import PUBLIC_PASSPHRASE
from watcher.setting_table import TABLE
from watcher.web.server import Answer, HttpServer, Route

DEFAULTS = {row.name: row.default for row in TABLE}
SECRETS = {row.name for row in TABLE if row.secret}


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


# -- the settings' texts


def test_env_example_names_every_setting_with_its_default() -> None:
    found = dict(re.findall(r"^#([A-Z_]+)=(.*)$", read(".env.example"), re.MULTILINE))
    assert found == DEFAULTS


def test_the_settings_page_names_every_setting_of_the_watcher_with_its_default() -> None:
    part = read("docs/settings.md").partition(settings_text.BEGIN)[2].partition(settings_text.END)[0]
    found = dict(re.findall(r"^\| `([A-Z_]+)` \| (?:`(.*?)`|–) \|", part, re.MULTILINE))
    assert found == DEFAULTS


def test_both_are_as_python_m_dev_settings_text_writes_them() -> None:
    assert read(".env.example") == settings_text.env_example()
    assert read("docs/settings.md") == settings_text.document(read("docs/settings.md"))


@pytest.mark.parametrize("text", ["", settings_text.BEGIN, settings_text.END])
def test_a_page_without_a_place_for_the_table_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="lacks the line"):
        settings_text.document(text)


def test_env_is_ignored_by_git() -> None:
    assert ".env" in read(".gitignore").splitlines()


# -- the Dockerfile


def instructions() -> list[tuple[str, str]]:
    """(INSTRUCTION, arguments), continuation lines joined."""
    lines = [line for line in read("Dockerfile").splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(word, rest.strip()) for word, _, rest in (ln.partition(" ") for ln in joined.splitlines() if ln.strip())]


def final_stage() -> list[tuple[str, str]]:
    found = instructions()
    last = max(i for i, (word, _) in enumerate(found) if word == "FROM")
    return found[last:]


def argument(word: str) -> str:
    found = [rest for name, rest in final_stage() if name == word]
    assert len(found) == 1, f"{word}: {found}"
    return found[0]


def image_env() -> dict[str, str]:
    pairs = [pair.partition("=") for word, rest in final_stage() if word == "ENV" for pair in shlex.split(rest)]
    return {name: value for name, _, value in pairs}


def test_the_base_is_a_build_argument_with_the_tested_pulumi() -> None:
    assert instructions()[0] == ("ARG", f"BASE=pulumi/pulumi-python-3.12:{known_good('pulumi')}")
    assert {rest.split()[0] for word, rest in instructions() if word == "FROM"} == {"${BASE}"}


def test_the_image_runs_the_watcher_under_an_init_as_somebody_else_than_root() -> None:
    assert yaml.safe_load(argument("ENTRYPOINT")) == ["tini", "--", "python", "-m", "watcher"]
    assert argument("USER") == "10001:10001"
    assert ("STOPSIGNAL", "SIGTERM") in final_stage()


def test_what_is_written_lies_on_the_volume_or_under_tmp() -> None:
    env = image_env()
    assert yaml.safe_load(argument("VOLUME")) == ["/state"]
    backend = yaml.safe_load(read("Pulumi.yaml"))["backend"]["url"]
    assert backend == f"file://./{DEFAULTS['WORK_DIR']}"
    assert ("RUN", f"ln -s /state {DEFAULTS['WORK_DIR']}") in final_stage()
    assert {str(PurePosixPath(env[name]).parts[1]) for name in ("HOME", "PULUMI_HOME")} == {"tmp"}


def test_nothing_is_asked_of_the_network_at_start() -> None:
    env = image_env()
    assert env["PULUMI_SKIP_UPDATE_CHECK"] == env["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] == "true"


def test_the_virtual_environment_is_where_pulumi_yaml_looks_for_it() -> None:
    name = yaml.safe_load(read("Pulumi.yaml"))["runtime"]["options"]["virtualenv"]
    place = f"{image_env()['PROGRAM_DIR']}/{name}"
    assert argument("WORKDIR") == image_env()["PROGRAM_DIR"]
    assert image_env()["PATH"] == f"{place}/bin:${{PATH}}"
    (made,) = [rest for word, rest in instructions() if word == "RUN" and f"python3 -m venv {name}" in rest]
    assert "--require-hashes -r requirements.txt" in made


def test_the_dockerfile_holds_no_secret() -> None:
    assert PUBLIC_PASSPHRASE not in read("Dockerfile")
    assert not image_env().keys() & SECRETS
    assert not [rest for word, rest in final_stage() if word == "ARG"], "a build argument stands in the image's history"


def health_check() -> list[str]:
    options, _, command = argument("HEALTHCHECK").partition("CMD ")
    assert "--interval" in options
    found: list[str] = yaml.safe_load(command)
    return found


@contextmanager
def answering(status: int, front: Front | None = None) -> Iterator[int]:
    """A server whose /healthz has this status; yields its port."""
    routes: dict[str, Route] = {"/healthz": lambda _request: Answer(status, b"")}
    server = HttpServer(("127.0.0.1", 0), routes, lambda _what: None, front=front or Front())
    try:
        yield server.port
    finally:
        server.close()


def check_health(port: int, **more: str) -> int:
    command, *rest = health_check()
    assert command == "python"
    env = {"HEALTH_ADDR": f"0.0.0.0:{port}", "http_proxy": "http://127.0.0.1:1", **more}
    return subprocess.run([sys.executable, *rest], env=env, capture_output=True, timeout=60, check=False).returncode


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1), (404, 1)])
def test_the_health_check_is_what_healthz_says(status: int, code: int) -> None:
    with answering(status) as port:
        assert check_health(port) == code


def test_the_health_check_speaks_tls_where_the_page_does(tmp_path: Path) -> None:
    crt, key = map(str, certificate(tmp_path))
    with answering(200, Front(certificate=Certificate(crt, key))) as port:
        assert check_health(port, HTTP_CERT_FILE=crt) == 0
        assert check_health(port) == 1


def test_the_health_check_fails_where_nobody_answers() -> None:
    with answering(200) as port:
        pass
    assert check_health(port) == 1


# -- what reaches the engine


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps a file out: the last pattern that matches it or a folder above it decides."""
    result = False
    for line in read(".dockerignore").splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = re.escape(line.lstrip("!")).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
        if re.fullmatch(f"{pattern}(?:/.*)?", path):
            result = not line.startswith("!")
    return result


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        "prod.env",
        ".env.example",
        ".git/config",
        ".state/.pulumi/stacks/dkron-jobs/dev.json",
        ".venv/bin/python",
        ".tools/bin/pulumi",
        "key.pem",
        "id_rsa",
        "notes.txt",
        "compose.yaml",
        "tests/conftest.py",
        "sandbox/bin/pulumi",
        "jobs/.env",
        "jobs/prod.env",
        "provider/server.key",
        "watcher/ca/client.pem",
        "watcher/__pycache__/x.pyc",
        "provider/.cache/x",
        "dev/__main__.py",
    ],
)
def test_dockerignore_keeps_out(path: str) -> None:
    assert ignored(path)


@pytest.mark.parametrize(
    "path",
    [
        "__main__.py",
        "Pulumi.yaml",
        "Pulumi.dev.yaml",
        "Pulumi.prod.yaml",
        "pyproject.toml",
        "requirements.txt",
        "jobs/geo.py",
        "provider/resource.py",
        "watcher/__main__.py",
        "watcher/templates/page.html",
    ],
)
def test_dockerignore_lets_in(path: str) -> None:
    assert not ignored(path)


# -- the compose file


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    document = yaml.safe_load(read("compose.yaml"))
    found: dict[str, Any] = document["services"]
    mounted = [v.partition(":")[0] for s in found.values() for v in s["volumes"]]
    assert all((ROOT / name).is_file() for name in mounted if name.startswith("./"))
    named = {name for name in mounted if not name.startswith("./")}
    assert named == set(document["volumes"]), "each service keeps its data on a volume of the project's"
    return found


def watchers(services: dict[str, Any]) -> dict[str, Any]:
    return {name: s for name, s in services.items() if "build" in s}


def servers(services: dict[str, Any]) -> dict[str, Any]:
    return {name: s for name, s in services.items() if name.startswith("dkron")}


def words(service: dict[str, Any]) -> list[str]:
    command = service["command"]
    return list(command) if isinstance(command, list) else shlex.split(command)


def test_without_a_profile_one_dkron_and_one_watcher_start(services: dict[str, Any]) -> None:
    assert {name for name, s in services.items() if "profiles" not in s} == {"dkron", "watcher"}
    assert all(s["profiles"] == ["ha"] for s in services.values() if "profiles" in s)


def test_the_profile_ha_has_three_servers_a_database_and_two_watchers(services: dict[str, Any]) -> None:
    profile = {name: s for name, s in services.items() if "profiles" in s}
    assert set(profile) == {"dkron-1", "dkron-2", "dkron-3", "postgres", "watcher-1", "watcher-2"}
    joins = {f"--retry-join={name}" for name in servers(profile)}
    for server in servers(profile).values():
        assert {"--bootstrap-expect=3", *joins} <= set(words(server))
    addresses = {s["networks"]["ha"]["ipv4_address"] for s in servers(profile).values()}
    assert len(addresses) == 3
    for watcher in watchers(profile).values():
        assert watcher["environment"]["PULUMI_BACKEND_URL"].startswith("postgres://")
        assert set(watcher["environment"]["WATCHER_HOSTS"].split(",")) == {
            s["hostname"] for s in watchers(profile).values()
        }


def test_every_dkron_is_the_tested_one_and_sends_no_usage_statistics(services: dict[str, Any]) -> None:
    assert len(servers(services)) == 4
    for server in servers(services).values():
        assert server["image"] == f"${{DKRON_IMAGE:-dkron/dkron:{known_good('dkron')}}}"
        assert "--disable-usage-stats" in words(server)
        assert "/v1/leader" in server["healthcheck"]["test"][1]


def test_every_image_is_pinned_and_may_be_given_with_its_digest_or_is_built_here(services: dict[str, Any]) -> None:
    given = set()
    for name, service in services.items():
        found = re.fullmatch(r"\$\{([A-Z_]+):-[\w./-]+:\d+(\.\d+)+\}", service["image"])
        assert "build" in service or found, name
        given |= {found[1]} if found else set()
    told = read("docs/running.md")
    assert given == {"DKRON_IMAGE", "POSTGRES_IMAGE"}
    assert all(f"`{name}`" in told for name in (*given, "BASE"))


def test_a_watcher_waits_until_all_that_it_needs_is_healthy(services: dict[str, Any]) -> None:
    for watcher in watchers(services).values():
        needed = set(re.findall(r"//([\w-]+):8080", watcher["environment"]["DKRON_URL"]))
        if "@postgres:" in watcher["environment"]["PULUMI_BACKEND_URL"]:
            needed.add("postgres")
        assert needed
        assert watcher["depends_on"] == {name: {"condition": "service_healthy"} for name in needed}
        assert all("healthcheck" in services[name] for name in needed)


def test_a_watcher_runs_read_only_and_without_privileges(services: dict[str, Any]) -> None:
    volumes = [v for s in services.values() for v in s["volumes"]]
    assert len(volumes) == len(set(volumes)), "no two services share one"
    for watcher in watchers(services).values():
        assert (watcher["read_only"], watcher["tmpfs"], watcher["cap_drop"]) == (True, ["/tmp"], ["ALL"])
        assert [v.partition(":")[2] for v in watcher["volumes"]] == ["/state"]
        assert int(watcher["stop_grace_period"].rstrip("s")) * 1000 > int(DEFAULTS["GRACE_MS"])


def test_ports_are_published_on_loopback_only(services: dict[str, Any]) -> None:
    ports = [port for s in services.values() for port in s.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_compose_and_image_together_give_every_setting(services: dict[str, Any]) -> None:
    for watcher in watchers(services).values():
        assert watcher["configs"] == [{"source": "passphrase", "target": "/run/passphrases/dev"}]
        assert set(DEFAULTS) <= watcher["environment"].keys() | image_env().keys()
        assert watcher["environment"].keys() <= {*DEFAULTS, "PULUMI_CONFIG_PASSPHRASE_FILE"}


def test_compose_takes_each_setting_from_the_environment_with_the_tables_default(services: dict[str, Any]) -> None:
    elsewhere = {"DKRON_URL", "PULUMI_BACKEND_URL", "WATCHER_HOSTS"}
    own = {"PULUMI_CONFIG_PASSPHRASE_FILE": "/run/passphrases/${STACK:-dev}", "DEFAULT_TAGS": "dc=dc1:1"}
    for name, watcher in watchers(services).items():
        for setting, value in watcher["environment"].items():
            if name == "watcher" or setting not in elsewhere:
                default = (DEFAULTS | own)[setting]
                # An empty passphrase would be one to the CLI, so this variable is passed on only where it is set.
                wanted = None if setting == "PULUMI_CONFIG_PASSPHRASE" else f"${{{setting}:-{default}}}"
                assert setting == "DKRON_URL" or value == wanted


def test_the_only_secrets_in_the_compose_file_are_marked_for_development(services: dict[str, Any]) -> None:
    lines = [line for line in read("compose.yaml").splitlines() if PUBLIC_PASSPHRASE in line]
    assert len(lines) == 3
    assert all("DEVELOPMENT ONLY" in line or "postgres://" in line for line in lines)
    text = read("compose.yaml")
    for name in SECRETS - {"PULUMI_CONFIG_PASSPHRASE"}:
        assert f"{name}: ${{{name}:-}}\n" in text
    assert services["watcher"]["image"] == "dkron-jobs"
