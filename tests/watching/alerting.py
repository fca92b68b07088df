"""The shipped alert rules, and what they say of a course of scrapes."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from cbt.paths import product_dir
from tests.watching.promql import Labels, Query

FOLDER = product_dir("docs") / "deploy" / "prometheus"
RULES = FOLDER / "cbt.rules.yml"
STEP = 15
"""Seconds from one scrape, and one look at the rules, to the next."""
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_SPANS = {"s": 1, "m": 60, "h": 3600}
Scrape = Mapping[str, float]
"""What one scrape told, by name and labels as they are written."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One alert: when it fires, and what it says."""

    name: str
    expression: str
    waits: int
    """Seconds for which it has to hold."""
    severity: str
    texts: Mapping[str, str]


def read_rules() -> list[Rule]:
    """Return the shipped rules."""
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return [
        Rule(
            one["alert"],
            one["expr"],
            int(one.get("for", "0s")[:-1]) * _SPANS[one.get("for", "0s")[-1]],
            one["labels"]["severity"],
            one["annotations"],
        )
        for group in groups
        for one in group["rules"]
    ]


def series_of(scrapes: Sequence[Scrape]) -> dict[str, dict[Labels, list[tuple[float, float | None]]]]:
    """Return the series that scrapes every STEP seconds make."""
    found: dict[str, dict[Labels, list[tuple[float, float | None]]]] = defaultdict(dict)
    for sample in sorted({name for scrape in scrapes for name in scrape}):
        name, _, written = sample.partition("{")
        labels = frozenset(_LABEL.findall(written))
        found[name][labels] = [(number * STEP, scrape.get(sample)) for number, scrape in enumerate(scrapes)]
    return dict(found)


def firing(scrapes: Sequence[Scrape], rules: Sequence[Rule]) -> set[str]:
    """Return the alerts that fire at the last of these scrapes."""
    series = series_of(scrapes)
    return {rule.name for rule in rules if _fires(rule, series, len(scrapes))}


def _fires(rule: Rule, series: dict[str, dict[Labels, list[tuple[float, float | None]]]], looks: int) -> bool:
    standing: set[Labels] | None = None
    # As many looks as it has to hold for, back from the last.
    for number in range(looks - 1 - rule.waits // STEP, looks):
        if number < 0:
            return False
        found = set(Query(rule.expression, series, float(number * STEP)).value())
        standing = found if standing is None else standing & found
    return bool(standing)


def names_in(expressions: Iterable[str]) -> set[str]:
    """Return the metrics that expressions name."""
    found: set[str] = set()
    for expression in expressions:
        query = Query(expression, {}, 0.0)
        query.value()
        found |= query.names
    return found


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run promtool and return what it printed."""
    program = shutil.which("promtool")
    assert program is not None
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=False)


def unit_test(courses: Mapping[str, tuple[Sequence[Scrape], set[str]]]) -> str:
    """Return a file of promtool's that plays each course and expects its alerts at the end, and no others."""
    asked, tests = names_in(rule.expression for rule in read_rules()), []
    for name, (scrapes, expected) in courses.items():
        series = [
            {"series": sample, "values": " ".join(_written(scrape.get(sample)) for scrape in scrapes)}
            for sample in sorted({one for scrape in scrapes for one in scrape})
            if sample.partition("{")[0] in asked
        ]
        tests.append(
            {
                "name": name,
                "interval": f"{STEP}s",
                "input_series": series,
                "promql_expr_test": [
                    {
                        "expr": 'max by (alertname) (ALERTS{alertstate="firing"})',
                        "eval_time": f"{(len(scrapes) - 1) * STEP}s",
                        "exp_samples": [
                            {"labels": f'{{alertname="{one}"}}', "value": 1} for one in sorted(expected)
                        ],
                    }
                ],
            }
        )
    file = {"rule_files": [str(RULES)], "evaluation_interval": f"{STEP}s", "tests": tests}
    return str(yaml.safe_dump(file, allow_unicode=True))


def _written(value: float | None) -> str:
    return "stale" if value is None else repr(value).replace("inf", "Inf")
