"""The columns of a candidate roster: their headers as seen in the field, and what their cells say."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation

from cbt.sheets.columns import Column, Columns, plain

COLUMNS = Columns(
    Column("name", ("姓名", "考生姓名", "名字", "name"), required=True),
    Column(
        "document_type",
        ("证件类型", "证件种类", "有效证件类型", "身份证件类型", "document type"),
        required=True,
    ),
    Column(
        "document_number",
        (
            "证件号码", "证件号", "身份证号", "身份证号码", "身份证件号码", "有效证件号码", "document number",
        ),
        required=True,
        width=24,
    ),
    Column(
        "level",
        ("级别", "等级", "技能等级", "认定级别", "认定等级", "申报级别", "职业等级", "level"),
        required=True,
    ),
    Column("paper", ("科目", "考试科目", "认定科目", "考核科目", "鉴定科目", "paper"), required=True),
    Column("gender", ("性别", "gender")),
    Column("phone", ("手机", "手机号", "手机号码", "联系电话", "移动电话", "电话", "phone"), width=16),
    Column("employer", ("工作单位", "单位", "单位名称", "所在单位", "employer"), width=28),
    Column("batch", ("认定批次", "批次", "批次名称", "鉴定批次", "batch"), width=24),
    Column("eligibility", ("申报条件", "报考条件", "eligibility")),
    Column("kind", ("新考/补考", "新考补考", "考试类型", "考试性质", "报考类型", "first/retake")),
    Column("ticket", ("准考证号", "准考证号码", "准考证", "ticket"), width=16),
    Column("room", ("考场", "考场号", "考场名称", "机房", "room")),
    Column("seat", ("机位号", "机位", "座位号", "座位", "seat")),
    Column("accommodation", ("合理便利（加时）", "合理便利", "加时", "便利安排", "extra time")),
    Column("note", ("备注", "说明", "note"), width=24),
    Column("occupation", ("职业", "职业名称", "工种", "职业（工种）", "occupation")),
)  # fmt: skip

DOCUMENT_NAMES: Mapping[str, tuple[str, ...]] = {
    "resident_id": ("居民身份证", "身份证", "二代身份证"),
    "temporary_resident_id": ("临时居民身份证", "临时身份证"),
    "social_security_card": ("社会保障卡", "社保卡"),
    "driving_licence": ("机动车驾驶证", "驾驶证", "驾照"),
    "student_card": ("学生证",),
    "passport": ("护照",),
    "officer_card": ("军官证",),
    "soldier_card": ("士兵证",),
    "hk_macao_taiwan_permit": (
        "港澳台证件", "港澳居民来往内地通行证", "台湾居民来往大陆通行证", "回乡证", "台胞证",
    ),
    "hk_macao_taiwan_residence_permit": ("港澳台居民居住证", "港澳居民居住证", "台湾居民居住证"),
    "foreign_permanent_residence_card": ("外国人永久居留身份证", "外国人永久居留证"),
}  # fmt: skip

_LEVELS = {
    "1": ("一级", "高级技师"),
    "2": ("二级", "技师"),
    "3": ("三级", "高级工", "高级"),
    "4": ("四级", "中级工", "中级"),
    "5": ("五级", "初级工", "初级"),
}
_PAPERS = {
    "theory": ("theory", "理论", "理论知识", "理论知识考试", "理论考试"),
    "skills": (
        "skills", "技能", "专业技能", "专业能力", "专业能力考核", "操作技能", "实操", "技能考核", "实操考核",
        "操作技能考核",
    ),
}  # fmt: skip
_KINDS = {"first": ("新考", "首考", "首次", "初考", "first"), "retake": ("补考", "重考", "retake")}
_GENDERS = {"male": ("男", "m", "male"), "female": ("女", "f", "female")}
_NONE = ("", "无", "否", "不需要", "-", "/", "none", "no")
_FACTOR = re.compile(r"(?:时长|×|x|\*)?(\d+(?:\.\d+)?)倍?(?:时长)?")
_PERCENT = re.compile(r"(?:加时|延长|\+)?(\d{1,3})%")
_MINUTES = re.compile(r"(?:加时|延长|\+)?(\d{1,3})(?:分钟|分|min)?")
MOST_MINUTES = 240
MOST_FACTOR = Decimal(4)


def document_type_of(text: str) -> str | None:
    """Return the code of a document type by its name or code, or None."""
    return _DOCUMENTS.get(plain(text))


def level_of(text: str) -> str:
    """Return the level code of a text such as 三级, 三级/高级工, 3 or 高级工; other texts come back plain."""
    found = plain(text)
    for code, names in _LEVELS.items():
        if found in {code, f"{code}级", f"l{code}", "".join(map(plain, names[:2])), *map(plain, names)}:
            return code
    return found


def paper_codes(text: str) -> str:
    """Return the code a subject name stands for (theory or skills), or the plain text itself.

    Subject names vary in the field: 专业技能, 专业能力, 操作技能 and 实操 are one subject.
    """
    return _reverse(_PAPERS).get(plain(text), plain(text))


def kind_of(text: str) -> str | None:
    """Return `first` or `retake` (an empty cell is 新考), or None."""
    return "first" if not plain(text) else _reverse(_KINDS).get(plain(text))


def gender_of(text: str) -> str | None:
    """Return `male`, `female` or an empty text, or None for anything else."""
    return "" if not plain(text) else _reverse(_GENDERS).get(plain(text))


def accommodation_of(text: str) -> tuple[Decimal, timedelta] | None:
    """Return the factor and the extra time of an accommodation cell, or None when it says neither.

    `加时15分钟` and `15` are minutes; `1.5倍` and `30%` are factors; 无 and an empty cell are neither.

    Source: R-30.
    """
    cell = unicodedata.normalize("NFKC", text).casefold().replace(" ", "")
    if cell in _NONE:
        return Decimal(1), timedelta(0)
    if found := _PERCENT.fullmatch(cell):
        return _factor(Decimal(1) + Decimal(found[1]) / 100)
    if ("倍" in cell or cell[:1] in "×x*") and (found := _FACTOR.fullmatch(cell)):
        return _factor(Decimal(found[1]))
    if found := _MINUTES.fullmatch(cell):
        minutes = int(found[1])
        return (Decimal(1), timedelta(minutes=minutes)) if minutes <= MOST_MINUTES else None
    return None


def _factor(factor: Decimal) -> tuple[Decimal, timedelta] | None:
    try:
        exact = factor.quantize(Decimal("0.01"))
    except InvalidOperation:
        return None
    return (exact.normalize(), timedelta(0)) if Decimal(1) <= exact <= MOST_FACTOR else None


def _reverse(names: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {plain(name): code for code, given in names.items() for name in given}


_DOCUMENTS = _reverse(DOCUMENT_NAMES) | {plain(code): code for code in DOCUMENT_NAMES}
