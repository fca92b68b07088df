"""What is shipped for Prometheus and Grafana fits the product: every name is one it tells, every text is there."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from cbt.paths import product_dir
from tests.helpers import FakeClock
from tests.watching.alerting import FOLDER, Rule, names_in, promtool, read_rules
from tests.watching.told import every_name
from tests.world import START

DASHBOARD: dict[str, Any] = json.loads((FOLDER / "cbt.dashboard.json").read_text("utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
OPERATIONS = product_dir("docs") / "operations.md"
CHINESE = re.compile(r"[一-鿿]")
TERMS = ("掉线",)
"""Words of the pages that an English text names as they stand there."""
_ENDINGS = re.compile(r"_(count|sum|bucket)$")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The metrics of the product."""
    return every_name(tmp_path_factory.mktemp("told"), FakeClock(START))


def unknown(named: set[str], told: set[str]) -> set[str]:
    """Return the names that neither the product nor Prometheus itself tells."""
    return {
        name for name in named if name != "up" and name not in told and _ENDINGS.sub("", name) not in told
    }


def expression(target: dict[str, Any]) -> str:
    """Return what a panel asks, with Grafana's variables filled in."""
    return str(target["expr"]).replace("$site", "main")


@pytest.mark.parametrize("rule", read_rules(), ids=lambda rule: rule.name)
def test_a_rule_names_what_there_is_and_says_what_to_do_in_both_languages(rule: Rule, told: set[str]) -> None:
    assert rule.name.startswith("Cbt")
    assert rule.severity in {"critical", "warning", "info"}
    assert unknown(names_in([rule.expression]), told) == set()
    assert set(rule.texts) == {"summary", "summary_en", "action", "action_en"}
    for name, text in rule.texts.items():
        for term in TERMS:
            text = text.replace(term, "")
        assert bool(CHINESE.search(text)) is not name.endswith("_en"), name


def test_every_panel_asks_for_what_there_is(told: set[str]) -> None:
    expressions = [expression(target) for panel in PANELS for target in panel["targets"]]
    named = names_in(expressions)
    assert unknown(named, told) == set()
    assert {_ENDINGS.sub("", name) for name in named} - {"up"} == told, (
        "and everything told is shown somewhere"
    )


def test_the_dashboard_is_whole() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    for panel in DASHBOARD["panels"]:
        chinese, _, english = panel["title"].partition(" / ")
        assert CHINESE.search(chinese)
        assert english
        assert not CHINESE.search(english)
    for panel in PANELS:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        assert [target["datasource"]["uid"] for target in panel["targets"]] == ["${datasource}"] * len(
            panel["targets"]
        )
    assert {one["name"] for one in DASHBOARD["templating"]["list"]} == {"datasource", "site"}


def test_every_alert_is_in_the_table_of_the_manual() -> None:
    rows = re.findall(r"^\| (`Cbt.+?`) \|", OPERATIONS.read_text("utf-8"), re.MULTILINE)
    documented = [name for row in rows for name in re.findall(r"`(Cbt\w+)`", row)]
    assert sorted(documented) == sorted(rule.name for rule in read_rules())


def test_the_example_scrapes_the_job_that_the_rules_ask_for() -> None:
    example = yaml.safe_load((FOLDER / "prometheus.yml").read_text("utf-8"))
    assert example["rule_files"] == ["cbt.rules.yml"]
    [scraped] = example["scrape_configs"]
    assert scraped["job_name"] == "cbt"
    assert scraped["static_configs"][0]["labels"]["site"]


def test_promtool_reads_the_example_and_what_the_panels_ask(tmp_path: Path) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is missing: the files were read by the tests' own parser alone")
    checked = promtool("check", "config", FOLDER / "prometheus.yml")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    rules = [
        {"record": f"panel:number:{number}", "expr": expression(target)}
        for number, target in enumerate(target for panel in PANELS for target in panel["targets"])
    ]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}), "utf-8")
    checked = promtool("check", "rules", file)
    assert checked.returncode == 0, checked.stdout + checked.stderr
