"""A roster as a file holds it: its tables read line by line, each cell by its field, with what is found."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from cbt import personal
from cbt.candidates.roster.columns import (
    doubtful_of,
    holds_people,
    likely_of,
    lists_people,
    tables_of,
    unread_place,
)
from cbt.candidates.roster.row import (
    DocumentCell,
    PlaceWish,
    RosterRow,
    SentLine,
    looks_like_person,
    mark_of,
    mended,
    when_of,
)
from cbt.candidates.roster.tables import COLUMNS, PAPER_FIELDS, RosterTable, lines_of, meaning
from cbt.errors import InvalidInput
from cbt.imports.column_map import Hands
from cbt.personal import DETAILS, FIELDS, FieldKind, PersonField
from cbt.rules.door import mask_document, valid_resident_id, written_name
from cbt.rules.visible import Unseen, private_use, unseen, with_codes
from cbt.spreadsheets.cells import SheetData
from cbt.spreadsheets.columns import Heading, plain
from cbt.spreadsheets.findings import Finding, Place, Severity
from cbt.spreadsheets.intake import LIST_CODES, Bounds, open_list


class LineNotes:
    """Hands out the cells of a line and gathers the findings about them, each with its place."""

    def __init__(self, line: SentLine) -> None:
        self.findings: list[Finding] = []
        self._line, self._cells = line, line.cells
        self._unseen = {column: hidden for column, cell in line.cells.items() if (hidden := unseen(cell))}

    def _raw(self, column: str) -> str:
        return self._cells.get(column, "").strip()

    def _plain(self, column: str) -> str:
        return unicodedata.normalize("NFKC", self._raw(column)).strip()

    def _note(
        self, column: str, code: str, *, value: str | None = None, stop: bool = True, **params: object
    ) -> None:
        if column in self._unseen:
            return  # what stands there was refused as a whole
        self._add(column, code, self._raw(column) if value is None else value, stop=stop, params=params)

    def refuse_unseen(self) -> None:
        """Refuse the cells with a character that nobody sees."""
        for column, hidden in self._unseen.items():
            self._refuse(column, hidden)

    def _refuse(self, column: str, hidden: Unseen) -> None:
        text = self._raw(column)
        shown = with_codes(mask_document(text) if column == "document_number" else text)
        params = {"place": hidden.place, "character": hidden.code}
        self._add(column, "text.unseen", shown, stop=True, params=params)

    def _add(self, column: str, code: str, shown: str, *, stop: bool, params: Mapping[str, object]) -> None:
        severity = Severity.ERROR if stop else Severity.HINT
        place = self._line.heading.place(self._line.number, column)
        self.findings.append(Finding(severity, code, place, shown[:80], params=params))

    def _required(self, column: str) -> str:
        text = self._plain(column)
        if not text:
            self._note(column, "roster.required", name=COLUMNS.title(column))
        return text

    def _optional(self, column: str) -> str:
        text = self._raw(column)
        return "" if personal.is_nothing(text) else text

    def _text(self, column: str, limit: int) -> str:
        text = self._optional(column)
        if len(text) > limit:
            self._note(column, "roster.too_long", maximum=limit)
        return text

    def _coded(self, column: str, value: str | None, code: str) -> str:
        if value is None:
            self._note(column, code)
        return value or ""

    def _matching(self, column: str, matches: Callable[[str], object], code: str) -> str:
        text = "".join(unicodedata.normalize("NFKC", self._optional(column)).split()).upper()
        if text and not matches(text):
            self._note(column, code)
        return text


_COMPARABLE: Mapping[str, Callable[[str], object]] = {
    "level": personal.level_of,
    "paper": lambda cell: frozenset(personal.papers_of(cell)),
    "kind": personal.kind_of,
    "document_number": lambda cell: mended(cell).number,
    "accommodation": lambda cell: (
        personal.accommodation_of(personal.tools_of(cell)[1]),
        personal.tools_of(cell)[0],
    ),
}
"""How two cells of a field are compared."""
_RESIDENT = frozenset({"resident_id", "temporary_resident_id"})
_NUMBER = re.compile(r"[0-9A-Z()（）-]{5,30}")
_TICKET = re.compile(r"[0-9A-Z-]{6,20}")
_RETAKE_SAID = re.compile(r"补考|重考")
_NAME_SAYS = re.compile(r"补考|新考|理论|技能|实操|取消|退考|加时|[一二三四五]级|\d{7}")
_NAME_ODD = re.compile(r"[（）()\[\]【】/、,，;；?？]")
_CANCELLED = re.compile(r"取消|退考|退出|放弃考|不参加|作废|缓考")
_EXTRA_SAID = re.compile(r"加时|延长|合理便利|残疾|视障|听障|无障碍")


class RowReader(LineNotes):
    """Reads one line and notes what is wrong with it."""

    def read(self) -> RosterRow:
        """Return the row as far as it can be read."""
        self.refuse_unseen()
        self._twins()
        document_type, document_number = self._document()
        factor, extra = self._accommodation()
        occupation, level = self._occupation()
        marks = self._marks()
        return RosterRow(
            row=self._line.number,
            order=self._line.order,
            heading=self._line.heading,
            name=self._name(),
            document_type=document_type,
            document_number=document_number,
            level=level,
            paper=self._paper(marks),
            marks=marks,
            details=self._details(document_type, document_number),
            unit=self._text("unit", 120),
            batch=self._text("batch", 120),
            eligibility=self._text("eligibility", 200),
            kind=self._kind(),
            ticket=self._matching("ticket", _TICKET.fullmatch, "roster.ticket"),
            wish=self._wish(),
            factor=factor,
            extra=extra,
            tools=personal.tools_of(self._raw("accommodation"))[0],
            accommodation=self._text("accommodation", 200),
            note=self._text("note", 500),
            occupation=occupation,
        )

    def _twins(self) -> None:
        """Refuse a line in which two columns for one field say different things."""
        for column, others in self._line.twins.items():
            same = _COMPARABLE.get(column, plain)
            if any(cell and same(cell) != same(self._raw(column)) for cell in others):
                self._note(column, "roster.columns_differ", other=next(cell for cell in others if cell)[:40])

    def _name(self) -> str:
        # Rare characters are kept as given: NFKC would replace some of them.
        name = written_name(self._raw("name"))
        if not any(character.isalpha() for character in name):
            self._note("name", "roster.required", name=COLUMNS.title("name"))
        elif _NAME_SAYS.search(name):
            self._note("name", "roster.name_says")
        elif len(name) > 60:
            self._note("name", "roster.too_long", maximum=60)
        elif hidden := private_use(name):
            self._note("name", "text.private_use", stop=False, place=hidden.place, character=hidden.code)
        elif _NAME_ODD.search(name):
            self._note("name", "roster.name_odd", stop=False)
        return name

    def _document(self) -> tuple[str, str]:
        cell = mended(self._raw("document_number"))
        typed = self._raw("document_type")
        kind = personal.document_type_of(typed)
        if not cell.number:
            self._note("document_number", "roster.required", name=COLUMNS.title("document_number"))
        if typed and kind is None:
            self._note("document_type", "roster.document_type")
        if not typed:
            kind = self._assumed(cell)
        self._check_number(cell, kind)
        return kind or "", cell.number

    def _assumed(self, cell: DocumentCell) -> str | None:
        """Return the kind of a document that a line does not tell."""
        if valid_resident_id(cell.number):
            if self._line.typed:
                self._note("document_type", "roster.type_assumed", stop=False)
            return "resident_id"
        if self._line.resident or cell.like_resident:
            return "resident_id"
        if cell.number:
            self._note("document_type", "roster.type_needed")
        return None

    def _check_number(self, cell: DocumentCell, kind: str | None) -> None:
        masked = mask_document(cell.number)
        if "document_number" in self._line.lost:
            self._note("document_number", "roster.number_lost", value=masked)
        elif cell.number and not _NUMBER.fullmatch(cell.number):
            self._note("document_number", "roster.number_odd", value=masked)
        elif cell.number and kind in _RESIDENT and not valid_resident_id(cell.number):
            code = "roster.number_check" if len(cell.number) == 18 else "roster.number_length"
            self._note("document_number", code, value=masked, length=len(cell.number))

    def _occupation(self) -> tuple[str, str]:
        """Return the occupation and the level of a line, wherever they stand."""
        column = "occupation_level" if self._raw("occupation_level") else "occupation"
        occupation, level = personal.occupation_and_level(self._plain(column))
        occupation_text = self._plain("level")
        if (
            occupation_text
            and not level
            and not personal.is_level(occupation_text)
            and personal.occupation_and_level(occupation_text)[1]
        ):
            column, occupation = "level", personal.occupation_and_level(occupation_text)[0]
            occupation_text, level = "", personal.occupation_and_level(occupation_text)[1]
        if not level:
            if column == "occupation_level" and not occupation_text and personal.is_level(occupation):
                return self._text("occupation", 60), personal.level_of(occupation)
            return self._text(column, 60), self._required("level")
        if occupation_text and personal.level_of(occupation_text) != level:
            self._note("level", "roster.levels_differ", other=self._raw(column))
        return occupation, occupation_text or level

    def _paper(self, marks: tuple[tuple[str, str], ...]) -> str:
        text = self._plain("paper")
        has = [name for name in PAPER_FIELDS if name in self._cells]
        if not text and not marks:
            broken = any(mark_of(self._cells[name]) is None for name in has)
            if not broken and has:
                self._note(has[0], "roster.no_paper")
            elif not has:
                self._note("paper", "roster.required", name=COLUMNS.title("paper"))
        if text and has and set(personal.papers_of(text)) != {name for name, _kind in marks}:
            both = personal.papers_of(text) == (personal.ALL_PAPERS,) and len(marks) == len(has)
            if not both:
                self._note("paper", "roster.papers_differ")
        return text

    def _marks(self) -> tuple[tuple[str, str], ...]:
        marks = []
        for column in PAPER_FIELDS:
            if column not in self._cells:
                continue
            text = self._raw(column)
            kind = personal.kind_of(text) if plain(text) else None
            taken = True if kind else mark_of(text)
            if taken is None and personal.papers_of(text) == (column,):
                taken = True  # the paper's name stands for a mark
            if taken is None:
                self._note(column, "roster.mark", header=self._header(column))
            elif taken:
                marks.append((column, kind or ""))
        return tuple(marks)

    def _header(self, column: str) -> str:
        return self._line.heading.place(0, column).header

    def _kind(self) -> str:
        text, note = self._plain("kind"), self._plain("note")
        if _CANCELLED.search(note):
            self._note("note", "roster.cancelled_in_note", stop=False)
        kind = personal.kind_of(text)
        if kind is None and "是否" in self._header("kind") and (retake := mark_of(text)) is not None:
            return "retake" if retake else "first"
        if kind is None:
            self._note("kind", "roster.kind_unknown")
        elif not text and personal.kind_of(note) == "retake":
            self._note("note", "roster.kind_of_note", stop=False)
            return "retake"
        elif not text and _RETAKE_SAID.search(note):
            self._note("note", "roster.retake_in_note")
        return kind or ""

    def _details(self, document_type: str, number: str) -> dict[str, str]:
        details = {name: self._detail(field) for name, field in DETAILS.items()}
        gender = details["gender"]
        if gender and document_type in _RESIDENT and valid_resident_id(number):
            implied = "male" if int(number[16]) % 2 else "female"
            if implied != gender:
                self._note("gender", "roster.gender_differs", stop=False)
        return details

    def _detail(self, field: PersonField) -> str:
        code = f"roster.{field.name}"
        match field.kind:
            case FieldKind.CHOICE:
                return self._coded(field.name, field.coded(self._plain(field.name)), code)
            case FieldKind.NUMBER:
                return self._matching(field.name, field.matches, code)
            case FieldKind.TEXT:
                return self._text(field.name, field.most)

    def _wish(self) -> PlaceWish:
        when = when_of(self._optional("date"), self._optional("time"))
        if when is None:
            self._note("date" if self._raw("date") else "time", "roster.when")
            return PlaceWish()
        return PlaceWish(
            when.on,
            when.month,
            when.day,
            when.at,
            when.half,
            self._text("sitting", 120),
            self._text("centre", 120),
            self._text("room", 60),
            self._seat(),
        )

    def _seat(self) -> int | None:
        text = self._plain("seat").removesuffix("号")
        if not text or personal.is_nothing(text):
            return None
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 999):
            self._note("seat", "roster.seat")
            return None
        return int(text)

    def _accommodation(self) -> tuple[Decimal, timedelta]:
        accommodation = personal.accommodation_of(personal.tools_of(self._raw("accommodation"))[1])
        if accommodation is None:
            self._note("accommodation", "roster.accommodation")
            return Decimal(1), timedelta(0)
        if not self._raw("accommodation") and _EXTRA_SAID.search(self._plain("note")):
            self._note("note", "roster.extra_in_note", stop=False)
        return accommodation


# A roster as a file holds it: its tables read line by line, with everything found in them.
#
# Lines that are no person's (sums, who filled it in, remarks, headers again) are told apart.

_SUM = re.compile(
    r"(?:本页|本单位|以上|本表|人数)?(?:合计|小计|总计|共计|总人数|总数|合共)(?:人数)?\d*人?名?|共\d+[人名]"
)
_SIGNER = re.compile(
    r"(?:报送|申报|推荐|所在|用人)?(?:单位|机构)?(?:经办人?|填表人?|填报人?|制表人?|审核人?|审批人?|复核人?|负责人|联系人|报送人|"
    r"经手人|制单人?|核对人|盖章|公章|意见|填表日期|填报日期|制表日期|报送日期|日期|签字|签章|审核意见|联系电话|电话|传真)"
    r"(?:签字|签名|签章|盖章|及?联系?电话)?.{0,4}"
)
_REMARK = re.compile(
    r"(?:注|备注|说明|填表说明|填写说明|注意|注意事项|特别说明|提示|要求|示例)(?:\d|$|[一二三四])?"
)
_COLON = re.compile("[：:]")


class Foot(StrEnum):
    """What a line is that is no person's; its value names the note that tells of it."""

    NONE = ""
    SILENT = "silent"
    SUM = "line_sum"
    SIGNER = "line_signer"
    REMARK = "line_remark"


def foot_of(row: int, cells: Sequence[str], table: RosterTable) -> Foot:
    """Return what kind of line a row (from 0) is; NONE for a person's, whatever else is wrong with that.

    A line with what can be a person's number is always a person's.
    """
    places = table.heading.places
    filled = [(place, cell) for place, cell in enumerate(cells) if cell.strip()]
    number, name = (_at(cells, places.get(column)) for column in ("document_number", "name"))
    if number and looks_like_person(number):
        return Foot.NONE
    if _is_number_alone(filled, table):
        return Foot.SILENT
    if name and meaning(name)[0] == "name" and meaning(number)[0] == "document_number":
        return Foot.SILENT  # the headers again, as on every printed page
    first = [cell for _place, cell in filled[:1]] + ([name] if name else [])
    if not name:
        first = [cell for _place, cell in filled]
    if any(_SUM.fullmatch(plain(cell)) or _SUM.fullmatch(_label(cell)) for cell in first):
        return Foot.SUM
    if any(_SIGNER.fullmatch(_label(cell)) for cell in first):
        return Foot.SIGNER
    alone = len(filled) == 1 and not number
    if alone and (filled[0][0] != places.get("name") or (row, filled[0][0] + 1) in table.merged.across):
        return Foot.REMARK
    return Foot.REMARK if alone and _REMARK.match(_label(first[0])) else Foot.NONE


def _at(cells: Sequence[str], place: int | None) -> str:
    return cells[place].strip() if place is not None and place < len(cells) else ""


def _label(cell: str) -> str:
    return plain(_COLON.split(cell, maxsplit=1)[0][:40])


def _is_number_alone(filled: Sequence[tuple[int, str]], table: RosterTable) -> bool:
    """Return whether nothing but the number of a line stands in it, as in a form not filled to its end."""
    return len(filled) == 1 and filled[0][0] in table.left and filled[0][1].isdigit()


_DITTO = frozenset({"同上", "〃", "″", "''", '"', "”", "同前"})
_SAME = frozenset(
    ("level", "occupation", "occupation_level", "paper", "kind", "unit", "batch", "eligibility", "date", "time",
     "sitting", "centre", *(field.name for field in FIELDS.values() if field.ditto))
)  # fmt: skip
"""Fields in which a line may say that it is as the one above."""


class LineCells:
    """Takes the cells of lines by their fields; what a merged cell says counts wherever it reaches."""

    def __init__(self, table: RosterTable) -> None:
        self._table = table
        self._places = table.heading.places
        self._lost = frozenset(table.sheet.lost)
        headers = {use.field: use.header for use in table.heading.uses if use.field}
        self._resident = "身份" in headers.get("document_number", "") and "document_type" not in headers
        self._typed = "document_type" in headers
        self._above: Mapping[str, str] = {}

    def spread(self, row: int, cells: list[str]) -> list[str]:
        """Return the cells of a row (from 0) with what merged cells above say of them."""
        over = self._table.merged.over
        if not over:
            return cells
        width = max(len(cells), len(self._table.heading.uses))
        whole = [*cells, *[""] * (width - len(cells))]
        return [cell or over.get((row, at), "") for at, cell in enumerate(whole)]

    def line(self, row: int, cells: Sequence[str], order: int) -> SentLine:
        """Return the line of a row (from 0)."""
        table = self._table
        values = {name: _whole(cells, at) for name, at in self._places.items()}
        twins = {name: tuple(_whole(cells, at) for at in places) for name, places in table.twins.items()}
        for name, others in twins.items():
            values[name] = next((one for one in (values.get(name, ""), *others) if one), "")
        for name, value in table.fixed.items():
            values[name] = values.get(name) or value
        for name in values.keys() & _SAME:
            if plain(values[name]) in _DITTO:
                values[name] = self._above.get(name, values[name])
        self._above = values
        lost = frozenset(name for name, at in self._places.items() if self._lost and (row, at) in self._lost)
        return SentLine(row + 1, order, table.heading, values, lost, self._resident, self._typed, twins)


def _whole(cells: Sequence[str], at: int) -> str:
    cell = cells[at] if at < len(cells) else ""
    return cell.partition(".")[0] if cell[-2:] == ".0" and cell[:-2].isdigit() else cell


def about_columns(table: RosterTable) -> Iterator[Finding]:
    """Yield what is there twice, doubtful, not read though it decides, or said by hand."""
    for place, name in table.heading.doubled:
        params = {"name": COLUMNS.title(name)}
        yield Finding(Severity.HINT, "roster.column_double", place, place.header, params=params)
    for at in sorted(table.unsure):
        use = table.heading.uses[at]
        if use.field:
            place = table.heading.place(table.heading.row, use.field)
            params = {"name": COLUMNS.title(use.field)}
            yield Finding(Severity.HINT, "roster.column_unsure", place, use.header, params=params)
    yield from _said_of(table)
    for use in doubtful_of(table):
        params = {"name": COLUMNS.title(likely_of(table, use))}
        yield Finding(
            Severity.ERROR, "roster.column_unread", unread_place(table, use), use.header, params=params
        )


def _said_of(table: RosterTable) -> Iterator[Finding]:
    """Yield what people said of a table that decides about an examination, for whoever reads on."""
    head = table.heading
    for name, value in table.fixed.items():
        place = Place(head.file, head.sheet, head.row)
        params = {"name": COLUMNS.title(name), "value": value}
        yield Finding(Severity.HINT, "roster.said_fixed", place, value, params=params)
    for at in sorted(table.said):
        use = head.uses[at]
        if not use.field and (likely := likely_of(table, use)):
            params = {"name": COLUMNS.title(likely)}
            yield Finding(
                Severity.HINT, "roster.said_left", unread_place(table, use), use.header, params=params
            )


MOST_ROWS = 25_000
_BOUNDS = Bounds(MOST_ROWS, 200, LIST_CODES)
LOST_END = "000"
MOST_ENDED = 0.02
"""Of a thousand people about one has a number that ends so."""


@dataclass(frozen=True, slots=True)
class Roster:
    """What a file holds: its readable rows, everything found in it, and how its columns were understood.

    `refused` are the rows that an error keeps out, with what of them could be read. Values of findings are short,
    and document numbers in them masked.
    """

    rows: tuple[RosterRow, ...]
    refused: tuple[RosterRow, ...]
    findings: tuple[Finding, ...]
    headings: tuple[Heading, ...]
    ignored: tuple[str, ...] = ()
    """The headers of the columns that are left out."""
    sheets_left: tuple[str, ...] = ()
    """The sheets that say something and hold no people."""

    @property
    def heading(self) -> Heading:
        return self.headings[0]

    @property
    def total(self) -> int:
        """How many rows there are, readable or not."""
        return len(self.rows) + len(self.refused)

    @property
    def headers(self) -> dict[str, str]:
        """The header of each column that is read, as the file spells it."""
        return {use.field: use.header for one in self.headings for use in one.uses if use.field}


def open_roster(name: str, body: bytes) -> list[SheetData]:
    """Return the sheets of a file, their cells as values.

    Raise InvalidInput("roster.kind") for another kind of file, ("roster.unreadable") for a damaged one,
    ("roster.too_big") beyond the limits, ("sheet.locked") behind a password.
    """
    return open_list(name, body, _BOUNDS)


def read_roster(name: str, body: bytes, hands: Hands | None = None) -> Roster:
    """Return the roster a file holds, its columns as `hands` say.

    Raise InvalidInput("roster.no_header") with the required columns that are missing, ("roster.empty"),
    and as `open_roster` does.
    """
    return roster_of(open_roster(name, body), hands)


def roster_of(sheets: Sequence[SheetData], hands: Hands | None = None) -> Roster:
    """Return the roster that opened sheets hold; raise as `read_roster` does."""
    sheet_tables = [(sheet, tables_of(sheet, hands or {})) for sheet in sheets]
    whole = [table for _sheet, tables in sheet_tables for table in tables if not table.missing]
    if not whole:
        missing = min(
            (table.missing for _s, tables in sheet_tables for table in tables),
            key=len,
            default=COLUMNS.required,
        )
        names = [COLUMNS.title(column) for column in missing]
        raise InvalidInput("roster.no_header", field="file", missing=names)
    gathered = _Gathered()
    for sheet, tables in sheet_tables:
        for table in tables:
            if not table.missing:
                gathered.read(table)
        gathered.about_sheet(sheet, tables)
    if not gathered.rows and not gathered.refused:
        raise InvalidInput("roster.empty", field="file")
    return Roster(
        tuple(gathered.rows),
        tuple(gathered.refused),
        tuple(gathered.findings),
        tuple(table.heading for table in whole),
        tuple(
            dict.fromkeys(
                use.header for table in whole for use in table.heading.uses if use.header and not use.field
            )
        ),
        tuple(gathered.left),
    )


class _Gathered:
    """What the tables of a file say, one after the other."""

    def __init__(self) -> None:
        self.rows: list[RosterRow] = []
        self.refused: list[RosterRow] = []
        self.findings: list[Finding] = []
        self.left: list[str] = []
        self._order = 0

    def read(self, table: RosterTable) -> None:
        """Take the lines of a table."""
        self.findings += about_columns(table)
        reading, ended = LineCells(table), list[RosterRow]()
        for row, sent in lines_of(table):
            cells = reading.spread(row, sent)
            if (foot := foot_of(row, cells, table)) is not Foot.NONE:
                if foot is not Foot.SILENT:
                    first_cell = next((cell for cell in cells if cell), "")
                    place = Place(table.heading.file, table.heading.sheet, row + 1)
                    self.findings.append(
                        Finding(Severity.HINT, f"roster.{foot.value}", place, first_cell[:80])
                    )
                continue
            self._order += 1
            reader = RowReader(reading.line(row, cells, self._order))
            roster_row = reader.read()
            self.findings += reader.findings
            stopped = any(found.severity is Severity.ERROR for found in reader.findings)
            (self.refused if stopped else self.rows).append(roster_row)
            ended += [roster_row] if roster_row.document_number.endswith(LOST_END) else []
        self._about_ends(ended)

    def _about_ends(self, ended: Sequence[RosterRow]) -> None:
        """Tell of numbers that end as a spreadsheet leaves those it took for a number: in three zeros."""
        valid = [one for one in ended if one.document_type == "resident_id" and one in self.rows]
        damaged = len(ended) > 1 and len(ended) > MOST_ENDED * (len(self.rows) + len(self.refused))
        for row in valid:
            severity = Severity.ERROR if damaged else Severity.HINT
            value = mask_document(row.document_number)
            self.findings.append(
                Finding(severity, "roster.number_zeros", row.place("document_number"), value)
            )
            if damaged:
                self.rows.remove(row)
                self.refused.append(row)

    def about_sheet(self, sheet: SheetData, tables: Sequence[RosterTable]) -> None:
        """Tell of a sheet that holds people and is not read."""
        unread = [table for table in tables if table.missing]
        if not tables or unread:
            if holds_people(sheet) or any(lists_people(sheet, table) for table in unread):
                missing = [
                    COLUMNS.title(name) for name in (unread[0].missing if unread else COLUMNS.required)
                ]
                place = Place("", sheet.name, (unread[0].heading.row if unread else 0) or 1)
                self.findings.append(
                    Finding(Severity.ERROR, "roster.sheet_unread", place, params={"missing": missing})
                )
            elif any(sheet.rows) and len(tables) == len(unread):
                self.left.append(sheet.name)
