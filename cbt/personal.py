"""The fields of a person, from which readers, checks, pages, prints and erasure derive; what their cells say."""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import lru_cache

from flask_babel import gettext

from cbt.errors import InvalidInput
from cbt.http.form_values import one_line
from cbt.rules.door import DOCUMENT_TYPES, normalise_document, valid_resident_id, written_name
from cbt.rules.exam import tools_in, tools_text
from cbt.spreadsheets.columns import Column, plain
from cbt.storage.crypto import derived, readable, seal

RESIDENT = frozenset({"resident_id", "temporary_resident_id"})
"""Documents with a number of GB 11643."""
_NUMBER = re.compile(r"[0-9A-Z()（）-]{6,30}")


def checked_name(text: str, *, field: str = "name") -> str:
    """Return a name as `written_name` keeps it; rare characters are kept as given.

    Raise InvalidInput("correction.name"), ("text.unseen").

    Source: R-10.
    """
    plain = written_name(one_line(text, field))
    if not plain or len(plain) > 60:
        raise InvalidInput("correction.name", field=field)
    return plain


def checked_document(kind: str, number: str) -> tuple[str, str]:
    """Return the type and number of a document as they are kept.

    Raise InvalidInput("admission.document_type"), ("correction.number") for one that fails GB 11643.

    Source: R-10, R-14.
    """
    plain = normalise_document(number)
    if kind not in DOCUMENT_TYPES:
        raise InvalidInput("admission.document_type", field="document_type")
    if not _NUMBER.fullmatch(plain) or (kind in RESIDENT and not valid_resident_id(plain)):
        raise InvalidInput("correction.number", field="document_number")
    return kind, plain


def gender_of_number(kind: str, number: str) -> str:
    """Return the gender a resident's number says, "" for any other number. Source: R-10 (GB 11643)."""
    if kind not in RESIDENT:
        return ""
    return "male" if int(number[16]) % 2 else "female"


def birth_of_number(kind: str, number: str) -> date | None:
    """Return the day of birth a resident's number says, None for any other number. Source: R-10 (GB 11643)."""
    if kind not in RESIDENT or len(number) != 18:
        return None
    try:
        return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return None


# Personal numbers: sealed at rest, found by a keyed digest, masked wherever they are shown.
#
# The key is the installation's own (`personal.key`), not the database's, so a copied database file does not
# give the numbers away even with its own key.

PHONE = "phone"
SHOWN = "document_shown"
CORRECTION = "correction"
QUERY = "query"


def document_index(number: str) -> str:
    """Return the keyed digest a document number is found by; spellings that compare equal give one digest."""
    return hmac.new(derived("index"), normalise_document(number).encode(), hashlib.sha256).hexdigest()


def keyed_digest(text: str, purpose: str) -> str:
    """Return a digest that shows whether two texts are the same, and only to who has the key what they are."""
    key = derived(f"digest {purpose}")
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]


def mask_phone(number: str) -> str:
    if len(number) < 8:
        return "*" * len(number)
    return number[:3] + "*" * (len(number) - 5) + number[-2:]


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
    return _DOCUMENTS.get(plain(text))


@lru_cache(2_000)
def level_of(text: str) -> str:
    """Return the level code of a text such as 三级, 三级/高级工, Ⅲ级, 3 or 高级工; other texts come back plain.

    A text that says two levels is none: 二级/高级工 comes back plain.
    """
    cleaned = plain(text)
    rest, by_kind = _AROUND_LEVEL.sub("", cleaned), dict[bool, str]()
    while rest and (piece := _LEVEL.match(rest)) and bool(piece[1]) not in by_kind:
        by_kind[bool(piece[1])] = _GRADES[piece[1]] if piece[1] else _FIGURES[piece[2]]
        rest = rest[piece.end() :].lstrip("、,，;；.|+")
    codes = set(by_kind.values())
    return codes.pop() if len(codes) == 1 and not rest else cleaned


def is_level(text: str) -> bool:
    return level_of(text) in {"1", "2", "3", "4", "5"}


@lru_cache(2_000)
def occupation_and_level(text: str) -> tuple[str, str]:
    """Return the occupation (as it is compared) and the level code that one cell says together.

    客户服务管理员（三级） and 三级客户服务管理员 say both, 客户服务管理员 no level.
    """
    cleaned = plain(text)
    if is_level(cleaned):
        return cleaned, ""
    if (match := _BEHIND_LEVEL.search(cleaned)) and match.start() and is_level(match[1]):
        occupation = cleaned[: match.start()].rstrip("、,，;；")
        return (cleaned, "") if is_level(occupation) else (occupation, level_of(match[1]))
    for end in range(min(len(cleaned) - 1, 8), 1, -1):
        if is_level(cleaned[:end]) and not cleaned[:end].isdigit() and not is_level(cleaned[end:]):
            return cleaned[end:].lstrip("、,，;；"), level_of(cleaned[:end])
    return cleaned, ""


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
    tools = [_TOOL_NAMES[plain(part)] for part in parts if plain(part) in _TOOL_NAMES]
    if not tools:
        return "", text
    return tools_text(tools), "、".join(part for part in parts if plain(part) not in _TOOL_NAMES)


def tool_names(stored: str) -> list[str]:
    return [_TOOLS[name][0] for name in tools_in(stored)]


def accommodation_of(text: str) -> tuple[Decimal, timedelta] | None:
    """Return the factor and the extra time of an accommodation cell, or None when it says neither.

    `加时15分钟` and `15` are minutes; `1.5倍` and `30%` are factors; 无 and an empty cell are neither.

    Source: R-30.
    """
    cell = unicodedata.normalize("NFKC", text).casefold().replace(" ", "")
    if cell in _NONE:
        return Decimal(1), timedelta(0)
    if match := _PERCENT.fullmatch(cell):
        return _factor(Decimal(1) + Decimal(match[1]) / 100)
    if ("倍" in cell or cell[:1] in "×x*") and (match := _FACTOR.fullmatch(cell)):
        return _factor(Decimal(match[1]))
    if match := _MINUTES.fullmatch(cell):
        minutes = int(match[1])
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


# The fields of a person: what readers, templates, checks, pages, prints, exports and erasure derive from.
#
# A new field is an entry of `DETAILS`, a column of `Candidate` with its migration, and its texts in both
# languages:
# `candidates.<name>`, `candidates.column.<name>`, `candidates.template.column.<name>`, and the two
# sentences each of
# `correction.<name>` and, where a roster's cell can be refused for more than its length, of
# `roster.<name>`.


class FieldKind(StrEnum):
    """How a value is read and typed."""

    TEXT = "text"
    CHOICE = "choice"
    NUMBER = "tel"


class Erasure(StrEnum):
    """When a field goes: never while the person is kept, with the records of the last batch, or on request, too."""

    WITH_THE_PERSON = "with_the_person"
    AT_THE_END = "at_the_end"
    ON_REQUEST = "on_request"


@dataclass(frozen=True, slots=True)
class PersonField:
    """A field of a person: how it is read, kept and shown, and when it goes.

    `headers` are those that a list of people has for it, the templates' first; `most` is its longest, in signs;
    `names` are what lists call each code of a choice, and `coded` gives the code of what a cell says, or None;
    `sealed` is the purpose it is sealed for, "" for a field in clear.

    `ditto`: a line may be as the one above. `printed`: it stands on the 准考证. `listed`: lists of people show
    it. `searched`: people are found by a part of it; in clear only. `applied`: member units give it with an
    application. `uploaded`: a file of certificates can hold it.
    """

    name: str
    headers: tuple[str, ...]
    erased: Erasure
    kind: FieldKind = FieldKind.TEXT
    required: bool = False
    most: int = 0
    width: int = 13
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    coded: Callable[[str], str | None] = str
    pattern: str = ""
    sealed: str = ""
    mask: Callable[[str], str] = str
    ditto: bool = False
    printed: bool = False
    listed: bool = False
    searched: bool = False
    applied: bool = False
    uploaded: bool = True

    @property
    def column(self) -> str:
        return f"{self.name}_sealed" if self.sealed else self.name

    @property
    def nothing(self) -> str | None:
        """What stands in the column where nobody said anything."""
        return None if self.sealed else ""

    @property
    def label(self) -> str:
        """The id of what pages call it."""
        return f"candidates.{self.name}"

    @property
    def title(self) -> str:
        return str(gettext(self.label))

    def sheet_column(self, *, title: str = "", width: int = 0) -> Column:
        """Return the column of a list of people, with another title or width where a form of the field has one."""
        headers = (title, *(header for header in self.headers if header != title)) if title else self.headers
        return Column(self.name, headers, self.required, width or self.width)

    def matches(self, text: str) -> bool:
        return re.fullmatch(self.pattern, text) is not None

    def checked(self, text: str) -> str:
        """Return what a page sends as it is kept; raise InvalidInput("correction.<name>"), ("text.unseen")."""
        if self.kind is FieldKind.TEXT:
            kept = one_line(text, self.name)
            sound = len(kept) <= self.most
        elif self.kind is FieldKind.NUMBER:
            kept = "".join(unicodedata.normalize("NFKC", text).split())
            sound = not kept or self.matches(kept)
        else:
            kept, sound = text, not text or text in self.names
        if not sound:
            raise InvalidInput(f"correction.{self.name}", field=self.name)
        return kept

    def stored(self, value: str) -> str | bytes | None:
        if not value:
            return self.nothing
        return seal(value, self.sealed) if self.sealed else value

    def value_of(self, row: object) -> str | None:
        """Return what is known of somebody, "" for nothing, None for what was sealed under a lost key."""
        held: str | bytes | None = getattr(row, self.column)
        return readable(held, self.sealed) if isinstance(held, bytes) else held or ""

    def masked_of(self, row: object) -> str:
        return self.mask(self.value_of(row) or "")

    def cell(self, value: str) -> str:
        """Return a value as a list of people has it; a code by its first name."""
        return self.names[value][0] if value in self.names else value

    def worded(self, value: str) -> str:
        """Return a value as pages say it; a code in words."""
        return str(gettext(f"{self.label}.{value}")) if value in self.names else value


IDENTITY: Mapping[str, PersonField] = {
    one.name: one
    for one in (
        PersonField(
            "name",
            ("姓名", "考生姓名", "名字", "学员姓名", "申报人", "申报人姓名", "申请人姓名", "人员姓名", "员工姓名",
             "考生", "name"),
            Erasure.WITH_THE_PERSON,
            required=True,
        ),
        PersonField(
            "document_type",
            ("证件类型", "证件种类", "有效证件类型", "身份证件类型", "证件名称", "证件类别", "document type"),
            Erasure.WITH_THE_PERSON,
            ditto=True,
        ),
        PersonField(
            "document_number",
            ("证件号码", "证件号", "身份证号", "身份证号码", "身份证件号码", "有效证件号码", "身份证",
             "居民身份证号码",
             "居民身份证号", "公民身份号码", "公民身份证号码", "身份号码", "身份证件号", "有效证件号", "证件编号",
             "身份证编号", "document number"),
            Erasure.WITH_THE_PERSON,
            required=True,
            width=24,
        ),
    )
}  # fmt: skip
"""Who somebody is: door, ledger and register of certificates rest on these, which have rules of their own."""

DETAILS: Mapping[str, PersonField] = {
    one.name: one
    for one in (
        PersonField(
            "gender",
            ("性别", "gender"),
            Erasure.AT_THE_END,
            FieldKind.CHOICE,
            names=GENDER_NAMES,
            coded=gender_of,
        ),
        PersonField(
            "phone",
            ("手机", "手机号", "手机号码", "联系电话", "移动电话", "电话", "联系方式", "联系手机", "电话号码",
             "本人电话", "联系电话手机", "手机电话", "phone"),
            Erasure.ON_REQUEST,
            FieldKind.NUMBER,
            most=20,
            width=16,
            pattern=r"\+?[0-9-]{7,20}",
            sealed=PHONE,
            mask=mask_phone,
        ),
        PersonField(
            "employer",
            ("工作单位", "单位", "单位名称", "所在单位", "工作单位名称", "所在单位名称", "企业名称", "公司名称",
             "用人单位", "所属单位", "就职单位", "单位全称", "公司", "企业", "employer"),
            Erasure.AT_THE_END,
            most=120,
            width=28,
            ditto=True,
            printed=True,
            listed=True,
            searched=True,
        ),
        PersonField(
            "staff_number",
            ("工号", "员工号", "员工编号", "职工号", "职工编号", "人员编号", "staff number"),
            Erasure.AT_THE_END,
            most=30,
            width=16,
            printed=True,
            searched=True,
            applied=True,
        ),
    )
}  # fmt: skip
"""What else is known of somebody, by name, in the order of lists and pages."""

FIELDS: Mapping[str, PersonField] = {**IDENTITY, **DETAILS}


def person_details(*, listed: bool = False) -> dict[str, PersonField]:
    """Return the details by name; those alone that lists of people have a column of when `listed`."""
    return {name: detail for name, detail in DETAILS.items() if detail.listed or not listed}


def detail_facts(row: object, *, printed: bool = False) -> list[tuple[str, str]]:
    """Return the title of each detail, or of those on the 准考证, and what pages may show of it for somebody."""
    return [
        (detail.title, detail.worded(detail.masked_of(row)) or "—")
        for detail in DETAILS.values()
        if detail.printed or not printed
    ]


def checked_details(sent: Mapping[str, str]) -> dict[str, str]:
    """Return the details that a page sends, as they are kept, "" for one it does not; raise as `checked` does."""
    return {name: detail.checked(sent.get(name, "")) for name, detail in DETAILS.items()}
