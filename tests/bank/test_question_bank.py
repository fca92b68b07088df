"""The shipped sample banks hold what the rules ask of them."""

from __future__ import annotations

import json
import re
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest

from cbt.bank.commands import shown_items, unit_plans
from cbt.bank.lint.check import CheckedItems, check_items
from cbt.bank.lint.whole_bank import across_levels
from cbt.interchange.text_bank import read_folder
from cbt.items.taxonomy import parent_of
from cbt.paths import product_dir
from cbt.spreadsheets.findings import Place, Severity

LEVELS = ("customer-service-l3", "customer-service-l2")
ARTICLES = "第[一二三四五六七八九十百千]+条"
LAW = re.compile(
    rf"(《[^《》]+》({ARTICLES}(、{ARTICLES})*|（GB/T \d+—\d{{4}}）范围)；\d{{4}}年(公布|修正|修订|施行|发布)；)+"
    r"核对日期\d{4}-(0[1-9]|1[0-2])"
)


def folder(level: str) -> Path:
    return product_dir("question_bank") / level


def checked(level: str) -> CheckedItems:
    found = read_folder(folder(level))
    assert found.taxonomy is not None
    assert found.findings == []
    units = unit_plans(product_dir("blueprints") / f"{level}.toml")
    assert sorted(units) == [1, 2, 3, 4]
    return check_items(found.items, found.taxonomy, where=Place(level), units=units)


@pytest.mark.parametrize("level", LEVELS)
def test_lint_finds_no_error_and_nothing_to_put_right(level: str) -> None:
    done = checked(level)
    assert [found for found in done.findings if found.severity is not Severity.HINT] == []


@pytest.mark.parametrize("level", LEVELS)
def test_lint_has_nothing_to_say_about_shares_cases_repeats_or_coverage(level: str) -> None:
    # A stem that names another item's key is for a person to judge: it may be a word both must use.
    assert {found.code for found in checked(level).findings} <= {"giveaway", "same_matter"}


def test_no_level_repeats_the_other() -> None:
    assert across_levels([checked(level).items for level in LEVELS]) == []


@pytest.mark.parametrize("level", LEVELS)
def test_every_five_per_cent_has_seven_statements_and_eleven_single_choices(level: str) -> None:
    found = read_folder(folder(level))
    assert found.taxonomy is not None
    weights = found.taxonomy.weights
    kinds = Counter(
        (parent_of(item.data["point"], weights), item.data["type"])
        for item in found.items
        if "unit" not in item.data
    )
    for code, weight in weights.items():
        share = Fraction(weight, 5)
        assert (kinds[code, "true_false"], kinds[code, "single_choice"]) == (7 * share, 11 * share)


@pytest.mark.parametrize("level", LEVELS)
def test_the_importance_of_points_is_three_to_one_to_one(level: str) -> None:
    taxonomy = read_folder(folder(level)).taxonomy
    assert taxonomy is not None
    found = Counter((parent_of(point.code, taxonomy.weights), point.importance) for point in taxonomy.points)
    for code, weight in taxonomy.weights.items():
        share = weight // 5
        assert [found[code, letter] for letter in "XYZ"] == [3 * share, share, share]


@pytest.mark.parametrize("level", LEVELS)
def test_every_unit_has_three_cases(level: str) -> None:
    cases = Counter(item.data["unit"] for item in read_folder(folder(level)).items if "unit" in item.data)
    assert cases == {1: 3, 2: 3, 3: 3, 4: 3}


@pytest.mark.parametrize("level", LEVELS)
def test_every_law_is_recorded_with_name_article_version_and_the_month_it_was_checked(level: str) -> None:
    items = [item.data for item in read_folder(folder(level)).items]
    asked = [part for item in items for part in item.get("part", [item])]
    laws = [part["law"] for part in asked if "law" in part]
    assert len(laws) > 20
    assert [law for law in laws if not LAW.fullmatch(law)] == []


def test_the_whole_bank_can_be_shown_as_json() -> None:
    shown = json.loads(json.dumps(shown_items(read_folder(folder(LEVELS[0])).items), default=str))
    assert len(shown) == 372
    for item in shown:
        assert item["ref"]
        assert item["knowledge_point"]
        for asked in item.get("parts", [item]):
            assert asked["answer_key"] is not None
            assert asked["explanation"]
    cases = [item for item in shown if item["type"] == "case"]
    assert {item["unit"]: item["points"] for item in cases} == {1: "25", 2: "30", 3: "25", 4: "20"}
