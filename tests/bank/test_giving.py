"""Items that give another's key away: theory and cases, and what is alike by chance only."""

from __future__ import annotations

from typing import Any

import pytest

from cbt.bank.lint.whole_bank import check_giving
from cbt.items.draft import ItemDraft
from tests.bank import drafts
from tests.bank.drafts import draft
from tests.bank.test_guess import plain, singles

ASKS = draft(
    drafts.single(
        "服务蓝图中，客户行为与前台员工行为之间的分界线是（　　）。",
        choices=["外部互动线", "前台可视线", "战略定位线", "内部支持线"],
    ),
    "S1",
)


def told(*items: ItemDraft) -> list[tuple[str, str, object]]:
    """Return what is found among items and a hundred others, whose words make rare ones rare."""
    found = check_giving([*items, *singles(100, plain)])
    return [(one.code, one.item, one.params["other"]) for one in found]


def truth(stem: str, ref: str, **more: Any) -> ItemDraft:
    return draft(drafts.truth(stem, point="A-A-A-014", **more), ref)


def case(ref: str = "U1-C1", **more: Any) -> ItemDraft:
    return draft(drafts.case(**more), ref)


SPELLS = "外部互动线把客户行为与前台员工行为分开，是服务蓝图的第一条分界线。"


@pytest.mark.parametrize(
    ("teller", "expected"),
    [
        pytest.param(truth(SPELLS, "T1"), [("giveaway", "S1", "T1")], id="a statement of another point"),
        pytest.param(
            case(stimulus=f"某企业画出蓝图。{SPELLS}"), [("giveaway", "S1", "U1-C1")], id="a case's material"
        ),
        pytest.param(
            case(
                parts=[drafts.matching(pairs=[["外部互动线", "客户行为与前台员工行为的分界"], ["甲", "乙"]])]
            ),
            [("giveaway", "U1-C1", "S1"), ("giveaway", "S1", "U1-C1")],
            id="each gives the other away",
        ),
        pytest.param(truth(SPELLS, "T1", enemies=["S1"]), [], id="enemies never meet"),
        pytest.param(truth("外部互动线以外没有别的内容。", "T1"), [], id="of something else"),
        pytest.param(
            truth("服务蓝图中，客户行为与前台员工行为分列两行。", "T1"), [], id="of the same, without the key"
        ),
    ],
)
def test_a_key_that_stands_elsewhere_is_named_with_the_place(
    teller: ItemDraft, expected: list[tuple[str, str, object]]
) -> None:
    assert sorted(told(teller, ASKS)) == sorted(expected)


def test_a_number_or_a_short_word_is_no_giveaway() -> None:
    for key in ("385", "385份", "调解"):
        asks = draft(drafts.single("至少需要的样本量是（　　）。", choices=[key, "甲", "乙", "丙"]), "S1")
        assert told(truth(f"至少需要的样本量是{key}，各城市都是如此。", "T1"), asks) == []


def test_a_theory_item_of_the_same_matter_as_a_case_is_named_once() -> None:
    item = draft(
        drafts.single(
            "两名客户因插队争吵并开始推搡。现场工作人员首先应（　　）。",
            choices=[
                "隔开双方并请保安到场",
                "请两人签下和解承诺书",
                "调取监控并判定责任",
                "为先到一方优先办业务",
            ],
        ),
        "S1",
    )
    same = case(stimulus="10:40，两名客户因插队争执推搡，一位老人被碰倒。现场负责人隔开双方，其他客户围观。")
    assert told(item, same) == [("same_matter", "S1", "U1-C1")]
    other = case(stimulus="10:40，两名客户前来办理业务，一位老人询问柜台在哪里，其他客户排队等候。")
    assert told(item, other) == []


def test_a_key_that_many_spell_out_is_told_of_a_few() -> None:
    assert [code for code, _item, _other in told(ASKS, *(truth(SPELLS, f"T{n}") for n in range(9)))] == [
        "giveaway"
    ] * 3
