"""The papers of the two levels, small banks and forms, and a clock face for the rule tests."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from cbt.rules.assembly.pools import Drawable
from cbt.rules.exam import ExamBlueprint, Flaw, Paper, Section, Unit
from cbt.rules.items.content import ItemContent, ItemType, PartialCredit
from cbt.rules.items.registry import parse_content

PERCENT_OF_RANGE = {f"R-{letter}": 10 if letter in "EJ" else 5 for letter in "ABCDEFGHIJKLMNOPQR"}


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def clock(reading: str) -> datetime:
    """09:00 or 09:00:30 on the day of the exam."""
    return datetime.fromisoformat(f"2026-11-24T{reading}").replace(tzinfo=UTC)


def theory(**changes: Any) -> Paper:
    sections = (
        Section("判断题", ItemType.TRUE_FALSE, 40, Decimal(1)),
        Section("单选题", ItemType.SINGLE_CHOICE, 60, Decimal(1)),
    )
    return Paper(
        **({"code": "theory", "name": "理论知识", "duration": minutes(45), "sections": sections} | changes)
    )


SKILLS_CREDIT = {
    ItemType.MULTIPLE_CHOICE: PartialCredit.SUBSET,
    ItemType.FILL_BLANK: PartialCredit.PER_PART,
    ItemType.MATCHING: PartialCredit.PER_PART,
    ItemType.ORDERING: PartialCredit.ADJACENT_PAIRS,
}


def skills(**changes: Any) -> Paper:
    units = tuple(
        Unit(number, name, project, minutes(span), Decimal(points), SKILLS_CREDIT)
        for number, name, project, span, points in (
            (1, "服务职责及规范要求", "客户服务策划", 10, 25),
            (2, "服务信息及人员管理", "客户服务提供", 15, 30),
            (3, "服务质量及过程控制", "客户服务控制", 10, 25),
            (4, "客户投诉及关系处理", "客户服务改进", 10, 20),
        )
    )
    return Paper(
        **({"code": "skills", "name": "专业能力考核", "duration": minutes(45), "units": units} | changes)
    )


def level_three(**changes: Any) -> ExamBlueprint:
    given: dict[str, Any] = {
        "ref": "customer-service-l3",
        "schema": 1,
        "occupation_code": "4-07-02-03",
        "occupation_name": "客户服务管理员",
        "aliases": ("客服服务管理员", "客户服务管理师"),
        "level_code": "3",
        "level_name": "三级",
        "bank": "customer-service-l3",
        "papers": {"theory": theory(), "skills": skills()},
    }
    return ExamBlueprint(**(given | changes))


def papers(**changed: Paper) -> ExamBlueprint:
    return level_three(papers={"theory": theory(), "skills": skills()} | changed)


def with_section(index: int, **changes: Any) -> ExamBlueprint:
    sections = list(theory().sections)
    sections[index] = replace(sections[index], **changes)
    return papers(theory=theory(sections=tuple(sections)))


def with_unit(index: int, **changes: Any) -> ExamBlueprint:
    units = list(skills().units)
    units[index] = replace(units[index], **changes)
    return papers(skills=skills(units=tuple(units)))


def places(findings: list[Flaw]) -> set[tuple[tuple[str | int, ...], str]]:
    return {(finding.path, finding.code) for finding in findings}


def theory_bank(seed: int = 1) -> tuple[list[Drawable], dict[str, int], dict[str, str]]:
    """A bank as shipped: 7 true_false and 11 single_choice in each 5 %, one point in five Y and one Z."""
    rng = random.Random(seed)
    items: list[Drawable] = []
    importances: dict[str, str] = {}
    for code, percent in PERCENT_OF_RANGE.items():
        points = [f"{code}-{number:03}" for number in range(1, percent + 1)]
        importances |= {point: "XXXYZ"[place % 5] for place, point in enumerate(points)}
        spare_t, spare_s = rng.sample(points, 2 * percent // 5), rng.sample(points, percent // 5)
        for kind, some in (("T", points + spare_t), ("S", points + points + spare_s)):
            items += [
                drawable(
                    f"{point}-{kind}{number}",
                    point=point,
                    range=code,
                    importance=importances[point],
                    difficulty=rng.choices((1, 2, 3, 4, 5), (1, 2, 4, 2, 1))[0],
                    truth=number % 2 == 0 if kind == "T" else None,
                )
                for number, point in enumerate(some)
            ]
    return items, dict(PERCENT_OF_RANGE), importances


def drawable(ref: str, **given: Any) -> Drawable:
    """An item to draw; a truth value makes it a true_false item, else it has four choices."""
    kind = ItemType.TRUE_FALSE if given.get("truth") is not None else ItemType.SINGLE_CHOICE
    shape = {} if kind is ItemType.TRUE_FALSE else {"choices": 4, "fixed_order": False}
    common = {"version": 1, "sha": f"sha-{ref}", "point": "R-A-001", "range": "R-A", "importance": "X"}
    return Drawable(**(common | {"difficulty": 3, "type": kind, "shape": shape} | given), ref=ref)


PARTS: tuple[Mapping[str, Any], ...] = (
    {"type": "single_choice", "choices": 4, "fixed_order": False, "points": "4"},
    {"type": "ordering", "steps": 5, "fixed_order": False, "points": "4"},
    {"type": "matching", "lefts": 3, "options": 4, "fixed_order": False, "points": "6"},
    {"type": "fill_blank", "blanks": 2, "fixed_order": False, "points": "4"},
    {"type": "numeric", "fixed_order": False, "points": "2"},
)


def case_bank(paper: Paper, *, each: int = 3) -> list[Drawable]:
    """Three cases a unit, all with the same parts; the first part makes the points of the unit up."""
    bank = []
    for unit in paper.units:
        first = {**PARTS[0], "points": str(unit.points - 16)}
        bank += [
            drawable(
                f"U{unit.number}-C{number}",
                type=ItemType.CASE,
                unit=unit.number,
                parts=(first, *PARTS[1:]),
                shape={},
            )
            for number in range(1, each + 1)
        ]
    return bank


def position(kind: str, **given: Any) -> dict[str, Any]:
    """A position of a form that shows everything in authored order unless told otherwise."""
    common = {"position": 1, "unit": 0, "section": 0, "item": "A", "version": 1, "sha": "x", "part": None}
    return {**common, "type": kind, "points": "1", "credit": "all_or_nothing", "order": [], **given}


def content(kind: str, **given: Any) -> ItemContent:
    """An item with something in every field its type needs."""
    return parse_content({"type": kind, **TEXTS[kind], **given})


TEXTS: Mapping[str, Mapping[str, Any]] = {
    "true_false": {"stem": "首问责任人应跟进到办结。", "answer": True},
    "single_choice": {
        "stem": "班前会先（　　）。",
        "choices": ["点名", "通报", "演练", "复盘"],
        "answer": "C",
    },
    "multiple_choice": {"stem": "交接班应（　　）。", "choices": ["甲", "乙", "丙", "丁"], "answer": "ACD"},
    "fill_blank": {"stem": "应在{{1}}小时内由{{2}}回复。", "answer": [["24", "二十四"], ["VIP 专席"]]},
    "numeric": {"stem": "接通率为{{1}}%。", "answer": "86.7", "decimals": 1, "tolerance": "0.05"},
    "matching": {
        "stem": "配对。",
        "pairs": [["一级", "两小时"], ["二级", "一天"], ["三级", "三天"]],
        "extra_options": ["七天"],
    },
    "ordering": {"stem": "排序。", "steps": ["受理", "核实", "处理", "回访"]},
    "short_answer": {"stem": "简述补救的原则。", "answer": "及时、对等、超出预期。"},
    "hotspot": {
        "stem": "标出两处隐患。",
        "picture": "data:image/jpeg;base64,/9j/",
        "size": [100, 80],
        "alt": "大厅平面图。",
        "regions": [
            {"rect": [0, 0, 20, 10]},
            {"circle": [60, 40, 10]},
            {"polygon": [[80, 60], [100, 60], [90, 80]]},
        ],
        "answer": [2, 1],
        "spots": [
            {"at": [90, 65], "name": "绿植"},
            {"at": [10, 5], "name": "纸箱"},
            {"at": [55, 40], "name": "积水"},
            {"at": [65, 40], "name": "拖线"},
        ],
        "marks": 3,
    },
    "case": {
        "title": "交接班记录",
        "unit": 1,
        "stimulus": "夜班移交三件工单。",
        "parts": [
            {"type": "true_false", "stem": "三件都应移交。", "answer": False, "points": 4},
            {"type": "numeric", "stem": "共{{1}}件。", "answer": 3, "points": "6"},
        ],
    },
}
