"""What the cells of a list of people say: documents, levels, papers, first or retake, extra time."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from cbt.rules.exam.paper import tools_in, tools_text
from cbt.spreadsheets.columns import plain

DOCUMENT_NAMES: Mapping[str, tuple[str, ...]] = {
    "resident_id": (
        "居民身份证", "身份证", "二代身份证", "中华人民共和国居民身份证", "第二代身份证", "大陆身份证",
    ),
    "temporary_resident_id": ("临时居民身份证", "临时身份证"),
    "social_security_card": ("社会保障卡", "社保卡"),
    "driving_licence": ("机动车驾驶证", "驾驶证", "驾照"),
    "student_card": ("学生证",),
    "passport": ("护照", "外国护照"),
    "officer_card": ("军官证",),
    "soldier_card": ("士兵证",),
    "hk_macao_taiwan_permit": (
        "港澳台证件", "港澳居民来往内地通行证", "台湾居民来往大陆通行证", "回乡证", "台胞证",
    ),
    "hk_macao_taiwan_residence_permit": ("港澳台居民居住证", "港澳居民居住证", "台湾居民居住证"),
    "foreign_permanent_residence_card": ("外国人永久居留身份证", "外国人永久居留证"),
}  # fmt: skip

ALL_PAPERS = "*"
"""What a piece of a cell stands for that asks for every paper of a level."""
_PAPERS = {
    "theory": ("theory", "理论", "理论知识", "理论知识考试", "理论考试", "理论科目", "应知", "理论笔试"),
    "skills": (
        "skills", "技能", "专业技能", "专业能力", "专业能力考核", "操作技能", "实操", "技能考核", "实操考核",
        "操作技能考核", "技能操作", "技能考试", "实操考试", "操作技能考试", "技能科目", "应会", "实际操作",
        "实践操作",
        "技能操作考核", "操作", "专业技能考核", "专业能力考试",
    ),
    ALL_PAPERS: (
        "两科", "全部", "全科", "双科", "两门", "全部科目", "所有科目", "全考", "两科都考", "两科全考", "都考",
        "二科",
        "2科", "两个科目", "全项", "均考", "all", "both",
    ),
}  # fmt: skip
_BETWEEN = re.compile(
    r"[、,，;；/／+＋&＆|｜\n\r\s]+|(?<=[论识试能操核作])(?:和|及|与|以及)(?=[理技专实操应])"
)
_HOW_TAKEN = re.compile(r"\((?:机考|上机|机试|无纸化|笔试|闭卷)\)")
_KINDS = {
    "first": (
        "新考", "首考", "首次", "初考", "正考", "首次申报", "首次报考", "新报", "新申报", "初次", "初次申报",
        "首次考试", "新生", "新考生", "first",
    ),
    "retake": ("补考", "重考", "补考生", "再次报考", "再考", "补", "retake"),
}  # fmt: skip
GENDER_NAMES = {"male": ("男", "男性", "m", "male"), "female": ("女", "女性", "f", "female")}
_NONE = ("", "无", "否", "不需要", "没有", "不加时", "无需", "-", "/", "—", "none", "no")
_NOTHING = frozenset(
    {"无", "/", "\\", "-", "—", "——", "待定", "暂无", "空", "另行通知", "待通知", "以准考证为准", "n/a"}
)
_FACTOR = re.compile(r"(?:时长|×|x|\*)?(\d+(?:\.\d+)?)倍?(?:时长)?")
_PERCENT = re.compile(r"(?:加时|延长|\+)?(\d{1,3})%")
_MINUTES = re.compile(r"(?:加时|延长|\+)?(\d{1,3})(?:分钟|分|min)?")
_TOOLS = {
    "highlighter": ("荧光笔", "高亮", "高亮笔", "highlighter"),
    "ruler": ("阅读尺", "行阅读尺", "读行尺", "line reader"),
    "magnifier": ("放大镜", "屏幕放大镜", "magnifier"),
    "speech": ("朗读", "语音朗读", "读题", "text-to-speech"),
    "masking": ("选项遮盖", "遮盖选项", "答案遮盖", "answer masking"),
}
_LISTED = re.compile(r"[、,，;；+＋\n]+")
MOST_MINUTES = 240
MOST_FACTOR = Decimal(4)

_GRADES = {
    "高级技师": "1", "技师": "2", "高级技能": "3", "高级工": "3", "高级": "3", "中级技能": "4", "中级工": "4",
    "中级": "4", "初级技能": "5", "初级工": "5", "初级": "5",
}  # fmt: skip
_FIGURES = {
    **{figure: str(n) for n, figure in enumerate("一二三四五", 1)},
    **{figure: str(n) for n, figure in enumerate("壹贰叁肆伍", 1)},
    **{str(n): str(n) for n in range(1, 6)},
    **{"iii": "3", "iv": "4", "ii": "2", "i": "1", "v": "5"},
}
_FIGURE = "|".join(sorted(_FIGURES, key=len, reverse=True))
_LEVEL = re.compile(rf"({'|'.join(_GRADES)})|(?:第|l(?=\d))?({_FIGURE})(?:级工?)?")
_LEVEL_SAID = re.compile("[一二三四五]级|高级技师|技师|[高中初]级工")
_AROUND_LEVEL = re.compile(r"国家职业资格|职业技能等级|职业资格|技能等级|职业等级|等级认定|等级")
_BEHIND_LEVEL = re.compile(
    rf"(?:国家职业资格|职业技能等级|等级)?((?:(?:{'|'.join(_GRADES)})|(?:{_FIGURE})级)+)$"
)


def document_type_of(text: str) -> str | None:
    """Return the code of a document type by its name or code, or None."""
    return _DOCUMENTS.get(plain(text))


@lru_cache(2_000)
def level_of(text: str) -> str:
    """Return the level code of a text such as 三级, 三级/高级工, Ⅲ级, 3 or 高级工; other texts come back plain.

    A text that says two levels is none: 二级/高级工 comes back plain.
    """
    found = plain(text)
    rest, said = _AROUND_LEVEL.sub("", found), dict[bool, str]()
    while rest and (piece := _LEVEL.match(rest)) and bool(piece[1]) not in said:
        said[bool(piece[1])] = _GRADES[piece[1]] if piece[1] else _FIGURES[piece[2]]
        rest = rest[piece.end() :].lstrip("、,，;；.|+")
    codes = set(said.values())
    return codes.pop() if len(codes) == 1 and not rest else found


def is_level(text: str) -> bool:
    """Say whether a text names one of the five levels."""
    return level_of(text) in {"1", "2", "3", "4", "5"}


@lru_cache(2_000)
def occupation_and_level(text: str) -> tuple[str, str]:
    """Return the occupation (as it is compared) and the level code that one cell says together.

    客户服务管理员（三级） and 三级客户服务管理员 say both, 客户服务管理员 no level.
    """
    found = plain(text)
    if is_level(found):
        return found, ""
    if (said := _BEHIND_LEVEL.search(found)) and said.start() and is_level(said[1]):
        occupation = found[: said.start()].rstrip("、,，;；")
        return (found, "") if is_level(occupation) else (occupation, level_of(said[1]))
    for end in range(min(len(found) - 1, 8), 1, -1):
        if is_level(found[:end]) and not found[:end].isdigit() and not is_level(found[end:]):
            return found[end:].lstrip("、,，;；"), level_of(found[:end])
    return found, ""


def paper_codes(text: str) -> str:
    """Return the code a subject name stands for (theory or skills), or the plain text itself.

    Subject names vary in the field: 专业技能, 专业能力, 操作技能 and 实操 are one subject.
    """
    return _PAPER_NAMES.get(plain(text), plain(text))


@lru_cache(2_000)
def papers_of(text: str) -> tuple[str, ...]:
    """Return the codes, or plain texts, of the subjects a cell names, each once; "*" stands for all of them."""
    text = _HOW_TAKEN.sub("", unicodedata.normalize("NFKC", text))
    if (whole := paper_codes(text)) in _PAPERS:
        return (whole,)
    pieces = [piece for piece in _BETWEEN.split(text) if plain(piece)]
    return tuple(dict.fromkeys(paper_codes(piece) for piece in pieces))


def kind_of(text: str) -> str | None:
    """Return `first` or `retake` (an empty cell is 新考), or None."""
    return "first" if not plain(text) else _KIND_NAMES.get(plain(text))


def is_nothing(text: str) -> bool:
    """Say whether a cell that need not be filled in says that there is nothing."""
    return unicodedata.normalize("NFKC", text).strip().casefold() in _NOTHING


def level_said(text: str) -> str:
    """Return the level code that a title or the name of a sheet tells, "" for none or several."""
    codes = {level_of(found[0]) for found in _LEVEL_SAID.finditer(unicodedata.normalize("NFKC", text))}
    return codes.pop() if len(codes) == 1 else ""


def gender_of(text: str) -> str | None:
    """Return `male`, `female` or an empty text, or None for anything else."""
    return "" if not plain(text) else _GENDER_NAMES.get(plain(text))


def tools_of(text: str) -> tuple[str, str]:
    """Return the tools that an accommodation cell names, as they are stored, and what else it says.

    Source: R-30.
    """
    parts = [part for part in _LISTED.split(text) if part.strip()]
    found = [_TOOL_NAMES[plain(part)] for part in parts if plain(part) in _TOOL_NAMES]
    if not found:
        return "", text
    return tools_text(found), "、".join(part for part in parts if plain(part) not in _TOOL_NAMES)


def tool_names(stored: str) -> list[str]:
    """Return what a roster calls the tools that a stored text names."""
    return [_TOOLS[name][0] for name in tools_in(stored)]


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


def codes_by_name(names: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Return the code of each name, by the name as it is compared."""
    return {plain(name): code for code, given in names.items() for name in given}


_TOOL_NAMES = codes_by_name(_TOOLS)
_DOCUMENTS = codes_by_name(DOCUMENT_NAMES) | {plain(code): code for code in DOCUMENT_NAMES}
_PAPER_NAMES, _KIND_NAMES, _GENDER_NAMES = (
    codes_by_name(_PAPERS),
    codes_by_name(_KINDS),
    codes_by_name(GENDER_NAMES),
)
