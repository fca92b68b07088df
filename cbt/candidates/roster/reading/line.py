"""One line of a roster becomes a row; everything wrong with it is noted."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal

from cbt.candidates.roster.reading.columns import COLUMNS, PAPER_FIELDS
from cbt.candidates.roster.reading.notes import LineNotes
from cbt.candidates.roster.reading.numbers import DocumentCell, mended
from cbt.candidates.roster.reading.row import RosterRow
from cbt.candidates.roster.reading.wishes import Wish, mark_of, when_of
from cbt.personal import words
from cbt.personal.fields import DETAILS, FieldKind, PersonField
from cbt.rules.door.admission import mask_document, valid_resident_id, written_name
from cbt.rules.visible import private_use
from cbt.sheets.columns import plain

_SAME: Mapping[str, Callable[[str], object]] = {
    "level": words.level_of,
    "paper": lambda cell: frozenset(words.papers_of(cell)),
    "kind": words.kind_of,
    "document_number": lambda cell: mended(cell).number,
    "accommodation": lambda cell: (words.accommodation_of(words.tools_of(cell)[1]), words.tools_of(cell)[0]),
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
            tools=words.tools_of(self._raw("accommodation"))[0],
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
        kind = words.document_type_of(given)
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
        occupation, level = words.occupation_and_level(self._plain(column))
        said = self._plain("level")
        if said and not level and not words.is_level(said) and words.occupation_and_level(said)[1]:
            column, occupation = "level", words.occupation_and_level(said)[0]
            said, level = "", words.occupation_and_level(said)[1]
        if not level:
            if column == "occupation_level" and not said and words.is_level(occupation):
                return self._text("occupation", 60), words.level_of(occupation)
            return self._text(column, 60), self._required("level")
        if said and words.level_of(said) != level:
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
        if text and has and set(words.papers_of(text)) != {name for name, _kind in marks}:
            both = words.papers_of(text) == (words.ALL_PAPERS,) and len(marks) == len(has)
            if not both:
                self._note("paper", "roster.papers_differ")
        return text

    def _marks(self) -> tuple[tuple[str, str], ...]:
        found = []
        for column in PAPER_FIELDS:
            if column not in self._cells:
                continue
            text = self._raw(column)
            kind = words.kind_of(text) if plain(text) else None
            taken = True if kind else mark_of(text)
            if taken is None and words.papers_of(text) == (column,):
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
        kind = words.kind_of(text)
        if kind is None and "是否" in self._header("kind") and (retake := mark_of(text)) is not None:
            return "retake" if retake else "first"
        if kind is None:
            self._note("kind", "roster.kind_unknown")
        elif not text and words.kind_of(note) == "retake":
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
        if not text or words.is_nothing(text):
            return None
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 999):
            self._note("seat", "roster.seat")
            return None
        return int(text)

    def _accommodation(self) -> tuple[Decimal, timedelta]:
        found = words.accommodation_of(words.tools_of(self._raw("accommodation"))[1])
        if found is None:
            self._note("accommodation", "roster.accommodation")
            return Decimal(1), timedelta(0)
        if not self._raw("accommodation") and _EXTRA_SAID.search(self._plain("note")):
            self._note("note", "roster.extra_in_note", stop=False)
        return found
