"""One line of a roster becomes a row; everything wrong with it is noted."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from cbt.candidates.roster import columns
from cbt.candidates.roster.file import Cell
from cbt.candidates.roster.rows import Problem, RosterRow
from cbt.rules.door.admission import mask_document, normalise_document, valid_resident_id
from cbt.rules.visible import Unseen, private_use, unseen, with_codes

_RESIDENT = frozenset({"resident_id", "temporary_resident_id"})
_NUMBER = re.compile(r"[0-9A-Z()（）-]{5,30}")
_PHONE = re.compile(r"\+?[0-9-]{7,20}")
_TICKET = re.compile(r"[0-9A-Z-]{6,20}")


class RowReader:
    """Reads one line and notes what is wrong with it."""

    def __init__(self, number: int, cells: Mapping[str, Cell], names: Mapping[str, str]) -> None:
        self.number = number
        self.problems: list[Problem] = []
        self._cells = cells
        self._names = names
        self._unseen = {column: found for column, cell in cells.items() if (found := unseen(cell.text))}

    def read(self) -> RosterRow:
        """Return the row as far as it can be read."""
        for column, found in self._unseen.items():
            self._refuse(column, found)
        document_type, document_number = self._document()
        factor, extra = self._accommodation()
        return RosterRow(
            row=self.number,
            name=self._name(),
            document_type=document_type,
            document_number=document_number,
            level=self._required("level"),
            paper=self._required("paper"),
            gender=self._gender(document_type, document_number),
            phone=self._matching("phone", _PHONE, "roster.phone"),
            employer=self._text("employer", 120),
            batch=self._text("batch", 120),
            eligibility=self._text("eligibility", 200),
            kind=self._coded("kind", columns.kind_of(self._plain("kind")), "roster.kind_unknown"),
            ticket=self._matching("ticket", _TICKET, "roster.ticket"),
            room=self._text("room", 60),
            seat=self._seat(),
            factor=factor,
            extra=extra,
            accommodation=self._text("accommodation", 200),
            note=self._text("note", 500),
            occupation=self._text("occupation", 60),
        )

    def _raw(self, column: str) -> str:
        cell = self._cells.get(column)
        return cell.text.strip() if cell is not None else ""

    def _plain(self, column: str) -> str:
        return unicodedata.normalize("NFKC", self._raw(column)).strip()

    def _note(
        self, column: str, code: str, *, value: str | None = None, stop: bool = True, **params: object
    ) -> None:
        if column in self._unseen:
            return  # what stands there was refused as a whole
        shown = self._raw(column) if value is None else value
        header = self._names.get(column, columns.COLUMNS[column][0])
        self.problems.append(Problem(self.number, header, shown[:80], code, params, stop))

    def _refuse(self, column: str, found: Unseen) -> None:
        text = self._raw(column)
        shown = with_codes(mask_document(text) if column == "document_number" else text)
        header = self._names.get(column, columns.COLUMNS[column][0])
        params = {"place": found.place, "character": found.code}
        self.problems.append(Problem(self.number, header, shown[:80], "text.unseen", params))

    def _required(self, column: str) -> str:
        text = self._plain(column)
        if not text:
            self._note(column, "roster.required", name=columns.COLUMNS[column][0])
        return text

    def _text(self, column: str, limit: int) -> str:
        text = self._raw(column)
        if len(text) > limit:
            self._note(column, "roster.too_long", maximum=limit)
        return text

    def _name(self) -> str:
        # Rare characters are kept as given: NFKC would replace some of them.
        name = " ".join(self._raw("name").split())
        if not name:
            self._note("name", "roster.required", name=columns.COLUMNS["name"][0])
        elif len(name) > 60:
            self._note("name", "roster.too_long", maximum=60)
        elif found := private_use(name):
            self._note("name", "text.private_use", stop=False, place=found.place, character=found.code)
        return name

    def _document(self) -> tuple[str, str]:
        cell = self._cells.get("document_number", Cell(""))
        number = normalise_document(cell.text)
        given = self._raw("document_type")
        kind = columns.document_type_of(given)
        if not number:
            self._note("document_number", "roster.required", name=columns.COLUMNS["document_number"][0])
        if not given:
            if valid_resident_id(number):
                kind = "resident_id"
                self._note("document_type", "roster.type_assumed", stop=False)
            else:
                self._note("document_type", "roster.required", name=columns.COLUMNS["document_type"][0])
        elif kind is None:
            self._note("document_type", "roster.document_type")
        masked = mask_document(number)
        if cell.lost:
            self._note("document_number", "roster.number_lost", value=masked)
        elif number and not _NUMBER.fullmatch(number):
            self._note("document_number", "roster.number_odd", value=masked)
        elif number and kind in _RESIDENT and not valid_resident_id(number):
            self._note("document_number", "roster.number_check", value=masked)
        return kind or "", number

    def _gender(self, document_type: str, number: str) -> str:
        gender = self._coded("gender", columns.gender_of(self._plain("gender")), "roster.gender")
        if gender and document_type in _RESIDENT and valid_resident_id(number):
            told = "male" if int(number[16]) % 2 else "female"
            if told != gender:
                self._note("gender", "roster.gender_differs", stop=False)
        return gender

    def _coded(self, column: str, value: str | None, code: str) -> str:
        if value is None:
            self._note(column, code)
        return value or ""

    def _matching(self, column: str, pattern: re.Pattern[str], code: str) -> str:
        text = "".join(self._plain(column).split()).upper()
        if text and not pattern.fullmatch(text):
            self._note(column, code)
        return text

    def _seat(self) -> int | None:
        text = self._plain("seat").removesuffix("号")
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 999):
            self._note("seat", "roster.seat")
            return None
        return int(text)

    def _accommodation(self) -> tuple[Decimal, timedelta]:
        found = columns.accommodation_of(self._raw("accommodation"))
        if found is None:
            self._note("accommodation", "roster.accommodation")
            return Decimal(1), timedelta(0)
        return found
