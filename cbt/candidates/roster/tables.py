"""The tables of a roster: every header the field has for a column, and what the cells of each look like."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from cbt import personal
from cbt.candidates.roster.row import mark_of
from cbt.personal import DETAILS, IDENTITY
from cbt.rules.door import valid_resident_id
from cbt.spreadsheets.cells import SheetData
from cbt.spreadsheets.columns import Column, Columns, ColumnUse, Heading, letter, plain
from cbt.spreadsheets.intake import Merged

COLUMNS = Columns(
    *(field.sheet_column() for field in IDENTITY.values()),
    Column(
        "level",
        ("级别", "等级", "技能等级", "认定级别", "认定等级", "申报级别", "申报等级", "申报认定等级",
         "申报认定级别",
         "职业等级", "职业技能等级", "申报技能等级", "申报职业技能等级", "申报职业等级", "鉴定等级", "鉴定级别",
         "申报鉴定等级", "考核等级", "考核级别", "评价等级", "报考等级", "报考级别", "报名等级", "报名级别",
         "考试等级", "考试级别", "认定职业等级", "职业资格等级", "申请等级", "参评等级", "技能级别", "职业级别",
         "level"),
        required=True,
    ),
    Column(
        "paper",
        ("科目", "考试科目", "认定科目", "考核科目", "鉴定科目", "申报科目", "报考科目", "报名科目", "考核类型",
         "认定考核科目", "考试内容", "考核内容", "申报考核科目", "参考科目", "应考科目", "评价科目", "科目名称",
         "考核项目", "考试项目", "paper"),
        required=True,
    ),
    *(field.sheet_column() for field in DETAILS.values()),
    Column("batch", ("认定批次", "批次", "批次名称", "鉴定批次", "考试批次", "batch"), width=24),
    Column("eligibility", ("申报条件", "报考条件", "申报条件序号", "符合申报条件", "eligibility")),
    Column(
        "kind",
        ("新考/补考", "新考补考", "考试类型", "考试性质", "报考类型", "报考性质", "申报类型", "申报性质",
         "考生类型",
         "考生类别", "报名类型", "报名类别", "补考/新考", "是否补考", "报考类别", "申报类别", "考核性质",
         "新/补考",
         "正考/补考", "首考/补考", "认定类型", "first/retake"),
    ),
    Column("ticket", ("准考证号", "准考证号码", "准考证", "准考证编号", "考号", "ticket"), width=16),
    Column("room", ("考场", "考场号", "考场名称", "机房", "考试教室", "考室", "考场编号", "试室", "room")),
    Column("seat", ("机位号", "机位", "座位号", "座位", "座号", "机号", "考位", "seat")),
    Column(
        "accommodation",
        ("合理便利（加时）", "合理便利", "加时", "便利安排", "加时情况", "合理便利申请", "特殊需求", "便利措施",
         "extra time"),
    ),
    Column("note", ("备注", "说明", "备注说明", "其他说明", "备注信息", "note"), width=24),
    Column(
        "occupation",
        ("职业", "职业名称", "工种", "职业（工种）", "申报职业", "申报工种", "申报职业（工种）",
         "职业（工种）名称",
         "职业工种名称", "工种名称", "认定职业", "认定职业（工种）", "认定工种", "鉴定职业", "鉴定工种",
         "报考职业",
         "报名职业", "申报职业名称", "认定职业名称", "职业/工种", "评价职业", "职业代码", "工种代码", "职业编码",
         "申报职业工种名称", "考核职业", "报考工种", "occupation"),
    ),
    Column(
        "occupation_level",
        ("职业及等级", "申报职业及等级", "申报职业等级名称", "职业（工种）及等级", "工种及等级", "申报工种及等级",
         "申报职业（工种）及等级", "职业和等级", "申报职业和等级", "认定职业及等级", "职业名称及等级",
         "申报职业名称及等级", "工种等级", "申报职业（工种）等级"),
    ),
    Column(
        "theory",
        ("理论", "理论知识", "理论考试", "理论知识考试", "理论科目", "是否考理论", "报考理论", "理论知识科目",
         "theory"),
    ),
    Column(
        "skills",
        ("技能", "专业技能", "专业能力", "专业能力考核", "操作技能", "实操", "技能考核", "实操考核", "技能操作",
         "操作技能考核", "技能科目", "是否考技能", "报考技能", "技能考试", "技能操作考核", "专业能力科目",
         "操作技能考试", "实操考试", "skills"),
    ),
    Column("date", ("考试日期", "考核日期", "认定日期", "希望日期", "参考日期", "date")),
    Column("time", ("考试时间", "考核时间", "认定时间", "希望时间", "场次时间", "考试时段", "时段", "time")),
    Column("sitting", ("场次", "考试场次", "场次名称", "考核场次", "场次号", "sitting")),
    Column("centre", ("考点", "考点名称", "考试地点", "考核地点", "认定地点", "考站", "centre")),
    Column(
        "unit",
        ("报送单位", "申报单位", "报名单位", "推荐单位", "培训机构", "培训单位", "组织单位", "班级", "所在班级",
         "班级名称", "团队", "学校", "所在院校", "unit"),
        width=24,
    ),
)  # fmt: skip

TEMPLATE = (
    *IDENTITY, "occupation", "level", "paper", *DETAILS, "batch", "eligibility", "kind", "ticket", "room", "seat",
    "accommodation", "note",
)  # fmt: skip
"""What the template and what goes out have, in this order."""

PAPER_FIELDS = ("theory", "skills")
"""A column for each paper, with a mark for who takes it."""

LEFT = "left"
_LEFT = frozenset(
    plain(header)
    for header in (
        "序号", "编号", "序", "No", "No.", "ID", "行号", "出生日期", "出生年月", "出生年月日", "年龄", "民族",
        "籍贯",
        "户籍", "户口所在地", "户籍所在地", "政治面貌", "学历", "文化程度", "最高学历", "学历层次", "学位",
        "毕业院校",
        "毕业学校", "所学专业", "毕业时间", "学号", "工作年限", "从业年限", "工龄", "本职业工作年限",
        "从事本职业年限", "从事本职业工作年限", "累计工作年限", "专业年限", "参加工作时间", "岗位", "职务",
        "部门",
        "所在部门", "工作岗位", "职称", "邮箱", "电子邮箱", "email", "邮编", "邮政编码", "地址", "通讯地址",
        "联系地址", "家庭住址", "家庭地址", "住址", "单位地址", "照片", "相片", "签名", "签字", "本人签名",
        "考生签名", "原证书编号", "原证书等级", "原职业资格等级", "原等级", "现有等级", "现等级", "现有技能等级",
        "已取得等级", "已有证书", "已有证书等级", "原有等级", "现有证书编号", "证书编号", "原证书职业",
        "原证书号",
        "取证时间", "发证日期", "原发证日期", "原发证机构", "发证机构", "申报日期", "申报时间", "报名日期",
        "报名时间", "填表日期", "缴费情况", "是否缴费", "缴费", "金额", "费用", "培训时间", "培训课时",
        "审核结果",
        "审核意见", "审核状态", "审核情况", "资格审核", "人员类别", "人员类型", "国籍", "国家地区", "国家/地区",
        "单位性质", "单位代码", "统一社会信用代码", "单位电话", "单位联系人", "联系人", "联系人电话", "所属地区",
        "所在地区", "所在区", "区县", "地区", "省份", "城市", "微信", "QQ", "问题", "Problems", "户口性质",
        "健康状况", "婚姻状况",
    )
)  # fmt: skip
"""Headers that mean nothing for an examination: known, and not read."""

_NUMBERED = re.compile(r"^\s*(?:[（(]?\d{1,2}[)）.、．]|[①-⑳])\s*")
_MARKED = re.compile(r"^[\s*＊★※#]+|[\s*＊★※#:：]+$|^【|】$|^\[|\]$")
_BRACKET = re.compile(r"[（(\[【{][^（）()\[\]【】{}]*[)）\]】}]")
_BEFORE = ("考生", "学员", "申报人", "申请人", "本人", "员工", "职工", "人员", "报考人")
_BEHIND = ("必填", "选填", "必填项", "下拉选择", "请选择", "填写", "信息", "情况")


@lru_cache(20_000)
def meaning(header: str) -> tuple[str, bool]:
    """Return the field a header means ("" for one that is known and not read, "

    Not sure is what the remarks around a header leave: `姓名（监考）` may be a name, or not.
    """
    if not header or len(header) > 60:
        return "", True
    text = unicodedata.normalize("NFKC", header)
    if own_field := _known(text):
        return own_field, True
    text = _MARKED.sub("", _NUMBERED.sub("", text))
    if own_field := _known(text):
        return own_field, True
    for piece in re.split(r"[\n\r]+", text):  # a remark below the header
        if own_field := _known(piece) or _trimmed(piece):
            return own_field, piece == text or bool(_known(piece))
    bare = _BRACKET.sub("", text)
    if bare != text and (own_field := _known(bare) or _trimmed(bare)):
        return own_field, _says_how(text)
    return _trimmed(text), False


_HOW = re.compile(
    r"必填|选填|可填|可选|填写|格式|文本|全称|全名|\d+\s*位|如[:：]?|例|请|下拉|√|是/否|级|理论|居民|工种|汉字|一致|身份证|"
    r"手机|数字|大写|年/月|单位|没有|无则|公章|本人|yyyy",
    re.IGNORECASE,
)


def _says_how(text: str) -> bool:
    """Return whether what stands in brackets tells how to fill a column in, rather than what it is."""
    return all(_HOW.search(found) for found in _BRACKET.findall(text))


def _known(text: str) -> str:
    return COLUMNS.meant(text) or (LEFT if plain(text) in _LEFT else "")


def _trimmed(text: str) -> str:
    bare = plain(text)
    for word in _BEHIND:
        bare = bare.removesuffix(word)
    for word in _BEFORE:
        if bare.startswith(word) and (trimmed := _known(bare.removeprefix(word))):
            return trimmed
    return _known(bare)


SAMPLE = 300
_ALIKE = 0.8
_FEW = 2
_EXTRA = re.compile(r"加时|延时|延长|\d\s*分钟|\d\s*倍|合理便利")
_NAME = re.compile(r"[\u3400-\u9fff]{2,4}|[\u3400-\u9fff]{2,}·[\u3400-\u9fff·]{2,}")
_HEADERS = {
    "theory": re.compile("理论|应知|笔试"),
    "skills": re.compile("技能|实操|操作|专业能力|应会"),
    "kind": re.compile("补考"),
}
"""What of a header that nobody knows may tell whether a paper is taken, and how."""


def likely(header: str, cells: Sequence[str]) -> str:
    """Return the field that decides about an examination and that cells look like, "" for none."""
    seen = [cell for cell in cells if cell][:SAMPLE]
    for name, looks in _LOOKS.items():
        if mostly(looks, seen):
            return name
    if any(personal.kind_of(cell) == "retake" for cell in seen):
        return "kind"
    if any(_EXTRA.search(cell) for cell in seen):
        return "accommodation"
    for name, pattern in _HEADERS.items():
        if pattern.search(header) and mostly(_is_mark, seen, share=0.5):
            return name
    return ""


def settled(field: str, header: str, cells: Sequence[str]) -> str:
    """Return what a column is of whose header says either: papers, or first and retake (考核类型).

    考生类型 and the like may also say where somebody works: where several lines say something and none of them
    speaks of an examination, the column is none of the two.
    """
    seen = [cell for cell in cells if cell][:SAMPLE]
    kinds, papers = sum(map(_is_kind, seen)), sum(map(_is_paper, seen))
    if (
        field == "kind"
        and len(seen) > _FEW
        and "考" not in "".join(seen)
        and not re.search("补考|是否", header)
    ):
        return "paper" if papers else ""
    return field if kinds == papers else "kind" if kinds > papers else "paper"


def names(cells: Sequence[str]) -> bool:
    """Say whether cells look like the names of people: short, of Han characters, hardly one of them twice."""
    seen = [cell for cell in cells if cell][:SAMPLE]
    return mostly(lambda cell: _NAME.fullmatch(cell) is not None, seen) and 2 * len(set(seen)) > len(seen)


def mostly(looks: Callable[[str], bool], cells: Sequence[str], share: float = _ALIKE) -> bool:
    return bool(cells) and sum(looks(cell) for cell in cells) >= share * len(cells)


def _is_mark(cell: str) -> bool:
    return mark_of(cell) is not None or _is_kind(cell)


def _is_kind(cell: str) -> bool:
    return bool(plain(cell)) and personal.kind_of(cell) is not None


def _is_paper(cell: str) -> bool:
    paper_codes = {"theory", "skills", personal.ALL_PAPERS}
    return bool(papers := personal.papers_of(cell)) and set(papers) <= paper_codes


_LOOKS: Mapping[str, Callable[[str], bool]] = {
    "document_number": lambda cell: len(cell) >= 18 and valid_resident_id(cell),
    "document_type": lambda cell: personal.document_type_of(cell) is not None,
    "kind": _is_kind,
    "level": lambda cell: personal.is_level(cell) and not cell.isdigit(),
    "paper": _is_paper,
}


HEADER_WITHIN = 30
LONGEST_HEADER = 60
_FEWEST = 2
_LONG_NUMBER = re.compile(r"\d{7}|\dE\+\d")
_WHO = ("name", "document_number")
_DECIDING = ("name", "document_number", "level", "paper", "kind", "occupation", "accommodation")
_GROUPS = frozenset({"paper", "occupation", "level", "document_number", "date", "time"})
"""Fields whose header may stand over several columns, each with a header of its own below."""


@dataclass(slots=True)
class RosterTable:
    """One table of a sheet: its heading, and where its lines stand (rows from 0, `end` excluded)."""

    sheet: SheetData
    merged: Merged
    heading: Heading
    start: int
    end: int
    unsure: set[int] = field(default_factory=set)
    """Places of columns whose header may mean what it is read as, or something else."""
    left: set[int] = field(default_factory=set)
    """Places of columns that are known and not read."""
    twins: Mapping[str, list[int]] = field(default_factory=dict)
    """Places of further columns that mean a field which decides about an examination."""
    digest: str = ""
    """What the table is known by to whoever said what its columns are."""
    said: set[int] = field(default_factory=set)
    """Places of columns that somebody said what they are."""
    fixed: Mapping[str, str] = field(default_factory=dict)
    """What holds for every line, by the field."""

    @property
    def missing(self) -> list[str]:
        """The fields a roster must have that neither a header means nor anybody said."""
        have = {*self.heading.places, *self.fixed}
        have |= {"level"} if have & {"occupation_level"} else set()
        have |= {"paper"} if have & {*PAPER_FIELDS} else set()
        return [name for name in COLUMNS.required if name not in have]

    @property
    def unread(self) -> list[ColumnUse]:
        return [
            use
            for place, use in enumerate(self.heading.uses)
            if not use.field and place not in self.left | self.said and not meaning(use.header)[0]
        ]


def find_tables(sheet: SheetData, file: str = "") -> list[RosterTable]:
    """Return the tables of a sheet: the first heading, and each that comes again below it."""
    merged = Merged(sheet.rows, sheet.merged)
    first = _first(sheet, merged, file)
    if first is None:
        return []
    tables = [first]
    place = first.heading.places.get("name")
    row = first.start
    while place is not None and row < len(sheet.rows):
        if _cell(sheet.rows[row], place) and meaning(_cell(sheet.rows[row], place))[0] == "name":
            table = _at(sheet, merged, row, file)
            if table is not None and "document_number" in table.heading.places:
                tables[-1].end = row
                tables.append(table)
                row = table.start
                continue
        row += 1
    return tables


def guess_table(sheet: SheetData, file: str = "") -> RosterTable | None:
    """Return the table whose headers mean too little: below the row that holds the most texts above any number.

    Where the first row holds a person already, there are no headers.
    """
    best, widest, people = None, 1, False
    for row, cells in enumerate(sheet.rows[:HEADER_WITHIN]):
        filled = [cell for cell in cells if cell]
        if people := any(valid_resident_id(cell) for cell in filled):
            break
        if len(filled) > widest and all(len(cell) <= LONGEST_HEADER for cell in filled):
            best, widest = row, len(filled)
    merged = Merged(sheet.rows, sheet.merged)
    if best is not None:
        return _table(sheet, merged, best, best + 1, _names(sheet.rows[best]), file)
    width = max(map(len, sheet.rows[:HEADER_WITHIN]), default=0)
    return _table(sheet, merged, 0, 0, [""] * width, file) if people else None


def _first(sheet: SheetData, merged: Merged, file: str) -> RosterTable | None:
    nearest: RosterTable | None = None
    for row in range(min(len(sheet.rows), HEADER_WITHIN)):
        table = _at(sheet, merged, row, file)
        if table is None:
            continue
        if not table.missing:
            return table
        if nearest is None or len(table.heading.places) > len(nearest.heading.places):
            nearest = table
    return nearest


def _at(sheet: SheetData, merged: Merged, row: int, file: str) -> RosterTable | None:
    """Return the table whose heading begins in a row (from 0), if it names two columns at least."""
    names = _names(sheet.rows[row])
    if not any(names) or any(_LONG_NUMBER.search(name) for name in names):
        return None  # 身份证 and 理论 are headers, and may stand in a line of somebody
    if (two := _two_rows(sheet, merged, row)) is not None:
        table = _table(sheet, merged, row, row + 2, two, file)
    else:
        table = _table(sheet, merged, row, row + 1, names, file)
    return table if len(table.heading.places) >= _FEWEST else None


def _names(cells: Sequence[str]) -> list[str]:
    return [cell if len(cell) <= LONGEST_HEADER else "" for cell in cells]


def _two_rows(sheet: SheetData, merged: Merged, row: int) -> list[str] | None:
    """Return the headers that a row and the one below name together; None where the lower row is a line."""
    if row + 1 >= len(sheet.rows):
        return None
    upper, lower = sheet.rows[row], sheet.rows[row + 1]
    if not any(lower) or len([cell for cell in upper if cell]) < _FEWEST or not any(map(_is_known, upper)):
        return None  # a title stands above the headers
    headers: list[str] = []
    group, count = "", 0
    for place in range(max(len(upper), len(lower))):
        above, below = _cell(upper, place), _cell(lower, place)
        across = merged.across.get((row, place), "")
        group = above or across or (group if below else "")
        if not below or plain(below) == plain(above):
            headers.append(above if above or not across else "")
            continue
        if (above and _is_known(above) and meaning(above)[0] not in _GROUPS) or len(below) > LONGEST_HEADER:
            return None  # a value below a header
        header = _joined(group, below)
        count += bool(header)
        headers.append(header or below)
    return headers if count else None


def _is_known(header: str) -> bool:
    return bool(meaning(header)[0])


def _joined(group: str, below: str) -> str:
    """Return the header that two cells make, or "" when they make none."""
    for header in (f"{group}{below}", below) if group else (below,):
        if meaning(header)[0] and meaning(header)[1]:
            return header
    return ""


def _table(
    sheet: SheetData, merged: Merged, row: int, start: int, headers: Sequence[str], file: str
) -> RosterTable:
    fields: list[str] = []
    unsure, left = set[int](), set[int]()
    meanings = [meaning(header) for header in headers]
    sure = {field for field, certain in meanings if certain}
    for place, (meant_field, certain) in enumerate(meanings):
        if meant_field == LEFT:
            left.add(place)
            meant_field = ""
        if meant_field and not certain:
            meant_field = "" if meant_field in sure else meant_field  # where another column surely means it
            unsure |= {place} if meant_field else set()
        if meant_field in {"paper", "kind"}:
            meant_field = settled(
                meant_field,
                headers[place],
                [_cell(cells, place) for cells in sheet.rows[start : start + SAMPLE]],
            )
        fields.append(meant_field)
    uses = [
        ColumnUse(sheet.name, letter(place), header, field if field and fields.index(field) == place else "")
        for place, (header, field) in enumerate(zip(headers, fields, strict=True))
    ]
    twins = {
        name: [place for place, field in enumerate(fields) if field == name][1:]
        for name in (*_DECIDING, *PAPER_FIELDS)
        if fields.count(name) > 1
    }
    heading = Heading(COLUMNS, file, sheet.name, start, uses)
    return RosterTable(sheet, merged, heading, start, len(sheet.rows), unsure, left, twins)


def _cell(cells: Sequence[str], place: int) -> str:
    return cells[place] if place < len(cells) else ""


def column_of(table: RosterTable, place: int) -> list[str]:
    return [_cell(cells, place) for cells in table.sheet.rows[table.start : table.end]]


def lines_of(table: RosterTable) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows (from 0) of a table that say anything, with their cells."""
    for row in range(table.start, table.end):
        if any(table.sheet.rows[row]):
            yield row, table.sheet.rows[row]
