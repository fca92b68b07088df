"""One line of a roster: its cells read field by field, and what is noted against them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal

from cbt.candidates.roster.columns import COLUMNS, PAPER_FIELDS
from cbt.candidates.roster.row import DocumentCell, RosterRow, SentLine, Wish, mark_of, mended, when_of
from cbt.personal import cell_values
from cbt.personal.fields import DETAILS, FieldKind, PersonField
from cbt.rules.door.admission import mask_document, valid_resident_id, written_name
from cbt.rules.visible import Unseen, private_use, unseen, with_codes
from cbt.spreadsheets.columns import plain
from cbt.spreadsheets.findings import Finding, Severity


class LineNotes:
    """Hands out the cells of a line and gathers the findings about them, each with its place."""

    def __init__(self, line: SentLine) -> None:
        self.findings: list[Finding] = []
        self._line, self._cells = line, line.cells
        self._unseen = {column: found for column, cell in line.cells.items() if (found := unseen(cell))}

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
        for column, found in self._unseen.items():
            self._refuse(column, found)

    def _refuse(self, column: str, found: Unseen) -> None:
        text = self._raw(column)
        shown = with_codes(mask_document(text) if column == "document_number" else text)
        params = {"place": found.place, "character": found.code}
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
        return "" if cell_values.is_nothing(text) else text

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


_SAME: Mapping[str, Callable[[str], object]] = {
    "level": cell_values.level_of,
    "paper": lambda cell: frozenset(cell_values.papers_of(cell)),
    "kind": cell_values.kind_of,
    "document_number": lambda cell: mended(cell).number,
    "accommodation": lambda cell: (
        cell_values.accommodation_of(cell_values.tools_of(cell)[1]),
        cell_values.tools_of(cell)[0],
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
            tools=cell_values.tools_of(self._raw("accommodation"))[0],
            accommodation=self._text("accommodation", 200),
            note=self._text("note", 500),
            occupation=occupation,
        )

    def _twins(self) -> None:
        """Refuse a line in which two columns for one field say different things."""
        for column, others in self._line.twins.items():
            same = _SAME.get(column, plain)
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
        elif found := private_use(name):
            self._note("name", "text.private_use", stop=False, place=found.place, character=found.code)
        elif _NAME_ODD.search(name):
            self._note("name", "roster.name_odd", stop=False)
        return name

    def _document(self) -> tuple[str, str]:
        cell = mended(self._raw("document_number"))
        given = self._raw("document_type")
        kind = cell_values.document_type_of(given)
        if not cell.number:
            self._note("document_number", "roster.required", name=COLUMNS.title("document_number"))
        if given and kind is None:
            self._note("document_type", "roster.document_type")
        if not given:
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
        occupation, level = cell_values.occupation_and_level(self._plain(column))
        said = self._plain("level")
        if (
            said
            and not level
            and not cell_values.is_level(said)
            and cell_values.occupation_and_level(said)[1]
        ):
            column, occupation = "level", cell_values.occupation_and_level(said)[0]
            said, level = "", cell_values.occupation_and_level(said)[1]
        if not level:
            if column == "occupation_level" and not said and cell_values.is_level(occupation):
                return self._text("occupation", 60), cell_values.level_of(occupation)
            return self._text(column, 60), self._required("level")
        if said and cell_values.level_of(said) != level:
            self._note("level", "roster.levels_differ", other=self._raw(column))
        return occupation, said or level

    def _paper(self, marks: tuple[tuple[str, str], ...]) -> str:
        text = self._plain("paper")
        has = [name for name in PAPER_FIELDS if name in self._cells]
        if not text and not marks:
            broken = any(mark_of(self._cells[name]) is None for name in has)
            if not broken and has:
                self._note(has[0], "roster.no_paper")
            elif not has:
                self._note("paper", "roster.required", name=COLUMNS.title("paper"))
        if text and has and set(cell_values.papers_of(text)) != {name for name, _kind in marks}:
            both = cell_values.papers_of(text) == (cell_values.ALL_PAPERS,) and len(marks) == len(has)
            if not both:
                self._note("paper", "roster.papers_differ")
        return text

    def _marks(self) -> tuple[tuple[str, str], ...]:
        found = []
        for column in PAPER_FIELDS:
            if column not in self._cells:
                continue
            text = self._raw(column)
            kind = cell_values.kind_of(text) if plain(text) else None
            taken = True if kind else mark_of(text)
            if taken is None and cell_values.papers_of(text) == (column,):
                taken = True  # the paper's name stands for a mark
            if taken is None:
                self._note(column, "roster.mark", header=self._header(column))
            elif taken:
                found.append((column, kind or ""))
        return tuple(found)

    def _header(self, column: str) -> str:
        return self._line.heading.place(0, column).header

    def _kind(self) -> str:
        text, note = self._plain("kind"), self._plain("note")
        if _CANCELLED.search(note):
            self._note("note", "roster.cancelled_in_note", stop=False)
        kind = cell_values.kind_of(text)
        if kind is None and "是否" in self._header("kind") and (retake := mark_of(text)) is not None:
            return "retake" if retake else "first"
        if kind is None:
            self._note("kind", "roster.kind_unknown")
        elif not text and cell_values.kind_of(note) == "retake":
            self._note("note", "roster.kind_of_note", stop=False)
            return "retake"
        elif not text and _RETAKE_SAID.search(note):
            self._note("note", "roster.retake_in_note")
        return kind or ""

    def _details(self, document_type: str, number: str) -> dict[str, str]:
        details = {name: self._detail(field) for name, field in DETAILS.items()}
        gender = details["gender"]
        if gender and document_type in _RESIDENT and valid_resident_id(number):
            told = "male" if int(number[16]) % 2 else "female"
            if told != gender:
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

    def _wish(self) -> Wish:
        said = when_of(self._optional("date"), self._optional("time"))
        if said is None:
            self._note("date" if self._raw("date") else "time", "roster.when")
            return Wish()
        return Wish(
            said.on,
            said.month,
            said.day,
            said.at,
            said.half,
            self._text("sitting", 120),
            self._text("centre", 120),
            self._text("room", 60),
            self._seat(),
        )

    def _seat(self) -> int | None:
        text = self._plain("seat").removesuffix("号")
        if not text or cell_values.is_nothing(text):
            return None
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 999):
            self._note("seat", "roster.seat")
            return None
        return int(text)

    def _accommodation(self) -> tuple[Decimal, timedelta]:
        found = cell_values.accommodation_of(cell_values.tools_of(self._raw("accommodation"))[1])
        if found is None:
            self._note("accommodation", "roster.accommodation")
            return Decimal(1), timedelta(0)
        if not self._raw("accommodation") and _EXTRA_SAID.search(self._plain("note")):
            self._note("note", "roster.extra_in_note", stop=False)
        return found
