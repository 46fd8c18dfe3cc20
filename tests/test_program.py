import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dev.agent import free_port
from provider.job.limits import DEFER_CHECKS
from provider.registration import parents_first
from provider.resource import JOB_TYPE, PROVIDER_REFERENCE
from tests.fake_dkron import FakeDkron
from tests.paths import DATA, jobs_table

ROOT = Path(__file__).parents[1]
CANARY = "CANARY-key-77"
CONFIG = {"dkronUrl": "http://d:8888/,http://e:8888", "gatewayUrl": "http://gw:5461/", "serviceKey": CANARY}
# The mocks of Pulumi's SDK leave an event loop of their own open.
WARNINGS = ("-W", "error", "-W", "ignore::ResourceWarning")
SIGNATURE = "4dabf18193072939515e22adb298388d"

PROLOGUE = """from provider.job.executors import http
from provider.job.spec import JobSpec
from provider.job.references import secret, setting
"""


def secret(value: Any) -> dict[str, Any]:
    """As the SDK marks a secret on the wire."""
    return {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "value": value}


def run(
    program: Path = ROOT / "__main__.py",
    *,
    config: dict[str, str] | None = None,
    secrets: tuple[str, ...] = ("serviceKey",),
    env: dict[str, str] | None = None,
    slow: bool = False,
    dry_run: bool = True,
    here: Path = ROOT,
) -> dict[str, Any]:
    """What a program registers; `error` is what the CLI would show. `slow`: the engine lets it end first.

    `here`: the directory that it runs in. `dry_run`: a preview, which does without Dkron.
    """
    asked = {
        "program": str(program),
        "config": CONFIG if config is None else config,
        "secrets": secrets,
        "slow": slow,
        "dry_run": dry_run,
    }
    # The product's own program is tested with declarations of the tests' own.
    declared = DATA / "declared" if program.parent == ROOT else program.parent
    path = os.pathsep.join((str(declared), str(ROOT)))
    done = subprocess.run(
        [sys.executable, *WARNINGS, "-P", "-m", "tests.program_runner"],
        input=json.dumps(asked),
        cwd=here,
        env={**os.environ, "PYTHONPATH": path, **(env or {})},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def project(folder: Path, **modules: str) -> Path:
    """A project with the program of this one and other declarations: module name -> source."""
    (folder / "jobs").mkdir()
    for source in ("__main__.py", "jobs/__init__.py"):
        (folder / source).write_bytes((ROOT / source).read_bytes())
    for name, text in modules.items():
        (folder / "jobs" / f"{name}.py").write_text(PROLOGUE + text)
    return folder / "__main__.py"


def script(folder: Path, text: str) -> Path:
    """A program of a user's own, with `Job` at hand."""
    path = folder / "program.py"
    path.write_text(
        f"import pulumi\nfrom provider.job.executors import http, shell\nfrom provider.resource import Job\n{text}"
    )
    return path


@pytest.fixture(scope="module")
def eight() -> dict[str, Any]:
    return run()


# -- the program of this project


def test_the_eight_jobs_are_registered_with_exactly_these_inputs(eight: dict[str, Any]) -> None:
    assert eight["error"] is None
    found = {job["name"]: job["inputs"] for job in eight["registered"]}
    wanted = {}
    for name, schedule, displayname in jobs_table():
        service, _, rest = name.partition("-")
        wanted[name] = {
            "__provider": PROVIDER_REFERENCE,
            "name": name,
            "displayname": displayname,
            "schedule": schedule,
            "timezone": "UTC",
            "concurrency": "forbid",
            "retries": 2.0,
            "metadata": {"managed_by": "d2-dkron-mgr", "managed_in": "dkron-jobs/test"},
            "executor": "http",
            "executor_config": {
                "method": "POST",
                "url": f"http://gw:5461/api/v1/{service}/jobs/{rest}",
                "headers": secret(f'["X-Api-Key: {CANARY}"]'),
                "timeout": "30",
                "expectCode": "200",
            },
        }
    assert found == wanted
    assert len(found) == 8


def test_the_secret_stands_in_the_headers_alone_and_is_marked_there(eight: dict[str, Any]) -> None:
    rest = copy.deepcopy(eight)
    for job in rest["registered"]:
        assert job["inputs"]["executor_config"].pop("headers")[SIGNATURE]
        assert job.pop("request")["object"]["executor_config"].pop("headers")[SIGNATURE]
    assert CANARY not in json.dumps(rest)
    assert SIGNATURE not in json.dumps(rest)


def test_all_jobs_are_of_the_one_type_and_stand_in_the_stack(eight: dict[str, Any]) -> None:
    assert {job["type"] for job in eight["registered"]} == {JOB_TYPE} == {"pulumi-python:dynamic/dkron:Job"}
    assert [job["after"] for job in eight["registered"]] == [[]] * 8


def test_the_outputs_are_names_with_schedules_the_owner_tag_and_the_address(eight: dict[str, Any]) -> None:
    assert eight["outputs"] == {
        "jobs": {name: schedule for name, schedule, _ in jobs_table()},
        "ownerTag": "d2-dkron-mgr",
        "dkronUrl": "http://d:8888,http://e:8888",
    }


def test_nothing_is_warned_of(eight: dict[str, Any]) -> None:
    assert eight["log"] == []


def test_the_owner_tag_of_the_stack_is_on_every_job() -> None:
    done = run(config={**CONFIG, "ownerTag": "us"})
    assert {job["inputs"]["metadata"]["managed_by"] for job in done["registered"]} == {"us"}
    assert done["outputs"]["ownerTag"] == "us"


def test_the_environment_alone_is_enough_and_its_key_is_a_secret_too() -> None:
    env = {"DKRON_URL": "http://d", "GATEWAY_URL": "http://gw", "SERVICE_KEY": CANARY}
    done = run(config={}, secrets=(), env=env)
    assert done["error"] is None
    assert done["registered"][0]["inputs"]["executor_config"]["headers"] == secret(f'["X-Api-Key: {CANARY}"]')


@pytest.mark.parametrize("leader", ["node1", None])
def test_before_anything_is_changed_dkron_must_have_a_leader(leader: str | None) -> None:
    with FakeDkron() as dkron:
        dkron.leader = leader
        done = run(config={**CONFIG, "dkronUrl": dkron.url}, dry_run=False)
    if leader:
        assert (done["error"], len(done["registered"])) == (None, 8)
    else:
        line = f"Dkron at {dkron.url} has no leader just now, so nothing was changed; try again in a moment"
        assert (done["error"], done["registered"]) == (line, [])


def test_a_dkron_that_is_down_is_one_line_for_all_jobs_and_registers_nothing() -> None:
    config = {**CONFIG, "dkronUrl": f"http://127.0.0.1:{free_port()}"}
    done = run(config=config, dry_run=False)
    (line,) = done["error"].splitlines()
    assert line.startswith(f"cannot reach Dkron at {config['dkronUrl']}")
    assert done["registered"] == []
    assert run(config=config, env={DEFER_CHECKS: "1"}, dry_run=False)["error"] is None  # the watcher has asked


def test_everything_missing_is_one_error_that_names_each_key_and_registers_nothing() -> None:
    done = run(config={"adopt": "maybe"}, secrets=())
    assert [line.split()[0] for line in done["error"].splitlines()] == ["dkronUrl", "adopt", "gatewayUrl", "serviceKey"]
    assert done["registered"] == []


def test_every_reference_that_is_missing_is_one_line_with_the_jobs_that_need_it() -> None:
    done = run(config={"dkronUrl": "http://d"}, secrets=())
    assert done["error"].splitlines() == [
        'gatewayUrl is not set, and job "auth-purge-sessions" and 7 more need it: '
        "run `pulumi config set gatewayUrl VALUE` or set GATEWAY_URL in the environment",
        'serviceKey is not set, and job "auth-purge-sessions" and 7 more need it: '
        "run `pulumi config set --secret serviceKey` or set SERVICE_KEY in the environment",
    ]
    assert done["registered"] == []


def test_a_secret_that_stands_in_the_config_unencrypted_is_refused_unsaid() -> None:
    done = run(secrets=())
    assert done["error"].startswith(
        "serviceKey stands in the stack's config unencrypted: run `pulumi config set --secret"
    )
    assert CANARY not in done["error"]
    assert done["registered"] == []


# -- declarations


def test_a_name_declared_twice_is_refused_with_both_places(tmp_path: Path) -> None:
    done = run(
        project(tmp_path, a="JOBS = [JobSpec(name='same', schedule='@daily')]\n", b="\nJOBS = [JobSpec(name='same')]\n")
    )
    assert done["error"] == ('jobs/b.py:5: job "same" is declared twice, first at jobs/a.py:4: rename or remove one')
    assert done["registered"] == []


def test_a_misspelt_key_of_the_config_is_asked_back() -> None:
    found = run(config={"dkronUrl": "http://d", "gatewayURL": "x", "serviceKey": "k"})
    (line,) = found["error"].splitlines()
    assert "the stack's config has gatewayURL; did you mean gatewayUrl? If so, rename it, else run `pulumi" in line


def test_a_reference_to_config_that_is_not_set_is_one_line_for_each(tmp_path: Path) -> None:
    done = run(
        project(
            tmp_path,
            a="""
JOBS = [JobSpec(name="x", executor=http("http://h/", headers={"A": secret("firstKey"), "B": secret("serviceKey")})),
        JobSpec(name="y", executor=http(setting("otherUrl") + "/y", headers={"A": secret("firstKey")}))]
""",
        )
    )
    assert [line.split(":")[0] for line in done["error"].splitlines()] == [
        'firstKey is not set, and job "x" and 1 more need it',
        'otherUrl is not set, and job "y" needs it',
    ]
    assert done["registered"] == []


def test_a_child_is_registered_after_its_parent_wherever_it_was_declared(tmp_path: Path) -> None:
    done = run(
        project(
            tmp_path,
            a="""
JOBS = [JobSpec(name="grandchild", parent_job="child"), JobSpec(name="child", parent_job="parent"),
        JobSpec(name="parent", schedule="@daily"), JobSpec(name="stray", parent_job="elsewhere")]
""",
        )
    )
    found = {job["name"]: job for job in done["registered"]}
    # The SDK sends what waits for nothing first; each line of parents keeps its order.
    assert [name for name in found if name != "stray"] == ["parent", "child", "grandchild"]
    assert {name: job["after"] for name, job in found.items()} == {
        "parent": [],
        "child": ["parent"],
        "grandchild": ["child"],
        "stray": [],
    }
    assert found["child"]["inputs"]["parent_job"] == "parent"


def test_default_tags_hold_for_jobs_without_any_and_a_warning_can_be_accepted(tmp_path: Path) -> None:
    declarations = """
from provider import ALL_NODES, shell
JOBS = [
    JobSpec(name="plain", schedule="@daily", executor=shell("x")),
    JobSpec(name="own", schedule="* * * * * *", executor=shell("x"), tags={"zone": "z2"}, accept=("every-second",)),
    JobSpec(name="everywhere", schedule="@daily", executor=shell("x"), tags=ALL_NODES),
]
"""
    done = run(project(tmp_path, a=declarations), config={**CONFIG, "defaultTags": "dc=dc1:1"})
    tags = {job["name"]: job["inputs"].get("tags") for job in done["registered"]}
    assert tags == {"plain": {"dc": "dc1:1"}, "own": {"zone": "z2"}, "everywhere": None}
    assert done["log"] == []
    assert not any("accept" in job["inputs"] for job in done["registered"])


def test_the_request_for_a_job_is_the_one_that_the_sdk_would_send(tmp_path: Path) -> None:
    declarations = """
JOBS = [
    JobSpec(name="child", parent_job="plain", metadata={"team": "a", "note": "ü✓"}, ephemeral=True),
    JobSpec(name="plain", schedule="@daily", retries=2, disabled=True, tags={"dc": "dc1:1"}),
    JobSpec(name="grandchild", parent_job="child", processors={"log": {"forward": "true"}, "empty": {}}),
    JobSpec(name="secret", schedule="@every 1h", starts_at="2030-01-02T03:04:05Z",
            executor=http(setting("gatewayUrl") + "/x", headers={"A": secret("serviceKey")}, timeout=30)),
    JobSpec(name="other", schedule=7, owner=None, displayname=1.5, metadata={"n": None, "t": True}),
    JobSpec(name="far", parent_job="elsewhere", executor="nats", executor_config={"url": secret("serviceKey")}),
]
"""
    config = {**CONFIG, "gatewayUrl": "http://gw:5461"}
    lean = run(project(tmp_path, a=declarations), config=config)
    (tmp_path / "__main__.py").write_text("""
import pulumi
from provider.job.declarations import gather
from provider.program import filled_in
from provider.registration import parents_first
from provider.resource import Job
jobs = filled_in({s.name: s.inputs() for s in gather().specs}, pulumi.Output.secret)
for name in parents_first(jobs):
    Job(name, **jobs[name])
""")
    usual = run(tmp_path / "__main__.py", config=config)
    assert lean["error"] is usual["error"] is None
    wanted = {job["name"]: job["request"] for job in usual["registered"]}
    assert {job["name"]: job["request"] for job in lean["registered"]} == wanted
    assert len(wanted) == 6
    (parent,) = wanted["grandchild"]["dependencies"]
    assert parent.endswith("dkron:Job::child")
    # Requests go out side by side, so the warnings of different jobs may change places.
    assert sorted(lean["log"]) == sorted(usual["log"])


@pytest.mark.parametrize(
    ("field", "why"),
    [
        ("starts_at=datetime(2030, 1, 2)", "starts_at can't be sent to the engine: datetime is no kind of JSON"),
        ("retries=10**400", "retries can't be sent to the engine: int too large to convert to float"),
        ("owner='\\ud800'", "owner can't be sent to the engine: "),
        ("tags={1: 'a'}", "tags can't be sent to the engine: "),
    ],
)
def test_a_value_that_has_no_json_is_one_line_with_the_job_and_the_field(tmp_path: Path, field: str, why: str) -> None:
    done = run(project(tmp_path, a=f"from datetime import datetime\nJOBS = [JobSpec(name='odd', {field})]\n"))
    assert done["error"].startswith(f'job "odd": {why}')
    assert len(done["error"].splitlines()) == 1
    assert done["registered"] == []


def test_a_job_of_the_author_s_own_waits_for_a_declared_one_that_it_names_as_parent(tmp_path: Path) -> None:
    done = run(
        script(
            tmp_path,
            """
from provider.job.spec import JobSpec
from provider.program import program_settings
from provider.registration import declare
declare([JobSpec(name="parent", schedule="@daily")], program_settings())
Job("child", parent_job="parent")
""",
        )
    )
    assert {job["name"]: job["after"] for job in done["registered"]} == {"parent": [], "child": ["parent"]}


def test_what_is_likely_a_mistake_is_warned_of_once(tmp_path: Path) -> None:
    done = run(project(tmp_path, a="JOBS = [JobSpec(name='x', schedule='0 0 0 30 2 *')]\n"))
    (line,) = done["log"]
    assert "never" in line
    assert done["error"] is None


@pytest.mark.slow
def test_three_thousand_jobs_are_no_trouble(tmp_path: Path) -> None:
    done = run(
        project(
            tmp_path,
            a="""
JOBS = [JobSpec(name=f"job-{n}", schedule="@daily", executor=http("http://h/", headers={"A": secret("serviceKey")}))
        for n in range(3000)]
""",
        )
    )
    assert done["error"] is None
    assert len(done["registered"]) == 3000
    assert {job["inputs"]["__provider"] for job in done["registered"]} == {PROVIDER_REFERENCE}


# -- parents first


@pytest.mark.parametrize(
    ("parents", "wanted"),
    [
        ({}, []),
        ({"a": "", "b": ""}, ["a", "b"]),
        ({"a": "b", "b": ""}, ["b", "a"]),
        ({"a": "c", "b": "a", "c": ""}, ["c", "a", "b"]),
        ({"a": "elsewhere"}, ["a"]),
        ({"a": "b", "b": "a"}, ["b", "a"]),
        ({"a": "a"}, ["a"]),
    ],
)
def test_parents_come_first_and_the_rest_stays_in_order(parents: dict[str, str], wanted: list[str]) -> None:
    assert parents_first({name: {"parent_job": parent} for name, parent in parents.items()}) == wanted


def test_a_long_line_of_parents_is_no_trouble() -> None:
    jobs = {f"j{n}": {"parent_job": f"j{n + 1}"} for n in range(5000)}
    assert parents_first(jobs) == [f"j{n}" for n in reversed(range(5000))]


# -- Job, as an author of a program of their own sees it


def test_the_outputs_of_a_job_are_typed_and_have_dkron_s_defaults(tmp_path: Path) -> None:
    done = run(
        script(
            tmp_path,
            """
job = Job("geo", schedule="@daily", retries=3, executor=shell("/bin/true"), disabled=True)
for field in Job.__annotations__:
    if not field.startswith("_"):
        value = getattr(job, field)
        assert isinstance(value, pulumi.Output), field
        pulumi.export(field, value.apply(lambda v: [type(v).__name__, v]))
""",
        )
    )
    assert done["error"] is None
    assert done["outputs"] == {
        "name": ["str", "geo"],
        "displayname": ["str", ""],
        "timezone": ["str", ""],
        "schedule": ["str", "@daily"],
        "owner": ["str", ""],
        "owner_email": ["str", ""],
        "disabled": ["bool", True],
        "tags": ["dict", {}],
        "metadata": ["dict", {"managed_by": "d2-dkron-mgr", "managed_in": "dkron-jobs/test"}],
        "retries": ["int", 3],
        "parent_job": ["str", ""],
        "processors": ["dict", {}],
        "concurrency": ["str", "allow"],
        "executor": ["str", "shell"],
        "executor_config": ["dict", {"command": "/bin/true"}],
        "ephemeral": ["bool", False],
        "starts_at": ["NoneType", None],
        "expires_at": ["NoneType", None],
    }


def test_an_attribute_that_no_job_has_is_an_attribute_error(tmp_path: Path) -> None:
    done = run(
        script(
            tmp_path,
            """
try:
    Job("geo", schedule="@daily").nosuch
except AttributeError as error:
    pulumi.export("error", str(error))
""",
        )
    )
    assert done["outputs"] == {"error": "a Dkron job has no nosuch"}


def test_a_parent_may_be_a_job_or_the_name_of_one_declared_before(tmp_path: Path) -> None:
    done = run(
        script(
            tmp_path,
            """
parent = Job("parent", name="first", schedule="@daily")
Job("by-job", parent_job=parent)
Job("by-name", parent_job="first")
Job("by-output", parent_job=parent.name)
Job("elsewhere", parent_job="unknown", opts=pulumi.ResourceOptions(depends_on=[parent]))
""",
        )
    )
    found = {job["name"]: job for job in done["registered"]}
    assert {name: job["after"] for name, job in found.items()} == {
        "parent": [],
        "by-job": ["parent"],
        "by-name": ["parent"],
        "by-output": ["parent"],
        "elsewhere": ["parent"],
    }
    assert [found[name]["inputs"]["parent_job"] for name in ("by-job", "by-name", "by-output")] == ["first"] * 3


def test_a_secret_in_an_option_marks_that_option_alone(tmp_path: Path) -> None:
    done = run(
        script(
            tmp_path,
            """
key = pulumi.Config().require_secret("serviceKey")
Job("a", schedule="@daily", executor="http",
    executor_config={"method": "GET", "url": "http://h/", "headers": key.apply(lambda k: f'["A: {k}"]')})
""",
        )
    )
    assert done["registered"][0]["inputs"]["executor_config"] == {
        "method": "GET",
        "url": "http://h/",
        "headers": secret(f'["A: {CANARY}"]'),
    }


def test_a_job_of_a_wrong_kind_is_left_to_check_and_is_no_traceback(tmp_path: Path) -> None:
    done = run(script(tmp_path, "Job('a', schedule=5, starts_at=7)\n"))
    assert done["error"] is None
    assert done["registered"][0]["inputs"]["schedule"] == 5


@pytest.mark.parametrize(("given", "then"), [("default_int_handler", "SIG_DFL"), ("SIG_IGN", "SIG_IGN")])
def test_a_program_of_ones_own_that_is_interrupted_prints_no_traceback(tmp_path: Path, given: str, then: str) -> None:
    done = run(
        script(
            tmp_path,
            f"""
import signal
signal.signal(signal.SIGINT, signal.{given})
Job("a", executor=shell("true"))
pulumi.export("handler", repr(signal.getsignal(signal.SIGINT)))
""",
        )
    )
    assert then in done["outputs"]["handler"]


# -- what must never change


def test_importing_the_declarations_imports_neither_pulumi_nor_http() -> None:
    load = "import sys; from provider.job.declarations import gather; gather()"
    code = f"{load}; print(sorted(m for m in sys.modules if '.' not in m))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert not {"pulumi", "requests", "urllib3", "grpc"} & set(done.stdout.replace("'", " ").replace(",", " ").split())
    assert "provider" in done.stdout


def test_a_job_that_outlives_its_declaration_says_so_in_dkron(tmp_path: Path) -> None:
    done = run(
        script(
            tmp_path,
            """
keep = pulumi.ResourceOptions(retain_on_delete=True)
Job("kept", schedule="@daily", executor=shell("/bin/true"), metadata={"managed_in": "copied/from"}, opts=keep)
""",
        )
    )
    assert done["error"] is None
    assert done["registered"][0]["inputs"]["metadata"] == {
        "managed_by": "d2-dkron-mgr",
        "managed_in": "dkron-jobs/test",
        "managed_retain": "true",
    }


BY_STACK = """
from provider.job.stacks import only_in, per_stack
from provider.job.executors import shell
run = shell(per_stack(test="here", default="there"))
JOBS = [
    JobSpec(name="here", schedule=per_stack(test="@daily", default="@hourly"), executor=run, stacks=only_in("test")),
    JobSpec(name="there", schedule="@daily", executor=run, stacks=only_in("prod")),
    JobSpec(name="typed", schedule=setting("when"), retries=setting("tries", int), disabled=setting("off", bool),
            tags={"dc": secret("place")}, parent_job=secret("parent"), executor=run),
]
"""


def test_the_program_declares_what_its_stack_has_with_the_values_of_the_stack(tmp_path: Path) -> None:
    told = tmp_path / "told.json"
    given = {"when": "0 0 5 * * *", "tries": "3", "off": "true", "place": "dc7:1", "parent": "here"}
    done = run(
        project(tmp_path, a=BY_STACK),
        config={**CONFIG, **given},
        secrets=("serviceKey", "place", "parent"),
        env={"DKRON_JOBS_MODULES": str(told)},
    )
    assert done["error"] is None
    here, typed = done["registered"]
    assert (here["inputs"]["schedule"], here["inputs"]["executor_config"]["command"]) == ("@daily", "here")
    wanted = {"schedule": "0 0 5 * * *", "retries": 3, "disabled": True}
    assert {name: typed["inputs"][name] for name in wanted} == wanted
    assert typed["inputs"]["tags"] == {"dc": secret("dc7:1")}
    assert typed["after"] == ["here"]
    assert done["outputs"]["jobs"] == {"here": "@daily", "typed": "0 0 5 * * *"}
    assert json.loads(told.read_text()) == {"modules": {"jobs/a.py": ["here", "there", "typed"]}, "accepted": {}}


def test_settings_that_are_missing_or_of_the_wrong_kind_are_a_line_each(tmp_path: Path) -> None:
    done = run(project(tmp_path, a=BY_STACK), config={**CONFIG, "when": "@daily", "tries": "many", "off": "0"})
    assert done["registered"] == []
    lines = done["error"].splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        'place is not set, and job "typed" needs it',
        'parent is not set, and job "typed" needs it',
        'tries must be a whole number; job "typed" needs it',
    ]


def test_the_program_warns_of_a_stack_that_is_not_there(tmp_path: Path) -> None:
    program = project(
        tmp_path,
        a="JOBS = []\nfrom provider.job.stacks import only_in\n"
        'JOBS = [JobSpec(name="a", schedule="@daily", executor=http("http://h/"), stacks=only_in("prd"))]',
    )
    done = run(program)
    assert 'job "a": names stack "prd", and there is no Pulumi.prd.yaml' in done["log"][0]
    assert done["error"] is None


def test_a_job_of_a_users_own_takes_settings_and_executors_by_stack(tmp_path: Path) -> None:
    program = script(
        tmp_path,
        "from provider import per_stack, setting\n"
        'Job("a", schedule=setting("when"), retries=setting("tries", int), executor=shell(per_stack(test="x")))\n',
    )
    done = run(program, config={**CONFIG, "when": "@daily", "tries": "2"})
    assert done["error"] is None
    inputs = done["registered"][0]["inputs"]
    assert (inputs["schedule"], inputs["retries"], inputs["executor_config"]) == ("@daily", 2, {"command": "x"})


def test_the_program_holds_to_the_house_rules_before_it_registers_anything(tmp_path: Path) -> None:
    jobs = 'JOBS = [JobSpec(name="a", schedule="@daily", executor=http("http://h/", expect_code=200))]'
    program = project(tmp_path, a=jobs)
    rules = tmp_path / "pyproject.toml"
    rules.write_text('[tool.dkron-jobs.rules]\nowner = "error"\ntimeout = "warning"\n')
    done = run(program, here=tmp_path)
    assert done["error"].endswith('job "a": house rule owner: has no owner')
    assert done["registered"] == []
    rules.write_text('[tool.dkron-jobs.rules]\ntimeout = "warning"\n')
    done = run(program, here=tmp_path)
    assert (done["error"], len(done["registered"])) == (None, 1)
    assert done["log"][0].endswith('job "a": house rule timeout: has no timeout [rule-timeout]')
    rules.write_text("[tool.dkron-jobs.rules]\ntimeout = 3\n")
    done = run(program, here=tmp_path)
    assert done["error"].startswith("pyproject.toml, [tool.dkron-jobs.rules]: timeout: must be")
