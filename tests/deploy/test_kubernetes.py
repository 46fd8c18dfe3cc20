"""What kustomize makes of deploy/kubernetes is valid, hardened, and agrees with the image and the settings."""

import itertools
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from dev.say import ROOT
from tests.test_container_files import DEFAULTS, argument, image_env
from watcher.settings import load

FOLDER = ROOT / "deploy" / "kubernetes"
COMPONENTS = ("postgres", "declarations", "servicemonitor")
CHOICES = [some for count in range(4) for some in itertools.combinations(COMPONENTS, count)]

pytestmark = pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not here")


def built(folder: Path) -> list[dict[str, Any]]:
    done = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def put_together(tmp_path: Path, components: tuple[str, ...]) -> list[dict[str, Any]]:
    """The base with these components."""
    shutil.copytree(FOLDER, tmp_path / "kubernetes")
    own = tmp_path / "kubernetes" / "own"
    own.mkdir()
    text = {"resources": ["../base"], "components": [f"../{name}" for name in components]}
    (own / "kustomization.yaml").write_text(yaml.safe_dump(text), encoding="utf-8")
    return built(own)


def the(kind: str, documents: list[dict[str, Any]]) -> dict[str, Any]:
    (found,) = [document for document in documents if document["kind"] == kind]
    return found


def workload(documents: list[dict[str, Any]]) -> dict[str, Any]:
    (found,) = [document for document in documents if document["apiVersion"] == "apps/v1"]
    return found


def check_pod(found: dict[str, Any]) -> None:
    """It is the image's user, can write only where the image writes, and every mount has its volume."""
    pod = found["spec"]["template"]["spec"]
    user, _, group = argument("USER").partition(":")
    security = pod["securityContext"]
    assert security["runAsNonRoot"]
    assert (str(security["runAsUser"]), str(security["fsGroup"])) == (user, group)
    assert pod["terminationGracePeriodSeconds"] * 1000 > int(DEFAULTS["GRACE_MS"])
    (container,) = pod["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    claims = [claim["metadata"]["name"] for claim in found["spec"].get("volumeClaimTemplates", [])]
    assert sorted(mount["name"] for mount in container["volumeMounts"]) == sorted(
        [*claims, *(volume["name"] for volume in pod["volumes"])]
    )
    writable = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
    assert writable == {"/state", "/tmp"}
    (port,) = container["ports"]
    assert str(port["containerPort"]) == image_env()["HEALTH_ADDR"].rpartition(":")[2]
    paths = [container[probe]["httpGet"]["path"] for probe in ("livenessProbe", "readinessProbe")]
    assert paths == ["/healthz", "/readyz"]


@pytest.mark.parametrize("components", CHOICES, ids="+".join)
def test_any_choice_of_components_is_valid_and_hardened(tmp_path: Path, components: tuple[str, ...]) -> None:
    documents = put_together(tmp_path, components)
    for document in documents:
        if document["kind"] != "ServiceMonitor":  # the operator's own, of which Kubernetes has no schema
            kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
    found = workload(documents)
    assert found["kind"] == ("Deployment" if "postgres" in components else "StatefulSet")
    check_pod(found)
    labels = found["spec"]["template"]["metadata"]["labels"]
    policy, service = the("NetworkPolicy", documents), the("Service", documents)
    assert service["spec"]["selector"] == policy["spec"]["podSelector"]["matchLabels"] == labels
    assert {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]} >= {53, 8080}


@pytest.mark.parametrize("components", [(), ("postgres",)], ids="+".join)
def test_the_watcher_takes_the_settings_that_the_pod_gives_it(tmp_path: Path, components: tuple[str, ...]) -> None:
    documents = put_together(tmp_path, components)
    (container,) = workload(documents)["spec"]["template"]["spec"]["containers"]
    given = dict(the("ConfigMap", documents)["data"]) | {row["name"]: row["value"] for row in container["env"]}
    assert {name.removesuffix("_FILE") for name in given} <= set(DEFAULTS)
    for name in [name for name in given if name.endswith("_FILE")]:
        secret = tmp_path / name
        secret.write_text("postgres://x\n", encoding="utf-8")
        given[name] = str(secret)
    found = load({**given, "PROGRAM_DIR": str(ROOT)})
    assert found.stack == "prod"
    assert found.hosts == ({"dkron-jobs-*"} if components else set())


def test_the_example_is_valid_and_its_declarations_and_config_reach_the_pod() -> None:
    documents = built(FOLDER / "example")
    (container,) = workload(documents)["spec"]["template"]["spec"]["containers"]
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    (jobs_dir,) = [row["value"] for row in container["env"] if row["name"] == "JOBS_DIR"]
    assert {jobs_dir, f"{image_env()['PROGRAM_DIR']}/Pulumi.prod.yaml"} < mounted
    maps = {document["metadata"]["name"]: document for document in documents if document["kind"] == "ConfigMap"}
    used = [volume["configMap"]["name"] for volume in workload(documents)["spec"]["template"]["spec"]["volumes"]
            if "configMap" in volume]  # fmt: skip
    assert set(used) | {container["envFrom"][0]["configMapRef"]["name"]} == set(maps)
    assert ":" in container["image"]
