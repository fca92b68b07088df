"""A list of people as a workbook: its columns and template, and every row read as the form would be.

The columns are those of Annex 2's roster, then what Annex 1 and the conditions ask. A cell that cannot be
taken is noted, none is guessed.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from flask_babel import gettext as _

from cbt import personal
from cbt.enrolment.applications.person import DAYS, NUMBERS, ReadPerson, read_facts, read_person
from cbt.errors import InvalidInput
from cbt.imports.column_map import (
    ColumnLayout,
    HandMapping,
    Hands,
    TableLayout,
    headings_digest,
    samples_of,
)
from cbt.personal import (
    DETAILS,
    DOCUMENT_NAMES,
    IDENTITY,
    checked_document,
    checked_name,
    gender_of_number,
)
from cbt.rules.door import mask_document, valid_resident_id
from cbt.rules.exam import ExamBlueprint
from cbt.spreadsheets import writer
from cbt.spreadsheets.cells import SheetData
from cbt.spreadsheets.columns import Column, Columns, ColumnUse, Heading, letter, plain
from cbt.spreadsheets.findings import Finding, Severity
from cbt.spreadsheets.intake import LIST_CODES, Bounds, filled, open_list

COLUMNS = Columns(
    Column("number", ("序号", "编号", "序", "No.", "number"), width=6),
    IDENTITY["name"].sheet_column(),
    IDENTITY["document_number"].sheet_column(title="身份证号码"),
    Column("department", ("任职部门", "部门", "所在部门", "工作部门", "department"), width=16),
    Column("post", ("任职岗位", "岗位", "工作岗位", "职务", "post"), width=16),
    Column(
        "years",
        ("从业年限", "工作年限", "从业年限（年）", "工作年限（年）", "本职业工作年限", "从事本职业年限",
         "从事本职业工作年限", "years"),
    ),
    Column("remark", ("备注", "说明", "备注说明", "note"), width=20),
    IDENTITY["document_type"].sheet_column(width=14),
    DETAILS["gender"].sheet_column(width=7),
    Column("education", ("学历", "文化程度", "最高学历", "学历层次", "education")),
    DETAILS["phone"].sheet_column(),
    Column("insured", ("社保缴纳", "社保", "社保缴纳情况", "是否缴纳社保", "insured")),
    Column(
        "certificate_occupation",
        ("证书职业名称", "职业名称", "技能等级证书职业名称", "原证书职业", "现有证书职业",
         "certificate occupation"),
        width=18,
    ),
    Column(
        "certificate_level",
        ("证书职业等级", "职业等级", "技能等级证书职业等级", "原证书等级", "现有证书等级", "现有等级",
         "certificate level"),
    ),
    Column("certificate_on", ("发证日期", "取证时间", "原发证日期", "证书发证日期", "certificate date")),
    Column("school", ("毕业院校", "毕业学校", "院校", "school"), width=20),
    Column("major", ("专业", "所学专业", "毕业专业", "major"), width=16),
    Column("diploma_number", ("毕业证书编号", "毕业证编号", "毕业证书号", "diploma number"), width=20),
    Column("graduated_on", ("毕业日期", "毕业时间", "graduation date")),
    Column("school_kind", ("院校类别", "学校类别", "院校类型", "school kind"), width=16),
    Column("senior_skills", ("以高级技能为培养目标", "高级技能培养目标", "senior skills"), width=22),
    Column("training_level", ("培训等级", "正规培训等级", "training level")),
    Column("training_on", ("结业日期", "培训结业日期", "training date")),
    Column("training_hours", ("培训学时", "学时", "课时", "training hours")),
    Column("kind", ("考试性质", "新考/补考", "是否补考", "申报性质", "考试类型", "first/retake")),
    Column("papers", ("考试科目", "科目", "申报科目", "补考科目", "报考科目", "papers"), width=20),
    Column(
        "level",
        ("申报认定等级", "申报等级", "申报级别", "认定等级", "级别", "level"),
    ),
    *(detail.sheet_column() for detail in DETAILS.values() if detail.applied),
)  # fmt: skip

TEMPLATE = tuple(name for name in COLUMNS.by_name if name != "level")
"""What the template has, in this order; the level is that of the application."""

EDUCATION: Mapping[str, tuple[str, ...]] = {
    "junior_secondary": ("初中", "初级中学", "初中毕业"),
    "secondary": ("高中、中专或技校", "高中", "中专", "技校", "职高", "职校", "中职", "高中毕业", "中技"),
    "junior_college": ("大学专科", "大专", "专科", "高职", "大专毕业"),
    "bachelor": ("大学本科", "本科", "学士", "本科毕业"),
    "master": ("硕士研究生", "硕士", "研究生"),
    "doctor": ("博士研究生", "博士"),
}
SCHOOLS: Mapping[str, tuple[str, ...]] = {
    "technical_school": ("技工学校", "技校"),
    "technician_college": ("技师学院",),
    "vocational_college": ("职业技术学院", "职业学院", "高职院校"),
    "university": ("普通高等学校", "大学", "高等学校", "高校", "本科院校"),
    "other": ("其他",),
}
YES_NO: Mapping[str, tuple[str, ...]] = {
    "yes": ("是", "有", "已缴", "已缴纳", "缴纳", "√", "yes"),
    "no": ("否", "无", "没有", "未缴", "未缴纳", "no"),
}
_LEVELS = ("五级", "四级", "三级", "二级", "一级")
OFFERED: Mapping[str, tuple[str, ...]] = {
    "document_type": tuple(names[0] for names in DOCUMENT_NAMES.values()),
    "gender": tuple(names[0] for names in DETAILS["gender"].names.values()),
    "education": tuple(names[0] for names in EDUCATION.values()),
    "insured": ("有", "无"),
    "certificate_level": _LEVELS,
    "school_kind": tuple(names[0] for names in SCHOOLS.values()),
    "senior_skills": ("是", "否"),
    "training_level": _LEVELS,
    "kind": ("新考", "补考"),
}
"""What can be chosen in the cells of a column."""


_LINES = 500


def people_template(blueprint: ExamBlueprint) -> bytes:
    """Return an empty list for a level: the headers, what can be chosen, and a sheet that explains each column."""
    papers = [paper.name for paper in blueprint.papers.values()]
    offered = {**OFFERED, "papers": (*papers, "、".join(papers))}
    buffer = io.BytesIO()
    with writer.new_workbook(buffer) as book:
        sheet = book.add_worksheet(_("enrolment.workbook.sheet"))
        columns = [COLUMNS.by_name[name] for name in TEMPLATE]
        heads = [(_header(one.name), one.width, one.required) for one in columns]
        writer.write_head(book, sheet, heads, writer.text_format(book))
        sheet.freeze_panes(1, 3)
        for place, name in enumerate(TEMPLATE):
            if name in offered:
                choice = {"validate": "list", "source": list(offered[name]), "error_type": "warning"}
                sheet.data_validation(1, place, _LINES, place, choice)
        lines = [(_header(name), explained(name)) for name in TEMPLATE]
        writer.write_notes(book, _("enrolment.workbook.notes"), lines)
    return buffer.getvalue()


def explained(name: str) -> str:
    """Return what a column takes: in words, and the words that can be chosen."""
    applied = name in DETAILS and DETAILS[name].applied
    explanation = str(_(f"{'candidates.template' if applied else 'enrolment.workbook'}.column.{name}"))
    return f"{explanation}{'、'.join(OFFERED[name])}" if name in OFFERED else explanation


def _header(name: str) -> str:
    return COLUMNS.title(name) + ("*" if COLUMNS.by_name[name].required else "")


SHOWN = 60
_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?|(\d{4})(\d{2})(\d{2})")
_UNIT = re.compile(r"(?<=\d)(?:周年|年|个?学时|个?课时|小时)$")
_NO_PARAMS: Mapping[str, object] = {}
_WORDS = {
    name: personal.codes_by_name(names)
    for name, names in (
        ("education", EDUCATION),
        ("school_kind", SCHOOLS),
        ("senior_skills", YES_NO),
        ("insured", YES_NO),
    )
}


@dataclass(frozen=True, slots=True)
class ListedPerson:
    """A row of a list; `read` is None where something of it cannot be taken, which `findings` say."""

    heading: Heading
    row: int
    cells: Mapping[str, str]
    read: ReadPerson | None
    findings: tuple[Finding, ...]

    @property
    def name(self) -> str:
        return self.shown("name")

    def shown(self, field: str) -> str:
        """Return what a cell says, as it may be shown: short, a number masked."""
        return _shown(self.cells, field)


class LineReader:
    """Reads one row: every cell that cannot be taken is noted, none is guessed."""

    def __init__(
        self, heading: Heading, row: int, cells: Mapping[str, str], blueprint: ExamBlueprint
    ) -> None:
        self._heading, self._row, self._cells, self._blueprint = heading, row, cells, blueprint
        self._findings: list[Finding] = []

    def read(self, *, lost: bool) -> ListedPerson:
        """Return the person of the row; `lost` says that the digits of the number are."""
        sent = {name: self._sent(name, text) for name, text in self._cells.items()}
        sent.setdefault("document_type", "resident_id")
        sent.setdefault("kind", "first")
        papers = self._papers(sent["kind"])
        self._level()
        if lost:
            self._note("roster.number_lost", "document_number")
        else:
            self._number(sent)
        self._tried(lambda: checked_name(sent.get("name", "")))
        self._tried(lambda: DETAILS["phone"].checked(sent.get("phone", "")))
        while (problem := _fact_problem(sent)) is not None:
            self._refused(problem)
            sent[str(problem.params["field"])] = ""
        read = None
        if not self._stopped:
            try:
                read = read_person(sent, papers, self._blueprint)
            except InvalidInput as error:
                self._refused(error)
        return ListedPerson(self._heading, self._row, self._cells, read, tuple(self._findings))

    @property
    def _stopped(self) -> bool:
        return any(one.severity is Severity.ERROR for one in self._findings)

    def _sent(self, name: str, text: str) -> str:
        """Return a cell as the form sends it; a word that is not known is noted and left out."""
        if name in DAYS:
            return _day(text)
        if name in NUMBERS:
            return _UNIT.sub("", unicodedata.normalize("NFKC", text).replace(" ", ""))
        if name not in OFFERED:
            return text
        code = _coded(name, text)
        if code is None:
            self._unknown_word(name, OFFERED[name])
        return code or ""

    def _papers(self, kind: str) -> list[str]:
        papers, text = self._blueprint.papers, self._cells.get("papers", "")
        if not text:
            if kind == "retake":
                self._note(
                    "applicant.retake_paper", "papers", {"papers": [one.name for one in papers.values()]}
                )
            return list(papers)
        named = {personal.paper_codes(one.name): code for code, one in papers.items()}
        codes = list[str]()
        for paper in personal.papers_of(text):
            code = paper if paper in papers else named.get(paper)
            if paper == personal.ALL_PAPERS:
                codes += papers
            elif code is None:
                self._unknown_word("papers", [one.name for one in papers.values()])
                return list(papers)
            else:
                codes.append(code)
        return codes or list(papers)

    def _level(self) -> None:
        """Note a level that is not the application's."""
        text = self._cells.get("level", "")
        if text and personal.level_of(text) != personal.level_of(self._blueprint.level_code):
            self._note("applicant.other_level", "level", {"level": self._blueprint.level_name})

    def _number(self, sent: Mapping[str, str]) -> None:
        kind, number = sent["document_type"], sent.get("document_number", "")
        try:
            gender = gender_of_number(*checked_document(kind, number))
        except InvalidInput as error:
            self._refused(error)
            return
        if gender and sent.get("gender") and sent["gender"] != gender:
            self._note("roster.gender_differs", "gender", severity=Severity.HINT)

    def _tried(self, check: Callable[[], object]) -> None:
        try:
            check()
        except InvalidInput as error:
            self._refused(error)

    def _unknown_word(self, field: str, allowed: Sequence[str]) -> None:
        self._note("applicant.word", field, {"name": COLUMNS.title(field), "allowed": list(allowed)})

    def _refused(self, error: InvalidInput) -> None:
        params = {name: value for name, value in error.params.items() if name != "field"}
        self._note(error.code, str(error.params.get("field", "")), params)

    def _note(
        self,
        code: str,
        field: str,
        params: Mapping[str, object] = _NO_PARAMS,
        *,
        severity: Severity = Severity.ERROR,
    ) -> None:
        if any((one.code, one.item) == (code, field) for one in self._findings):
            return
        column = field if field in COLUMNS.by_name else ""
        shown = _shown(self._cells, column)
        self._findings.append(
            Finding(severity, code, self._heading.place(self._row, column), shown, field, params)
        )


def _shown(cells: Mapping[str, str], field: str) -> str:
    text = cells.get(field, "")[:SHOWN]
    return mask_document(text) if field == "document_number" and text else text


def _coded(name: str, text: str) -> str | None:
    """Return what the form sends for a word of a column, None for a word that is not known."""
    match name:
        case "document_type":
            return personal.document_type_of(text)
        case "gender":
            return DETAILS[name].coded(text)
        case "kind":
            return personal.kind_of(text)
        case "certificate_level" | "training_level":
            return personal.level_of(text) if personal.is_level(text) else None
        case _:
            return _WORDS[name].get(plain(text))


def _fact_problem(sent: Mapping[str, str]) -> InvalidInput | None:
    """Return what of education, certificates and work cannot be read first."""
    try:
        read_facts(sent)
    except InvalidInput as error:
        if "field" not in error.params:
            raise
        return error
    return None


def _day(text: str) -> str:
    """Return a day as the form sends it; what is none stays as it is, for the form to refuse."""
    match = _DAY.fullmatch(unicodedata.normalize("NFKC", text).replace(" ", ""))
    if match is None:
        return text
    year, month, day = (part for part in match.groups() if part)
    return f"{year}-{int(month):02d}-{int(day):02d}"


MOST_ROWS = 2_000
MOST_SIGNS = 1_000_000
HEADER_WITHIN = 30
LONGEST_HEADER = 60
_BOUNDS = Bounds(MOST_ROWS, 100, LIST_CODES)
_NAME = re.compile(r"[\u3400-\u9fff]{2,4}|[\u3400-\u9fff]+·[\u3400-\u9fff·]+")
_LIKE = {
    "years": re.compile("工龄|年限|工作年|从业年"),
    "post": re.compile("岗|职务|职位"),
    "department": re.compile("部门|科室|处室"),
    "certificate_level": re.compile("证书.*等级|等级证书|现.*等级|已.*等级"),
    "certificate_on": re.compile("(?:发|取)证.*(?:日|时间)"),
    "education": re.compile("学历|文化"),
    "major": re.compile("专业"),
    "school": re.compile("院校|学校"),
    "graduated_on": re.compile("毕业.*(?:日|时间)"),
    "phone": re.compile("电话|手机|联系方式"),
}
"""What of a header that nobody knows may tell which field it is: it is asked for, never taken so."""


@dataclass(frozen=True, slots=True)
class PeopleLayout(TableLayout):
    """How a sheet of a list of people is understood."""

    @property
    def fields(self) -> list[str]:
        return list(COLUMNS.by_name)


def column_titles() -> dict[str, str]:
    """Return what a field is called to whoever says which column it is."""
    titles = {name: f"enrolment.person.{name}" for name in COLUMNS.by_name}
    titles |= {name: f"candidates.column.{name}" for name in (*IDENTITY, *DETAILS)}
    titles |= {"number": "enrolment.workbook.number", "level": "enrolment.application.level"}
    return {name: str(_(text)) for name, text in titles.items() if name in COLUMNS.by_name}


@dataclass(frozen=True, slots=True)
class ReadList:
    """What a list says: its people, what is found about the list itself, how its sheets are understood."""

    people: tuple[ListedPerson, ...]
    headings: tuple[Heading, ...]
    findings: tuple[Finding, ...]
    layouts: tuple[PeopleLayout, ...]

    @property
    def left_out(self) -> list[str]:
        """The headers that are not read."""
        headers = [use.header for one in self.headings for use in one.uses if use.header and not use.field]
        return list(dict.fromkeys(headers))


def open_people(name: str, body: bytes) -> list[SheetData]:
    """Return the sheets of a list; raise as `open_list` does, and InvalidInput("roster.no_header").

    A list whose headers mean too little is not refused: somebody says what its columns are.
    """
    sheets = [filled(sheet) for sheet in open_list(name, body, _BOUNDS)]
    if sum(len(cell) for sheet in sheets for row in sheet.rows for cell in row) > MOST_SIGNS:
        raise InvalidInput("roster.too_big", field="file", rows=MOST_ROWS, name=name)
    if not any(_heading(sheet) for sheet in sheets):
        missing = [COLUMNS.title(column) for column in COLUMNS.required]
        raise InvalidInput("roster.no_header", field="file", missing=missing)
    return sheets


def layout_digests(sheets: Sequence[SheetData], scope: str) -> list[str]:
    """Return what the headings of a list are known by to whoever said what their columns are; a unit its own."""
    headings = [heading for sheet in sheets if (heading := _heading(sheet)) is not None]
    return [_digest(heading, scope) for heading in headings]


def _digest(heading: Heading, scope: str) -> str:
    return headings_digest([use.header for use in heading.uses], f"people:{scope}")


def read_people(
    sheets: Sequence[SheetData], blueprint: ExamBlueprint, hands: Hands, *, scope: str
) -> ReadList:
    """Return what the sheets of a list say of people who apply for a level; `hands` say what their columns are.

    Source: R-74, R-75.
    """
    headings, people, findings = list[Heading](), list[ListedPerson](), list[Finding]()
    layouts: dict[str, PeopleLayout] = {}
    for sheet in sheets:
        known = _heading(sheet)
        if known is None:
            continue
        digest = _digest(known, scope)
        hand = hands.get(digest, HandMapping()).sound(COLUMNS.by_name, {})
        heading = _said(known, hand)
        layouts.setdefault(digest, _layout(sheet, heading, digest, hand))
        if not heading.places.keys() >= set(COLUMNS.required):
            continue
        headings.append(heading)
        for place, meant in heading.doubled:
            if place.column not in hand.columns:
                params = {"name": COLUMNS.title(meant)}
                findings.append(
                    Finding(Severity.HINT, "roster.column_double", place, place.header, params=params)
                )
        for row, cells in _lines(sheet, heading):
            if _is_person(cells):
                lost = (row - 1, heading.places["document_number"]) in sheet.lost
                people.append(LineReader(heading, row, cells, blueprint).read(lost=lost))
            else:
                first_cell = next(iter(cells.values()))
                place = heading.place(row, next(iter(cells)))
                findings.append(Finding(Severity.HINT, "roster.line_remark", place, first_cell[:SHOWN]))
    return ReadList(tuple(people), tuple(headings), tuple(findings), tuple(layouts.values()))


def _heading(sheet: SheetData) -> Heading | None:
    """Return the first row that names whom it is about; else, above people, the one with the most texts."""
    best: Heading | None = None
    widest, people = 1, any(valid_resident_id(cell) for row in sheet.rows for cell in row)
    for row, cells in enumerate(sheet.rows[:HEADER_WITHIN]):
        heading = _headed(sheet, row, cells)
        if heading.places.keys() >= set(COLUMNS.required):
            return heading
        texts = [cell for cell in cells if cell]
        people_begin = any(valid_resident_id(cell) for cell in texts)
        if not people or people_begin or any(len(cell) > LONGEST_HEADER for cell in texts):
            people = people and not people_begin
        elif len(texts) > widest:
            best, widest = heading, len(texts)
    return best


def _headed(sheet: SheetData, row: int, cells: Sequence[str]) -> Heading:
    """Return a row as the one of the headers; what one means comes once."""
    uses, own_fields = list[ColumnUse](), set[str]()
    for place, header in enumerate(cells):
        meant = COLUMNS.meant(header[:SHOWN])
        uses.append(ColumnUse(sheet.name, letter(place), header, "" if meant in own_fields else meant))
        own_fields.add(meant)
    return Heading(COLUMNS, "", sheet.name, row + 1, uses)


def _said(heading: Heading, hand: HandMapping) -> Heading:
    """Return a heading with its columns as somebody said they are."""
    taken = set(hand.columns.values())
    uses = [
        replace(use, field=hand.columns[use.column])
        if use.column in hand.columns
        else replace(use, field="" if use.field in taken else use.field)
        for use in heading.uses
    ]
    return replace(heading, uses=uses)


def _layout(sheet: SheetData, heading: Heading, digest: str, hand: HandMapping) -> PeopleLayout:
    columns, taken = list[ColumnLayout](), set(heading.places)
    for place, use in enumerate(heading.uses):
        cells = [row[place].strip() for row in sheet.rows[heading.row :] if place < len(row)]
        samples = samples_of(cells)
        if not use.header and not samples:
            continue
        unsaid = not use.field and use.column not in hand.columns
        likely = _likely(use.header, [cell for cell in cells if cell], taken) if unsaid and samples else ""
        taken.add(likely)
        columns.append(ColumnLayout(use.column, use.header, use.field, bool(likely), samples, likely))
    missing = tuple(name for name in COLUMNS.required if name not in heading.places)
    return PeopleLayout(sheet.name, heading.row, digest, tuple(columns), missing)


def _likely(header: str, cells: Sequence[str], taken: Set[str]) -> str:
    """Return the field that a column may be whose header nobody knows, "" for none that is free."""
    if "document_number" not in taken and any(valid_resident_id(cell) for cell in cells):
        return "document_number"
    if "name" not in taken and all(_NAME.fullmatch(cell) for cell in cells):
        return "name"
    names = (name for name, looks in _LIKE.items() if looks.search(plain(header)))
    return next((name for name in names if name not in taken), "")


def _lines(sheet: SheetData, heading: Heading) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows (from 1) below the heading with what they say, by field; a number alone is none."""
    for index, cells in enumerate(sheet.rows[heading.row :], heading.row + 1):
        values = {
            field: cells[place].strip()
            for field, place in heading.places.items()
            if place < len(cells) and cells[place].strip()
        }
        if values.keys() - {"number"}:
            yield index, values


def _is_person(cells: Mapping[str, str]) -> bool:
    """Say whether a row is somebody's: sums, seals and remarks below a list have one cell and no number."""
    return "document_number" in cells or len(cells.keys() - {"number"}) > 1
