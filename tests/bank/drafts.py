"""Items as an author's file would hold them, and a small 细目表."""

from __future__ import annotations

from typing import Any

from cbt.items.draft import ItemDraft
from cbt.items.taxonomy import Point, Range, Taxonomy
from cbt.spreadsheets.findings import Finding, Place

TAXONOMY = Taxonomy(
    name="客户服务管理员（三级）",
    note="示例",
    ranges=(Range("A", "基本要求", 100), Range("A-A", "职业道德", 100), Range("A-A-A", "职业守则", 100)),
    points=(
        Point("A-A-A-001", "职业道德的特征", "X"),
        Point("A-A-A-002", "诚实守信", "Y"),
        Point("A-A-A-014", "廉洁自律", "Z"),
    ),
)
WHERE = Place("bank")


def truth(stem: str = "客服员应当如实介绍商品的优点和缺陷。", **more: Any) -> dict[str, Any]:
    return {
        "type": "true_false",
        "point": "A-A-A-001",
        "difficulty": 3,
        "stem": stem,
        "answer": True,
        "explanation": "如实介绍是诚实守信的要求。",
    } | more


def short_answer(**more: Any) -> dict[str, Any]:
    rubric = [{"points": "2", "text": "及时、对等"}, {"points": "1", "text": "防止再次发生"}]
    plain = {"type": "short_answer", "answer": "及时、对等，并防止再次发生。", "limit": 500, "rubric": rubric}
    return truth("请写出服务补救的三项要点。", **plain | more)


def hotspot(*, few: bool = False, near: bool = False, **more: Any) -> dict[str, Any]:
    spots = [((10, 5), "纸箱"), ((60, 40), "积水"), ((90, 65), "绿植"), ((62 if near else 30, 42), "座椅")]
    plain = {
        "type": "hotspot",
        "picture": "data:image/jpeg;base64,/9j/",
        "size": [100, 80],
        "alt": "大厅平面图。",
        "regions": [{"rect": [0, 0, 20, 10]}, {"rect": [55, 35, 10, 10]}],
        "answer": [1],
        "spots": [{"at": list(at), "name": name} for at, name in spots[: 3 if few else 4]],
    }
    return truth("请标出大厅平面图中的安全隐患。", **plain | more)


def single(stem: str = "客户来电时，首先应（　　）。", **more: Any) -> dict[str, Any]:
    return {
        "type": "single_choice",
        "point": "A-A-A-001",
        "difficulty": 3,
        "stem": stem,
        "choices": ["问候客户", "说明来意", "核对身份", "登记诉求"],
        "answer": "A",
        "explanation": "先问候，再核对。",
    } | more


def multiple(**more: Any) -> dict[str, Any]:
    return single("下列做法中，合适的有（　　）。") | {"type": "multiple_choice", "answer": "AC"} | more


def fill_blank(**more: Any) -> dict[str, Any]:
    return (
        truth("共{{1}}件，按时办结{{2}}件。")
        | {"type": "fill_blank", "answer": [["24", "二十四"], ["20"]]}
        | more
    )


def numeric(**more: Any) -> dict[str, Any]:
    facts = {
        "type": "numeric",
        "answer": "86.7",
        "decimals": 1,
        "tolerance": "0.05",
        "compute": "100 * 216 / 249",
    }
    return truth("接通率为 {{1}} %。") | facts | more


def matching(**more: Any) -> dict[str, Any]:
    base = truth("为下列事项选定岗位。") | {"type": "matching", "pairs": [["咨询", "前台"], ["投诉", "主管"]]}
    del base["answer"]
    return base | {"extra_options": ["经理"]} | more


def ordering(**more: Any) -> dict[str, Any]:
    base = truth("将办理环节按先后排序。") | {"type": "ordering", "steps": ["登记", "核实", "办理", "回访"]}
    del base["answer"]
    return base | more


def case(**more: Any) -> dict[str, Any]:
    parts = [
        single(points="4"),
        multiple(points="4"),
        fill_blank(points="4"),
        matching(points="4"),
        ordering(points="4"),
    ]
    return {
        "type": "case",
        "unit": 1,
        "point": "A-A-A-001",
        "difficulty": 3,
        "title": "交接班记录",
        "stimulus": "早班交中班：受理24件，按时办结20件。",
        "parts": parts,
    } | more


def draft(data: dict[str, Any], ref: str = "A-A-A-001-T1", line: int = 1) -> ItemDraft:
    return ItemDraft(
        ref, data, {"": Place("items.toml", line=line), "stem": Place("items.toml", line=line + 5)}
    )


def codes(findings: list[Finding]) -> list[str]:
    return [found.code for found in findings]
