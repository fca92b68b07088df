"""Lint: each finding at the text that deserves it and not at its neighbour."""

from __future__ import annotations

import random
from datetime import timedelta
from decimal import Decimal
from difflib import SequenceMatcher
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.bank.findings import Severity
from cbt.bank.lint.arithmetic import evaluate
from cbt.bank.lint.case import UnitPlan, check_cases, stimulus_length
from cbt.bank.lint.check import check_items
from cbt.bank.lint.folder import across_levels
from cbt.bank.lint.item import check_item
from cbt.bank.lint.similar import similar_pairs, similarity
from cbt.bank.lint.tidy import tidy
from cbt.bank.lint.whole import check_repeats, check_whole
from cbt.bank.lint.words import is_emphasised, is_negative, normal
from tests.bank import drafts
from tests.bank.drafts import TAXONOMY, WHERE, codes, draft


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("100 * 216 / 249", Fraction(21600, 249), id="exact, not rounded"),
        pytest.param("0.1 + 0.2", Fraction(3, 10), id="decimals are what was written"),
        pytest.param("-(3 - 5) * 2", Fraction(4), id="signs and brackets"),
        pytest.param("ceil(7 / 2)", Fraction(4), id="ceil"),
        pytest.param("round(2.5)", Fraction(3), id="half goes up"),
        pytest.param("round(-2.5)", Fraction(-3), id="half goes away from zero"),
        pytest.param("round(2 / 3, 2)", Fraction(67, 100), id="places"),
    ],
)
def test_a_sum_is_worked_out_exactly(text: str, value: Fraction) -> None:
    assert evaluate(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "2 ** 99",
        "__import__('os')",
        "a + 1",
        "'1'",
        "1 if 2 else 3",
        "round(1, 99)",
        "True",
        "",
        "1+" * 200,
        "ceil()",
    ],
)
def test_anything_but_plain_arithmetic_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        evaluate(text)


def test_dividing_by_zero_is_an_error_of_its_own() -> None:
    with pytest.raises(ZeroDivisionError):
        evaluate("1 / (2 - 2)")


@pytest.mark.parametrize(
    ("data", "code", "field", "after"),
    [
        pytest.param(
            drafts.truth("客服员应当如实介绍商品"),
            "full_stop",
            "stem",
            "客服员应当如实介绍商品。",
            id="no stop",
        ),
        pytest.param(
            drafts.truth("客服员应当如实介绍商品.（ ）"),
            "full_stop",
            "stem",
            "客服员应当如实介绍商品。",
            id="brackets",
        ),
        pytest.param(drafts.single("首先应(  )。"), "blank", "stem", "首先应（　　）。", id="a narrow blank"),
        pytest.param(drafts.single("首先应____。"), "blank", "stem", "首先应（　　）。", id="a line"),
        pytest.param(
            drafts.truth("客户来电时,应当问候。"),
            "width",
            "stem",
            "客户来电时，应当问候。",
            id="half-width comma",
        ),
        pytest.param(
            drafts.truth("服务(热线)应当畅通。"),
            "width",
            "stem",
            "服务（热线）应当畅通。",
            id="half-width brackets",
        ),
        pytest.param(
            drafts.truth("应当在２４小时内回复。"),
            "width",
            "stem",
            "应当在24小时内回复。",
            id="full-width digits",
        ),
        pytest.param(
            drafts.truth("应当\u200b如实介绍商品。"), "unseen", "stem", "应当如实介绍商品。", id="unseen"
        ),
        pytest.param(drafts.truth(point="A-A-A-14"), "point_code", "point", "A-A-A-014", id="two digits"),
        pytest.param(
            drafts.truth(point="a－A—A - 1"), "point_code", "point", "A-A-A-001", id="dashes and width"
        ),
    ],
)
def test_small_faults_are_put_right_and_listed(
    data: dict[str, Any], code: str, field: str, after: str
) -> None:
    done, findings = tidy(draft(data), TAXONOMY)
    assert done.data[field] == after
    assert [(found.severity, found.code) for found in findings] == [(Severity.FIXED, code)]


def test_choices_lose_their_letters_and_stops() -> None:
    done, findings = tidy(draft(drafts.single(choices=["A.问候", "B、说明。", "核对", "登记"])), TAXONOMY)
    assert done.data["choices"] == ["问候", "说明", "核对", "登记"]
    assert codes(findings) == ["choice_label", "choice_label", "choice_stop"]


@pytest.mark.parametrize(
    "data",
    [
        drafts.truth(),
        drafts.truth("他说“请稍等”。"),
        drafts.truth("9:00 开门，见《规范》（试行）。"),
        drafts.single(),
        drafts.case(),
    ],
)
def test_sound_text_is_left_alone(data: dict[str, Any]) -> None:
    done, findings = tidy(draft(data), TAXONOMY)
    assert findings == []
    assert done.data == data


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(drafts.truth(stem=""), "missing", id="no stem"),
        pytest.param(drafts.truth(answer="对"), "answer", id="no key"),
        pytest.param(drafts.single(answer="E"), "answer", id="a key without a choice"),
        pytest.param(drafts.single(choices=["甲", "甲", "乙", "丙"]), "choices", id="equal choices"),
        pytest.param(drafts.single(choices=["甲", " ", "乙", "丙"]), "unreadable", id="an empty choice"),
        pytest.param(drafts.truth(type="essay"), "type_unknown", id="unknown type"),
        pytest.param(drafts.truth(type="short_answer", answer="略"), "type_unsupported", id="short answer"),
        pytest.param(drafts.truth(point="Z-Z-Z-999"), "point_unknown", id="unknown point"),
        pytest.param(drafts.truth(point="A-A-A-015"), "point_unknown_near", id="a point with a neighbour"),
        pytest.param(drafts.truth(difficulty=6), "scale", id="difficulty 6"),
        pytest.param(drafts.truth(tolerence=1), "key_unknown", id="a key nobody knows"),
        pytest.param(drafts.numeric(answer="86.9"), "compute_differs", id="another sum"),
        pytest.param(drafts.numeric(compute="x + 1"), "compute_unreadable", id="no sum"),
        pytest.param(drafts.numeric(compute="1 / 0"), "compute_unreadable", id="over zero"),
        pytest.param(drafts.case(parts=[drafts.single()]), "unreadable", id="a part without points"),
        pytest.param(
            drafts.case(parts=[drafts.single(points="4", point="Z-Z-Z-999")]),
            "point_unknown",
            id="a part's point",
        ),
    ],
)
def test_what_cannot_be_used_is_an_error(data: dict[str, Any], code: str) -> None:
    findings = list(check_item(draft(data), TAXONOMY))
    assert [(found.severity, found.code) for found in findings] == [(Severity.ERROR, code)]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(drafts.truth(explanation=""), "no_explanation", id="no explanation"),
        pytest.param(drafts.truth("首问负责制要求。"), "no_statement", id="no statement"),
        pytest.param(drafts.truth("客服员应当如实介绍商品吗？。"), "no_statement", id="a question"),
        pytest.param(
            drafts.truth("客服员**不**应当隐瞒商品的缺陷。"), "negative_statement", id="a stressed negation"
        ),
        pytest.param(drafts.single("首先应当怎样做。"), "one_blank", id="no blank"),
        pytest.param(drafts.single("（　　）之后是（　　）。"), "one_blank", id="two blanks"),
        pytest.param(drafts.single("下列做法不正确的是（　　）。"), "negative_plain", id="a plain negation"),
        pytest.param(drafts.single(choices=["甲", "乙", "丙"]), "choices_count", id="three choices"),
        pytest.param(drafts.multiple(choices=list("甲乙丙丁戊己")), "choices_count", id="six choices"),
        pytest.param(
            drafts.single(choices=["甲", "乙", "丙", "以上都对"]), "all_or_none", id="all of the above"
        ),
        pytest.param(drafts.matching(extra_options=[]), "no_extra_option", id="nothing to spare"),
        pytest.param(drafts.ordering(steps=["甲", "乙", "丙"]), "steps_count", id="three steps"),
    ],
)
def test_what_could_read_better_is_a_hint(data: dict[str, Any], code: str) -> None:
    findings = list(check_item(draft(data), TAXONOMY))
    assert [(found.severity, found.code) for found in findings] == [(Severity.HINT, code)]


@pytest.mark.parametrize(
    "data",
    [
        drafts.truth(),
        drafts.single("下列做法中**不**合适的是（　　）。"),
        drafts.multiple(choices=list("甲乙丙丁戊"), answer="AE"),
        drafts.fill_blank(),
        drafts.numeric(),
        drafts.matching(),
        drafts.ordering(),
        drafts.case(),
    ],
)
def test_a_sound_item_has_no_finding(data: dict[str, Any]) -> None:
    assert list(check_item(draft(data), TAXONOMY)) == []


@pytest.mark.parametrize(
    ("stem", "negative", "emphasised"),
    [
        pytest.param("下列环节中**不**属于关键时刻的是（　　）。", True, True, id="bold"),
        pytest.param("下列环节中不属于关键时刻的是（　　）。", True, False, id="plain"),
        pytest.param("下列说法错误的是（　　）。", True, False, id="wrong"),
        pytest.param("客户不满时，首先应（　　）。", False, False, id="a negation in the story"),
        pytest.param("未能按时回复的，应当（　　）。", False, False, id="not in time"),
    ],
)
def test_a_negative_stem_is_told_from_a_story_with_a_negation(
    stem: str, negative: bool, emphasised: bool
) -> None:
    assert (is_negative(stem), is_emphasised(stem)) == (negative, emphasised)


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


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([row | ({"answer": True} if row["type"] == "true_false" else {}) for row in _bank()], ["true_share"], id="all true"),
        pytest.param(_bank(answer="B"), ["letter_share"] * 4, id="all B"),
        pytest.param(_bank(choices=["长" * 9, "乙", "丙", "丁"])[:20] + [
            row | {"choices": ["甲甲" if letter == row["answer"] else letter for letter in "ABCD"]} for row in _bank()[20:]
        ], ["key_longest"], id="the key is longest"),
        pytest.param(_bank()[:20] + [
            row | {"choices": ["甲" if letter == row["answer"] else letter * 2 for letter in "ABCD"]} for row in _bank()[20:]
        ], ["key_shortest"], id="the key is shortest"),
        pytest.param([row | {"difficulty": 3} for row in _bank()], ["difficulty_mix"], id="all of one difficulty"),
        pytest.param(_bank()[:20] + [row | {"stem": "**不**" + row["stem"]} for row in _bank()[20:]], ["negative_share"], id="all negative"),
        pytest.param([row | ({"answer": True} if row["type"] == "true_false" else {}) for row in _bank()][:19], [], id="too few to say"),
    ],
)  # fmt: skip
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


def test_a_stem_of_the_bank_or_the_other_level_may_not_be_repeated_either() -> None:
    mine = [draft(drafts.truth(NEAR), "T2")]
    assert codes(list(check_repeats(mine, {"B-1": BASE}))) == ["near_duplicate"]
    assert codes(across_levels([[draft(drafts.truth(BASE), "T1")], mine])) == ["near_duplicate"]
    assert across_levels([[draft(drafts.truth("问候客户。"), "T1")], mine]) == []


def test_similarity_ignores_width_case_and_punctuation() -> None:
    assert similarity("SLA（服务水平）", "sla 服务水平") == 1.0
    assert similarity("甲", "乙") == 0.0
    assert normal("Ａ－1，甲") == "a1甲"


@given(st.integers(0, 10_000))
def test_every_pair_that_comparing_all_would_find_is_found(seed: int) -> None:
    rng = random.Random(seed)
    base = ["".join(rng.choices("客服投诉处理结果应当在工作日内告知", k=24)) for _ in range(6)]
    texts = base + [_typed_again(text, rng) for text in base]
    brute = {
        (a, b)
        for b in range(len(texts))
        for a in range(b)
        if SequenceMatcher(None, texts[a], texts[b], autojunk=False).ratio() >= 0.85
    }
    assert brute <= {(a, b) for a, b, _ in similar_pairs(texts, 0.8)}


def _typed_again(text: str, rng: random.Random) -> str:
    place = rng.randrange(len(text) - 2)
    return text[:place] + "另" + text[place + 2 :]


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
