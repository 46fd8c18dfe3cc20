"""Declared jobs reach the engine whatever the SDK is like inside, and all of them before the program's end."""

import base64
import pickle
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from dev.say import ROOT
from dev.tools import known_good
from provider.job.limits import DEFER_CHECKS
from provider.job_provider import JobProvider
from provider.registration import TESTED_SDK, parents_first
from provider.resource import PROVIDER_REFERENCE
from tests.test_program import CONFIG, run, script
from tests.web import Answer, Web, as_json, as_text

DECLARE = """
from provider.job.references import secret
from provider.job.spec import JobSpec
from provider.program import program_settings
from provider.registration import declare
declare([
    JobSpec(name="child", parent_job="parent", executor=shell("true"), retries=2, tags={"dc": "dc1:1"}),
    JobSpec(name="parent", schedule="0 0 0 30 2 *", executor=http("http://h/", headers={"A": secret("serviceKey")})),
], program_settings())
"""
UNKNOWN_SDKS = {
    "newer": "import provider.registration as r; r.TESTED_SDK = ((2, 0), (2, 99))",
    "older": "import provider.registration as r; r.TESTED_SDK = ((4, 0), (4, 99))",
    "without a version": "import sys; sys.modules['pulumi._version'] = None",
    "without a module": "import sys; sys.modules['pulumi.runtime.proto'] = None",
    "without a function": "import pulumi.runtime.settings as s; del s.grpc_error_to_exception",
    "without a field": "import types; from provider import engine_requests as e\n"
    "e.resource_pb2 = types.SimpleNamespace(RegisterResourceRequest=e.resource_pb2.RegisterResourceResponse)",
}


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run(script(tmp_path_factory.mktemp("usual"), DECLARE))


@pytest.mark.parametrize("sdk", UNKNOWN_SDKS)
def test_with_an_unknown_sdk_the_same_jobs_are_registered_in_its_own_way_after_one_warning(
    tmp_path: Path, usual: dict[str, Any], sdk: str
) -> None:
    done = run(script(tmp_path, f"{UNKNOWN_SDKS[sdk]}\n{DECLARE}"))
    assert done["error"] is None
    assert [job["request"] for job in done["registered"]] == [job["request"] for job in usual["registered"]]
    assert [job["name"] for job in done["registered"]] == ["parent", "child"]
    warnings = [line for line in done["log"] if line not in usual["log"]]
    assert len(warnings) == 1, done["log"]
    assert warnings[0].startswith("each job is registered in Pulumi's own way, which takes longer with many jobs: ")


def test_with_a_tested_sdk_there_is_no_such_warning(usual: dict[str, Any]) -> None:
    assert usual["log"]
    assert not [line for line in usual["log"] if "Pulumi's own way" in line]


@pytest.mark.parametrize(
    ("last", "error"),
    [
        ("", None),
        ("1 / 0", "division by zero"),
        ("raise pulumi.RunError('enough')", "enough"),
        ("raise SystemExit(0)", "0"),
    ],
)
def test_however_the_program_ends_every_declared_job_is_registered(
    tmp_path: Path, usual: dict[str, Any], last: str, error: str | None
) -> None:
    done = run(script(tmp_path, f"{DECLARE}\n{last}"), slow=True)
    assert done["error"] == error
    assert [job["request"] for job in done["registered"]] == [job["request"] for job in usual["registered"]]


def test_nothing_is_registered_where_one_job_can_not_be_sent(tmp_path: Path) -> None:
    done = run(script(tmp_path, DECLARE.replace("retries=2", "retries=10**400")))
    assert done["error"].startswith('job "child": retries can\'t be sent to the engine')
    assert done["registered"] == []


@pytest.mark.parametrize("parent", [["a"], {"a": "b"}, 7, None])
def test_a_parent_that_is_no_text_is_left_for_check_to_refuse(parent: Any) -> None:
    assert parents_first({"a": {"parent_job": parent}, "b": {}}) == ["a", "b"]


# -- what state files hold


@pytest.mark.parametrize("package", ["provider", "pulumi_dkron"])
def test_the_reference_in_the_state_is_the_pickle_of_the_provider_by_its_import_path(
    tmp_path: Path, package: str
) -> None:
    shutil.copytree(ROOT / "provider", tmp_path / package)
    code = (
        f"import sys; from {package}.resource import PROVIDER_REFERENCE\n"
        f"assert '{package}.job_provider' not in sys.modules, 'it takes long to import'\n"
        f"import base64, dill; from {package}.job_provider import JobProvider\n"
        "assert base64.b64decode(PROVIDER_REFERENCE) == dill.dumps(JobProvider(), protocol=4)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_reference_of_this_repository_never_changes() -> None:
    assert PROVIDER_REFERENCE == "gASVLAAAAAAAAACMFXByb3ZpZGVyLmpvYl9wcm92aWRlcpSMC0pvYlByb3ZpZGVylJOUKYGULg=="
    made = pickle.loads(base64.b64decode(PROVIDER_REFERENCE))
    assert type(made) is JobProvider
    assert vars(made) == {}


def test_the_range_of_sdks_is_the_one_that_pyproject_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    oldest, newest = (".".join(map(str, minor)) for minor in TESTED_SDK)
    assert f"pulumi>={oldest},<4" in project["project"]["dependencies"]
    assert known_good("sdk").startswith(f"{newest}.")


NODES = [
    {"Name": f"n{number}", "Status": 1, "Tags": {"dc": "dc1", "region": "global", "server": "true"}}
    for number in range(3)
]
EVERY_NODE = "3 nodes, and 2 http jobs without tags: each runs 3 times [untagged-http]"
UNTAGGED = """
from provider import ALL_NODES, JobSpec
from provider.program import program_settings
from provider.registration import declare
def spec(name, **fields):
    executor = http("http://h/", expect_code=200)
    return JobSpec(name=name, schedule="@daily", **{"executor": executor, **fields})
"""
DECLARED_JOBS = """
declare([spec("a"), spec("b"), spec("meant", tags=ALL_NODES), spec("fine", accept=("untagged-http",)),
         spec("gone", tags={"dc": "dc9"})], program_settings())
"""
OWN_JOBS = """
for name in ("a", "b"):
    Job(name, schedule="@daily", executor=http("http://h/", expect_code=200))
Job("meant", schedule="@daily", executor=http("http://h/", expect_code=200), tags=ALL_NODES)
Job("gone", schedule="@daily", executor=shell("true"), tags={"dc": "dc9"})
"""


@pytest.mark.parametrize("jobs", [DECLARED_JOBS, OWN_JOBS])
def test_what_the_nodes_make_of_the_jobs_is_told_once_and_asked_once(tmp_path: Path, jobs: str) -> None:
    with Web(lambda _request: as_json(NODES)) as dkron:
        done = run(script(tmp_path, UNTAGGED + jobs), config={**CONFIG, "dkronUrl": dkron.url})
        assert dkron.paths("GET") == ["/v1/members"]
    nowhere = 'job "gone" is to run on every node of dc9, and no node that is there matches [no-such-node]'
    assert done["log"] == [EVERY_NODE, nowhere]
    assert done["error"] is None


def test_the_nodes_are_not_asked_for_without_need(tmp_path: Path) -> None:
    program = UNTAGGED + 'declare([spec("a", executor=shell("true"))], program_settings())'
    with Web(lambda _request: as_json(NODES)) as dkron:
        done = run(script(tmp_path, program), config={**CONFIG, "dkronUrl": dkron.url})
        assert (dkron.asked, done["log"]) == ([], [])


def test_in_a_run_of_the_watchers_the_program_leaves_the_nodes_to_it(tmp_path: Path) -> None:
    with Web(lambda _request: as_json(NODES)) as dkron:
        program, config = script(tmp_path, UNTAGGED + DECLARED_JOBS), {**CONFIG, "dkronUrl": dkron.url}
        done = run(program, config=config, env={DEFER_CHECKS: "1"})
        assert (dkron.asked, done["log"]) == ([], [])


@pytest.mark.parametrize("answer", [Answer(500), as_text("no JSON"), as_json({"a": 1}), as_json([1, {"Tags": 1}])])
def test_nodes_that_can_not_be_read_are_nobodys_trouble(tmp_path: Path, answer: Answer) -> None:
    with Web(lambda _request: answer) as dkron:
        done = run(script(tmp_path, UNTAGGED + DECLARED_JOBS), config={**CONFIG, "dkronUrl": dkron.url})
    assert (done["error"], done["log"]) == (None, [])
    assert len(done["registered"]) == 5
