"""The shipped sample banks as papers draw from them."""

from __future__ import annotations

import random
from collections import Counter
from functools import cache
from itertools import combinations
from statistics import fmean

import pytest

from cbt.assembly.commands import TextBank, read_text_bank
from cbt.blueprints.store import load_blueprint_file
from cbt.paths import product_dir
from cbt.rules.assembly.form import draw_form
from cbt.rules.exam import Paper

LEVELS = pytest.mark.parametrize("level", ["l3", "l2"])
MIX = {1: 10, 2: 20, 3: 40, 4: 20, 5: 10}


@cache
def bank(level: str) -> TextBank:
    return read_text_bank(product_dir("question_bank") / f"customer-service-{level}")


@cache
def paper(level: str, code: str) -> Paper:
    return load_blueprint_file(product_dir("blueprints") / f"customer-service-{level}.toml").papers[code]


def theory(level: str, count: int) -> list[list[str]]:
    text, rng = bank(level), random.Random(20)
    return [
        [
            place["item"]
            for place in draw_form(
                paper(level, "theory"), text.drawables, text.weights, text.importances, rng=rng
            )["positions"]
        ]
        for _ in range(count)
    ]


@LEVELS
def test_every_drawn_theory_paper_is_about_one_two_four_two_one_in_difficulty(level: str) -> None:
    difficulty = {one.ref: one.difficulty for one in bank(level).drawables}
    for form in theory(level, 20):
        counts = Counter(difficulty[ref] for ref in form)
        assert all(abs(counts[value] - wanted) <= 4 for value, wanted in MIX.items()), counts


@LEVELS
def test_two_random_theory_papers_share_at_most_34_per_cent_on_average(level: str) -> None:
    forms = [set(form) for form in theory(level, 40)]
    assert fmean(len(one & other) for one, other in combinations(forms, 2)) <= 34


@LEVELS
def test_no_theory_paper_asks_a_knowledge_point_twice(level: str) -> None:
    point = {one.ref: one.point for one in bank(level).drawables}
    for form in theory(level, 10):
        assert len({point[ref] for ref in form}) == 100


@LEVELS
def test_three_disjoint_skills_papers_can_be_drawn(level: str) -> None:
    text, rng = bank(level), random.Random(4)
    used: dict[int, frozenset[str]] = {}
    seen: set[str] = set()
    for _ in range(3):
        content = draw_form(
            paper(level, "skills"), text.drawables, text.weights, text.importances, rng=rng, avoid_cases=used
        )
        cases = {unit["number"]: unit["item"] for unit in content["units"]}
        assert seen.isdisjoint(cases.values())
        seen.update(cases.values())
        used = {number: used.get(number, frozenset()) | {case} for number, case in cases.items()}
