"""Lint of one item: each finding at the text that deserves it and not at its neighbour."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from cbt.bank.lint.check import check_item, tidy
from cbt.items.exam_prose import is_emphasised, is_negative
from cbt.items.types.numeric.editor import evaluate
from cbt.spreadsheets.findings import Severity
from tests.bank import drafts
from tests.bank.drafts import TAXONOMY, codes, draft


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
        pytest.param(
            drafts.truth(f"图中的电话已接通（ ）![话机](media:{'0' * 32})"),
            "full_stop",
            "stem",
            f"图中的电话已接通。![话机](media:{'0' * 32})",
            id="before a picture",
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
        pytest.param(drafts.truth(point="Z-Z-Z-999"), "point_unknown", id="unknown point"),
        pytest.param(drafts.truth(point="A-A-A-015"), "point_unknown_near", id="a point with a neighbour"),
        pytest.param(drafts.truth(difficulty=6), "scale", id="difficulty 6"),
        pytest.param(drafts.truth(tolerence=1), "key_unknown", id="a key nobody knows"),
        pytest.param(drafts.numeric(answer="86.9"), "compute_differs", id="another sum"),
        pytest.param(drafts.numeric(compute="x + 1"), "compute_unreadable", id="no sum"),
        pytest.param(drafts.numeric(compute="1 / 0"), "compute_unreadable", id="over zero"),
        pytest.param(drafts.short_answer(limit=9), "limit", id="a limit nobody can keep to"),
        pytest.param(
            drafts.short_answer(answer="字" * 501), "reference_long", id="a reference over the limit"
        ),
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
        pytest.param(drafts.short_answer(answer=" "), "no_reference", id="nothing to mark by"),
        pytest.param(drafts.short_answer(rubric=[]), "no_rubric", id="no rubric"),
        pytest.param(drafts.hotspot(answer=[1, 2], marks=2, few=True), "spots_few", id="few points"),
        pytest.param(drafts.hotspot(near=True), "spots_near", id="points on each other"),
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
        drafts.short_answer(),
        drafts.hotspot(),
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


def test_every_fault_of_an_item_is_found_in_one_reading() -> None:
    faulty = drafts.single(stem="", difficulty=9, choices=["问候", "问候"], answer="C", point="Z-Z-Z-001")
    found = list(check_item(draft(faulty), TAXONOMY))
    assert {(one.code, one.params["field"]) for one in found} == {
        ("missing", "stem"),
        ("scale", "difficulty"),
        ("choices", "choices"),
        ("answer", "answer"),
        ("point_unknown", "point"),
    }


def test_each_faulty_part_of_a_case_is_named() -> None:
    faulty = drafts.case(title="")
    for part in faulty["parts"][:2]:
        part["stem"] = ""
    found = list(check_item(draft(faulty), TAXONOMY))
    assert [one.params["field"] for one in found] == ["title", "parts.1.stem", "parts.2.stem"]


def test_blanks_are_not_judged_by_a_stem_that_is_missing() -> None:
    found = list(check_item(draft(drafts.fill_blank(stem="")), TAXONOMY))
    assert codes(found) == ["missing"]


def test_a_rubric_adds_up_to_the_points_of_its_part() -> None:
    for points, found in (("4", ["rubric_sum"]), ("3.0", [])):
        case = drafts.case(parts=[drafts.short_answer(points=points)])
        assert drafts.codes(list(check_item(draft(case), TAXONOMY))) == found
