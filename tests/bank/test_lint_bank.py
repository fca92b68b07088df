"""Lint of cases and of a bank as a whole: shares, coverage, repeats, contradictions."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.bank.lint.check import UnitPlan, check_cases, check_items, stimulus_length
from cbt.bank.lint.whole_bank import EVERY_PAIR, across_levels, check_repeats, check_whole, similar_pairs
from cbt.items.exam_prose import normal
from tests.bank import drafts
from tests.bank.drafts import TAXONOMY, WHERE, codes, draft

PLAN = {1: UnitPlan(timedelta(minutes=10), Decimal(20))}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(drafts.case(), [], id="sound"),
        pytest.param(drafts.case(parts=drafts.case()["parts"][:4]), ["case_points"], id="four points short"),
        pytest.param(drafts.case(stimulus="字" * 351), ["stimulus_long"], id="a character too long"),
        pytest.param(drafts.case(stimulus="字" * 350), [], id="just short enough"),
        pytest.param(
            drafts.case(parts=[drafts.single(points="8"), *drafts.case()["parts"][1:4]]),
            ["part_share"],
            id="a heavy part",
        ),
        pytest.param(
            drafts.case(parts=[drafts.single(points="7"), *[drafts.multiple(points="6.5") for _ in "ab"]]),
            ["case_types"],
            id="two types; 7 of 20 is 35 per cent and allowed",
        ),
    ],
)
def test_a_case_fits_its_unit(data: dict[str, Any], expected: list[str]) -> None:
    assert codes(list(check_cases([draft(data, "U1-C1")], PLAN))) == expected


def test_a_longer_unit_and_one_without_a_plan_allow_a_longer_stimulus() -> None:
    long = draft(drafts.case(stimulus="字" * 600), "U1-C1")
    assert list(check_cases([long], {1: UnitPlan(timedelta(minutes=15), Decimal(20))})) == []
    assert list(check_cases([long], {})) == []


def test_a_stimulus_is_measured_without_the_bars_of_its_tables() -> None:
    assert stimulus_length("|甲|乙|\n|---|:-:|\n|一 |二|\n\n末行") == 6


def test_the_cases_of_a_unit_weigh_the_same() -> None:
    other = drafts.case(parts=list(reversed(drafts.case()["parts"])))
    hard = drafts.case(parts=[part | {"difficulty": 4} for part in drafts.case()["parts"]])
    assert codes(list(check_cases([draft(drafts.case(), "U1-C1"), draft(other, "U1-C2")], PLAN))) == [
        "case_plan"
    ]
    assert codes(list(check_cases([draft(drafts.case(), "U1-C1"), draft(hard, "U1-C2")], PLAN))) == [
        "case_difficulty"
    ]


def _bank(**changes: Any) -> list[dict[str, Any]]:
    """Return 20 statements and 20 single choices whose shares are as they should be."""
    levels = [1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5]
    truths = [drafts.truth(str(n) * 9 + "应当。", answer=n % 2 == 0, difficulty=levels[n]) for n in range(20)]
    singles = [
        drafts.single(chr(0x4E00 + 40 * n) * 9 + "（　　）。", answer="ABCD"[n % 4], difficulty=levels[n])
        for n in range(20)
    ]
    return [*truths, *[single | changes for single in singles]]


def _whole(rows: list[dict[str, Any]]) -> list[str]:
    items = [draft(row, f"T{n}") for n, row in enumerate(rows)]
    return [code for code in codes(list(check_whole(items, TAXONOMY, WHERE))) if code != "point_empty"]


def test_a_balanced_bank_has_no_finding() -> None:
    assert _whole(_bank()) == []


def _keys(own: str, others: int) -> list[dict[str, Any]]:
    """Return the balanced bank with every key of single choice `own`, the other choices `others` long."""
    bank = _bank()
    for row in bank[20:]:
        row["choices"] = [own if letter == row["answer"] else letter * others for letter in "ABCD"]
    return bank


ALL_TRUE = [row | ({"answer": True} if row["type"] == "true_false" else {}) for row in _bank()]
ALL_MEDIUM = [row | {"difficulty": 3} for row in _bank()]
ALL_NEGATIVE = [*_bank()[:20], *(row | {"stem": "**不**" + row["stem"]} for row in _bank()[20:])]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param(ALL_TRUE, ["true_share"], id="all true"),
        pytest.param(ALL_TRUE[:19], [], id="too few to say"),
        pytest.param(_bank(answer="B"), ["letter_share"] * 4, id="all B"),
        pytest.param(_keys("甲甲", 1), ["key_longest"], id="the key is longest"),
        pytest.param(_keys("甲", 2), ["key_shortest"], id="the key is shortest"),
        pytest.param(_keys("甲", 1), [], id="as long as the others"),
        pytest.param(ALL_MEDIUM, ["difficulty_mix"], id="all of one difficulty"),
        pytest.param(ALL_NEGATIVE, ["negative_share"], id="all negative"),
    ],
)
def test_unbalanced_shares_are_named(rows: list[dict[str, Any]], expected: list[str]) -> None:
    assert _whole(rows) == expected


def test_a_point_without_an_item_is_named() -> None:
    findings = list(check_whole([draft(drafts.truth())], TAXONOMY, WHERE))
    assert [found.value for found in findings if found.code == "point_empty"] == ["A-A-A-002", "A-A-A-014"]


def test_a_stem_that_tells_another_key_is_named_unless_they_are_enemies() -> None:
    asks = drafts.single(choices=["首问负责制度", "甲", "乙", "丙"])
    tells = drafts.truth("首问负责制度要求接待人跟进到底。")
    found = list(check_whole([draft(asks, "S1"), draft(tells, "T1")], TAXONOMY, WHERE))
    assert [(one.item, one.params["other"]) for one in found if one.code == "giveaway"] == [("S1", "T1")]
    apart = list(check_whole([draft(asks | {"enemies": ["T1"]}, "S1"), draft(tells, "T1")], TAXONOMY, WHERE))
    assert "giveaway" not in codes(apart)


BASE = "客服员接到投诉后，应当在两个工作日内把处理结果告知客户。"
NEAR = "客服员接到投诉之后，应当在两个工作日内将处理结果告知客户。"
OPPOSITE = "客服员接到投诉后，可以在结案以后再把处理结果一并告知客户。"


def test_a_stem_that_repeats_another_is_named_at_the_later_one() -> None:
    found = list(check_repeats([draft(drafts.truth(BASE), "T1"), draft(drafts.truth(NEAR), "T2")], {}))
    assert [(one.code, one.item, one.params["other"]) for one in found] == [("near_duplicate", "T2", "T1")]


def test_statements_that_contradict_each_other_are_proposed_as_enemies() -> None:
    items = [draft(drafts.truth(BASE), "T1"), draft(drafts.truth(OPPOSITE, answer=False), "T2")]
    assert codes(list(check_repeats(items, {}))) == ["contradiction"]
    same = [draft(drafts.truth(BASE), "T1"), draft(drafts.truth(OPPOSITE), "T2")]
    assert list(check_repeats(same, {})) == []
    enemies = [items[0], draft(drafts.truth(OPPOSITE, answer=False, enemies=["T1"]), "T2")]
    assert list(check_repeats(enemies, {})) == []


def test_one_statement_with_opposite_keys_is_a_contradiction_and_no_repeat() -> None:
    items = [draft(drafts.truth(BASE), "T1"), draft(drafts.truth(BASE, answer=False), "T2")]
    found = list(check_repeats(items, {}))
    assert [(one.code, one.item, one.params["other"]) for one in found] == [("opposite_keys", "T2", "T1")]
    choices = ["当日", "次日", "五日内", "月末"]
    mine = drafts.single(BASE, choices=choices, answer="B")
    turned = drafts.single(BASE, choices=choices[::-1], answer="C")
    assert codes(list(check_repeats([draft(mine, "S1"), draft(turned, "S2")], {}))) == ["near_duplicate"]
    other = drafts.single(BASE, choices=choices[::-1], answer="B")
    assert codes(list(check_repeats([draft(mine, "S1"), draft(other, "S2")], {}))) == ["opposite_keys"]


def test_a_stem_like_many_others_is_told_once_with_the_one_it_is_most_like_the_worst_first() -> None:
    stems = [BASE, NEAR, BASE.replace("两个", "三个"), NEAR.replace("客服员", "客服人员")]
    found = list(check_repeats([draft(drafts.truth(stem), f"T{n}") for n, stem in enumerate(stems, 1)], {}))
    assert sorted(one.item for one in found) == ["T2", "T3", "T4"]
    percents = [int(str(one.params["percent"])) for one in found]
    assert percents == sorted(percents, reverse=True)
    assert {one.item: one.params["other"] for one in found}["T3"] == "T1"


def test_a_stem_of_the_bank_or_the_other_level_may_not_be_repeated_either() -> None:
    mine = [draft(drafts.truth(NEAR), "T2")]
    assert codes(list(check_repeats(mine, {"B-1": BASE}))) == ["near_duplicate"]
    assert codes(across_levels([[draft(drafts.truth(BASE), "T1")], mine])) == ["near_duplicate"]
    assert across_levels([[draft(drafts.truth("问候客户。"), "T1")], mine]) == []


def test_similarity_ignores_width_case_and_punctuation() -> None:
    assert list(similar_pairs(["SLA（服务水平）", "sla 服务水平", "甲"], 1.0)) == [(0, 1, 1.0)]
    assert normal("Ａ－1，甲") == "a1甲"


def _dice(one: str, other: str) -> Fraction:
    grams = [Counter(text[n : n + 2] for n in range(len(text) - 1)) for text in (one, other)]
    return Fraction(2 * (grams[0] & grams[1]).total(), grams[0].total() + grams[1].total())


@given(st.lists(st.text("甲乙丙丁", min_size=2, max_size=12), min_size=2, max_size=8))
def test_every_pair_that_comparing_all_would_find_is_found(texts: list[str]) -> None:
    alike = {
        (earlier, later)
        for later in range(len(texts))
        for earlier in range(later)
        if _dice(texts[earlier], texts[later]) >= Fraction(1, 2)
    }
    assert {(earlier, later) for earlier, later, _ratio in similar_pairs(texts, 0.0)} == alike


def test_items_are_checked_together_and_blocked_ones_left_out() -> None:
    rows = [
        draft(drafts.truth(BASE), "T1"),
        draft(drafts.truth("问候客户是接待的第一步。"), "T1", line=20),
        draft(drafts.single(answer="E"), "S1", line=40),
        draft(drafts.single("接听电话时，应（　　）。", enemies=["NONE"]), "S2", line=60),
        draft(drafts.single("挂断电话前，应（　　）。", enemies=["OLD"]), "S3", line=80),
    ]
    checked = check_items(rows, TAXONOMY, where=WHERE, known_refs=frozenset({"OLD"}), whole=False)
    assert [item.ref for item in checked.items] == ["T1", "S3"]
    assert codes(checked.findings) == ["ref_repeated", "answer", "enemy_unknown"]


def test_of_thousands_of_stems_those_that_are_much_alike_are_found() -> None:
    rng = random.Random(7)
    letters = [chr(0x4E00 + number) for number in range(600)]
    texts = ["客服员在受理时应当" + "".join(rng.choices(letters, k=24)) for _ in range(EVERY_PAIR + 500)]
    planted = {}
    for place in rng.sample(range(len(texts)), 60):
        planted[len(texts)] = place
        words = list(texts[place])
        words[rng.randrange(10, 20)] = "甲"
        texts.append("".join(words))
    found = {(earlier, later) for earlier, later, _ratio in similar_pairs(texts, 0.8)}
    assert {(place, copy) for copy, place in planted.items()} <= found
    assert len(found) == len(planted)
    assert {later for _, later, _ in similar_pairs(texts, 0.8, after=len(texts) - 3)} == set(
        range(len(texts) - 3, len(texts))
    )
