"""Alerts and dashboard name metrics that exist, fire when they are to, and every metric of ours is documented."""

import json
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.say import ROOT
from provider.job.hold import Hold
from watcher.metrics import JobSample, Metrics

ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "dashboard.json").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
needs_promtool = pytest.mark.skipif(not shutil.which("promtool"), reason="promtool (Debian's prometheus) is not here")


def families() -> list[Any]:
    """Every metric of ours, that of one job's among them."""
    metrics = Metrics("1", "dev")
    metrics.follow_jobs(lambda: [JobSample("a", "ok", NOW, NOW, NOW, 1, 1, 1.0, Hold(NOW, "r"))])
    return list(metrics.registry.collect())


def shown(family: Any) -> str:
    """A metric's name as Prometheus shows it."""
    return str(family.name + {"counter": "_total", "info": "_info"}.get(family.type, ""))


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def panel_queries() -> list[str]:
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def test_alerts_and_dashboard_name_metrics_that_exist() -> None:
    exist = {shown(family) for family in families()}
    exist |= {f"{family.name}_bucket" for family in families() if family.type == "histogram"}
    variables = [str(row["query"]) for row in DASHBOARD["templating"]["list"]]
    texts = [*(rule["expr"] for rule in rules()), *panel_queries(), *variables]
    assert set(re.findall(r"watcher_\w+", " ".join(texts))) - exist == set()


def test_every_metric_is_documented_and_no_other() -> None:
    table = re.findall(r"^\| `(watcher_\w+)", PAGE, re.MULTILINE)
    assert sorted(table) == sorted(shown(family) for family in families())


def test_every_alert_is_documented_and_tried_and_no_other() -> None:
    names = [rule["alert"] for rule in rules()]
    tried = yaml.safe_load((Path(__file__).parent / "alerts_test.yml").read_text(encoding="utf-8"))["tests"]
    fired = [row["alertname"] for test in tried for row in test["alert_rule_test"] if row["exp_alerts"]]
    assert re.findall(r"^\| `(Dkron\w+)`", PAGE, re.MULTILINE) == names == fired


def test_the_dashboard_has_panels_with_ids_of_their_own_that_do_not_overlap() -> None:
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(places)
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


@needs_promtool
def test_each_alert_fires_when_it_is_to_and_not_else() -> None:
    command = ["promtool", "test", "rules", "alerts_test.yml"]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_prometheus_can_read_alerts_and_the_queries_of_the_dashboard(tmp_path: Path) -> None:
    queries = tmp_path / "queries.yml"
    recorded = [{"record": f"q{n}", "expr": expr} for n, expr in enumerate(panel_queries())]
    queries.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": recorded}]}), encoding="utf-8")
    done = subprocess.run(["promtool", "check", "rules", ALERTS, queries], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
