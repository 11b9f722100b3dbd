"""The rules and the dashboard know the metrics that there are, and the README all of them."""

import json
import re
import shutil
import subprocess
from itertools import combinations
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).resolve().parents[2]
MONITORING = ROOT / "app/monitoring"
RULES = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((MONITORING / "grafana.json").read_text())
NAME = re.compile(r"\bcurtain_[a-z_]+")

#: What stands before a series of which one of each label is taken.
ONCE = re.compile(r"(\bmax( by \([a-z, ]+\))?\s*\(|\babsent\()\s*((increase|rate)\()?$")

needs_promtool = pytest.mark.skipif(
    not shutil.which("promtool"), reason="no promtool here: install prometheus"
)


@pytest.fixture
def scrape(app, conn):
    """What Prometheus reads of a Curtain with a runner, a watchdog and a hook."""
    conn.execute(
        """UPDATE watch SET round_at = now(), round_seconds = 0.1, rounds = 1;
           INSERT INTO runners (name, machine, boot, slots) VALUES ('r', 'm', 'b', 10);
           INSERT INTO hooks (name, sender, spec, updated_by) VALUES ('h', 'github', '{}', 'ada')"""
    )
    return app.test_client().get("/metrics").text


@pytest.fixture
def names(scrape):
    """The names of all series."""
    return {
        sample.name
        for family in text_string_to_metric_families(scrape)
        for sample in family.samples
    }


def panels():
    """The panels that show something."""
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_knows_its_metrics_and_says_what_to_do(rule, names):
    told = NAME.findall(rule["expr"])

    assert told
    assert set(told) <= names
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert rule["annotations"]["summary"].endswith(".")
    assert len(rule["annotations"]["runbook"]) > 60


def test_what_a_rule_tells_people_to_look_at_is_there(app):
    paths = app.test_client().get("/openapi.json").json["paths"]
    told = re.findall(
        r"GET (/[a-z0-9/{}_]+)", " ".join(rule["annotations"]["runbook"] for rule in RULES)
    )

    known = {re.sub(r"{\w+}", "{}", path) for path in paths}
    assert told
    assert {re.sub(r"{\w+}", "{}", path) for path in told} <= known


def test_a_panel_knows_its_metrics(names):
    for panel in panels():
        told = [name for target in panel["targets"] for name in NAME.findall(target["expr"])]
        assert told, panel["title"]
        assert set(told) <= names, panel["title"]


def test_the_dashboard_is_one_that_grafana_imports():
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    variables = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}

    assert len(set(ids)) == len(ids)
    assert DASHBOARD["schemaVersion"] >= 38  # that of Grafana 10
    assert "id" not in DASHBOARD  # or it would replace whichever has it
    assert variables["datasource"]["type"] == "datasource"
    for panel in panels():
        source = {"type": "prometheus", "uid": "${datasource}"}
        assert [target["datasource"] for target in panel["targets"]] == [source] * len(
            panel["targets"]
        )
        used = re.findall(r"\$(\w+)", " ".join(target["expr"] for target in panel["targets"]))
        assert {name for name in used if not name.startswith("__")} <= set(variables)


def test_no_panel_covers_another():
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]

    assert all(place["x"] + place["w"] <= 24 for place in places)
    for a, b in combinations(places, 2):
        is_beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        is_above = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert is_beside or is_above


def test_every_expression_is_right_with_several_web_processes():
    """They tell the same: a sum over them would be a multiple."""
    exprs = [rule["expr"] for rule in RULES]
    exprs += [target["expr"] for panel in panels() for target in panel["targets"]]

    for expr in exprs:
        for series in NAME.finditer(expr):
            assert ONCE.search(expr[: series.start()]), expr


def test_the_readme_tells_of_every_metric(scrape):
    table = (ROOT / "README.md").read_text().partition("| metric | meaning |")[2]
    told = set(NAME.findall(table.partition("\n\n")[0]))
    there = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in text_string_to_metric_families(scrape)
    }

    assert there == told


def test_names_keep_to_the_conventions_of_prometheus(scrape):
    for family in text_string_to_metric_families(scrape):
        assert family.documentation.endswith("."), family.name
        assert not re.search(r"_(milliseconds|ms|minutes|hours|kilobytes|percent)\b", family.name)
        assert family.name.endswith("_total") is False, family.name  # of a counter alone
        for sample in family.samples:
            assert all(re.fullmatch("[a-z_]+", label) for label in sample.labels)
            assert sample.name.endswith("_total") == (family.type == "counter")


@needs_promtool
def test_promtool_finds_nothing_wrong_with_the_metrics(scrape):
    found = subprocess.run(
        ["promtool", "check", "metrics"], input=scrape, capture_output=True, text=True
    )

    assert (found.stdout + found.stderr, found.returncode) == ("", 0)


@needs_promtool
@pytest.mark.parametrize(
    "check",
    [
        ("check", "rules", "--lint-fatal", str(MONITORING / "alerts.yml")),
        ("test", "rules", str(Path(__file__).with_name("alerts_test.yml"))),
    ],
    ids=lambda check: check[0],
)
def test_promtool_finds_nothing_wrong_with_the_rules(check):
    found = subprocess.run(["promtool", *check], capture_output=True, text=True)

    assert found.returncode == 0, found.stdout + found.stderr
